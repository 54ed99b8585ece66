//! Simulated tasks: their duration and how they report progress.

/// How a task's progress moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    /// Proportional to the time.
    Even,
    /// Proportional to the time, in steps of this many percent.
    Steps(u8),
    /// Fast up to 70 to 95 % in 30 to 60 % of the time, then slow.
    SlowTail,
    /// Slow up to 10 to 40 % in 60 to 90 % of the time, then fast.
    LateBurst,
    /// Even up to any percentage in 10 to 60 % of the time, then stuck.
    Stuck,
    /// Even up to 99 % in 10 to 60 % of the time, then stuck.
    StuckAtTheEnd,
    /// Not reported.
    None,
    /// Not reported, but the duration is known to within a quarter.
    Expected,
    /// Not reported, and the expected duration is half or twice the actual one.
    ExpectedWrongly,
    /// Steps of ten percent, one of which can take ten times as long as another.
    Uneven,
    /// A slow tail in steps of 20 %.
    CoarseTail,
    /// Steps of 1 %, of which the wait misses the first 10 to 90.
    JoinedLate,
}

/// Shapes with a documented limit.
pub(crate) const PROMISED: [Shape; 10] = [
    Shape::Even,
    Shape::Steps(1),
    Shape::Steps(5),
    Shape::Steps(20),
    Shape::SlowTail,
    Shape::LateBurst,
    Shape::Stuck,
    Shape::StuckAtTheEnd,
    Shape::None,
    Shape::Expected,
];

/// Shapes that were not considered in the design of the pace.
pub(crate) const OTHERS: [Shape; 4] =
    [Shape::Uneven, Shape::CoarseTail, Shape::JoinedLate, Shape::ExpectedWrongly];

pub(crate) fn shapes() -> impl Iterator<Item = Shape> {
    PROMISED.into_iter().chain(OTHERS)
}

/// Shapes whose progress predicts the end of the task.
pub(crate) const PREDICTIVE: [Shape; 6] =
    [Shape::Even, Shape::Steps(1), Shape::Steps(5), Shape::Steps(20), Shape::SlowTail, Shape::LateBurst];

impl Shape {
    pub(crate) fn name(self) -> String {
        match self {
            Self::Even => "even".into(),
            Self::Steps(percent) => format!("steps of {percent} %"),
            Self::SlowTail => "slow tail".into(),
            Self::LateBurst => "late burst".into(),
            Self::Stuck => "stuck anywhere".into(),
            Self::StuckAtTheEnd => "stuck at 99 %".into(),
            Self::None => "none".into(),
            Self::Expected => "none, `--expect` ±25 %".into(),
            Self::ExpectedWrongly => "none, `--expect` half or twice the actual".into(),
            Self::Uneven => "uneven steps of 10 %".into(),
            Self::CoarseTail => "slow tail, steps of 20 %".into(),
            Self::JoinedLate => "joined late".into(),
        }
    }
}

/// A task. Times are seconds.
#[derive(Debug, Clone)]
pub(crate) struct Task {
    pub(crate) duration: f64,
    /// The expected duration, if any.
    pub(crate) expected: Option<f64>,
    shape: Shape,
    /// The share of the time and the percentage at which its speed changes.
    bend: (f64, f64),
    /// The shares of the time at which uneven steps end.
    steps: [f64; 9],
}

impl Task {
    /// Returns `count` tasks of a shape. Durations are distributed by their logarithm from 20 s to 1 h: as many tasks
    /// take 30 to 60 s as take 30 to 60 min. They are the same for each shape, and stratified, so that a small
    /// sample is representative.
    pub(crate) fn all(shape: Shape, count: u32, seed: u64) -> Vec<Self> {
        let mut durations = fastrand::Rng::with_seed(seed);
        let mut random = fastrand::Rng::with_seed(seed + 1);
        let mut between = |low: f64, high: f64| low + (high - low) * random.f64();
        (0..count)
            .map(|n| {
                let duration = 20.0 * 180_f64.powf((f64::from(n) + durations.f64()) / f64::from(count));
                let bend = match shape {
                    Shape::SlowTail | Shape::CoarseTail => (between(0.3, 0.6), between(70.0, 95.0)),
                    Shape::LateBurst => (between(0.6, 0.9), between(10.0, 40.0)),
                    Shape::Stuck => (between(0.1, 0.6), between(0.0, 99.0)),
                    Shape::StuckAtTheEnd => (between(0.1, 0.6), 99.0),
                    // Reached when the wait begins.
                    Shape::JoinedLate => (0.0, between(10.0, 90.0)),
                    _ => (1.0, 100.0),
                };
                let expected = match shape {
                    Shape::Expected => Some(duration / between(0.75, 1.25)),
                    Shape::ExpectedWrongly => Some(duration * if n % 2 == 0 { 0.5 } else { 2.0 }),
                    _ => None,
                };
                let mut steps = [0.0; 9];
                if shape == Shape::Uneven {
                    let lengths: [f64; 10] = std::array::from_fn(|_| between(0.2, 2.0));
                    let mut at = 0.0;
                    for (step, length) in steps.iter_mut().zip(lengths) {
                        at += length / lengths.iter().sum::<f64>();
                        *step = at;
                    }
                }
                Self { duration, expected, shape, bend, steps }
            })
            .collect()
    }

    /// Returns the reported progress in percent at a time before the end.
    pub(crate) fn progress(&self, at: f64) -> Option<f64> {
        let (share, percent) = self.bend;
        let time = at / self.duration;
        let bent = if time < share {
            percent * time / share
        } else {
            percent + (100.0 - percent) * (time - share) / (1.0 - share)
        };
        let in_steps = |value: f64, step: f64| (value / step).floor() * step;
        match self.shape {
            Shape::Even => Some(time * 100.0),
            Shape::Steps(step) => Some(in_steps(time * 100.0, f64::from(step))),
            Shape::SlowTail | Shape::LateBurst | Shape::JoinedLate => Some(in_steps(bent, 1.0)),
            Shape::CoarseTail => Some(in_steps(bent, 20.0)),
            Shape::Stuck | Shape::StuckAtTheEnd => Some(in_steps(bent.min(percent), 1.0)),
            Shape::Uneven => Some(self.steps.iter().filter(|step| time >= **step).map(|_| 10.0).sum()),
            Shape::None | Shape::Expected | Shape::ExpectedWrongly => None,
        }
    }
}
