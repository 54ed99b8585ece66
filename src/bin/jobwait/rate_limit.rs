//! The rate limit as people write it: `180/5m`.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use jobwait::{ListPage, RateLimit, Waits};

use crate::args::reason;
use crate::duration::{self, brief};

/// A number of requests in a period of time, or `none`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RateLimitArg(Option<RateLimit>);

impl RateLimitArg {
    /// The default leaves a share to others: 200 requests in 5 minutes were reported to be an account's quota
    /// on the same gateway.
    pub(crate) const DEFAULT: &'static str = "180/5m";

    pub(crate) fn limit(self) -> Option<RateLimit> {
        self.0
    }

    /// A remark on a limit that slows down the polls of so many tasks.
    pub(crate) fn remark(self, tasks: usize, max_interval: Duration, once: bool) -> Option<String> {
        let limit = self.0?;
        let round = self.spacing(tasks);
        let (by_polls, by_list) = self.seen_every(tasks, max_interval);
        let (is_slow, what) = if once {
            let burst = limit.requests().div_ceil(4) as usize;
            (tasks > burst, format!("one poll of each takes about {}", brief(round)))
        } else if tasks < Waits::LEAST_LISTED {
            (tasks > 1 && round > max_interval, format!("each is polled about every {}", brief(round)))
        } else {
            let (by_polls, by_list) = (brief(by_polls), brief(by_list));
            let listed = format!("each is seen about every {by_list} on the service's list of tasks");
            (round > max_interval, format!("{listed}, or every {by_polls} if that cannot be used"))
        };
        is_slow.then(|| format!("{tasks} tasks share --rate-limit {self}: {what}"))
    }

    /// The time between two responses that tell the state of one of so many tasks: by polls of each, and by
    /// the list of tasks.
    pub(crate) fn seen_every(self, tasks: usize, max_interval: Duration) -> (Duration, Duration) {
        let by_polls = self.spacing(tasks).max(max_interval);
        let by_list = self.spacing(tasks.div_ceil(ListPage::USUAL)).max(max_interval);
        (by_polls, if tasks < Waits::LEAST_LISTED { by_polls } else { by_list })
    }

    /// The time that so many requests take.
    fn spacing(self, requests: usize) -> Duration {
        let requests = u32::try_from(requests).unwrap_or(u32::MAX);
        self.0.map_or(Duration::ZERO, |limit| limit.spacing().saturating_mul(requests))
    }
}

impl FromStr for RateLimitArg {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim();
        if text == "none" {
            return Ok(Self(None));
        }
        let expected = || "expected requests/duration such as 180/5m, or none".to_owned();
        let (requests, window) = text.split_once('/').ok_or_else(expected)?;
        let requests = requests.trim().parse().map_err(|_| expected())?;
        let window = duration::positive(window)?;
        let limit = RateLimit::new(requests, window).map_err(reason);
        limit.map(|limit| Self(Some(limit))).map_err(|why| format!("{why} ('none' turns the limit off)"))
    }
}

impl fmt::Display for RateLimitArg {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(limit) => {
                let window = humantime::format_duration(limit.window()).to_string();
                write!(f, "{}/{}", limit.requests(), window.replace(' ', ""))
            }
            None => f.write_str("none"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_that_slows_down_many_tasks_is_remarked_on() {
        let limit: RateLimitArg = RateLimitArg::DEFAULT.parse().unwrap();
        let longest = Duration::from_secs(15);
        assert_eq!([1, 2, 6].map(|tasks| limit.remark(tasks, longest, false)), [None, None, None]);
        let remark = limit.remark(50, longest, false).unwrap();
        let said = "each is seen about every 15s on the service's list of tasks, \
                    or every 1m 51s if that cannot be used";
        assert_eq!(remark, format!("50 tasks share --rate-limit 180/5m: {said}"));
        let small: RateLimitArg = "8/1m".parse().unwrap();
        assert!(small.remark(3, longest, false).unwrap().ends_with(": each is polled about every 30s"));
        assert!(limit.remark(usize::MAX, longest, false).is_some());
        assert_eq!("none".parse::<RateLimitArg>().unwrap().remark(10_000, longest, false), None);
        // A quarter of the limit may be sent at once.
        assert_eq!(limit.remark(45, longest, true), None);
        assert!(limit.remark(46, longest, true).unwrap().ends_with("one poll of each takes about 1m 42s"));
    }

    #[test]
    fn a_list_shows_many_tasks_in_the_time_of_a_few_polls() {
        let seconds = |tasks| {
            let limit: RateLimitArg = RateLimitArg::DEFAULT.parse().unwrap();
            let (by_polls, by_list) = limit.seen_every(tasks, Duration::from_secs(15));
            (by_polls.as_secs(), by_list.as_secs())
        };
        assert_eq!([3, 20, 200, 1000].map(seconds), [(15, 15), (44, 15), (444, 15), (2222, 44)]);
    }

    #[test]
    fn limits_are_parsed_and_shown() {
        for (text, shown) in
            [("180/5m", "180/5m"), (" 1 / 90 ", "1/1m30s"), ("none", "none"), ("5/0.5s", "5/500ms")]
        {
            assert_eq!(text.parse::<RateLimitArg>().unwrap().to_string(), shown);
        }
        for text in ["", "180", "0/5m", "x/5m", "-1/5m", "180/", "180/0", "180/31d", "180/5m/3"] {
            assert!(text.parse::<RateLimitArg>().is_err(), "{text}");
        }
        assert!("none".parse::<RateLimitArg>().unwrap().limit().is_none());
        assert!(RateLimitArg::DEFAULT.parse::<RateLimitArg>().unwrap().limit().is_some());
    }
}
