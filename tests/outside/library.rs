//! The public crate from a user's view.

use std::cell::RefCell;
use std::time::Duration;

use jobwait::{Event, EventKind, Fault, FaultKind, Job, Observation, Outcome, Pace, Probe, Wait};

/// A probe that returns these observations in turn, and the last for ever.
struct Script {
    sightings: Vec<Observation>,
    looks: Vec<Duration>,
    start: tokio::time::Instant,
}

impl Script {
    fn new(sightings: impl IntoIterator<Item = Observation>) -> Self {
        Self {
            sightings: sightings.into_iter().collect(),
            looks: Vec::new(),
            start: tokio::time::Instant::now(),
        }
    }

    fn seconds(&self) -> Vec<f64> {
        self.looks.iter().map(|at| (at.as_secs_f64() * 100.0).round() / 100.0).collect()
    }
}

impl Probe for Script {
    async fn poll(&mut self) -> Observation {
        let n = self.looks.len().min(self.sightings.len() - 1);
        self.looks.push(self.start.elapsed());
        self.sightings[n].clone()
    }
}

fn seen(status: &str) -> Observation {
    Observation::Seen(Job::from_json(&format!(r#"{{"id": "1", "status": "{status}"}}"#)).unwrap())
}

fn not_visible() -> Observation {
    Observation::NotVisible(Fault::new(FaultKind::NotVisible, "who?"))
}

fn busy() -> Observation {
    Observation::Transient {
        fault: Fault::new(FaultKind::Unavailable, "busy"),
        retry_after: Some(Duration::from_secs(9)),
    }
}

fn steady() -> Wait {
    Wait::new().pace(Pace::default().jitter(0.0).unwrap())
}

#[tokio::test(start_paused = true)]
async fn a_wait_polls_by_its_timetable_and_reports_every_change() {
    let mut script =
        Script::new([not_visible(), seen("Running"), busy(), seen("Running"), seen("Completed")]);
    let told = RefCell::new(Vec::new());
    let polls = RefCell::new(Vec::new());
    let tell = |event: Event<'_>| {
        polls.borrow_mut().push(event.polls);
        told.borrow_mut().push(match event.kind {
            EventKind::Invisible { .. } => "invisible".to_owned(),
            EventKind::Going { job, .. } => job.status().as_str().to_owned(),
            EventKind::Retry { fault, .. } => fault.to_string(),
            EventKind::Ended(verdict) => verdict.outcome.to_string(),
            _ => panic!("unheard of"),
        });
    };
    let verdict = steady().run(&mut script, tell).await;
    assert_eq!(script.seconds(), [0.0, 1.0, 2.0, 11.0, 12.5]);
    assert_eq!(told.into_inner(), ["invisible", "Running", "busy", "Running", "completed"]);
    assert_eq!(polls.into_inner(), [1, 2, 3, 4, 5]);
    assert_eq!((verdict.outcome, verdict.polls), (Outcome::Completed, 5));
    assert_eq!(verdict.job().unwrap().as_json(), r#"{"id":"1","status":"Completed"}"#);
}

#[tokio::test(start_paused = true)]
async fn a_poll_that_hangs_ends_at_the_deadline() {
    struct Hangs;
    impl Probe for Hangs {
        async fn poll(&mut self) -> Observation {
            std::future::pending().await
        }
    }
    let verdict = steady().deadline(Duration::from_secs(7)).run(&mut Hangs, |_| {}).await;
    assert_eq!((verdict.outcome, verdict.elapsed.as_secs()), (Outcome::Unreachable, 7));
    assert_eq!(verdict.fault.unwrap().kind, FaultKind::TimedOut);
}

#[tokio::test(start_paused = true)]
async fn the_deadline_ends_a_delay() {
    let mut script = Script::new([seen("Running")]);
    let verdict = steady().deadline(Duration::from_secs(10)).run(&mut script, |_| {}).await;
    assert_eq!(script.seconds(), [0.0, 1.0, 2.5, 4.75, 8.13, 9.9]);
    assert_eq!(verdict.outcome, Outcome::TimedOut);
}

#[tokio::test(start_paused = true)]
async fn a_wait_ends_when_its_stop_signal_arrives() {
    let mut script = Script::new([seen("Running")]);
    let stop = tokio::time::sleep(Duration::from_secs(4));
    let verdict = steady().run_until(&mut script, stop, |_| {}).await;
    assert_eq!((verdict.outcome, verdict.elapsed.as_secs(), verdict.polls), (Outcome::Stopped, 4, 3));
    assert!(verdict.last_seen.is_some());
}

#[tokio::test(start_paused = true)]
async fn the_deadline_can_count_from_an_earlier_start() {
    let start = jobwait::Clock::start();
    tokio::time::advance(Duration::from_secs(8)).await;
    // The script counts from here, 8 seconds after the start of the wait's 10.
    let mut script = Script::new([seen("Running")]);
    let wait = steady().deadline(Duration::from_secs(10)).clock(start);
    let verdict = wait.run(&mut script, |_| {}).await;
    assert_eq!(verdict.outcome, Outcome::TimedOut);
    assert_eq!(script.seconds(), [0.0, 1.0, 1.9]);
}

#[tokio::test(start_paused = true)]
async fn dropping_a_wait_cancels_it() {
    let mut script = Script::new([seen("Running")]);
    let cut = tokio::time::timeout(Duration::from_secs(3), steady().run(&mut script, |_| {})).await;
    assert!(cut.is_err());
    tokio::time::advance(Duration::from_secs(60)).await;
    assert_eq!(script.seconds(), [0.0, 1.0, 2.5]);
}

#[tokio::test(start_paused = true)]
async fn a_deadline_of_the_longest_duration_never_comes() {
    let mut script = Script::new([seen("Running"), seen("Failed")]);
    let verdict = steady().deadline(Duration::MAX).run(&mut script, |_| {}).await;
    assert_eq!(verdict.outcome, Outcome::Failed);
}
