//! The format of documents and events, as the readers of other versions see it.

use serde_json::{Value, json};

use super::support::child::at;
use super::support::schema::{Schema, for_each_object, read};
use super::support::server::Server;
use super::support::{NOT_FOUND, SUCCESS, failed, running};

/// Returns the document and the events of waits of every kind.
fn printed() -> (Vec<Value>, Vec<Value>) {
    let (going, bad) = (running("40%"), failed("disk full"));
    let runs: [&[(u16, &str)]; 4] = [
        &[(400, NOT_FOUND), (200, &going), (503, "busy"), (200, SUCCESS)],
        &[(200, &going), (200, &bad)],
        &[(401, "{}")],
        &[(404, "{}")],
    ];
    let run = |answers: &[(u16, &str)], output: &str| {
        at(&Server::answers(answers.iter().copied()).url()).args(["-o", output]).run()
    };
    let documents = runs.map(|answers| run(answers, "json").json());
    (documents.into(), runs.iter().flat_map(|answers| run(answers, "jsonl").events()).collect())
}

/// Returns a value with more fields in every object of the program. The service's own object stays as it is.
fn extended(value: &Value) -> Value {
    let mut value = value.clone();
    let add = |object: &mut Value| {
        if let Value::Object(fields) = object {
            fields.insert("a_field_of_a_later_version".into(), json!({"any": ["value"]}));
        }
    };
    add(&mut value);
    add(&mut value["error"]);
    for job in value["jobs"].as_array_mut().into_iter().flatten() {
        add(job);
        add(&mut job["error"]);
    }
    value
}

#[test]
fn readers_accept_fields_events_and_outcomes_that_they_do_not_know() {
    let [result, events] =
        ["result", "events"].map(|name| Schema::new(read(&format!("docs/{name}.schema.json"))));
    let (documents, lines) = printed();
    for (schema, values) in [(&result, &documents), (&events, &lines)] {
        for value in values {
            assert_eq!(schema.error(value), None);
            assert_eq!(schema.error(&extended(value)), None);
        }
    }
    let mut later = documents[0].clone();
    later["outcome"] = json!("suspended");
    later["exit_code"] = json!(7);
    later["jobs"][0]["outcome"] = json!("suspended");
    later["format_version"] = json!("1.12");
    assert_eq!(result.error(&later), None);
    let mut later = lines[0].clone();
    later["event"] = json!("searching");
    assert_eq!(events.error(&later), None);
}

#[test]
fn the_schemas_still_reject_what_is_wrong() {
    let [result, events] =
        ["result", "events"].map(|name| Schema::new(read(&format!("docs/{name}.schema.json"))));
    let (documents, lines) = printed();
    for (field, wrong) in [("exit_code", json!(1)), ("format_version", json!("2.0")), ("jobs", json!(null))] {
        let mut document = documents[0].clone();
        document[field] = wrong;
        assert!(result.error(&document).is_some(), "{document}");
    }
    for (field, wrong) in [("time", json!(1)), ("elapsed_seconds", json!(-1)), ("job_id", json!(["x"]))] {
        for line in &lines {
            let mut line = line.clone();
            line[field] = wrong.clone();
            assert!(events.error(&line).is_some(), "{line}");
        }
    }
}

/// The schemas from before the format had a version were closed. A reader that ignores fields and events that it does not
/// know reads today's output by them.
#[test]
fn a_reader_from_before_the_first_version_reads_todays_output() {
    let [result, events] = ["result", "events"].map(|name| {
        let mut schema = read(&format!("tests/outside/formats/unversioned.{name}.schema.json"));
        for_each_object(&mut schema, &mut |object| {
            if object.get("additionalProperties") == Some(&json!(false)) {
                object.remove("additionalProperties");
            }
        });
        Schema::new(schema)
    });
    let (documents, lines) = printed();
    for document in &documents {
        assert_eq!(result.error(document), None);
    }
    for line in lines.iter().filter(|line| line["event"] != "version") {
        assert_eq!(events.error(line), None);
    }
}

#[test]
fn every_event_has_its_time_in_utc() {
    let (_, lines) = printed();
    let mut times: Vec<&str> = Vec::new();
    for line in &lines[..5] {
        let time = line["time"].as_str().unwrap();
        assert_eq!(time.len(), "2026-01-02T03:04:05.678Z".len(), "{line}");
        assert!(time.starts_with("20") && time.ends_with('Z') && &time[10..11] == "T", "{line}");
        times.push(time);
    }
    assert!(times.is_sorted(), "{times:?}");
}
