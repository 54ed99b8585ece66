//! The published schemas in `docs`, generated and compared. `UPDATE_DOCS=1 cargo test --bins schema` writes
//! them again.

use std::borrow::Cow;
use std::fs;
use std::path::Path;

use schemars::generate::SchemaSettings;
use schemars::transform::RecursiveTransform;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::{Value, json};

use super::{Document, Line, Time};
use crate::exit::Ending;
use crate::signals::Signal;

/// The endings of a whole wait.
const WHOLE: [Ending; 9] = [
    Ending::Completed,
    Ending::Failed,
    Ending::NotFound,
    Ending::Unauthorized,
    Ending::TimedOut,
    Ending::Unreachable,
    Ending::Interrupted(Signal::Hangup),
    Ending::Interrupted(Signal::Interrupt),
    Ending::Interrupted(Signal::Terminate),
];

/// The place of a published schema, which is its `$id`.
const FOLDER: &str = "https://raw.githubusercontent.com/jobwait/jobwait/main/docs";

/// The schema of the version of the format.
pub(super) fn format_version(_: &mut SchemaGenerator) -> Schema {
    let description = "The version of the format. Additions raise the number after the dot.";
    json_schema!({ "description": description, "type": "string", "pattern": r"^1\.[0-9]+$" })
}

impl JsonSchema for Time {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "time".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let description = "The time of the event, in UTC.";
        json_schema!({ "description": description, "type": "string", "format": "date-time" })
    }
}

/// The names of the endings of a whole wait.
fn names() -> Vec<&'static str> {
    let mut names: Vec<&str> = WHOLE.map(Ending::name).into();
    names.dedup();
    names
}

/// A name out of these, or one of a later version.
fn open(description: &str, names: &[&str]) -> Schema {
    let description = format!("{description} A later version may have more outcomes.");
    json_schema!({ "description": description, "type": "string", "examples": names })
}

/// The schema of the outcome of a whole wait.
pub(super) fn outcome(_: &mut SchemaGenerator) -> Schema {
    open("The outcome of the wait.", &names())
}

/// The schema of the outcome of one task.
pub(super) fn outcome_of_a_task(_: &mut SchemaGenerator) -> Schema {
    let names = [names(), vec![Ending::Waiting.name()]].concat();
    open("A task is waiting if it was undecided when another task ended the wait.", &names)
}

/// Allows each known outcome only with its exit codes.
pub(super) fn with_exit_codes(schema: &mut Schema) {
    let pairs = WHOLE.chunk_by(|one, other| one.name() == other.name()).map(|endings| {
        let codes: Vec<u8> = endings.iter().map(|ending| ending.code()).collect();
        json!({
            "if": { "properties": { "outcome": { "const": endings[0].name() } } },
            "then": { "properties": { "exit_code": { "enum": codes } } },
        })
    });
    schema.insert("allOf".into(), pairs.collect());
}

/// Allows events of later versions.
pub(super) fn with_later_events(schema: &mut Schema) {
    let events = schema.get_mut("oneOf").and_then(Value::as_array_mut).unwrap();
    let known: Vec<Value> =
        events.iter().map(|event| event["properties"]["event"]["const"].clone()).collect();
    events.push(json!({
        "description": "An event of a later version.",
        "type": "object",
        "properties": {
            "event": { "type": "string", "not": { "enum": known } },
            "time": { "type": "string", "format": "date-time" },
            "job_id": { "type": ["string", "null"] },
            "elapsed_seconds": { "type": "number", "minimum": 0 },
        },
        "required": ["event", "time", "job_id", "elapsed_seconds"],
    }));
}

#[track_caller]
fn is_published<T: JsonSchema>(name: &str) {
    // Strict validators refuse formats that they do not know, such as uint16.
    let without_format = RecursiveTransform(|schema: &mut Schema| {
        if schema.get("format").is_some_and(|format| format != "date-time") {
            schema.remove("format");
        }
    });
    let settings = SchemaSettings::draft2020_12().for_serialize().with_transform(without_format);
    let mut schema = settings.into_generator().into_root_schema_for::<T>();
    schema.insert("$id".into(), format!("{FOLDER}/{name}").into());
    let text = serde_json::to_string_pretty(&schema).unwrap() + "\n";
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs").join(name);
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write(&path, &text).unwrap();
    }
    let published = fs::read_to_string(&path).unwrap();
    assert!(published == text, "{name} is out of date: UPDATE_DOCS=1 cargo test --bins schema");
}

#[test]
fn the_published_schema_of_the_result_is_up_to_date() {
    is_published::<Document<'_>>("result.schema.json");
}

#[test]
fn the_published_schema_of_the_events_is_up_to_date() {
    is_published::<Line<'_>>("events.schema.json");
}
