//! The published schemas of the output.

use std::fs;
use std::sync::LazyLock;

use boon::{Compiler, SchemaIndex, Schemas};
use serde_json::{Value, json};

/// The schema of a document or an event.
pub struct Schema(Schemas, SchemaIndex);

impl Schema {
    /// Compiles a schema.
    pub fn new(schema: Value) -> Self {
        const NAME: &str = "file:///schema.json";
        let (mut schemas, mut compiler) = (Schemas::new(), Compiler::new());
        compiler.add_resource(NAME, schema).unwrap();
        let index = compiler.compile(NAME, &mut schemas).unwrap();
        Self(schemas, index)
    }

    /// Returns the reason why a value does not fit.
    pub fn error(&self, value: &Value) -> Option<String> {
        self.0.validate(value, self.1).err().map(|error| format!("{error:#}\nin {value}"))
    }

    #[track_caller]
    fn fits(&self, value: &Value) {
        if let Some(error) = self.error(value) {
            panic!("{error}");
        }
    }
}

/// Reads a schema from a file of this repository.
pub fn read(file: &str) -> Value {
    let path = format!("{}/{file}", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

/// Calls a function with each object in a schema.
pub fn for_each_object(schema: &mut Value, change: &mut impl FnMut(&mut serde_json::Map<String, Value>)) {
    match schema {
        Value::Object(object) => {
            change(object);
            object.values_mut().for_each(|value| for_each_object(value, change));
        }
        Value::Array(values) => values.iter_mut().for_each(|value| for_each_object(value, change)),
        _ => {}
    }
}

/// Reads a published schema and closes it: the program prints no field, event or outcome that is not published.
fn closed(name: &str) -> Schema {
    let mut schema = read(&format!("docs/{name}.schema.json"));
    for_each_object(&mut schema, &mut |object| {
        if object.get("type") == Some(&json!("object")) && object.contains_key("properties") {
            object.insert("additionalProperties".into(), json!(false));
        }
        if let Some(Value::Array(events)) = object.get_mut("oneOf") {
            events.retain(|event| event["properties"]["event"].get("not").is_none());
        }
        if let Some(names) = object.get("examples").filter(|names| names.is_array()).cloned() {
            object.insert("enum".into(), names);
        }
    });
    Schema::new(schema)
}

/// Checks the document of `--output json`.
#[track_caller]
pub fn result(document: &Value) {
    static SCHEMA: LazyLock<Schema> = LazyLock::new(|| closed("result"));
    SCHEMA.fits(document);
}

/// Checks a line of `--output jsonl`.
#[track_caller]
pub fn event(line: &Value) {
    static SCHEMA: LazyLock<Schema> = LazyLock::new(|| closed("events"));
    SCHEMA.fits(line);
}
