//! Shell completions, generated from the definition of the command line.

use clap::{Arg, Command, CommandFactory as _, ValueHint};
use clap_complete::Shell;

use crate::args::Args;
use crate::exit::Refusal;

pub(super) fn run(shell: Shell) -> Result<u8, Refusal> {
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut command(), "jobwait", &mut text);
    super::print(&text)
}

/// The part of the command line that a shell can complete. A job ID is no such part: in its place, zsh would
/// offer files instead of the commands.
fn command() -> Command {
    let full = Args::command();
    let options = full.get_arguments().filter(|arg| !arg.is_positional()).cloned();
    let commands = full.get_subcommands().cloned();
    Command::new("jobwait")
        .version(env!("CARGO_PKG_VERSION"))
        .disable_help_subcommand(true)
        .args(options.map(without_files))
        .subcommands(commands.map(|command| command.mut_args(without_files)))
}

/// Tells the shell that a value is no file, unless it is one.
fn without_files(arg: Arg) -> Arg {
    let takes_any_text = arg.get_action().takes_values() && arg.get_value_hint() == ValueHint::Unknown;
    if takes_any_text { arg.value_hint(ValueHint::Other) } else { arg }
}
