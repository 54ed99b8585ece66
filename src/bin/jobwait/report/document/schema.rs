//! The published schemas in `docs`, generated and compared. `UPDATE_DOCS=1 cargo test --bins schema` writes
//! them again.

use std::fs;
use std::path::Path;

use schemars::generate::SchemaSettings;
use schemars::transform::RecursiveTransform;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::json;

use super::{Document, Line};
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

/// The schema of the outcome of one task.
pub(super) fn outcomes(_: &mut SchemaGenerator) -> Schema {
    let mut names: Vec<&str> = WHOLE.map(Ending::name).into();
    names.dedup();
    names.push(Ending::Waiting.name());
    let description = "A task is waiting if it was undecided when another task ended the wait.";
    json_schema!({ "description": description, "enum": names })
}

/// Allows each outcome only with its exit codes.
pub(super) fn with_exit_codes(schema: &mut Schema) {
    let pairs = WHOLE.chunk_by(|one, other| one.name() == other.name()).map(|endings| {
        let codes: Vec<u8> = endings.iter().map(|ending| ending.code()).collect();
        json!({ "properties": { "outcome": { "const": endings[0].name() }, "exit_code": { "enum": codes } } })
    });
    schema.insert("oneOf".into(), pairs.collect());
}

#[track_caller]
fn is_published<T: JsonSchema>(name: &str) {
    // Strict validators refuse formats that they do not know, such as uint16.
    let without_format = RecursiveTransform(|schema: &mut Schema| drop(schema.remove("format")));
    let settings = SchemaSettings::draft2020_12().for_serialize().with_transform(without_format);
    let schema = settings.into_generator().into_root_schema_for::<T>();
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
