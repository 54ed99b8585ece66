//! Durations as people write them, and back.

use std::time::Duration;

use jobwait::Pace;

/// The service keeps a task for a month.
const LONGEST: Duration = Pace::LONGEST;

/// A duration of up to 30 days: `90s`, `5m`, `1h30m`; a bare number is seconds.
pub(crate) fn any(text: &str) -> Result<Duration, String> {
    let text = text.trim();
    if text.is_empty() {
        return Err("it is empty; the form is 90s, 5m or 1h30m".into());
    }
    if text.starts_with('-') {
        return Err("a duration is not negative".into());
    }
    // Humantime takes 30.44 days for a month: nobody who writes `1M` means that.
    let mut units = text.split(|c: char| !c.is_ascii_alphabetic()).filter(|unit| !unit.is_empty());
    if let Some(unit) = units.find(|unit| {
        matches!(*unit, "M" | "y")
            || unit.starts_with("month")
            || unit.starts_with("year")
            || *unit == "yr"
            || *unit == "yrs"
    }) {
        return Err(format!("'{unit}' is no unit here; m is minutes, and d is the longest"));
    }
    let duration = if text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') {
        let seconds = text.parse().map_err(|_| "it is not a number of seconds".to_owned())?;
        Duration::try_from_secs_f64(seconds).map_err(|_| too_long())?
    } else {
        humantime::parse_duration(text).map_err(|error| format!("{error}; the form is 90s, 5m or 1h30m"))?
    };
    if duration > LONGEST { Err(too_long()) } else { Ok(duration) }
}

/// A duration that is not zero.
pub(crate) fn positive(text: &str) -> Result<Duration, String> {
    any(text).and_then(|duration| if duration.is_zero() { Err("it is zero".into()) } else { Ok(duration) })
}

/// A deadline.
pub(crate) fn timeout(text: &str) -> Result<Duration, String> {
    any(text).and_then(|duration| {
        if duration.is_zero() {
            Err("zero is no deadline; to look once and exit, use --once".into())
        } else {
            Ok(duration)
        }
    })
}

/// A delay between polls.
pub(crate) fn interval(text: &str) -> Result<Duration, String> {
    any(text).and_then(|interval| {
        Pace::new(interval, LONGEST).map(|_| interval).map_err(|error| error.to_string())
    })
}

fn too_long() -> String {
    "more than 30 days is longer than the service keeps a task".into()
}

/// A duration for people: tenths below ten seconds, whole seconds above.
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
    fn what_is_no_duration_is_refused() {
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
    fn durations_are_shown_in_brief() {
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
        fn no_text_makes_a_panic_or_more_than_thirty_days(
            text in "[0-9.eE+-]{0,30} ?(ns|us|ms|s|m|min|h|hr|d|days|w|M|y|yr|years|month|x|µs)? ?[0-9a-zA-Zµ. -]{0,12}",
        ) {
            if let Ok(duration) = any(&text) {
                proptest::prop_assert!(duration <= LONGEST, "{text}: {duration:?}");
                let _ = brief(duration);
            }
        }
    }
}
