//! The limiter of polls: a rate, a number of concurrent polls, and a pause after the service
//! asked for fewer requests.

mod rate;

use std::pin::pin;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use governor::RateLimiter;
use governor::middleware::NoOpMiddleware;
use governor::state::{InMemoryState, NotKeyed};
use tokio::sync::{Semaphore, SemaphorePermit};

pub use self::rate::RateLimit;
use crate::clock::{Clock, POLL_AFTER_SLEEP, overslept};
use crate::fault::{Fault, FaultKind};
use crate::probe::Observation;

/// The first pause after a 429 without `Retry-After`. Each further one is twice as long.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// A pause ends this long before the deadline, whatever the service asked for: the final polls decide what is
/// reported.
const FINAL_POLLS: Duration = Duration::from_secs(1);

/// The clock of the wait, for the rate limiter.
#[derive(Debug, Clone, Copy)]
struct WaitClock(Clock);

impl governor::clock::Clock for WaitClock {
    type Instant = Duration;

    fn now(&self) -> Duration {
        self.0.elapsed()
    }
}

/// A limiter that several waits share. It serves them in the order in which they asked.
#[derive(Debug)]
pub(crate) struct Limiter {
    clock: Clock,
    deadline: Duration,
    rate: Option<RateLimiter<NotKeyed, InMemoryState, WaitClock, NoOpMiddleware<Duration>>>,
    queue: tokio::sync::Mutex<()>,
    concurrency: Semaphore,
    /// The pause of several waits. A single wait has a backoff of its own.
    pause: Option<Mutex<Option<ThrottlePause>>>,
    reason: Mutex<QueueReason>,
}

/// The reason why the first in the queue has no permit yet.
#[derive(Debug, Clone, Copy)]
enum QueueReason {
    /// The deadline had passed when the queue was joined.
    Late,
    /// The number of concurrent polls is at its maximum.
    Concurrency,
    /// The service asked for fewer requests.
    Paused,
    /// The rate limit is used up.
    Rate,
}

impl QueueReason {
    fn fault(self) -> Fault {
        let (kind, why) = match self {
            Self::Late => (FaultKind::TimedOut, "the deadline came first"),
            Self::Concurrency => {
                (FaultKind::TimedOut, "the polls before it got no response until the deadline")
            }
            Self::Paused => {
                (FaultKind::Throttled, "the service asked for fewer requests until after the deadline")
            }
            Self::Rate => (FaultKind::RateLimited, "the rate limit was used up until the deadline"),
        };
        Fault::new(kind, format!("this task was not polled: {why}"))
    }
}

/// A pause after the service asked for fewer requests.
#[derive(Debug, Clone, Copy)]
struct ThrottlePause {
    until: Duration,
    length: Duration,
}

/// The permission for one poll, which is under way until this is dropped.
#[derive(Debug)]
pub(crate) struct Permit<'a> {
    _concurrency: Option<SemaphorePermit<'a>>,
}

impl Limiter {
    /// A limiter for a single wait.
    pub(crate) fn single(clock: Clock, deadline: Duration, rate: Option<RateLimit>) -> Self {
        let limiter = |quota| RateLimiter::direct_with_clock(quota, WaitClock(clock));
        Self {
            clock,
            deadline,
            rate: rate.and_then(RateLimit::quota).map(limiter),
            queue: tokio::sync::Mutex::default(),
            concurrency: Semaphore::new(1),
            pause: None,
            reason: Mutex::new(QueueReason::Late),
        }
    }

    /// A limiter for several waits with at most `concurrency` polls at a time.
    pub(crate) fn shared(
        clock: Clock,
        deadline: Duration,
        rate: Option<RateLimit>,
        concurrency: usize,
    ) -> Self {
        Self {
            concurrency: Semaphore::new(concurrency),
            pause: Some(Mutex::default()),
            ..Self::single(clock, deadline, rate)
        }
    }

    /// Waits for a permit until the deadline. If the machine was asleep past the deadline, waits for as long
    /// as a poll may then take.
    ///
    /// # Errors
    ///
    /// The reason why there was no permit in time.
    pub(crate) async fn acquire(&self) -> Result<Permit<'_>, Fault> {
        let mut next = pin!(self.next());
        let permit = tokio::select! {
            biased;
            permit = &mut next => Some(permit),
            () = self.clock.sleep_until(self.deadline) => None,
        };
        let now = self.clock.elapsed();
        let permit = match permit {
            // Polls that are cut at the deadline free their permits, too late for the rest of the queue.
            Some(permit) if now < self.deadline || overslept(self.deadline, now) => return Ok(permit),
            None if overslept(self.deadline, now) => tokio::select! {
                biased;
                permit = next => Some(permit),
                () = self.clock.sleep_until(now + POLL_AFTER_SLEEP) => None,
            },
            _ => None,
        };
        permit.ok_or_else(|| lock(&self.reason).fault())
    }

    async fn next(&self) -> Permit<'_> {
        let queued_for = |reason| *lock(&self.reason) = reason;
        let _first_in_queue = self.queue.lock().await;
        if self.concurrency.available_permits() == 0 {
            queued_for(QueueReason::Concurrency);
        }
        // The semaphore is never closed.
        let concurrency = self.concurrency.acquire().await.ok();
        loop {
            if let Some(pause) = self.pause().filter(|pause| pause.until > self.clock.elapsed()) {
                queued_for(QueueReason::Paused);
                self.clock.sleep_until(pause.until).await;
                continue;
            }
            match self.rate.as_ref().map(RateLimiter::check) {
                Some(Err(not_until)) => {
                    queued_for(QueueReason::Rate);
                    let now = self.clock.elapsed();
                    self.clock.sleep_until(now + not_until.wait_time_from(now)).await;
                }
                Some(Ok(())) | None => return Permit { _concurrency: concurrency },
            }
        }
    }

    /// The earliest time of a poll that is due at `due`, as far as it is known.
    pub(crate) fn not_before(&self, due: Duration) -> Duration {
        self.pause().map_or(due, |pause| pause.until.max(due))
    }

    fn pause(&self) -> Option<ThrottlePause> {
        self.pause.as_ref().and_then(|pause| *lock(pause))
    }

    /// Takes note of the result of a poll: a 429 pauses all waits that share this limiter.
    pub(crate) fn record(&self, observation: &Observation) {
        let Some(mut pause) = self.pause.as_ref().map(lock) else { return };
        let now = self.clock.elapsed();
        match observation {
            Observation::Transient { fault, retry_after } if fault.kind == FaultKind::Throttled => {
                let current = pause.filter(|pause| pause.until > now);
                let length = match (current, *pause) {
                    // Polls that were already under way get the same answer, which says nothing new.
                    (Some(current), _) => current.length,
                    (None, Some(last)) => (last.length * 2).min(LONGEST_PAUSE),
                    (None, None) => FIRST_PAUSE,
                };
                let until = now.saturating_add(retry_after.unwrap_or(length));
                let until = current.map_or(until, |current| current.until.max(until));
                let final_polls = self.deadline.saturating_sub(FINAL_POLLS.min(self.deadline / 10));
                *pause = Some(ThrottlePause { until: until.min(final_polls), length });
            }
            Observation::Transient { .. } => {}
            _ if pause.is_some_and(|pause| pause.until <= now) => *pause = None,
            _ => {}
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
