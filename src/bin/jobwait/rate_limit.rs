//! The rate limit as people write it: `180/5m`.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use jobwait::RateLimit;

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
        let round = limit.spacing().checked_mul(u32::try_from(tasks).unwrap_or(u32::MAX))?;
        let (is_slow, what) = if once {
            (tasks > limit.requests().div_ceil(4) as usize, "one poll of each takes about")
        } else {
            (tasks > 1 && round > max_interval, "each is polled about every")
        };
        is_slow.then(|| format!("{tasks} tasks share --rate-limit {self}: {what} {}", brief(round)))
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
        RateLimit::new(requests, window).map(|limit| Self(Some(limit))).map_err(reason)
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
        assert_eq!(remark, "50 tasks share --rate-limit 180/5m: each is polled about every 1m 51s");
        assert!(limit.remark(usize::MAX, longest, false).is_some());
        assert_eq!("none".parse::<RateLimitArg>().unwrap().remark(10_000, longest, false), None);
        // A quarter of the limit may be sent at once.
        assert_eq!(limit.remark(45, longest, true), None);
        assert!(limit.remark(46, longest, true).unwrap().ends_with("one poll of each takes about 1m 42s"));
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
