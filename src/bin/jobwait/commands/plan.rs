//! The polls that a wait would make, rehearsed on the state machine of a wait.

mod text;

use std::time::Duration;

use jobwait::{Job, Observation, Pace, Status, Wait};
use serde::{Serialize, Serializer};

use crate::args::{Given, Output, PlanArgs};
use crate::exit::Refusal;
use crate::options;
use crate::rate_limit::RateLimitArg;
use crate::stream::{READ, Stream};

/// The most polls in a plan.
const MOST: usize = 100_000;

/// The number of rehearsals with jitter, and the most polls of all of them.
const REHEARSALS: usize = 200;
const REHEARSED: usize = 1_000_000;

/// The requests that an account can spare: 200 in 5 minutes were reported to be its quota on the same
/// gateway, and others use it, too.
const BUDGET: usize = 180;
const BUDGET_WINDOW: Duration = Duration::from_secs(5 * 60);

/// The plan of a wait without jitter. Some fields are the maximum over rehearsals with jitter. Field names
/// are API.
#[derive(Debug, Serialize)]
struct Plan {
    #[serde(rename = "timeout_seconds", serialize_with = "seconds")]
    timeout: Duration,
    polls: usize,
    /// The maximum over the rehearsals with jitter.
    polls_at_most: usize,
    /// The longest delay, after which the end of a task is seen if it ends right after a poll.
    #[serde(rename = "worst_lag_seconds", serialize_with = "seconds")]
    worst_lag: Duration,
    busiest: Window,
    task: Option<Task>,
    /// If there is more than one task.
    several: Option<Several>,
    #[serde(rename = "times_seconds", serialize_with = "all_seconds")]
    times: Vec<Duration>,
}

/// The window with the most polls.
#[derive(Debug, Serialize)]
struct Window {
    #[serde(rename = "window_seconds", serialize_with = "seconds")]
    length: Duration,
    polls: usize,
    /// The maximum over the rehearsals with jitter.
    polls_at_most: usize,
    budget: usize,
}

/// The task of the plan.
#[derive(Debug, Serialize)]
struct Task {
    #[serde(rename = "duration_seconds", serialize_with = "seconds")]
    duration: Duration,
    /// The time from the end of the task to the poll that sees it, if it ends before the deadline: the median
    /// and the maximum over the rehearsals with jitter.
    #[serde(rename = "lag_seconds", serialize_with = "maybe_seconds")]
    lag: Option<Duration>,
    #[serde(rename = "lag_at_most_seconds", serialize_with = "maybe_seconds")]
    lag_at_most: Option<Duration>,
}

/// The tasks that one process waits for under a rate limit.
#[derive(Debug, Serialize)]
struct Several {
    tasks: usize,
    #[serde(serialize_with = "shown")]
    rate_limit: RateLimitArg,
    /// The time between two responses that tell the state of a task: by polls of each, and by the service's
    /// list of tasks.
    #[serde(rename = "polled_every_seconds", serialize_with = "seconds")]
    by_polls: Duration,
    #[serde(rename = "listed_every_seconds", serialize_with = "seconds")]
    by_list: Duration,
}

/// Prints the plan.
pub(super) fn run(args: &PlanArgs, given: &Given, stderr: &Stream) -> Result<u8, Refusal> {
    let plan = Plan::new(args, given)?;
    if let Some(remark) = options::remark(&args.pace) {
        stderr.message(&remark);
        stderr.finish(READ);
    }
    let text = match args.output {
        Output::Text => text::of(&plan),
        // A plan is one object, on one line.
        Output::Json | Output::Jsonl => {
            let json = serde_json::to_string(&plan)
                .map_err(|error| Refusal(format!("cannot format the plan: {error}")))?;
            json + "\n"
        }
    };
    super::print(text.as_bytes())
}

impl Plan {
    fn new(args: &PlanArgs, given: &Given) -> Result<Self, Refusal> {
        let pace = options::pace(&args.pace, given)?;
        let strict = pace.clone().jitter(0.0)?;
        let stage = Stage { timeout: args.pace.timeout, duration: args.duration, steps: args.steps };
        let times = stage.rehearse(strict, 0);
        if times.len() > MOST {
            return Err(Refusal(format!(
                "a wait with these options polls more than {MOST} times: \
                 use a longer --interval, a longer --max-interval or a shorter --timeout"
            )));
        }
        let mut polls_at_most = times.len();
        let mut busiest_at_most = busiest(&times);
        let mut lags: Vec<Duration> = stage.lag(&times).into_iter().collect();
        if args.pace.jitter > 0.0 {
            // A plan with many polls varies little.
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
            several: Several::new(args),
            times,
        })
    }
}

impl Several {
    fn new(args: &PlanArgs) -> Option<Self> {
        let &PlanArgs { tasks, rate_limit, .. } = args;
        let (by_polls, by_list) = rate_limit.seen_every(tasks, args.pace.max_interval);
        (tasks > 1).then_some(Self { tasks, rate_limit, by_polls, by_list })
    }
}

/// The conditions of a rehearsal.
struct Stage {
    timeout: Duration,
    duration: Option<Duration>,
    steps: Option<f64>,
}

impl Stage {
    fn rehearse(&self, pace: Pace, seed: u64) -> Vec<Duration> {
        let going = Job::new("planned", &Status::Running);
        let poll = |at| match (self.duration, self.steps) {
            (Some(duration), _) if at >= duration => {
                Observation::Seen(Job::new("planned", &Status::Completed))
            }
            (Some(duration), Some(step)) => in_steps(at, duration, step),
            _ => Observation::Seen(going.clone()),
        };
        Wait::new().deadline(self.timeout).pace(pace).rehearse(seed, poll).take(MOST + 1).collect()
    }

    /// The time from the end of the task to the last poll, if the task has ended by then.
    fn lag(&self, times: &[Duration]) -> Option<Duration> {
        times.last()?.checked_sub(self.duration?)
    }
}

/// The observation of a task that reports its progress in steps of so many percent.
fn in_steps(at: Duration, duration: Duration, step: f64) -> Observation {
    let percent = 100.0 * at.as_secs_f64() / duration.as_secs_f64();
    let process = ((percent / step).floor() * step).to_string();
    let json = serde_json::json!({ "id": "planned", "status": "Running", "process": process });
    Job::from_json(&json.to_string()).map_or_else(Observation::Permanent, Observation::Seen)
}

/// The most polls in any window of the budget.
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

fn shown<S: Serializer>(limit: &RateLimitArg, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(limit)
}

fn rounded(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1000.0).round() / 1000.0
}

fn seconds<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(rounded(*duration))
}

#[expect(clippy::ref_option, reason = "serde passes it so")]
fn maybe_seconds<S: Serializer>(duration: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error> {
    duration.map(rounded).serialize(serializer)
}

fn all_seconds<S: Serializer>(times: &[Duration], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(times.iter().copied().map(rounded))
}
