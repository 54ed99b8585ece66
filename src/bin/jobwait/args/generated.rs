//! What is made of the command line's definition: completions and the manual page.

use std::io;

use clap::CommandFactory as _;
use clap_complete::Shell;
use clap_mangen::Man;
use clap_mangen::roff::{Inline, Roff, roman};

use super::{Args, help};

/// The completions of a shell.
pub(crate) fn completions(shell: Shell) -> Vec<u8> {
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut Args::command(), "jobwait", &mut text);
    text
}

/// The manual page.
///
/// # Errors
///
/// None that can happen: it is written into memory.
pub(crate) fn manual() -> io::Result<Vec<u8>> {
    // All of it, whatever the short help leaves out.
    let whole = |arg: clap::Arg| arg.hide_short_help(false);
    let mut command = Args::command().mut_args(whole);
    command.build();
    let man = Man::new(command.clone());
    let mut page = Vec::new();
    man.render_title(&mut page)?;
    man.render_name_section(&mut page)?;
    man.render_synopsis_section(&mut page)?;
    man.render_description_section(&mut page)?;
    man.render_options_section(&mut page)?;
    let mut rest = Roff::new();
    rest.control("SH", ["COMMANDS"]);
    for command in command.get_subcommands_mut() {
        rest.control("SS", [format!("jobwait {}", command.get_name()).as_str()]);
        let help = command.clone().term_width(90).render_long_help().to_string();
        as_it_stands(&mut rest, &help);
    }
    for (title, lines) in help::SECTIONS {
        rest.control("SH", [title.to_uppercase().as_str()]);
        as_it_stands(&mut rest, lines);
    }
    rest.to_writer(&mut page)?;
    man.render_version_section(&mut page)?;
    Ok(page)
}

fn as_it_stands(page: &mut Roff, text: &str) {
    page.control("nf", []);
    let lines: Vec<Inline> = text.lines().map(|line| roman(format!("{}\n", line.trim_end()))).collect();
    page.text(lines);
    page.control("fi", []);
}
