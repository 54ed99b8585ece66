//! A small study of the schedules that `cargo bench --bench schedules` compares.
#![expect(clippy::print_stdout, reason = "the figures explain a failure")]

#[path = "../benches/schedules/bounds.rs"]
mod bounds;
#[path = "../benches/schedules/chart.rs"]
mod chart;
#[path = "../benches/schedules/schedules.rs"]
mod schedules;
#[path = "../benches/schedules/score.rs"]
mod score;
#[path = "../benches/schedules/shapes.rs"]
mod shapes;
#[path = "../benches/schedules/study.rs"]
mod study;
#[path = "../benches/schedules/table.rs"]
mod table;

use std::fs;

use crate::study::Study;

#[test]
fn the_pace_keeps_its_promises() {
    let study = Study::of(400);
    println!("{}", table::brief(&study));
    println!("{}", bounds::check(&study).unwrap());
}

#[test]
fn the_study_fits_its_documents() {
    let study = Study::of(20);
    assert!(table::full(&study).contains("](schedules.svg)"));
    assert!(chart::svg(&study).unwrap().ends_with("</svg>\n"));
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/pace.md");
    let page = fs::read_to_string(page).unwrap();
    assert!(table::placed(&page, &table::brief(&study)).unwrap().contains("| --- |"));
}
