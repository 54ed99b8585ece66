//! The polls that a wait would make, rehearsed on the machine that makes them.

mod text;

use std::io::{self, Write as _};
use std::time::Duration;

use jobwait::{Job, Pace, Sighting, Wait};
use serde::{Serialize, Serializer};

use crate::args::{Output, PlanArgs};
use crate::config::{self, Refusal};

/// More polls than this are no plan for anybody.
const MOST: usize = 1_000_000;

/// What an account can spare: 200 requests in 5 minutes were reported to be its quota on the same gateway, and others
/// use it too.
const BUDGET: usize = 180;
const BUDGET_WINDOW: Duration = Duration::from_secs(5 * 60);

/// A wait that did not take place. Without jitter: that only makes rests shorter. Field names are API.
#[derive(Debug, Serialize)]
struct Plan {
    #[serde(rename = "timeout_seconds", serialize_with = "seconds")]
    timeout: Duration,
    polls: usize,
    /// If jitter shortened each rest by its whole share.
    polls_at_most: usize,
    /// The longest rest: a task that ended right after a poll is seen to have ended so much later.
    #[serde(rename = "worst_lag_seconds", serialize_with = "seconds")]
    worst_lag: Duration,
    busiest: Window,
    task: Option<Task>,
    #[serde(rename = "times_seconds", serialize_with = "all_seconds")]
    times: Vec<Duration>,
    #[serde(skip)]
    jitter: f64,
}

/// The window with the most polls.
#[derive(Debug, Serialize)]
struct Window {
    #[serde(rename = "window_seconds", serialize_with = "seconds")]
    length: Duration,
    polls: usize,
    polls_at_most: usize,
    budget: usize,
}

/// The task that is planned for.
#[derive(Debug, Serialize)]
struct Task {
    #[serde(rename = "duration_seconds", serialize_with = "seconds")]
    duration: Duration,
    /// How long after its end that is seen, if it ends before the deadline.
    #[serde(rename = "lag_seconds", serialize_with = "maybe_seconds")]
    lag: Option<Duration>,
}

/// Prints the plan.
pub(crate) fn run(args: &PlanArgs) -> Result<u8, Refusal> {
    let plan = Plan::new(args)?;
    let text = match args.output {
        Output::Text => text::of(&plan),
        Output::Json => {
            let json = serde_json::to_string(&plan).map_err(|error| Refusal(format!("the plan: {error}")))?;
            json + "\n"
        }
    };
    let mut stdout = io::stdout();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        // Who reads the first lines only has what they want.
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Refusal(format!("cannot print the plan: {error}")))
        }
        _ => Ok(0),
    }
}

impl Plan {
    fn new(args: &PlanArgs) -> Result<Self, Refusal> {
        let timeout = args.pace.timeout;
        let jitter = args.pace.jitter;
        let pace: Pace =
            config::pace(&args.pace)?.jitter(0.0).map_err(|error| config::refuse("--jitter", &error))?;
        let sees = |at| sighting(at, args.duration, args.steps);
        let times: Vec<Duration> =
            Wait::new().deadline(timeout).pace(pace).rehearse(0, sees).take(MOST + 1).collect();
        if times.len() > MOST {
            return Err(Refusal(format!(
                "a wait with these options polls more than {MOST} times: give a longer --interval or a shorter --timeout"
            )));
        }
        let with_jitter = |polls: usize| at_most(polls, jitter);
        let busiest = busiest(&times, BUDGET_WINDOW);
        let last = times.last().copied().unwrap_or_default();
        Ok(Self {
            timeout,
            polls: times.len(),
            polls_at_most: with_jitter(times.len()),
            worst_lag: times.windows(2).map(|pair| pair[1].saturating_sub(pair[0])).max().unwrap_or_default(),
            busiest: Window {
                length: BUDGET_WINDOW,
                polls: busiest,
                polls_at_most: with_jitter(busiest),
                budget: BUDGET,
            },
            task: args.duration.map(|duration| Task { duration, lag: last.checked_sub(duration) }),
            times,
            jitter,
        })
    }
}

/// What a look at a task of this duration sees.
fn sighting(at: Duration, duration: Option<Duration>, steps: Option<f64>) -> Sighting {
    let status = if duration.is_some_and(|duration| at >= duration) { "Completed" } else { "Running" };
    let process = duration.zip(steps).map_or(String::new(), |(duration, step)| {
        let percent = 100.0 * at.as_secs_f64() / duration.as_secs_f64().max(f64::MIN_POSITIVE);
        ((percent / step).floor() * step).to_string()
    });
    let json = serde_json::json!({ "id": "planned", "status": status, "process": process });
    Job::from_json(&json.to_string()).map_or_else(Sighting::Permanent, Sighting::Seen)
}

/// The most polls in any window of this length.
fn busiest(times: &[Duration], window: Duration) -> usize {
    let mut first = 0;
    let mut most = 0;
    for (last, at) in times.iter().enumerate() {
        while at.saturating_sub(times[first]) >= window {
            first += 1;
        }
        most = most.max(last - first + 1);
    }
    most
}

/// How many polls jitter can make of so many.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "there are at most a million, and a jitter is below 1"
)]
fn at_most(polls: usize, jitter: f64) -> usize {
    (polls as f64 / (1.0 - jitter)).ceil() as usize
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
