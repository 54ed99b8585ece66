//! The JSON schemas of the output, as published in `docs`.

use crate::args::Described;
use crate::exit::Refusal;

pub(super) fn run(output: Described) -> Result<u8, Refusal> {
    let schema = match output {
        Described::Result => include_str!("../../../../docs/result.schema.json"),
        Described::Events => include_str!("../../../../docs/events.schema.json"),
    };
    super::print(schema.as_bytes())
}
