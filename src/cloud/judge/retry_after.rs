//! How long the service asks to be left alone.

use std::time::Duration;

use jiff::Timestamp;
use jiff::fmt::rfc2822;
use reqwest::header::{DATE, HeaderMap, RETRY_AFTER};

/// `Retry-After` in seconds or as a date (RFC 9110, 10.2.3). What is neither is ignored, and so is what is past.
///
/// A date is read against the answer's own `Date`, so that a clock that goes wrong here does no harm;
/// `received` stands in where there is none.
pub(super) fn read(headers: &HeaderMap, received: Timestamp) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return text.parse().ok().filter(|seconds| *seconds <= SANEST).map(Duration::from_secs);
    }
    let until = date(text)?;
    let now = sent(headers).unwrap_or(received);
    Duration::try_from(until.duration_since(now)).ok()
}

/// A year. Whoever says more does not mean seconds.
const SANEST: u64 = 366 * 24 * 60 * 60;

/// When an answer was sent, by the clock of who sent it.
pub(in crate::cloud) fn sent(headers: &HeaderMap) -> Option<Timestamp> {
    date(headers.get(DATE)?.to_str().ok()?)
}

/// A date of HTTP.
fn date(text: &str) -> Option<Timestamp> {
    rfc2822::DateTimeParser::new().parse_timestamp(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use reqwest::header::HeaderValue;

    fn read_at(retry_after: &str, date: Option<&str>, received: &str) -> Option<u64> {
        let mut headers = HeaderMap::new();
        headers.insert(RETRY_AFTER, HeaderValue::from_str(retry_after).unwrap());
        if let Some(date) = date {
            headers.insert(DATE, HeaderValue::from_str(date).unwrap());
        }
        read(&headers, received.parse().unwrap()).map(|wait| wait.as_secs())
    }

    /// Covers H10.
    #[test]
    fn seconds_and_dates_are_read() {
        let noon = "2026-01-02T12:00:00Z";
        assert_eq!(read_at("120", None, noon), Some(120));
        assert_eq!(read_at(" 0 ", None, noon), Some(0));
        // A year, of the longest kind.
        assert_eq!(read_at("31622400", None, noon), Some(31_622_400));
        assert_eq!(read_at("31622401", None, noon), None);
        assert_eq!(read_at("Fri, 02 Jan 2026 12:00:30 GMT", None, noon), Some(30));
    }

    #[test]
    fn a_date_is_read_against_the_clock_of_the_service() {
        let (until, now) = ("Fri, 02 Jan 2026 12:00:30 GMT", "Fri, 02 Jan 2026 12:00:00 GMT");
        assert_eq!(read_at(until, Some(now), "2031-01-01T00:00:00Z"), Some(30));
        assert_eq!(read_at(until, Some("soon"), "2026-01-02T12:00:20Z"), Some(10));
    }

    /// Covers H11.
    #[test]
    fn what_makes_no_sense_is_ignored() {
        for bad in [
            "-1",
            "1.5",
            "100000000000000000000",
            "99999999999",
            "soon",
            "",
            "1e3",
            "Fri, 02 Jan 2026 11:59:59 GMT",
        ] {
            assert_eq!(read_at(bad, None, "2026-01-02T12:00:00Z"), None, "{bad}");
        }
    }
}
