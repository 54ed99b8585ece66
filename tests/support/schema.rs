//! The published schemas of the output.

use std::sync::LazyLock;

use boon::{Compiler, SchemaIndex, Schemas};
use serde_json::Value;

/// A schema that is read once.
struct Schema(Schemas, SchemaIndex);

impl Schema {
    fn read(name: &str) -> Self {
        let file = format!("{}/docs/{name}.schema.json", env!("CARGO_MANIFEST_DIR"));
        let (mut schemas, mut compiler) = (Schemas::new(), Compiler::new());
        let index = compiler.compile(&file, &mut schemas).unwrap();
        Self(schemas, index)
    }

    #[track_caller]
    fn fits(&self, value: &Value) {
        if let Err(error) = self.0.validate(value, self.1) {
            panic!("{error:#}\nin {value}");
        }
    }
}

/// Checks the document of `--output json`.
#[track_caller]
pub fn result(document: &Value) {
    static SCHEMA: LazyLock<Schema> = LazyLock::new(|| Schema::read("result"));
    SCHEMA.fits(document);
}

/// Checks a line of `--output jsonl`.
#[track_caller]
pub fn event(line: &Value) {
    static SCHEMA: LazyLock<Schema> = LazyLock::new(|| Schema::read("events"));
    SCHEMA.fits(line);
}
