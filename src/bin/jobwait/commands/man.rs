//! The manual page, generated from the definition of the command line.

use std::io;

use clap::{Arg, CommandFactory as _};
use clap_mangen::Man;
use clap_mangen::roff::{Inline, Roff, roman};

use crate::args::{Args, help};
use crate::exit::Refusal;

pub(super) fn run() -> Result<u8, Refusal> {
    let page = page().map_err(|error| Refusal(format!("cannot render the manual page: {error}")))?;
    super::print(&page)
}

fn page() -> io::Result<Vec<u8>> {
    let mut command = Args::command().mut_args(|arg: Arg| arg.hide_short_help(false));
    command.build();
    let man = Man::new(command.clone());
    let mut page = Vec::new();
    man.render_title(&mut page)?;
    man.render_name_section(&mut page)?;
    man.render_synopsis_section(&mut page)?;
    man.render_description_section(&mut page)?;
    man.render_options_section(&mut page)?;
    let mut sections = Roff::new();
    sections.control("SH", ["COMMANDS"]);
    for command in command.get_subcommands_mut() {
        sections.control("SS", [format!("jobwait {}", command.get_name()).as_str()]);
        let help = command.clone().term_width(90).render_long_help().to_string();
        verbatim(&mut sections, &help);
    }
    for (title, lines) in help::SECTIONS {
        sections.control("SH", [title.to_uppercase().as_str()]);
        verbatim(&mut sections, lines);
    }
    sections.to_writer(&mut page)?;
    man.render_version_section(&mut page)?;
    Ok(page)
}

/// Adds a text without filling its lines.
fn verbatim(page: &mut Roff, text: &str) {
    page.control("nf", []);
    let lines: Vec<Inline> = text.lines().map(|line| roman(format!("{}\n", line.trim_end()))).collect();
    page.text(lines);
    page.control("fi", []);
}
