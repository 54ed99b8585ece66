//! The window of a quota, as the gateway names it in a 429.

use std::time::Duration;

/// Reads the window from a text such as "policy user over ratelimit,limit:200,time:5 minute".
pub(super) fn window(text: &str) -> Option<Duration> {
    let (_, rest) = text.split_once("limit:")?;
    let (_, rest) = rest.split_once("time:")?;
    let rest = rest.trim_start();
    let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    let number: u64 = rest[..digits].parse().ok()?;
    let unit = rest[digits..].trim_start();
    let unit = &unit[..unit.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(unit.len())];
    let seconds = match unit.to_ascii_lowercase().trim_end_matches('s') {
        "second" | "sec" => 1,
        "minute" | "min" => 60,
        "hour" => 60 * 60,
        "day" => 24 * 60 * 60,
        _ => return None,
    };
    // A day is the longest window of the gateway.
    number.checked_mul(seconds).filter(|window| (1..=24 * 60 * 60).contains(window)).map(Duration::from_secs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_window_of_a_quota_is_read_from_the_message() {
        for (text, seconds) in [
            ("policy user over ratelimit,limit:200,time:5 minute", Some(300)),
            ("policy user over ratelimit,limit:200,time:1 hour.", Some(3600)),
            ("HTTP 429: over,limit:10,time:15 second", Some(15)),
            ("limit:1,time:1day", Some(86_400)),
            ("limit:1,time:2 days", None),
            ("limit:1,time:0 minute", None),
            ("limit:1,time:5 moons", None),
            ("limit:1,time:", None),
            ("time:5 minute", None),
            ("limit:1,time:99999999999999999999 minute", None),
            ("Too Many Requests", None),
        ] {
            assert_eq!(window(text), seconds.map(Duration::from_secs), "{text}");
        }
    }
}
