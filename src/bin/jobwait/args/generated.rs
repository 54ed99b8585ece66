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
    let man = Man::new(Args::command());
    let mut page = Vec::new();
    man.render_title(&mut page)?;
    man.render_name_section(&mut page)?;
    man.render_synopsis_section(&mut page)?;
    man.render_description_section(&mut page)?;
    man.render_options_section(&mut page)?;
    man.render_subcommands_section(&mut page)?;
    for (title, lines) in help::SECTIONS {
        let mut section = Roff::new();
        section.control("SH", [title.to_uppercase().as_str()]);
        // As it stands.
        section.control("nf", []);
        let lines: Vec<Inline> = lines.lines().map(|line| roman(format!("{line}\n"))).collect();
        section.text(lines);
        section.control("fi", []);
        section.to_writer(&mut page)?;
    }
    man.render_version_section(&mut page)?;
    Ok(page)
}
