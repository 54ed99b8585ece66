//! Durations as people write them.

use std::time::Duration;

use jobwait::Pace;

use crate::args::reason;

/// The service keeps a task for a month.
const LONGEST: Duration = Pace::LONGEST;

const EXPECTED: &str = "expected a duration such as 90s, 5m or 1h30m";

/// Parses a duration of up to 30 days: `90s`, `5m`, `1h30m`. A bare number is seconds.
pub(crate) fn any(text: &str) -> Result<Duration, String> {
    let text = text.trim();
    if text.starts_with('-') {
        return Err("a duration cannot be negative".into());
    }
    // Humantime takes 30.44 days for a month, which is not what `1M` is meant to be.
    let mut units = text.split(|c: char| !c.is_ascii_alphabetic()).filter(|unit| !unit.is_empty());
    if let Some(unit) = units.find(|unit| {
        matches!(*unit, "M" | "y" | "yr" | "yrs") || unit.starts_with("month") || unit.starts_with("year")
    }) {
        return Err(format!("the unit '{unit}' is not supported; m is minutes, and the longest unit is d"));
    }
    let duration = if text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') {
        let seconds = text.parse().map_err(|_| EXPECTED)?;
        Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX)
    } else {
        humantime::parse_duration(text).map_err(|_| EXPECTED)?
    };
    if duration > LONGEST {
        Err("longer than 30 days, for which the service keeps a task".into())
    } else {
        Ok(duration)
    }
}

/// Parses a duration that is not zero.
pub(crate) fn positive(text: &str) -> Result<Duration, String> {
    any(text).and_then(
        |duration| {
            if duration.is_zero() { Err("must be longer than zero".into()) } else { Ok(duration) }
        },
    )
}

/// Parses a deadline.
pub(crate) fn timeout(text: &str) -> Result<Duration, String> {
    any(text).and_then(|duration| {
        let zero = "must be longer than zero; to poll once and exit, use --once";
        if duration.is_zero() { Err(zero.into()) } else { Ok(duration) }
    })
}

/// Parses a delay between polls.
pub(crate) fn interval(text: &str) -> Result<Duration, String> {
    any(text).and_then(|interval| Pace::new(interval, LONGEST).map(|_| interval).map_err(reason))
}

/// Formats a duration for people: tenths below ten seconds, whole seconds above.
pub(crate) fn brief(duration: Duration) -> String {
    if duration < Duration::from_millis(9_950) {
        format!("{:.1}s", duration.as_secs_f64())
    } else {
        let rounded = Duration::from_secs(duration.as_secs() + u64::from(duration.subsec_millis() >= 500));
        humantime::format_duration(rounded).to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_with_units_or_as_seconds() {
        for (text, seconds) in [
            ("90s", 90.0),
            ("5m", 300.0),
            ("1h30m", 5400.0),
            ("1h 30m", 5400.0),
            ("90", 90.0),
            ("0.5", 0.5),
            ("0", 0.0),
            ("1ms", 0.001),
            ("30d", 2_592_000.0),
            (" 2s ", 2.0),
        ] {
            assert_eq!(any(text), Ok(Duration::from_secs_f64(seconds)), "{text}");
        }
    }

    /// Covers C2.
    #[test]
    fn text_that_is_not_a_duration_is_refused() {
        for bad in [
            "",
            "-1",
            "-1s",
            "31d",
            "721h",
            "1M",
            "1month",
            "2months",
            "1y",
            "1 year",
            "1yr",
            "99999999999y",
            "99999999999d",
            "1e9",
            "NaN",
            "inf",
            "1.2.3",
            ".",
            "s",
            "5 parsecs",
            "99999999999999999999999",
        ] {
            assert!(any(bad).is_err(), "{bad}");
        }
        assert!(timeout("0").unwrap_err().contains("--once"));
        assert!(positive("0s").is_err());
        assert!(interval("9ms").is_err() && interval("10ms").is_ok());
    }

    #[test]
    fn durations_are_shown_briefly() {
        for (millis, shown) in [
            (0, "0.0s"),
            (3_140, "3.1s"),
            (9_949, "9.9s"),
            (9_950, "10s"),
            (65_400, "1m 5s"),
            (3_600_000, "1h"),
        ] {
            assert_eq!(brief(Duration::from_millis(millis)), shown);
        }
    }

    proptest::proptest! {
        #[test]
        fn no_text_parses_to_more_than_thirty_days(
            number in "[0-9.eE+-]{0,30} ?",
            unit in "(ns|us|ms|s|m|min|h|hr|d|days|w|M|y|yr|years|month|x|µs)?",
            rest in " ?[0-9a-zA-Zµ. -]{0,12}",
        ) {
            let text = number + &unit + &rest;
            if let Ok(duration) = any(&text) {
                proptest::prop_assert!(duration <= LONGEST, "{text}: {duration:?}");
                let _ = brief(duration);
            }
        }
    }
}
