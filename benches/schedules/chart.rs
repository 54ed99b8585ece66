//! Draws the study: lag against polls. All fixed intervals lie on one line; schedules that know more lie below it.

use std::error::Error;

use plotters::prelude::*;
use plotters::style::full_palette::{GREY_300, GREY_500, GREY_700};
use plotters::style::text_anchor::{HPos, Pos, VPos};

use crate::Study;
use crate::schedules::{FIXED, JOBWAIT, PLAIN};
use crate::score::Score;
use crate::table::together;

const SIZE: (u32, u32) = (900, 520);

/// Returns the chart as SVG.
pub(crate) fn svg(study: &Study) -> Result<String, Box<dyn Error>> {
    let mut text = String::new();
    {
        let area = SVGBackend::with_string(&mut text, SIZE).into_drawing_area();
        area.fill(&WHITE)?;
        let mut chart = ChartBuilder::on(&area)
            .margin(16)
            .caption("Polls and lag of waiters, for tasks that report their progress", ("sans-serif", 20))
            .x_label_area_size(44)
            .y_label_area_size(60)
            .build_cartesian_2d((5.0..400.0_f64).log_scale(), (0.5..80.0_f64).log_scale())?;
        chart
            .configure_mesh()
            .light_line_style(TRANSPARENT)
            .bold_line_style(GREY_300)
            .x_desc("mean polls per task")
            .y_desc("mean lag, in seconds")
            .x_label_formatter(&|polls| match format!("{polls:.0}") {
                // The labels 60 to 90 would overlap.
                label if ["60", "70", "80", "90"].contains(&label.as_str()) => String::new(),
                label => label,
            })
            .y_label_formatter(&|lag| format!("{lag}"))
            .label_style(("sans-serif", 14))
            .draw()?;

        let price = together(study, FIXED).price();
        let line =
            (0..=40).map(|n| 5.0 * 80_f64.powf(f64::from(n) / 40.0)).map(|polls| (polls, price / polls));
        chart.draw_series(LineSeries::new(line, GREY_500))?;
        chart.draw_series([Text::new(
            "same polls × lag as fixed 10 s",
            (102.0, price / 92.0),
            ("sans-serif", 12).into_font().color(&GREY_700),
        )])?;

        let points: Vec<Point> = study
            .rows
            .iter()
            .map(|(schedule, _)| point(schedule.name, &together(study, schedule.name)))
            .collect();
        for point in &points {
            let style = if point.gives_up { point.color.stroke_width(2) } else { point.color.filled() };
            chart.draw_series([Circle::new(point.at, point.size, style)])?;
        }
        let mut taken: Vec<Field> =
            points.iter().map(|point| Field::around(chart.backend_coord(&point.at))).collect();
        for point in &points {
            let (x, y) = chart.backend_coord(&point.at);
            let width = i32::try_from(point.label.chars().count())? * point.letter * 48 / 100;
            let places = [
                (9, -6),
                (-9 - width, -6),
                (9, -20),
                (9, 8),
                (-9 - width, -20),
                (-9 - width, 8),
                (9, -34),
                (9, 22),
            ];
            let field = |(right, down): (i32, i32)| Field {
                left: x + right,
                top: y + down,
                width,
                height: point.letter,
            };
            let free = |place: &(i32, i32)| !taken.iter().any(|other| other.meets(&field(*place)));
            let place = places.into_iter().find(free).unwrap_or(places[0]);
            taken.push(field(place));
            // A label on the left is right-aligned, because its width depends on the viewer's font.
            let (side, place) = if place.0 < 0 { (HPos::Right, (-9, place.1)) } else { (HPos::Left, place) };
            let style = ("sans-serif", point.letter).into_font().color(&BLACK).pos(Pos::new(side, VPos::Top));
            let label = Text::new(point.label.clone(), place, style);
            chart.draw_series([EmptyElement::at(point.at) + label])?;
        }
        area.present()?;
    }
    Ok(text)
}

struct Point {
    at: (f64, f64),
    label: String,
    color: RGBColor,
    size: i32,
    letter: i32,
    gives_up: bool,
}

fn point(name: &str, score: &Score) -> Point {
    let gives_up = score.given_up > 0.005;
    let mut label = name.replace('`', "");
    if name == FIXED {
        label = "fixed 10 s".into();
    }
    if gives_up {
        label = format!("{label} (gives up on {:.0} %)", score.given_up * 100.0);
    }
    let ours = name == JOBWAIT;
    Point {
        at: (score.polls, score.lag),
        label,
        color: if ours || name == PLAIN { RED } else { BLUE },
        size: if ours { 7 } else { 4 },
        letter: if ours { 16 } else { 12 },
        gives_up,
    }
}

/// A rectangle that is in use, in pixels.
struct Field {
    left: i32,
    top: i32,
    width: i32,
    height: i32,
}

impl Field {
    fn around((x, y): (i32, i32)) -> Self {
        Self { left: x - 6, top: y - 6, width: 12, height: 12 }
    }

    fn meets(&self, other: &Self) -> bool {
        self.left < other.left + other.width
            && other.left < self.left + self.width
            && self.top < other.top + other.height
            && other.top < self.top + self.height
    }
}
