//! The body of an error response, from the service or a gateway before it.

use serde::Deserialize;
use serde_json::value::RawValue;

/// The code, message and request ID of an error, in any of the forms that this family of services uses.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct ErrorBody {
    pub(crate) code: Option<String>,
    pub(crate) message: Option<String>,
    pub(crate) request_id: Option<String>,
}

/// The fields of interest. All others are skipped: a parsed tree of a 1 MiB body would take 100 MiB.
#[derive(Deserialize, Default)]
#[serde(default)]
struct Fields<'a> {
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

impl ErrorBody {
    pub(crate) fn read(body: &[u8]) -> Self {
        let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
        // A message in another encoding must not hide the code.
        let text = String::from_utf8_lossy(body);
        match serde_json::from_str::<Fields<'_>>(&text) {
            Ok(fields) if text.trim_start().starts_with('{') => {
                // IAM nests it: {"error": {"code", "message", "title"}}.
                let nested = fields.error.and_then(|error| serde_json::from_str(error.get()).ok());
                Self::of(&nested.unwrap_or(fields))
            }
            Ok(_) => Self::default(),
            Err(_) if is_json_of_another_form(&text) => Self::default(),
            Err(_) => Self { message: first_words(body), ..Self::default() },
        }
    }

    fn of(fields: &Fields<'_>) -> Self {
        let first = |values: &[Option<&RawValue>]| values.iter().copied().flatten().find_map(words);
        Self {
            code: first(&[fields.error_code, fields.error_code_in_camel_case, fields.err_code, fields.code]),
            message: first(&[
                fields.error_msg,
                fields.error_msg_in_camel_case,
                fields.error_message,
                fields.external_message,
                fields.message,
                fields.title,
            ]),
            request_id: first(&[fields.request_id, fields.request_id_in_camel_case]),
        }
    }
}

/// A non-blank string, or a number.
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

/// The first line of plain text, or the title of an HTML page.
fn first_words(body: &[u8]) -> Option<String> {
    if body.trim_ascii_start().starts_with(b"<") {
        return title(body);
    }
    let text = std::str::from_utf8(body).ok()?;
    text.lines().map(str::trim).find(|line| !line.is_empty()).map(str::to_owned)
}

/// The title of an HTML page.
pub(crate) fn title(body: &[u8]) -> Option<String> {
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

    fn read(text: &str) -> (Option<String>, Option<String>) {
        let body = ErrorBody::read(text.as_bytes());
        (body.code, body.message)
    }

    #[test]
    fn every_known_form_is_read() {
        for body in [
            r#"{"error_code": "X.1", "error_msg": "no"}"#,
            r#"{"errorCode": "X.1", "errorMsg": "no"}"#,
            r#"{"errorCode": "X.1", "errorMessage": "no"}"#,
            r#"{"code": "X.1", "message": "no"}"#,
            r#"{"error": {"code": "X.1", "message": "no", "title": "t"}}"#,
            r#"{"errCode": "X.1", "externalMessage": "no"}"#,
            "\u{feff}{\"error_code\": \"X.1\", \"error_msg\": \" no \"}",
        ] {
            assert_eq!(read(body), (Some("X.1".into()), Some("no".into())), "{body}");
        }
        assert_eq!(read(r#"{"error": {"code": 401}}"#), (Some("401".into()), None));
    }

    #[test]
    fn other_fields_do_not_hide_the_error() {
        for body in [
            r#"{"error_code": "X.1", "error_msg": "no", "extra": 1e999}"#,
            r#"{"error_code": "X.1", "error_msg": "no", "extra": {"error_msg": "yes", "deep": [[[{}]]]}}"#,
            r#"{"error_code": "X.1", "error_msg": "no", "message": null, "error": "odd", "code": {}}"#,
        ] {
            assert_eq!(read(body), (Some("X.1".into()), Some("no".into())), "{body}");
        }
        // The message is in GBK.
        let body = ErrorBody::read(b"{\"error_code\": \"DBS.200543\", \"error_msg\": \"\xc8\xce\xce\xf1\"}");
        assert_eq!(body.code.as_deref(), Some("DBS.200543"));
        assert_eq!(read("7"), (None, None));
        // An array could be read as a struct, by position.
        assert_eq!(
            read(r#"["e", "X.1", "no", "no", "no", "no", "no", "no", "no", "no", "no", "no", "no"]"#),
            (None, None)
        );
        assert_eq!(read(r#"{"code": -1, "message": true}"#), (Some("-1".into()), None));
    }

    #[test]
    fn the_gateways_request_id_is_read() {
        let body = ErrorBody::read(br#"{"error_code": "APIGW.0301", "request_id": "r-1"}"#);
        assert_eq!(body.request_id.as_deref(), Some("r-1"));
    }

    #[test]
    fn the_first_line_of_a_text_or_the_title_of_a_page_is_the_message() {
        assert_eq!(read("\n upstream timed out \nmore"), (None, Some("upstream timed out".into())));
        assert_eq!(
            read("<html><head><TITLE lang=en>502 Bad\nGateway</TITLE></head>…"),
            (None, Some("502 Bad\nGateway".into()))
        );
        for empty in ["", "[]", "null", "<html>", "<title>", r#"{"error_msg": "  "}"#] {
            assert_eq!(read(empty), (None, None), "{empty}");
        }
        assert_eq!(ErrorBody::read(b"\xff\xfe"), ErrorBody::default());
    }
}
