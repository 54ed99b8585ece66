//! The dates in a response: `Retry-After`, and the `Date` against which it is read.

use std::time::Duration;

use jiff::Timestamp;
use jiff::fmt::rfc2822;
use reqwest::header::{DATE, HeaderMap, RETRY_AFTER};

/// Reads `Retry-After`, in seconds or as a date (RFC 9110, 10.2.3). Any other form and a
/// past date are ignored.
///
/// A date is compared with the `Date` of the response, so that a wrong clock on this machine does no harm.
/// `received` replaces a missing `Date`.
pub(super) fn read(headers: &HeaderMap, received: Timestamp) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return text.parse().ok().filter(|seconds| *seconds <= LONGEST).map(Duration::from_secs);
    }
    let until = date(text)?;
    let now = sent(headers).unwrap_or(received);
    Duration::try_from(until.duration_since(now)).ok()
}

/// The longest plausible delay in seconds: a year.
const LONGEST: u64 = 366 * 24 * 60 * 60;

/// Reads `Date`: the time at which the response was sent, by the server's clock.
pub(crate) fn sent(headers: &HeaderMap) -> Option<Timestamp> {
    date(headers.get(DATE)?.to_str().ok()?)
}

/// Parses a date of HTTP.
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
        // A leap year.
        assert_eq!(read_at("31622400", None, noon), Some(31_622_400));
        assert_eq!(read_at("31622401", None, noon), None);
        assert_eq!(read_at("Fri, 02 Jan 2026 12:00:30 GMT", None, noon), Some(30));
    }

    #[test]
    fn a_date_is_compared_with_the_clock_of_the_service() {
        let (until, now) = ("Fri, 02 Jan 2026 12:00:30 GMT", "Fri, 02 Jan 2026 12:00:00 GMT");
        assert_eq!(read_at(until, Some(now), "2031-01-01T00:00:00Z"), Some(30));
        assert_eq!(read_at(until, Some("soon"), "2026-01-02T12:00:20Z"), Some(10));
    }

    /// Covers H11.
    #[test]
    fn values_that_make_no_sense_are_ignored() {
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
