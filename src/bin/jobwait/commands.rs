//! The commands.

pub(crate) mod demo;
pub(crate) mod plan;
pub(crate) mod simulate;
