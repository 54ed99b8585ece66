//! Schedules of polls, jobwait's and those of well-known waiters, over simulated tasks: no network, no clock, one seed.

use crate::schedules::{Schedule, schedules};
use crate::score::Score;
use crate::shapes::{Shape, Task, shapes};

const SEED: u64 = 20_260_818;

/// The scores of each schedule over the tasks of each shape.
pub(crate) struct Study {
    pub(crate) tasks: u32,
    pub(crate) rows: Vec<(Schedule, Vec<(Shape, Score)>)>,
}

impl Study {
    /// Follows this number of tasks of each shape.
    pub(crate) fn of(tasks: u32) -> Self {
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

    /// The score of a schedule over the tasks of a shape.
    pub(crate) fn score(&self, name: &str, shape: Shape) -> &Score {
        let row =
            self.rows.iter().find(|(schedule, _)| schedule.name == name).expect("a schedule of the study");
        &row.1.iter().find(|(other, _)| *other == shape).expect("a shape of the study").1
    }
}
