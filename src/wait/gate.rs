//! Where everybody who looks waits for their turn: as often as the budget allows, so many at once, and none while the
//! service wants to be left alone.

use std::pin::pin;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use governor::RateLimiter;
use governor::clock;
use governor::middleware::NoOpMiddleware;
use governor::state::{InMemoryState, NotKeyed};
use tokio::sync::{Semaphore, SemaphorePermit};

use super::budget::Budget;
use super::machine::{AFTER_SLEEP, overslept};
use crate::{Clock, Fault, FaultKind, Sighting};

/// How long all are held back when the service asks for less without saying for how long; twice as long each time.
const HOLD: Duration = Duration::from_secs(1);
const LONGEST_HOLD: Duration = Duration::from_secs(60);

/// So long before the deadline nobody is held back any more, whatever the service asked for: what is seen then is the
/// last that is told.
const LAST_LOOKS: Duration = Duration::from_secs(1);

/// The wait's own clock.
#[derive(Debug, Clone, Copy)]
struct Ticks(Clock);

impl clock::Clock for Ticks {
    type Instant = Duration;

    fn now(&self) -> Duration {
        self.0.elapsed()
    }
}

/// Where turns are given: first come, first served.
#[derive(Debug)]
pub(super) struct Gate {
    clock: Clock,
    deadline: Duration,
    budget: Option<RateLimiter<NotKeyed, InMemoryState, Ticks, NoOpMiddleware<Duration>>>,
    turn: tokio::sync::Mutex<()>,
    at_once: Semaphore,
    /// None of one wait by itself: there is nobody else to hold back.
    held: Option<Mutex<Option<Held>>>,
    /// What the first in line waits for.
    why: Mutex<Why>,
}

/// Why there is a line.
#[derive(Debug, Clone, Copy)]
enum Why {
    /// There is none: the deadline was over at once.
    Late,
    /// As many look as may at once.
    Looks,
    /// The service wants to be left alone.
    Held,
    /// The budget is spent.
    Spent,
}

impl Why {
    fn fault(self) -> Fault {
        match self {
            Self::Late => Fault::new(FaultKind::TimedOut, "it was not asked about: the deadline came first"),
            Self::Looks => Fault::new(
                FaultKind::TimedOut,
                "it was not asked about: there was no answer to those before it until the deadline",
            ),
            Self::Held => Fault::new(
                FaultKind::Throttled,
                "it was not asked about: the service wanted to be asked less until the deadline",
            ),
            Self::Spent => Fault::new(
                FaultKind::NoTurn,
                "it was not asked about: the budget of requests was spent on others until the deadline",
            ),
        }
    }
}

/// Until when, and for how long, the service wants to be left alone.
#[derive(Debug, Clone, Copy)]
struct Held {
    until: Duration,
    length: Duration,
}

/// The turn of one look, which lasts until this is dropped.
#[derive(Debug)]
pub(super) struct Turn<'a> {
    _one_of: Option<SemaphorePermit<'a>>,
}

impl Gate {
    /// For one wait by itself.
    pub(super) fn of_one(clock: Clock, deadline: Duration, budget: Option<Budget>) -> Self {
        let limiter = |quota| RateLimiter::direct_with_clock(quota, Ticks(clock));
        Self {
            clock,
            deadline,
            budget: budget.and_then(Budget::quota).map(limiter),
            turn: tokio::sync::Mutex::default(),
            at_once: Semaphore::new(1),
            held: None,
            why: Mutex::new(Why::Late),
        }
    }

    /// For several, of which so many look at once.
    pub(super) fn of_many(clock: Clock, deadline: Duration, budget: Option<Budget>, at_once: usize) -> Self {
        Self {
            at_once: Semaphore::new(at_once),
            held: Some(Mutex::default()),
            ..Self::of_one(clock, deadline, budget)
        }
    }

    /// Waits for a turn, until the deadline; and if all slept past that, for as long as a look then has.
    ///
    /// # Errors
    ///
    /// Why it did not come.
    pub(super) async fn turn(&self) -> Result<Turn<'_>, Fault> {
        let mut next = pin!(self.next());
        let turn = tokio::select! {
            biased;
            turn = &mut next => Some(turn),
            () = self.clock.sleep_until(self.deadline) => None,
        };
        let now = self.clock.elapsed();
        let turn = match turn {
            // Those whose looks the deadline cut make room for others, which is too late for them.
            Some(turn) if now < self.deadline || overslept(self.deadline, now) => return Ok(turn),
            None if overslept(self.deadline, now) => tokio::select! {
                biased;
                turn = next => Some(turn),
                () = self.clock.sleep_until(now + AFTER_SLEEP) => None,
            },
            _ => None,
        };
        let why = || self.why.lock().unwrap_or_else(PoisonError::into_inner).fault();
        turn.ok_or_else(why)
    }

    async fn next(&self) -> Turn<'_> {
        let why = |why: Why| *self.why.lock().unwrap_or_else(PoisonError::into_inner) = why;
        // All stand in line in the order in which they came.
        let _first_in_line = self.turn.lock().await;
        if self.at_once.available_permits() == 0 {
            why(Why::Looks);
        }
        // It is never closed.
        let one_of = self.at_once.acquire().await.ok();
        loop {
            let held = self.held().and_then(|held| *held).filter(|held| held.until > self.clock.elapsed());
            if let Some(held) = held {
                why(Why::Held);
                self.clock.sleep_until(held.until).await;
                continue;
            }
            match self.budget.as_ref().map(RateLimiter::check) {
                Some(Err(not_until)) => {
                    why(Why::Spent);
                    let now = self.clock.elapsed();
                    self.clock.sleep_until(now + not_until.wait_time_from(now)).await;
                }
                Some(Ok(())) | None => return Turn { _one_of: one_of },
            }
        }
    }

    /// When somebody who is to look at `rested` can do so at the earliest, as far as that is known.
    pub(super) fn not_before(&self, rested: Duration) -> Duration {
        self.held().and_then(|held| *held).map_or(rested, |held| held.until.max(rested))
    }

    fn held(&self) -> Option<std::sync::MutexGuard<'_, Option<Held>>> {
        self.held.as_ref().map(|held| held.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// One that is told to ask less tells all.
    pub(super) fn heard(&self, sighting: &Sighting) {
        let Some(mut held) = self.held() else { return };
        let now = self.clock.elapsed();
        match sighting {
            Sighting::Transient { fault, retry_after } if fault.kind == FaultKind::Throttled => {
                let before = held.filter(|held| held.until > now);
                let length = match (before, *held) {
                    // Those that were on their way are told the same.
                    (Some(before), _) => before.length,
                    (None, Some(last)) => (last.length * 2).min(LONGEST_HOLD),
                    (None, None) => HOLD,
                };
                let until = now.saturating_add(retry_after.unwrap_or(length));
                let until = before.map_or(until, |before| before.until.max(until));
                let last_looks = self.deadline.saturating_sub(LAST_LOOKS.min(self.deadline / 10));
                *held = Some(Held { until: until.min(last_looks), length });
            }
            Sighting::Transient { .. } => {}
            _ if held.is_some_and(|held| held.until <= now) => *held = None,
            _ => {}
        }
    }
}
