//! The progress of a task.

use std::fmt;

use serde_json::value::RawValue;

/// The share of a task that is done, from 0 to 100 percent.
///
/// ```
/// let job = jobwait::Job::from_json(r#"{"id": "1", "status": "Running", "process": "60%"}"#)?;
/// assert_eq!(job.progress().map(jobwait::Progress::percent), Some(60.0));
/// # Ok::<(), jobwait::Fault>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
pub struct Progress(f64);

impl Progress {
    /// The share in percent.
    #[must_use]
    pub fn percent(self) -> f64 {
        self.0
    }

    /// Parses `"60%"`, `"60"` and `60`. Anything else, and a number out of range, is no progress.
    pub(super) fn read(raw: &RawValue) -> Option<Self> {
        let text: String = serde_json::from_str(raw.get()).ok().unwrap_or_else(|| raw.get().to_owned());
        let number = text.trim().trim_end_matches('%').trim_end().parse().ok()?;
        (0.0..=100.0).contains(&number).then_some(Self(number))
    }
}

impl fmt::Display for Progress {
    /// Formats whole percents, rounded down: 99.6 % is not yet 100 %.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}%", self.0.floor())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Option<Progress> {
        Progress::read(&RawValue::from_string(json.to_owned()).unwrap())
    }

    /// Covers B9.
    #[test]
    fn only_a_percentage_is_read_as_progress() {
        for (value, percent) in [
            (r#""60%""#, Some(60.0)),
            (r#""60""#, Some(60.0)),
            ("60", Some(60.0)),
            (r#""99.6%""#, Some(99.6)),
            (r#""100%""#, Some(100.0)),
            ("0", Some(0.0)),
            (r#""""#, None),
            ("null", None),
            (r#""abc""#, None),
            (r#""150%""#, None),
            (r#""-1%""#, None),
            (r#""NaN""#, None),
            ("[60]", None),
        ] {
            let read = read(value).map(Progress::percent);
            assert_eq!(read, percent, "{value}");
        }
        assert_eq!(Progress(99.6).to_string(), "99%");
    }
}
