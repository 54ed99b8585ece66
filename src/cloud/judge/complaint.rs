//! What the service, or whatever stands before it, says went wrong.

use serde::Deserialize;
use serde_json::value::RawValue;

/// An error answer's own words, in any of the forms that this family of services uses.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Complaint {
    pub(super) code: Option<String>,
    pub(super) message: Option<String>,
    pub(super) request_id: Option<String>,
}

/// What is read of an error answer. All else is skipped, not kept: a megabyte of it would take a hundred.
#[derive(Deserialize, Default)]
#[serde(default)]
struct Said<'a> {
    #[serde(borrow)]
    error: Option<&'a RawValue>,
    #[serde(borrow)]
    error_code: Option<&'a RawValue>,
    #[serde(borrow, rename = "errorCode")]
    error_code_in_camel_case: Option<&'a RawValue>,
    #[serde(borrow, rename = "errCode")]
    err_code: Option<&'a RawValue>,
    #[serde(borrow)]
    code: Option<&'a RawValue>,
    #[serde(borrow)]
    error_msg: Option<&'a RawValue>,
    #[serde(borrow, rename = "errorMsg")]
    error_msg_in_camel_case: Option<&'a RawValue>,
    #[serde(borrow, rename = "errorMessage")]
    error_message: Option<&'a RawValue>,
    #[serde(borrow, rename = "externalMessage")]
    external_message: Option<&'a RawValue>,
    #[serde(borrow)]
    message: Option<&'a RawValue>,
    #[serde(borrow)]
    title: Option<&'a RawValue>,
    #[serde(borrow)]
    request_id: Option<&'a RawValue>,
    #[serde(borrow, rename = "requestId")]
    request_id_in_camel_case: Option<&'a RawValue>,
}

impl Complaint {
    pub(super) fn read(body: &[u8]) -> Self {
        let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
        // A message in another coding must not hide the code beside it.
        let text = String::from_utf8_lossy(body);
        match serde_json::from_str::<Said<'_>>(&text) {
            Ok(said) if text.trim_start().starts_with('{') => {
                // IAM nests it: {"error": {"code", "message", "title"}}.
                let nested = said.error.and_then(|error| serde_json::from_str(error.get()).ok());
                Self::of(&nested.unwrap_or(said))
            }
            Ok(_) => Self::default(),
            Err(_) if is_json_of_another_form(&text) => Self::default(),
            Err(_) => Self { message: first_words(body), ..Self::default() },
        }
    }

    fn of(said: &Said<'_>) -> Self {
        let first = |values: &[Option<&RawValue>]| values.iter().copied().flatten().find_map(words);
        Self {
            code: first(&[said.error_code, said.error_code_in_camel_case, said.err_code, said.code]),
            message: first(&[
                said.error_msg,
                said.error_msg_in_camel_case,
                said.error_message,
                said.external_message,
                said.message,
                said.title,
            ]),
            request_id: first(&[said.request_id, said.request_id_in_camel_case]),
        }
    }
}

/// A string that says something, or a number.
fn words(value: &RawValue) -> Option<String> {
    let value = value.get();
    if value.starts_with('"') {
        let text: String = serde_json::from_str(value).ok()?;
        return Some(text.trim()).filter(|text| !text.is_empty()).map(str::to_owned);
    }
    value.starts_with(|c: char| c == '-' || c.is_ascii_digit()).then(|| value.to_owned())
}

fn is_json_of_another_form(text: &str) -> bool {
    serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok() && !text.trim_start().starts_with('{')
}

/// Of plain text the first line, of a page its title.
fn first_words(body: &[u8]) -> Option<String> {
    if body.trim_ascii_start().starts_with(b"<") {
        return title(body);
    }
    let text = std::str::from_utf8(body).ok()?;
    text.lines().map(str::trim).find(|line| !line.is_empty()).map(str::to_owned)
}

/// The title of an HTML page.
pub(super) fn title(body: &[u8]) -> Option<String> {
    let page = String::from_utf8_lossy(body);
    let lower = page.to_ascii_lowercase();
    let start = lower.find("<title")?;
    let start = start + lower[start..].find('>')? + 1;
    let end = start + lower[start..].find("</title")?;
    Some(page[start..end].trim()).filter(|title| !title.is_empty()).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(body: &str) -> (Option<String>, Option<String>) {
        let complaint = Complaint::read(body.as_bytes());
        (complaint.code, complaint.message)
    }

    #[test]
    fn every_form_of_the_family_is_read() {
        for body in [
            r#"{"error_code": "X.1", "error_msg": "no"}"#,
            r#"{"errorCode": "X.1", "errorMsg": "no"}"#,
            r#"{"errorCode": "X.1", "errorMessage": "no"}"#,
            r#"{"code": "X.1", "message": "no"}"#,
            r#"{"error": {"code": "X.1", "message": "no", "title": "t"}}"#,
            r#"{"errCode": "X.1", "externalMessage": "no"}"#,
            "\u{feff}{\"error_code\": \"X.1\", \"error_msg\": \" no \"}",
        ] {
            assert_eq!(said(body), (Some("X.1".into()), Some("no".into())), "{body}");
        }
        assert_eq!(said(r#"{"error": {"code": 401}}"#), (Some("401".into()), None));
    }

    #[test]
    fn what_is_not_asked_for_hides_nothing() {
        for body in [
            r#"{"error_code": "X.1", "error_msg": "no", "extra": 1e999}"#,
            r#"{"error_code": "X.1", "error_msg": "no", "extra": {"error_msg": "yes", "deep": [[[{}]]]}}"#,
            r#"{"error_code": "X.1", "error_msg": "no", "message": null, "error": "odd", "code": {}}"#,
        ] {
            assert_eq!(said(body), (Some("X.1".into()), Some("no".into())), "{body}");
        }
        // GBK.
        let complaint =
            Complaint::read(b"{\"error_code\": \"DBS.200543\", \"error_msg\": \"\xc8\xce\xce\xf1\"}");
        assert_eq!(complaint.code.as_deref(), Some("DBS.200543"));
        assert_eq!(said("7"), (None, None));
        // Whose fields have no names.
        assert_eq!(
            said(r#"["e", "X.1", "no", "no", "no", "no", "no", "no", "no", "no", "no", "no", "no"]"#),
            (None, None)
        );
        assert_eq!(said(r#"{"code": -1, "message": true}"#), (Some("-1".into()), None));
    }

    #[test]
    fn the_gateways_request_id_is_read() {
        let complaint = Complaint::read(br#"{"error_code": "APIGW.0301", "request_id": "r-1"}"#);
        assert_eq!(complaint.request_id.as_deref(), Some("r-1"));
    }

    #[test]
    fn plain_text_and_pages_are_quoted_in_brief() {
        assert_eq!(said("\n upstream timed out \nmore"), (None, Some("upstream timed out".into())));
        assert_eq!(
            said("<html><head><TITLE lang=en>502 Bad\nGateway</TITLE></head>…"),
            (None, Some("502 Bad\nGateway".into()))
        );
        for empty in ["", "[]", "null", "<html>", "<title>", r#"{"error_msg": "  "}"#] {
            assert_eq!(said(empty), (None, None), "{empty}");
        }
        assert_eq!(Complaint::read(b"\xff\xfe"), Complaint::default());
    }
}
