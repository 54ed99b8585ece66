//! A budget as people write it: `180/5m`.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use jobwait::RateLimit;

use crate::duration;

/// So many requests in so long, or `none`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RateLimitArg(Option<RateLimit>);

impl RateLimitArg {
    /// 200 requests in 5 minutes were reported to be an account's quota on the same gateway, and others use
    /// it too.
    pub(crate) const DEFAULT: &'static str = "180/5m";

    pub(crate) fn budget(self) -> Option<RateLimit> {
        self.0
    }

    /// A sentence where so many tasks are looked at more seldom than `max_interval` says, or one after the
    /// other where each is looked at once, because of this budget.
    pub(crate) fn stretches(self, tasks: usize, max_interval: Duration, once: bool) -> Option<String> {
        let budget = self.0?;
        let all = budget.spacing().checked_mul(u32::try_from(tasks).unwrap_or(u32::MAX))?;
        let (stretched, what) = if once {
            (tasks > budget.requests() as usize, "to look at each once takes about")
        } else {
            (tasks > 1 && all > max_interval, "each is looked at about every")
        };
        let all = duration::brief(all);
        stretched.then(|| format!("{tasks} tasks share {self} requests (--rate-limit): {what} {all}"))
    }
}

impl FromStr for RateLimitArg {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim();
        if text == "none" {
            return Ok(Self(None));
        }
        let form = || "the form is 180/5m, or none".to_owned();
        let (requests, window) = text.split_once('/').ok_or_else(form)?;
        let requests = requests.trim().parse().map_err(|_| form())?;
        let window = duration::positive(window)?;
        RateLimit::new(requests, window).map(|budget| Self(Some(budget))).map_err(|error| error.to_string())
    }
}

impl fmt::Display for RateLimitArg {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(budget) => {
                let window = humantime::format_duration(budget.window()).to_string();
                write!(f, "{}/{}", budget.requests(), window.replace(' ', ""))
            }
            None => f.write_str("none"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_that_many_tasks_share_is_told() {
        let limit: RateLimitArg = RateLimitArg::DEFAULT.parse().unwrap();
        let longest = Duration::from_secs(15);
        assert_eq!([1, 2, 6].map(|tasks| limit.stretches(tasks, longest, false)), [None, None, None]);
        let said = limit.stretches(50, longest, false).unwrap();
        assert_eq!(
            said,
            "50 tasks share 180/5m requests (--rate-limit): each is looked at about every 1m 51s"
        );
        assert!(limit.stretches(usize::MAX, longest, false).is_some());
        assert_eq!("none".parse::<RateLimitArg>().unwrap().stretches(10_000, longest, false), None);
        // A look each is spent at once, if the budget has as many.
        assert_eq!(limit.stretches(180, longest, true), None);
        assert!(
            limit.stretches(181, longest, true).unwrap().ends_with("to look at each once takes about 6m 42s")
        );
    }

    #[test]
    fn budgets_are_read_and_shown() {
        for (text, shown) in
            [("180/5m", "180/5m"), (" 1 / 90 ", "1/1m30s"), ("none", "none"), ("5/0.5s", "5/500ms")]
        {
            assert_eq!(text.parse::<RateLimitArg>().unwrap().to_string(), shown);
        }
        for text in ["", "180", "0/5m", "x/5m", "-1/5m", "180/", "180/0", "180/31d", "180/5m/3"] {
            assert!(text.parse::<RateLimitArg>().is_err(), "{text}");
        }
        assert!("none".parse::<RateLimitArg>().unwrap().budget().is_none());
        assert!(RateLimitArg::DEFAULT.parse::<RateLimitArg>().unwrap().budget().is_some());
    }
}
