//! The parser of the command line, and of the variables that stand for options.

use std::env;
use std::ffi::OsString;

use clap::builder::StyledStr;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches, Command, CommandFactory as _, FromArgMatches as _};
use jobwait::text::safe;

use super::{Args, Output, PaceArgs, advice, values};
use crate::exit;
use crate::stream::{READ, Stream};

/// The pairs of options that exclude each other. An option beats the variable of the other one.
const EXCLUSIVE: [(&str, &str, &str); 6] = [
    (
        "job_ids",
        "instance",
        "job IDs wait for these tasks and --instance for all tasks of an instance: use only one of them",
    ),
    (
        "idle",
        "any",
        "--idle waits until nothing is in progress and --any ends with the first success: use only one of \
         them",
    ),
    ("once", "timeout", "--once polls once and --timeout waits: use only one of them"),
    (
        "any",
        "keep_going",
        "--any ends with the first success and --keep-going waits for all: use only one of them",
    ),
    (
        "print",
        "instance",
        "--print prints a value of one task and --instance may find several: use only one of them",
    ),
    ("print", "output", "--print prints a value of the task as text: use it without another --output"),
];

/// The variable of the address of the metadata service, for tests. It stands for no option.
const METADATA_ADDRESS: &str = "JOBWAIT_METADATA_ADDRESS";

/// The options that select tasks of an instance.
const OF_AN_INSTANCE: [&str; 3] = ["task_name", "since", "idle"];

/// Clap's record of the values that were given, and where.
#[derive(Debug)]
pub(crate) struct Given {
    pub(crate) command: Command,
    pub(crate) matches: ArgMatches,
}

impl Given {
    /// Returns whether a value is from an option or a variable that is not set to no.
    pub(crate) fn contains(&self, id: &str) -> bool {
        self.source(id).is_some()
    }

    /// The name under which a value was given: the option, or its variable.
    pub(crate) fn origin(&self, id: &str) -> String {
        let option = id.replace('_', "-");
        match self.source(id) {
            Some(ValueSource::EnvVariable) => variable(&option),
            _ => format!("--{option}"),
        }
    }

    /// The record of the command, where the main command has its own.
    pub(crate) fn of_command(&self) -> Option<Self> {
        let (name, matches) = self.matches.subcommand()?;
        Some(Self { command: self.command.find_subcommand(name)?.clone(), matches: matches.clone() })
    }

    /// The source of a value that is not the default, wherever the default was given.
    fn choice(&self, id: &str) -> Option<ValueSource> {
        let is_text = matches!(self.matches.try_get_one(id), Ok(Some(&Output::Text)));
        self.source(id).filter(|_| !is_text)
    }

    fn source(&self, id: &str) -> Option<ValueSource> {
        let is_off = matches!(self.matches.try_get_one(id), Ok(Some(&false)));
        self.matches.value_source(id).filter(|source| *source != ValueSource::DefaultValue && !is_off)
    }
}

/// Parses the command line.
///
/// # Errors
///
/// A request for the help or the version, or an error in the usage; see [`print`].
pub(crate) fn parse(words: impl Iterator<Item = OsString>) -> Result<(Args, Given), clap::Error> {
    let words: Vec<OsString> = words.collect();
    let names_instance = names_instance(&words);
    let read = |ignored: &[&str]| {
        // Clap would show a conditional requirement as an optional argument.
        let mut command = command(ignored).mut_arg("job_ids", |arg| arg.required(!names_instance));
        command.try_get_matches_from_mut(&words).map(|matches| Given { command, matches })
    };
    let mut given = read(&[]).map_err(|error| with_advice(with_variable(error, read), &words))?;
    let mut ignored = Vec::new();
    for (first, second, message) in EXCLUSIVE {
        match (given.choice(first), given.choice(second)) {
            (Some(one), Some(other)) if one == other => {
                return Err(given.command.error(ErrorKind::ArgumentConflict, message));
            }
            (Some(ValueSource::CommandLine), Some(_)) => ignored.push(second),
            (Some(_), Some(_)) => ignored.push(first),
            _ => continue,
        }
        given = read(&ignored).map_err(|error| with_advice(error, &words))?;
    }
    // Their variables may be meant for other waits.
    let on_command_line = |id: &&str| given.source(id) == Some(ValueSource::CommandLine);
    if let Some(id) = OF_AN_INSTANCE.iter().copied().find(on_command_line)
        && !given.contains("instance")
    {
        let option = id.replace('_', "-");
        let message = format!("--{option} selects tasks of an instance: use it with --instance");
        return Err(given.command.error(ErrorKind::MissingRequiredArgument, message));
    }
    let mut args = Args::from_arg_matches(&given.matches)?;
    match &mut args.command {
        None => yield_default(&mut args.wait.timing.pace, &given),
        Some(super::Command::Plan(plan)) => {
            given.of_command().iter().for_each(|given| yield_default(&mut plan.pace, given));
        }
        Some(_) => {}
    }
    Ok((args, given))
}

/// Adapts the default of one of the two intervals to the other one, if only that was given.
fn yield_default(pace: &mut PaceArgs, given: &Given) {
    match (given.contains("interval"), given.contains("max_interval")) {
        (true, false) => pace.max_interval = pace.max_interval.max(pace.interval),
        (false, true) => pace.interval = pace.interval.min(pace.max_interval),
        _ => {}
    }
}

/// Replaces clap's guess at what was meant by what a user of other tools probably meant.
fn with_advice(mut error: clap::Error, words: &[OsString]) -> clap::Error {
    let argument = error.get(ContextKind::InvalidArg).map(ToString::to_string);
    if let Some(advice) = advice::after(error.kind(), argument.as_deref(), words, &Args::command()) {
        error.remove(ContextKind::SuggestedArg);
        error.insert(ContextKind::Suggested, ContextValue::StyledStrs(vec![StyledStr::from(advice)]));
    }
    error
}

/// Returns whether an instance is named, by option or variable.
fn names_instance(words: &[OsString]) -> bool {
    let is_option = |word: &OsString| {
        word.to_str().is_some_and(|word| word == "--instance" || word.starts_with("--instance="))
    };
    words.iter().any(is_option) || env::var_os(variable("instance")).is_some_and(|value| !value.is_empty())
}

/// Names the variable in an error about its value, where clap names the option.
fn with_variable(
    mut error: clap::Error,
    read: impl Fn(&[&str]) -> Result<Given, clap::Error>,
) -> clap::Error {
    let option = |error: &clap::Error| {
        let arg = error.get(ContextKind::InvalidArg)?.to_string();
        let name = arg.strip_prefix("--")?.split(' ').next()?;
        Some(name.trim_end_matches('.').to_owned())
    };
    if let Some(name) = option(&error)
        && read(&[&name.replace('-', "_")]).err().as_ref().and_then(option).as_ref() != Some(&name)
    {
        error.insert(ContextKind::InvalidArg, ContextValue::String(variable(&name)));
    }
    error
}

/// The definition of the command line. Each option of a wait has a variable, and so has the same option of a
/// command.
fn command(ignored: &[&str]) -> Command {
    let command = Args::command();
    let options: Vec<String> = command.get_arguments().filter_map(Arg::get_long).map(str::to_owned).collect();
    let with_variable = |arg: Arg| {
        let option = arg.get_long().filter(|long| options.iter().any(|option| option == long));
        let Some(name) = option.map(variable).filter(|_| !ignored.contains(&arg.get_id().as_str())) else {
            return arg;
        };
        let arg = match arg.get_action() {
            ArgAction::SetTrue => arg.value_parser(values::yes_or_no),
            _ => arg,
        };
        // CI systems set variables to nothing where an input was left out.
        let is_empty = env::var_os(&name).is_some_and(|value| value.is_empty());
        if is_empty { arg } else { arg.env(name).hide_env(true) }
    };
    command.mut_args(with_variable).mut_subcommands(|command| command.mut_args(with_variable))
}

/// Returns a warning for each variable that looks like one of an option and is none.
pub(crate) fn unknown_variables() -> Vec<String> {
    let command = Args::command();
    let known: Vec<String> = command.get_arguments().filter_map(Arg::get_long).map(variable).collect();
    let names = env::vars_os().map(|(name, _)| name.to_string_lossy().into_owned());
    let unknown = names.filter(|name| name.starts_with("JOBWAIT_") && name != METADATA_ADDRESS);
    let mut unknown: Vec<String> = unknown.filter(|name| !known.contains(name)).collect();
    unknown.sort();
    let warning = |name: &String| {
        let nearest = advice::nearest(name, known.iter().map(String::as_str));
        let meant = nearest.map(|nearest| format!("; did you mean {nearest}?")).unwrap_or_default();
        format!("warning: the variable {} has no effect: there is no such option{meant}", safe(name, 60))
    };
    unknown.iter().map(warning).collect()
}

/// The variable of an option.
fn variable(option: &str) -> String {
    format!("JOBWAIT_{}", option.to_uppercase().replace('-', "_"))
}

/// Prints the help or the version on standard output, or an error on standard error, and returns the exit
/// code.
pub(crate) fn print(error: &clap::Error) -> u8 {
    if error.use_stderr() {
        let text = error.render().to_string();
        let lines: Vec<String> = text.lines().map(|line| safe(line, 1000).to_string()).collect();
        let text = lines.join("\n");
        // Its reader may be gone.
        let stderr = Stream::stderr();
        stderr.message(text.strip_prefix("error: ").unwrap_or(&text));
        stderr.finish(READ);
    } else {
        let _ = error.print();
    }
    u8::try_from(error.exit_code()).unwrap_or(exit::USAGE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_definition_is_sound() {
        command(&[]).debug_assert();
    }
}
