//! One page of a list. Pure: a response in, rows out.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::fault::{Fault, FaultKind};
use crate::http::error_body::ErrorBody;
use crate::http::{Response, refusal};
use crate::job::TaskRow;
use crate::probe::Observation;
use crate::service::ListForm;

/// The rows of a page, and the number of rows of all pages.
#[derive(Debug)]
pub(super) struct Page {
    pub(super) rows: Vec<TaskRow>,
    pub(super) total: Option<usize>,
}

impl Page {
    /// Reads a page.
    ///
    /// # Errors
    ///
    /// The observation of a response that is not a page. A row that is not an object is left out.
    #[expect(clippy::result_large_err, reason = "the error is the observation of a poll")]
    pub(super) fn read(response: &Response, form: &ListForm) -> Result<Self, Observation> {
        if response.status != 200 {
            return Err(refusal::classify(response));
        }
        Self::parse(response.text_bytes(), form.rows).ok_or_else(|| {
            let message =
                format!("HTTP 200, but the response is not a list of tasks: no array '{}'", form.rows);
            let fault = Fault::new(FaultKind::Unreadable, message);
            Observation::transient(refusal::with_words(
                fault,
                response,
                ErrorBody::read(response.text_bytes()),
            ))
        })
    }

    fn parse(body: &[u8], rows: &str) -> Option<Self> {
        let mut json = serde_json::Deserializer::from_slice(body);
        let fields: BTreeMap<String, &RawValue> = Deserialize::deserialize(&mut json).ok()?;
        json.end().ok()?;
        let rows: Option<Vec<&RawValue>> = serde_json::from_str(fields.get(rows)?.get()).ok()?;
        let total = fields.get("total_count").and_then(|total| {
            let text = total.get().trim_matches('"');
            text.parse().ok()
        });
        Some(Self { rows: rows.unwrap_or_default().into_iter().filter_map(TaskRow::read).collect(), total })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(body: &str) -> Option<(usize, Option<usize>)> {
        Page::parse(body.as_bytes(), "jobs").map(|page| (page.rows.len(), page.total))
    }

    #[test]
    fn a_page_is_read_whatever_its_rows_contain() {
        for (body, read) in [
            (r#"{"jobs": [{"job_id": "a"}, 7, null, ["x"], {}], "total_count": 120}"#, Some((2, Some(120)))),
            (r#"{"jobs": [], "total_count": "3"}"#, Some((0, Some(3)))),
            (r#"{"jobs": null, "total_count": {}}"#, Some((0, None))),
            (r#"{"jobs": [{"job_id": "a", "job_id": 1}], "action_names": []}"#, Some((1, None))),
            (r#"{"jobs": {}}"#, None),
            (r#"{"job": {}}"#, None),
            ("[]", None),
            ("<html>", None),
            (r#"{"jobs": []} x"#, None),
            ("", None),
        ] {
            assert_eq!(parse(body), read, "{body}");
        }
    }
}
