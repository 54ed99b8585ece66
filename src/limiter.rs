//! The limiter of requests: a rate, a cap on concurrent polls, and the reaction to a used-up quota.

mod file;
mod rate;
pub(crate) mod state;
mod store;

use std::collections::BTreeMap;
use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;

pub(crate) use self::file::private_file;
pub use self::rate::RateLimit;
use self::state::Demand;
use self::store::{Store, Taken};
use crate::clock::{Clock, POLL_AFTER_SLEEP, overslept};
use crate::fault::{Fault, FaultKind};
use crate::probe::Observation;

/// The number of polls at a time. The service may see twice as many connections: one that was just used is
/// not always idle when the next poll starts.
pub(crate) const MAX_CONCURRENT_POLLS: usize = 64;

/// The time before the deadline, at most a tenth of it, in which polls ignore a pause, so that each task gets
/// a final poll.
const TIME_FOR_FINAL_POLLS: Duration = Duration::from_secs(1);

/// The longest time by which a poll in the queue may start late without losing its place to another.
const LONGEST_TOLERANCE: Duration = Duration::from_secs(30);

/// A stretched poll starts at most this share of the predicted remaining time after the predicted end.
const MARGIN: f64 = 0.05;

/// The shortest time after which a stretched delay is computed again.
const SHORTEST_NAP: Duration = Duration::from_secs(1);

/// A limiter of requests, shared by its clones: a rate, a number of concurrent polls, and a pause after the
/// service refused a request because the quota of the account is used up.
///
/// The poll that can least afford to be late goes first. When the rate limit is too low for all waits, the
/// delays between polls are multiplied by a common factor, and those near the end of a task only by its
/// square root. Delays after errors are not stretched.
///
/// ```
/// use std::time::Duration;
/// use jobwait::{Limiter, RateLimit};
///
/// let limiter = Limiter::new(Some(RateLimit::new(180, Duration::from_secs(300))?));
/// let same = limiter.clone();
/// # Ok::<(), jobwait::ConfigError>(())
/// ```
#[derive(Debug, Clone)]
pub struct Limiter {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    clock: Clock,
    store: Store,
    queue: Mutex<Queue>,
    /// The rate of requests that each wait needs at full pace, and their sum.
    demands: Mutex<(BTreeMap<u64, Demand>, Demand)>,
    next_number: AtomicU64,
}

/// The polls that wait for a permit, the most urgent first.
#[derive(Debug, Default)]
struct Queue {
    waiting: BTreeMap<Ticket, Arc<Notify>>,
    in_flight: usize,
    gate: Gate,
    reason: QueueReason,
}

/// The state on which the number of concurrent polls depends. Unless it is open, only one poll runs, to find
/// out whether the service accepts requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Gate {
    /// There was no result yet.
    #[default]
    Untried,
    Open,
    /// The service refused a request because the quota is used up. A response that is not a 429 opens the
    /// gate again, if it arrives after the pause.
    Throttled,
}

/// The place of a poll in the queue: whether it comes after those that go first, its latest acceptable start
/// on the limiter's clock, and a number that breaks ties.
type Ticket = (bool, Duration, u64);

/// The reason why the latest attempt to take a permit failed.
#[derive(Debug, Clone, Copy, Default)]
enum QueueReason {
    /// No attempt has failed yet.
    #[default]
    Late,
    /// The number of concurrent polls is at its maximum.
    Concurrency,
    /// The service refused a request because the quota is used up.
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
            Self::Paused => (FaultKind::Throttled, "the quota of the account was used up until the deadline"),
            Self::Rate => (FaultKind::RateLimited, "the rate limit was used up until the deadline"),
        };
        Fault::new(kind, format!("this task was not polled: {why}"))
    }
}

/// The plan of the next poll. Times count from the start of the wait.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Plan {
    /// The time from which the delay counts.
    pub(crate) from: Duration,
    /// The time of the poll if nothing is stretched.
    pub(crate) until: Duration,
    /// The time that the stretched poll must not pass.
    pub(crate) bound: Duration,
    /// Whether the delay may be stretched.
    pub(crate) may_stretch: bool,
    /// Whether the end of the task may be near, so that the delay is stretched less.
    pub(crate) is_near_end: bool,
    /// The predicted end of the task.
    pub(crate) predicted_end: Option<Duration>,
    /// The number of requests that it takes, less than one where a request answers for several tasks.
    pub(crate) cost: f64,
}

impl Plan {
    /// The plan of a poll without delay.
    pub(crate) fn at(now: Duration) -> Self {
        Self {
            from: now,
            until: now,
            bound: now,
            may_stretch: false,
            is_near_end: false,
            predicted_end: None,
            cost: 1.0,
        }
    }

    pub(crate) fn due(&self, stretch: f64) -> Duration {
        let delay = self.until.saturating_sub(self.from);
        if !self.may_stretch || stretch <= 1.0 {
            return self.until;
        }
        let stretch = if self.is_near_end { stretch.sqrt() } else { stretch };
        let delay = Duration::try_from_secs_f64(delay.as_secs_f64() * stretch).unwrap_or(Duration::MAX);
        let due = self.from.saturating_add(delay).min(self.bound);
        // A poll right after the predicted end is worth more than one at any other time.
        match self.predicted_end {
            Some(end) if end > self.from => {
                let margin = end.saturating_sub(self.from).mul_f64(MARGIN);
                due.min(end.saturating_add(margin)).max(self.until)
            }
            _ => due,
        }
    }

    /// The rate of requests that the plan needs at full pace.
    pub(crate) fn demand(&self) -> Demand {
        let per_second = self.cost / self.until.saturating_sub(self.from).as_secs_f64().max(0.001);
        if self.is_near_end {
            Demand { near_end: per_second, ..Demand::default() }
        } else {
            Demand { regular: per_second, ..Demand::default() }
        }
    }
}

/// A wait that takes part in the limiter. Dropping it withdraws its demand.
#[derive(Debug)]
pub(crate) struct Member {
    limiter: Limiter,
    number: u64,
    /// Its polls go first, because each replaces many others.
    goes_first: bool,
}

/// The permission for one poll, which is under way until this is dropped.
#[derive(Debug)]
pub(crate) struct Permit {
    limiter: Limiter,
}

impl Drop for Permit {
    fn drop(&mut self) {
        let mut queue = self.limiter.queue();
        queue.in_flight -= 1;
        queue.wake_first();
    }
}

impl Queue {
    fn wake_first(&self) {
        if let Some((_, first)) = self.waiting.first_key_value() {
            first.notify_one();
        }
    }

    fn concurrency(&self) -> usize {
        if self.gate == Gate::Open { MAX_CONCURRENT_POLLS } else { 1 }
    }
}

/// A poll in the queue. When dropped, it leaves the queue.
struct Queued<'a> {
    limiter: &'a Limiter,
    ticket: Ticket,
    notify: Arc<Notify>,
}

impl Drop for Queued<'_> {
    fn drop(&mut self) {
        let mut queue = self.limiter.queue();
        queue.waiting.remove(&self.ticket);
        queue.wake_first();
    }
}

/// The time until the next attempt to take a permit.
enum Blocked {
    UntilNotified,
    For(Duration),
}

impl Limiter {
    /// A limiter for this process. Without a rate limit, it still caps the number of concurrent polls and
    /// backs off after a 429.
    #[must_use]
    pub fn new(limit: Option<RateLimit>) -> Self {
        Self::with_store(Store::memory(limit))
    }

    /// A limiter that all processes of this user on this machine share if they use the same `account`, any
    /// text, and the same `limit`. The state is in a file in `$XDG_RUNTIME_DIR/jobwait`, or else in the
    /// temporary folder as `jobwait-<uid>`. If the file cannot be used, the limiter is for this process
    /// alone: see [`warning`](Self::warning).
    #[must_use]
    pub fn for_machine(limit: RateLimit, account: &str) -> Self {
        Self::with_store(Store::file(limit, account))
    }

    fn with_store(store: Store) -> Self {
        let shared = Shared {
            clock: Clock::start(),
            store,
            queue: Mutex::default(),
            demands: Mutex::default(),
            next_number: AtomicU64::new(0),
        };
        Self { shared: Arc::new(shared) }
    }

    /// The rate limit.
    #[must_use]
    pub fn rate_limit(&self) -> Option<RateLimit> {
        self.shared.store.limit()
    }

    /// The reason why the limiter is for this process alone although it was meant for the machine.
    #[must_use]
    pub fn warning(&self) -> Option<String> {
        self.shared.store.fault()
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        lock(&self.shared.queue)
    }

    fn now(&self) -> Duration {
        self.shared.clock.elapsed()
    }

    fn number(&self) -> u64 {
        self.shared.next_number.fetch_add(1, Ordering::Relaxed)
    }

    /// Adds a wait.
    pub(crate) fn join(&self) -> Member {
        Member { limiter: self.clone(), number: self.number(), goes_first: false }
    }

    /// Adds a list, whose polls go first.
    pub(crate) fn join_first(&self) -> Member {
        Member { limiter: self.clone(), number: self.number(), goes_first: true }
    }

    /// The factor by which delays are stretched now, at least 1.
    fn stretch(&self) -> f64 {
        self.shared.store.stretch(self.now())
    }

    /// The time left in the pause after a 429.
    fn pause(&self) -> Duration {
        self.shared.store.pause(self.now())
    }

    /// Counts a further request of a poll that already has a permit, such as a sign-in or a retry. It ignores
    /// a pause, because others wait for the permit of its poll.
    pub(crate) async fn take_extra(&self) {
        loop {
            match self.shared.store.take(self.now(), true, self.demand()) {
                Taken::Yes => return,
                Taken::In(time) => tokio::time::sleep(time).await,
            }
        }
    }

    fn demand(&self) -> Demand {
        lock(&self.shared.demands).1
    }

    fn set_demand(&self, number: u64, demand: Option<Demand>) {
        let total = {
            let mut demands = lock(&self.shared.demands);
            let before = match demand {
                Some(demand) => demands.0.insert(number, demand),
                None => demands.0.remove(&number),
            };
            demands.1 = demands.1 + demand.unwrap_or_default() - before.unwrap_or_default();
            // Rounding errors must not leave a demand when there is no wait.
            if demands.0.is_empty() {
                demands.1 = Demand::default();
            }
            demands.1
        };
        self.shared.store.set_demand(self.now(), total);
    }

    /// Takes note of the result of a poll: a 429 pauses all polls and stretches all delays.
    pub(crate) fn record(&self, observation: &Observation) {
        let store = &self.shared.store;
        let is_throttled = match observation {
            Observation::Transient { fault, retry_after } if fault.kind == FaultKind::Throttled => {
                store.throttled(self.now(), *retry_after, fault.quota_window);
                true
            }
            // Without a response, the quota may still be used up.
            Observation::Transient { fault, .. } | Observation::Permanent(fault)
                if fault.http_status.is_none() =>
            {
                self.queue().gate == Gate::Throttled
            }
            _ => self.is_throttled_after_response(),
        };
        self.set_gate(is_throttled);
    }

    /// Takes note of a response that is not a 429.
    pub(crate) fn record_response(&self) {
        self.set_gate(self.is_throttled_after_response());
    }

    /// A response to a request that was under way does not end the pause.
    fn is_throttled_after_response(&self) -> bool {
        self.shared.store.accepted(self.now());
        !self.pause().is_zero()
    }

    fn set_gate(&self, is_throttled: bool) {
        let mut queue = self.queue();
        queue.gate = if is_throttled { Gate::Throttled } else { Gate::Open };
        queue.wake_first();
    }
}

impl Member {
    /// Waits until the planned poll is due, and then for a permit. Gives up at the deadline, or
    /// `POLL_AFTER_SLEEP` after waking if the machine slept past the deadline.
    ///
    /// # Errors
    ///
    /// The reason why there was no permit in time.
    pub(crate) async fn acquire(
        &self,
        plan: Plan,
        clock: Clock,
        deadline: Duration,
    ) -> Result<Permit, Fault> {
        let mut permit = pin!(self.permit(plan, clock, deadline));
        let in_time = tokio::select! {
            biased;
            permit = &mut permit => Some(permit),
            () = clock.sleep_until(deadline) => None,
        };
        let now = clock.elapsed();
        let permit = match in_time {
            // Polls that are cut at the deadline free their permits, too late for the rest of the queue.
            Some(permit) if now < deadline || overslept(deadline, now) => return Ok(permit),
            None if overslept(deadline, now) => tokio::select! {
                biased;
                permit = permit => Some(permit),
                () = clock.sleep_until(now + POLL_AFTER_SLEEP) => None,
            },
            _ => None,
        };
        permit.ok_or_else(|| self.limiter.queue().reason.fault())
    }

    /// Waits until a poll is due, and returns the time at which it was.
    pub(crate) async fn until_due(&self, plan: Plan, clock: Clock) -> Duration {
        if plan.may_stretch {
            self.limiter.set_demand(self.number, Some(plan.demand()));
        }
        // The stretch may fall during a long delay, for example when other tasks end.
        loop {
            let (now, due) = (clock.elapsed(), plan.due(self.limiter.stretch()));
            if now >= due {
                return due;
            }
            let left = due.saturating_sub(now);
            let nap = left.min((left / 2).max(SHORTEST_NAP));
            clock.sleep_until(if due <= plan.until { due } else { now + nap }).await;
        }
    }

    async fn permit(&self, plan: Plan, clock: Clock, deadline: Duration) -> Permit {
        let limiter = &self.limiter;
        let due = self.until_due(plan, clock).await;
        let now = limiter.now();
        // The longer the delay was, the later a poll may start.
        let tolerated = due + (due.saturating_sub(plan.from) / 2).min(LONGEST_TOLERANCE);
        let ticket = (!self.goes_first, (now + tolerated).saturating_sub(clock.elapsed()), limiter.number());
        let notify = Arc::new(Notify::new());
        limiter.queue().waiting.insert(ticket, Arc::clone(&notify));
        let queued = Queued { limiter, ticket, notify };
        let final_polls = deadline.saturating_sub(TIME_FOR_FINAL_POLLS.min(deadline / 10));
        loop {
            let left = final_polls.saturating_sub(clock.elapsed());
            match queued.try_take(left) {
                Ok(permit) => return permit,
                Err(Blocked::UntilNotified) => queued.notify.notified().await,
                Err(Blocked::For(time)) => tokio::select! {
                    () = queued.notify.notified() => {}
                    () = clock.sleep_until(clock.elapsed().saturating_add(time)) => {}
                },
            }
        }
    }

    /// Whether requests are short: the burst is half used up, or a 429 has slowed the polls down.
    pub(crate) fn is_short(&self) -> bool {
        self.limiter.shared.store.is_short(self.limiter.now())
    }

    /// The earliest time of a planned poll, as far as it is known.
    pub(crate) fn expected_at(&self, plan: Plan, clock: Clock) -> Duration {
        let resumes = match self.limiter.pause() {
            Duration::ZERO => Duration::ZERO,
            pause => clock.elapsed().saturating_add(pause),
        };
        plan.due(self.limiter.stretch()).max(resumes)
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        self.limiter.set_demand(self.number, None);
    }
}

impl Queued<'_> {
    /// Takes a permit, if this poll is the first in the queue. A pause is ignored when no time is left before
    /// the final polls.
    fn try_take(&self, time_to_final_polls: Duration) -> Result<Permit, Blocked> {
        let limiter = self.limiter;
        let mut queue = limiter.queue();
        if queue.waiting.first_key_value().is_some_and(|(first, _)| *first != self.ticket) {
            return Err(Blocked::UntilNotified);
        }
        if queue.in_flight >= queue.concurrency() {
            queue.reason = QueueReason::Concurrency;
            return Err(Blocked::UntilNotified);
        }
        let pause = limiter.pause().min(time_to_final_polls);
        if !pause.is_zero() {
            queue.reason = QueueReason::Paused;
            return Err(Blocked::For(pause));
        }
        let is_final = time_to_final_polls.is_zero();
        match limiter.shared.store.take(limiter.now(), is_final, limiter.demand()) {
            Taken::Yes => {
                queue.in_flight += 1;
                Ok(Permit { limiter: limiter.clone() })
            }
            Taken::In(time) => {
                queue.reason = QueueReason::Rate;
                Err(Blocked::For(time))
            }
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
