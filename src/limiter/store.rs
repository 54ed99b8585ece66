//! The place of the state: in memory, or in a file that processes share.

use std::sync::Mutex;
use std::time::Duration;

use super::file::SharedFile;
use super::state::{DEFAULT_WINDOW, Demand, ProcessDemand, State};
use super::{RateLimit, lock};

/// The time for which a demand counts at most, if its process is killed.
const DEMAND_LIFETIME: Duration = Duration::from_secs(60);

/// The place of the state.
#[derive(Debug)]
pub(super) struct Store {
    /// The state of this process, and a recent copy of the shared one.
    own: Mutex<State>,
    file: Option<SharedFile>,
}

/// A request that needs a permission.
#[derive(Debug, Clone, Copy)]
pub(super) struct Request {
    pub(super) limit: Option<RateLimit>,
    /// The number of requests that may be sent without spacing.
    pub(super) burst: u32,
    /// Whether it is one of the final polls before the deadline, which ignore a pause.
    pub(super) is_final: bool,
}

/// The result of taking a permission.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Taken {
    Yes,
    /// Not before this time has passed.
    In(Duration),
}

impl Store {
    pub(super) fn memory() -> Self {
        Self { own: Mutex::default(), file: None }
    }

    pub(super) fn file(limit: RateLimit, account: &str) -> Self {
        Self { own: Mutex::default(), file: Some(SharedFile::new(limit, account)) }
    }

    /// The reason why the file is not used.
    pub(super) fn fault(&self) -> Option<String> {
        self.file.as_ref().and_then(SharedFile::fault)
    }

    /// Reads from a recent state. `now` is the time of this process; the file has a clock of its own.
    pub(super) fn view<T>(&self, now: Duration, read: impl Fn(&State, Duration) -> T) -> T {
        if let Some(seen) = self.file.as_ref().and_then(|file| file.view(&read)) {
            return seen;
        }
        read(&lock(&self.own), now)
    }

    /// Takes the permission for one request, and publishes the demand of this process.
    pub(super) fn take(&self, now: Duration, request: Request, demand: Demand) -> Taken {
        let Request { limit: Some(limit), is_final, burst } = request else { return Taken::Yes };
        let take = |state: &mut State, process: u64, now: Duration| {
            state.set_demand(now, demand_of(process, demand, now));
            let pause = state.pause(now);
            if !is_final && !pause.is_zero() {
                return Taken::In(pause);
            }
            state.take(now, limit, burst).map_or_else(Taken::In, |()| Taken::Yes)
        };
        self.change(now, take).unwrap_or_else(Taken::In)
    }

    /// Publishes the demand of this process. In a file it is published with the next request.
    pub(super) fn set_demand(&self, now: Duration, demand: Demand) {
        if self.file.is_none() || self.fault().is_some() {
            lock(&self.own).set_demand(now, demand_of(0, demand, now));
        } else if demand == Demand::default() {
            let _ = self
                .change(now, |state, process, now| state.set_demand(now, demand_of(process, demand, now)));
        }
    }

    pub(super) fn throttled(&self, now: Duration, retry_after: Option<Duration>, window: Option<Duration>) {
        let random = fastrand::f64();
        let throttled =
            |state: &mut State, _, now| state.throttle.throttled(now, retry_after, window, random);
        let _ = self.change(now, throttled);
    }

    pub(super) fn accepted(&self, now: Duration) {
        // Most responses change nothing: the file need not be written.
        if self.view(now, |state, now| state.throttle.would_change(now)) {
            let _ = self.change(now, |state, _, now| state.throttle.accepted(now));
        }
    }

    /// Changes the state: the shared one, or that of this process where it cannot be shared.
    ///
    /// # Errors
    ///
    /// The time to wait until the shared state is free.
    fn change<T>(
        &self,
        now: Duration,
        change: impl Fn(&mut State, u64, Duration) -> T,
    ) -> Result<T, Duration> {
        match self.file.as_ref().map(|file| file.change(&change)) {
            Some(Ok(changed)) => Ok(changed),
            Some(Err(Some(busy))) => Err(busy),
            Some(Err(None)) | None => Ok(change(&mut lock(&self.own), 0, now)),
        }
    }
}

fn demand_of(process: u64, demand: Demand, now: Duration) -> ProcessDemand {
    // A process whose polls are seldom publishes its demand seldom.
    let delay = 4.0 / (demand.regular + demand.near_end).max(1e-6);
    let lifetime = Duration::try_from_secs_f64(delay).unwrap_or(DEFAULT_WINDOW);
    let lifetime = lifetime.clamp(DEMAND_LIFETIME, DEFAULT_WINDOW);
    ProcessDemand { process, demand, expires_at: now.saturating_add(lifetime) }
}
