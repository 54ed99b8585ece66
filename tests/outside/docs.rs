//! The documents, compared with the program and with the files that they quote.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Options by their longest name, with their defaults.
type Options = BTreeMap<String, Option<String>>;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(document: &str) -> String {
    fs::read_to_string(root().join(document)).unwrap()
}

/// Returns the help of a command, or of the main command.
fn help(command: Option<&str>) -> String {
    let mut jobwait = Command::new(env!("CARGO_BIN_EXE_jobwait"));
    let output = jobwait.env_clear().args(command).arg("--help").output().unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// Returns the text between two markers.
fn between<'a>(text: &'a str, start: &str, end: &str) -> &'a str {
    let rest = text.split_once(start).unwrap_or_else(|| panic!("'{start}' is missing")).1;
    rest.split_once(end).unwrap_or_else(|| panic!("'{end}' is missing after '{start}'")).0
}

/// Returns the last of the option names at the start of a text: `--output` of `-o, --output <F>`.
fn option_name(text: &str) -> Option<&str> {
    let names = text.split_whitespace().take_while(|word| word.starts_with('-') && *word != "-");
    // An optional value follows in brackets.
    let name = names.last()?.trim_end_matches([',', '.']);
    Some(name.split('[').next().unwrap_or(name))
}

fn options_of_help(help: &str) -> Options {
    // Each entry begins with an option, which is indented by two to six columns. Its description is indented by more.
    let mut entries: Vec<String> = Vec::new();
    let mut inside = false;
    for line in help.lines().filter(|line| !line.trim().is_empty()) {
        let text = line.trim_start();
        match line.len() - text.len() {
            0 => inside = false,
            1..=6 if option_name(text).is_some() => {
                inside = true;
                entries.push(text.to_owned());
            }
            _ if inside => entries.last_mut().unwrap().extend([" ", text]),
            _ => {}
        }
    }
    let options = entries.iter().map(|entry| {
        let default = entry.split_once("[default:").map(|(_, rest)| rest.split_once(']').unwrap().0);
        (option_name(entry).unwrap().to_owned(), default.map(|default| default.trim().to_owned()))
    });
    options.filter(|(name, _)| !["--help", "--version"].contains(&name.as_str())).collect()
}

/// Returns the cells of the table rows that describe options.
fn option_rows(section: &str) -> Vec<Vec<&str>> {
    let rows = section.lines().filter(|line| line.starts_with("| `-"));
    rows.map(|row| row.trim_matches('|').split(" | ").map(str::trim).collect()).collect()
}

fn options_of_tables(section: &str) -> Options {
    let rows = option_rows(section);
    let options = rows.iter().map(|cells| {
        let default = match cells[cells.len() - 2] {
            "–" | "off" => None,
            cell => Some(cell.trim_matches('`').to_owned()),
        };
        (option_name(cells[0].trim_matches('`')).unwrap().to_owned(), default)
    });
    options.collect()
}

/// Returns the options that the sentences of a section name. Their defaults are those of the main command.
fn options_of_sentences(section: &str, main: &Options) -> Options {
    let sentences = section.lines().filter(|line| !line.starts_with('|'));
    let spans = sentences.flat_map(|line| line.split('`').skip(1).step_by(2));
    let names = spans.filter_map(option_name);
    names.map(|name| (name.to_owned(), main.get(name).cloned().flatten())).collect()
}

#[test]
fn the_options_and_their_defaults_are_documented() {
    let text = read("docs/options.md");
    let (main, commands) = text.split_once("\n## Commands\n").unwrap();
    let main_options = options_of_tables(main);
    assert!(main_options.len() > 20, "{main_options:?}");
    assert_eq!(main_options, options_of_help(&help(None)));

    for cells in option_rows(main) {
        let variable = match option_name(cells[0].trim_matches('`')).unwrap().strip_prefix("--") {
            Some(name) => format!("`JOBWAIT_{}`", name.to_uppercase().replace('-', "_")),
            None => "–".to_owned(),
        };
        assert_eq!(cells[1], variable, "{}", cells[0]);
    }

    let help_of_commands = help(None);
    let names = between(&help_of_commands, "\nCommands:\n", "\n\n").lines();
    let names: Vec<&str> = names.filter_map(|line| line.split_whitespace().next()).collect();
    let sections = commands.split("\n### `jobwait ").skip(1).map(|section| section.split_once('`').unwrap());
    let sections: Vec<(&str, &str)> = sections.collect();
    assert_eq!(sections.iter().map(|(name, _)| *name).collect::<Vec<_>>(), names);
    // The command that prints the help takes no options.
    for (name, section) in sections.into_iter().filter(|(name, _)| *name != "help") {
        assert!(main.contains(&format!("\njobwait {name} ")), "{name} is missing in the list of commands");
        let mut options = options_of_sentences(section, &main_options);
        options.extend(options_of_tables(section));
        assert_eq!(options, options_of_help(&help(Some(name))), "{name}");
    }
}

/// Returns the exit codes at the starts of these lines.
fn codes<'a>(lines: impl Iterator<Item = &'a str>) -> Vec<u8> {
    let codes = |line: &'a str| {
        line.split_whitespace().map_while(|word| word.trim_end_matches(',').parse::<u8>().ok())
    };
    lines.flat_map(codes).collect()
}

#[test]
fn the_exit_codes_are_the_same_everywhere() {
    let tables = ["README.md", "docs/output.md"].map(|document| {
        let text = read(document);
        let table = between(&text, "<!-- exit codes", "<!-- end of the exit codes -->");
        table.split_once("-->\n").unwrap().1.to_owned()
    });
    assert_eq!(tables[0], tables[1]);
    let documented = codes(tables[0].lines().map(|row| row.trim_start_matches('|')));
    assert!(documented.len() > 6, "{documented:?}");
    assert_eq!(documented, codes(between(&help(None), "\nExit codes:\n", "\n\n").lines()));
}

#[test]
fn the_readme_is_short() {
    let readme = read("README.md");
    assert!(readme.lines().count() <= 160, "{} lines", readme.lines().count());
    let long = |line: &&str| line.chars().count() > 120 && !line.starts_with("![");
    assert_eq!(readme.lines().find(long), None, "longer than 120 columns");
}

#[test]
fn the_hooks_in_the_readme_are_the_tested_files() {
    let readme = read("README.md");
    for (language, file) in [("hcl", "main.tf"), ("yaml", "github-oidc.yml")] {
        let hook = read(&format!("examples/hooks/{file}"));
        assert!(readme.contains(&format!("```{language}\n{hook}```\n")), "{file} differs");
    }
}

/// Finds the Markdown files of the project.
fn documents() -> Vec<PathBuf> {
    let (mut documents, mut folders) = (Vec::new(), vec![root().to_owned()]);
    while let Some(folder) = folders.pop() {
        // Build directories have this file.
        if folder.join("CACHEDIR.TAG").exists() {
            continue;
        }
        for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
            let path = entry.path();
            if entry.file_type().unwrap().is_dir() {
                folders
                    .extend(Some(path).filter(|path| !path.ends_with(".git") && !path.ends_with("target")));
            } else if path.extension().is_some_and(|extension| extension == "md") {
                documents.push(path);
            }
        }
    }
    documents
}

/// Returns the anchors of the headings, as GitHub makes them.
fn anchors(text: &str) -> Vec<String> {
    let headings = text.lines().filter(|line| line.starts_with('#'));
    let anchor = |heading: &str| {
        let words = heading.trim_start_matches('#').trim().to_lowercase();
        let kept = words.chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c));
        kept.collect::<String>().replace(' ', "-")
    };
    headings.map(anchor).collect()
}

/// Returns the links of a document that lead to no file or heading.
fn broken_links(document: &Path, text: &str) -> Vec<String> {
    let links = text.split("](").skip(1).filter_map(|rest| Some(rest.split_once(')')?.0));
    let is_broken = |link: &&str| {
        let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
        let target =
            if file.is_empty() { document.to_owned() } else { document.parent().unwrap().join(file) };
        let has = |anchor: &str| {
            fs::read_to_string(&target).is_ok_and(|text| anchors(&text).iter().any(|known| known == anchor))
        };
        !target.exists() || !anchor.is_empty() && !has(anchor)
    };
    links.filter(|link| !link.contains("://")).filter(is_broken).map(str::to_owned).collect()
}

#[test]
fn relative_links_lead_to_a_file_and_a_heading() {
    let documents = documents();
    assert!(documents.len() > 10, "{documents:?}");
    for document in documents {
        let text = fs::read_to_string(&document).unwrap();
        assert_eq!(broken_links(&document, &text), Vec::<String>::new(), "{}", document.display());
    }
}

#[test]
fn broken_links_are_found() {
    let text = "[a](#exit-codes) [b](#exit) [c](LICENSE-MIT) [d](LICENSE) [e](docs/pace.md#the-rules) [f](docs/pace.md#rules)";
    let broken = broken_links(&root().join("README.md"), text);
    assert_eq!(broken, ["#exit", "LICENSE", "docs/pace.md#rules"]);
}

#[test]
fn options_are_read_from_any_form_of_help() {
    let help = "Usage: jobwait [OPTIONS]\n\nOptions:\n  -t, --timeout <D>\n          How long\n\n          [default:\n          60m]\n\n\
                \x20 -v...\n          -v is an option, and so is\n          --this one\n\nSection:\n      --any  Ends [default: x]\n  -h, --help  Help\n\
                Notes:\n  1. --token-file\n      - text: A value";
    let expected = [("--timeout", Some("60m")), ("-v", None), ("--any", Some("x"))];
    let expected: Options =
        expected.into_iter().map(|(name, value)| (name.into(), value.map(str::to_owned))).collect();
    assert_eq!(options_of_help(help), expected);
}

#[test]
fn the_hooks_with_an_identity_provider_hold_no_secret() {
    for file in ["github-oidc.yml", "gitlab-oidc.yml"] {
        let hook = read(&format!("examples/hooks/{file}"));
        assert!(
            !hook.contains("secrets.") && !hook.contains("SECRET_KEY") && !hook.contains("PASSWORD"),
            "{file}"
        );
        assert!(hook.contains("IDP_ID"), "{file}");
    }
}

/// A shell that stays in front of the wait would keep signals from it.
#[test]
fn hooks_replace_their_shell_by_the_wait() {
    for file in ["main.tf", "github-actions.yml", "gitlab-ci.yml", "github-oidc.yml", "gitlab-oidc.yml"] {
        let hook = read(&format!("examples/hooks/{file}"));
        let commands = hook.lines().filter(|line| line.contains("jobwait --"));
        let commands: Vec<&str> = commands.collect();
        assert_eq!(commands.len(), 1, "{file}");
        assert!(commands[0].contains("exec jobwait --"), "{file}: {}", commands[0]);
    }
}
