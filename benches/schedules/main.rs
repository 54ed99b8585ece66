//! Compares jobwait's polling schedule with those of well-known waiters. No network, no clock, a fixed seed.
//!
//! `cargo bench --bench schedules` writes `docs/schedules.md`, the table in `docs/pace.md` and the chart
//! `docs/schedules.svg`. As a test (`cargo test`) it follows fewer tasks and writes nothing. Both fail if jobwait
//! exceeds a documented limit. `docs/pace.md` explains what is measured.

mod bounds;
mod chart;
mod schedules;
mod score;
mod shapes;
mod table;

use std::error::Error;
use std::fs;
use std::path::Path;

use crate::schedules::{Schedule, schedules};
use crate::score::Score;
use crate::shapes::{Shape, Task, shapes};

const SEED: u64 = 20_260_818;

/// The scores of each schedule, over the tasks of each shape.
pub(crate) struct Study {
    tasks: u32,
    rows: Vec<(Schedule, Vec<(Shape, Score)>)>,
}

impl Study {
    fn of(tasks: u32) -> Self {
        let score = |schedule: &Schedule, shape: Shape| {
            let tasks = Task::all(shape, tasks, SEED);
            Score::of(tasks.iter().enumerate().map(|(n, task)| schedule.follow(task, n as u64)))
        };
        let rows = schedules()
            .into_iter()
            .map(|schedule| {
                let scores = shapes().map(|shape| (shape, score(&schedule, shape))).collect();
                (schedule, scores)
            })
            .collect();
        Self { tasks, rows }
    }

    fn score(&self, name: &str, shape: Shape) -> &Score {
        let row =
            self.rows.iter().find(|(schedule, _)| schedule.name == name).expect("a schedule of the study");
        &row.1.iter().find(|(other, _)| *other == shape).expect("a shape of the study").1
    }
}

#[expect(clippy::print_stdout, reason = "a benchmark prints its results")]
fn main() -> Result<(), Box<dyn Error>> {
    let measures = std::env::args().any(|argument| argument == "--bench");
    let study = Study::of(if measures { 4000 } else { 800 });
    print!("{}", table::brief(&study));
    println!("\n{}", bounds::check(&study)?);
    if measures {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        fs::create_dir_all(root.join("docs"))?;
        fs::write(root.join("docs/schedules.md"), table::full(&study))?;
        fs::write(root.join("docs/schedules.svg"), chart::svg(&study)?)?;
        let pace = fs::read_to_string(root.join("docs/pace.md"))?;
        fs::write(root.join("docs/pace.md"), table::placed(&pace, &table::brief(&study))?)?;
    }
    Ok(())
}
