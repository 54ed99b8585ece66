//! The place of the state: in memory, or in a file that processes share.

use std::sync::Mutex;
use std::time::Duration;

use super::file::SharedFile;
use super::state::{Demand, LONGEST_DEMAND, ProcessDemand, State};
use super::{RateLimit, lock};

/// The time for which a demand counts at least, if its process is killed.
const SHORTEST_DEMAND: Duration = Duration::from_secs(60);

/// The place of the state.
#[derive(Debug)]
pub(super) struct Store {
    limit: Option<RateLimit>,
    /// The state of this process. The shared one is not always at hand, so 429s are kept in both.
    own: Mutex<State>,
    file: Option<SharedFile>,
}

/// The result of taking a permission.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Taken {
    Yes,
    /// Not before this time has passed.
    In(Duration),
}

impl Store {
    pub(super) fn memory(limit: Option<RateLimit>) -> Self {
        Self { limit, own: Mutex::default(), file: None }
    }

    pub(super) fn file(limit: RateLimit, account: &str) -> Self {
        Self { limit: Some(limit), own: Mutex::default(), file: Some(SharedFile::new(limit, account)) }
    }

    pub(super) fn limit(&self) -> Option<RateLimit> {
        self.limit
    }

    /// The reason why the file is not used.
    pub(super) fn fault(&self) -> Option<String> {
        self.file.as_ref().and_then(SharedFile::fault)
    }

    /// The factor by which delays are stretched. `now` is the time of this process; the file has a clock of
    /// its own.
    pub(super) fn stretch(&self, now: Duration) -> f64 {
        let stretch = |state: &State, now| state.stretch(now, self.limit);
        let shared = self.file.as_ref().and_then(|file| file.view(&stretch));
        shared.map_or_else(
            || stretch(&lock(&self.own), now),
            |shared| shared.max(lock(&self.own).stretch(now, None)),
        )
    }

    /// Whether requests are short.
    pub(super) fn is_short(&self, now: Duration) -> bool {
        let is_short = |state: &State, now| state.is_short(now, self.limit);
        let shared = self.file.as_ref().and_then(|file| file.view(&is_short));
        shared.unwrap_or_else(|| is_short(&lock(&self.own), now))
    }

    /// The rest of the pause after a 429, or zero.
    pub(super) fn pause(&self, now: Duration) -> Duration {
        let shared = self.file.as_ref().and_then(|file| file.view(&State::pause));
        lock(&self.own).pause(now).max(shared.unwrap_or_default())
    }

    /// Takes the permission for one request, and publishes the demand of this process. A final poll before
    /// the deadline ignores a pause, and so does a part of a poll.
    pub(super) fn take(&self, now: Duration, ignores_pause: bool, demand: Demand) -> Taken {
        let Some(limit) = self.limit else { return Taken::Yes };
        let take = |state: &mut State, process: u64, now: Duration| {
            let stretch = state.stretch(now, Some(limit));
            state.set_demand(now, demand_of(process, demand, stretch, now));
            let pause = state.pause(now);
            if !ignores_pause && !pause.is_zero() {
                return Taken::In(pause);
            }
            state.take(now, limit).map_or_else(Taken::In, |()| Taken::Yes)
        };
        match self.change(now, take).unwrap_or_else(Taken::In) {
            // Processes that wait for the same request must not all try at the same time.
            Taken::In(time) if self.is_shared() => {
                Taken::In(time + time.min(limit.spacing() / 2).mul_f64(fastrand::f64()))
            }
            taken => taken,
        }
    }

    fn is_shared(&self) -> bool {
        self.file.is_some() && self.fault().is_none()
    }

    /// Publishes the demand of this process. In a file it is published with the next request.
    pub(super) fn set_demand(&self, now: Duration, demand: Demand) {
        if !self.is_shared() || demand == Demand::default() {
            let _ = self.change(now, |state, process, now| {
                state.set_demand(now, demand_of(process, demand, 1.0, now));
            });
        }
    }

    pub(super) fn throttled(&self, now: Duration, retry_after: Option<Duration>, window: Option<Duration>) {
        let random = fastrand::f64();
        let throttled =
            |state: &mut State, _, now| state.throttle.throttled(now, retry_after, window, random);
        throttled(&mut lock(&self.own), 0, now);
        if let Some(file) = &self.file {
            let _ = file.change(throttled);
        }
    }

    pub(super) fn accepted(&self, now: Duration) {
        lock(&self.own).throttle.accepted(now);
        // Most responses change nothing: the file need not be written.
        if let Some(file) = &self.file
            && file.view(&|state: &State, now| state.throttle.would_change(now)) == Some(true)
        {
            let _ = file.change(|state, _, now| state.throttle.accepted(now));
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
            Some(Err(None)) | None => {
                let mut own = lock(&self.own);
                // The burst may have been used up in a file that no longer works.
                if own.full_at.is_zero()
                    && let Some(limit) = self.limit
                    && self.file.as_ref().is_some_and(SharedFile::is_lost)
                {
                    own.full_at = State::empty(now, limit).full_at;
                }
                Ok(change(&mut own, 0, now))
            }
        }
    }
}

/// The demand of a process, valid for four of its delays, because it is renewed with each request.
fn demand_of(process: u64, demand: Demand, stretch: f64, now: Duration) -> ProcessDemand {
    let delay = stretch / (demand.regular + demand.near_end).max(1e-6);
    let lifetime = Duration::try_from_secs_f64(4.0 * delay).unwrap_or(LONGEST_DEMAND);
    let lifetime = lifetime.clamp(SHORTEST_DEMAND, LONGEST_DEMAND);
    ProcessDemand { process, demand, expires_at: now.saturating_add(lifetime) }
}
