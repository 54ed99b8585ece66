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

use crate::args::{Args, Command, Given};
use crate::exit::Refusal;
use crate::platform;
use crate::signals::Signals;
use crate::stream::Stream;

/// Runs the command and returns the exit code.
pub(crate) fn run(args: Args, given: &Given, clock: Clock, stderr: &Stream) -> Result<u8, Refusal> {
    match args.command {
        None => block_on(async |signals| wait::run(args.wait, given, signals, clock, stderr).await),
        Some(Command::List(args)) => {
            let given = given.of_command().unwrap_or_else(|| unreachable!("the command is given"));
            block_on(async |signals| list::run(args, &given, signals, clock, stderr).await)
        }
        Some(Command::Demo(args)) => block_on(async |signals| demo::run(&args, signals, clock, stderr).await),
        Some(Command::Simulate(args)) => block_on(async |signals| simulate::run(args, signals).await),
        Some(Command::Plan(args)) => plan::run(&args, stderr),
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
