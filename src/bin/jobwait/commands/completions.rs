//! Shell completions, generated from the definition of the command line.

use clap::CommandFactory as _;
use clap_complete::Shell;

use crate::args::Args;
use crate::exit::Refusal;

pub(super) fn run(shell: Shell) -> Result<u8, Refusal> {
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut Args::command(), "jobwait", &mut text);
    super::print(&text)
}
