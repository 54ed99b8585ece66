//! The polls that a wait would make, rehearsed on the machine that makes them.

mod text;

use std::time::Duration;

use jobwait::{Job, Observation, Pace, Status, Wait};
use serde::{Serialize, Serializer};

use crate::args::{Output, PlanArgs};
use crate::options::{self, Refusal};
use crate::stream::Stream;

/// More polls than this are no plan for anybody.
const MOST: usize = 100_000;

/// How often a wait is rehearsed with jitter, and how many polls all rehearsals may have.
const REHEARSALS: usize = 200;
const REHEARSED: usize = 1_000_000;

/// What an account can spare: 200 requests in 5 minutes were reported to be its quota on the same gateway,
/// and others use it too.
const BUDGET: usize = 180;
const BUDGET_WINDOW: Duration = Duration::from_secs(5 * 60);

/// A wait that did not take place: without jitter, but for what is said to be over rehearsals with it. Field
/// names are API.
#[derive(Debug, Serialize)]
struct Plan {
    #[serde(rename = "timeout_seconds", serialize_with = "seconds")]
    timeout: Duration,
    polls: usize,
    /// Over the rehearsals with jitter.
    polls_at_most: usize,
    /// The longest rest: a task that ended right after a poll is seen to have ended so much later.
    #[serde(rename = "worst_lag_seconds", serialize_with = "seconds")]
    worst_lag: Duration,
    busiest: Window,
    task: Option<Task>,
    #[serde(rename = "times_seconds", serialize_with = "all_seconds")]
    times: Vec<Duration>,
}

/// The window with the most polls.
#[derive(Debug, Serialize)]
struct Window {
    #[serde(rename = "window_seconds", serialize_with = "seconds")]
    length: Duration,
    polls: usize,
    /// Over the rehearsals with jitter.
    polls_at_most: usize,
    budget: usize,
}

/// The task that is planned for.
#[derive(Debug, Serialize)]
struct Task {
    #[serde(rename = "duration_seconds", serialize_with = "seconds")]
    duration: Duration,
    /// How long after its end that is seen, if it ends before the deadline: the median over the rehearsals
    /// with jitter, and the longest.
    #[serde(rename = "lag_seconds", serialize_with = "maybe_seconds")]
    lag: Option<Duration>,
    #[serde(rename = "lag_at_most_seconds", serialize_with = "maybe_seconds")]
    lag_at_most: Option<Duration>,
}

/// Prints the plan.
pub(crate) fn run(args: &PlanArgs, stderr: &Stream) -> Result<u8, Refusal> {
    let plan = Plan::new(args)?;
    if let Some(remark) = options::remark(&args.pace) {
        stderr.line(&format!("jobwait: {remark}"));
        stderr.finish(Duration::from_secs(1));
    }
    let text = match args.output {
        Output::Text => text::of(&plan),
        // A plan is one object: a line of it.
        Output::Json | Output::Jsonl => {
            let json = serde_json::to_string(&plan).map_err(|error| Refusal(format!("the plan: {error}")))?;
            json + "\n"
        }
    };
    crate::print(text.as_bytes())
}

impl Plan {
    fn new(args: &PlanArgs) -> Result<Self, Refusal> {
        let pace = options::pace(&args.pace)?;
        let strict = pace.clone().jitter(0.0).map_err(|error| options::refuse("--jitter", &error))?;
        let stage = Stage { timeout: args.pace.timeout, duration: args.duration, steps: args.steps };
        let times = stage.rehearse(strict, 0);
        if times.len() > MOST {
            return Err(Refusal(format!(
                "a wait with these options polls more than {MOST} times: give a longer --interval, a longer --max-interval or a shorter --timeout"
            )));
        }
        let mut polls_at_most = times.len();
        let mut busiest_at_most = busiest(&times);
        let mut lags: Vec<Duration> = stage.lag(&times).into_iter().collect();
        if args.pace.jitter > 0.0 {
            // Many polls vary little.
            for seed in 0..REHEARSALS.min(REHEARSED / times.len()) {
                let times = stage.rehearse(pace.clone(), seed as u64);
                polls_at_most = polls_at_most.max(times.len());
                busiest_at_most = busiest_at_most.max(busiest(&times));
                lags.extend(stage.lag(&times));
            }
        }
        lags.sort();
        Ok(Self {
            timeout: stage.timeout,
            polls: times.len(),
            polls_at_most,
            worst_lag: times.windows(2).map(|pair| pair[1].saturating_sub(pair[0])).max().unwrap_or_default(),
            busiest: Window {
                length: BUDGET_WINDOW,
                polls: busiest(&times),
                polls_at_most: busiest_at_most,
                budget: BUDGET,
            },
            task: args.duration.map(|duration| Task {
                duration,
                lag: lags.get(lags.len() / 2).copied(),
                lag_at_most: lags.last().copied(),
            }),
            times,
        })
    }
}

/// Where a wait is rehearsed.
struct Stage {
    timeout: Duration,
    duration: Option<Duration>,
    steps: Option<f64>,
}

impl Stage {
    fn rehearse(&self, pace: Pace, seed: u64) -> Vec<Duration> {
        let going = Job::new("planned", &Status::Running);
        let look = |at| match (self.duration, self.steps) {
            (Some(duration), _) if at >= duration => {
                Observation::Seen(Job::new("planned", &Status::Completed))
            }
            (Some(duration), Some(step)) => in_steps(at, duration, step),
            _ => Observation::Seen(going.clone()),
        };
        Wait::new().deadline(self.timeout).pace(pace).rehearse(seed, look).take(MOST + 1).collect()
    }

    /// How long after the task's end the last look was, if it did end before that.
    fn lag(&self, times: &[Duration]) -> Option<Duration> {
        times.last()?.checked_sub(self.duration?)
    }
}

/// What a look at a task sees that tells its progress in steps of so many percent.
fn in_steps(at: Duration, duration: Duration, step: f64) -> Observation {
    let percent = 100.0 * at.as_secs_f64() / duration.as_secs_f64();
    let process = ((percent / step).floor() * step).to_string();
    let json = serde_json::json!({ "id": "planned", "status": "Running", "process": process });
    Job::from_json(&json.to_string()).map_or_else(Observation::Permanent, Observation::Seen)
}

/// The most polls in any window of which the budget is.
fn busiest(times: &[Duration]) -> usize {
    let mut first = 0;
    let mut most = 0;
    for (last, at) in times.iter().enumerate() {
        while at.saturating_sub(times[first]) >= BUDGET_WINDOW {
            first += 1;
        }
        most = most.max(last - first + 1);
    }
    most
}

fn rounded(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1000.0).round() / 1000.0
}

fn seconds<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(rounded(*duration))
}

#[expect(clippy::ref_option, reason = "serde hands it over so")]
fn maybe_seconds<S: Serializer>(duration: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error> {
    duration.map(rounded).serialize(serializer)
}

fn all_seconds<S: Serializer>(times: &[Duration], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(times.iter().copied().map(rounded))
}
