//! The commands.

mod completions;
mod demo;
mod list;
mod man;
mod plan;
mod schema;
mod simulate;
mod wait;

use std::io::{self, Write as _};

use jobwait::Clock;

use crate::args::{Args, Command, Given, unknown_variables};
use crate::exit::Refusal;
use crate::platform;
use crate::signals::Signals;
use crate::stream::Stream;

/// Runs the command and returns the exit code.
pub(crate) fn run(args: Args, given: &Given, clock: Clock, stderr: &Stream) -> Result<u8, Refusal> {
    let of_command = given.of_command();
    let given = of_command.as_ref().unwrap_or(given);
    if let None | Some(Command::List(_) | Command::Plan(_)) = &args.command {
        for warning in unknown_variables() {
            stderr.message(&warning);
        }
    }
    match args.command {
        None => block_on(async |signals| wait::run(args.wait, given, signals, clock, stderr).await),
        Some(Command::List(args)) => {
            block_on(async |signals| list::run(args, given, signals, clock, stderr).await)
        }
        Some(Command::Demo(args)) => block_on(async |signals| demo::run(&args, signals, clock, stderr).await),
        Some(Command::Simulate(args)) => block_on(async |signals| simulate::run(args, signals).await),
        Some(Command::Plan(args)) => plan::run(&args, given, stderr),
        Some(Command::Schema(args)) => schema::run(args.output),
        Some(Command::Completions(args)) => completions::run(args.shell),
        Some(Command::Man) => man::run(),
    }
}

/// Runs a command that can be ended by signals.
fn block_on(command: impl AsyncFnOnce(Signals) -> Result<u8, Refusal>) -> Result<u8, Refusal> {
    let runtime = platform::check_descriptors()
        .and_then(|()| tokio::runtime::Builder::new_current_thread().enable_all().build())
        .map_err(|error| Refusal(format!("cannot start: {error}")))?;
    let code = runtime.block_on(async {
        let signals =
            Signals::listen().map_err(|error| Refusal(format!("cannot listen for signals: {error}")))?;
        command(signals).await
    });
    // The exit does not wait for a blocking call that hangs.
    runtime.shutdown_background();
    code
}

/// Prints a text on standard output. A reader that has closed its end early has what it wants.
fn print(text: &[u8]) -> Result<u8, Refusal> {
    let mut stdout = io::stdout();
    match stdout.write_all(text).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Refusal(format!("cannot write to standard output: {error}")))
        }
        _ => Ok(0),
    }
}
