//! Errors before any request: exit code 2, one sentence, nothing on standard output.

use super::support::child::{Run, at, bare};
use super::support::server::{Server, answer};
use super::support::{CANARY, ID, SUCCESS};

#[track_caller]
fn refused(run: Run, said: &[&str]) {
    let ended = run.run().expect(2, said[0]);
    assert!(ended.stdout.is_empty(), "{ended:?}");
    for words in said {
        assert!(ended.stderr.contains(words), "'{words}' is missing: {ended:?}");
    }
}

#[test]
fn options_out_of_range_are_rejected_with_name_and_value() {
    let server = Server::answers([(200, SUCCESS)]);
    for (option, value, why) in [
        ("--timeout", "0", "--once"),
        ("--timeout", "31d", "30 days"),
        ("--timeout", "-5", "negative"),
        ("--interval", "9ms", "10ms"),
        ("--interval", "1M", "the unit 'M' is not supported"),
        ("--max-interval", "5ms", "10ms"),
        ("--backoff", "0.9", "from 1 to 10"),
        ("--backoff", "10.1", "from 1 to 10"),
        ("--backoff", "NaN", "from 1 to 10"),
        ("--backoff", "fast", "from 1 to 10"),
        ("--jitter", "1", "below 1"),
        ("--jitter", "-0.1", "below 1"),
        ("--request-timeout", "0", "zero"),
        ("--heartbeat", "0s", "zero"),
        ("--expect", "0", "zero"),
        ("--expect", "2M", "the unit 'M' is not supported"),
        ("--not-found-grace", "2y", "the unit 'y' is not supported"),
        ("--output", "xml", "text"),
        ("--progress", "dots", "plain"),
        ("--language", "fr-fr", "en-us"),
        ("--log-format", "xml", "text"),
    ] {
        refused(at(&server.url()).args([option, value]), &[option, value, why]);
        let variable = format!("JOBWAIT_{}", option[2..].to_uppercase().replace('-', "_"));
        if !option.contains("interval") {
            refused(at(&server.url()).env(&variable, value), &[&variable, value, why]);
        }
    }
    refused(
        at(&server.url()).args(["--interval", "20s", "--max-interval", "15s"]),
        &["--interval", "20s", "15s"],
    );
    assert!(server.seen().is_empty());
}

/// Covers U7.
#[test]
fn a_default_interval_yields_to_the_other_one() {
    let server = Server::answers([(200, SUCCESS)]);
    for words in
        [&["--interval", "30s"][..], &["--max-interval", "500ms"], &["--interval=10ms", "--interval=2m"]]
    {
        plain(&server.url()).args(words.iter().copied()).run().expect(0, "completed");
    }
    plain(&server.url()).env("JOBWAIT_INTERVAL", "1h").run().expect(0, "completed");
    let plan = bare().args(["plan", "--interval", "1m", "-o", "json"]).run().expect(0, "");
    assert_eq!(plan.object()["worst_lag_seconds"], 60.0);
    refused(
        plain(&server.url()).env("JOBWAIT_INTERVAL", "1h").args(["--max-interval", "1m"]),
        &["JOBWAIT_INTERVAL and --max-interval", "3600s", "60s"],
    );
}

/// A wait without options for its pace.
fn plain(endpoint: &str) -> Run {
    bare().env("HW_AUTH_TOKEN", "t").env("HW_PROJECT_ID", "0a").args(["--endpoint", endpoint, ID])
}

/// Covers U7.
#[test]
fn a_variable_that_is_no_option_is_warned_about_with_the_nearest_name() {
    let server = Server::answers([(200, SUCCESS)]);
    let run = at(&server.url()).env("JOBWAIT_TIMOUT", CANARY).env("JOBWAIT_\u{1b}", "x");
    let ended = run.run().expect(0, "the variable JOBWAIT_TIMOUT has no effect");
    assert!(ended.stderr.contains("did you mean JOBWAIT_TIMEOUT?"), "{ended:?}");
    assert!(ended.stderr.contains("JOBWAIT_\\u{1b} has no effect: there is no such option\n"), "{ended:?}");
    let ended = at(&server.url()).env("JOBWAIT_TIMEOUT", "5s").run().expect(0, "");
    assert!(!ended.stderr.contains("no effect"), "{ended:?}");
}

/// Covers U7.
#[test]
fn a_yes_no_variable_takes_no_other_words() {
    let server = Server::answers([(503, "busy"), (200, SUCCESS)]);
    for (value, code) in
        [("1", 125), ("YES", 125), (" true ", 125), ("on", 125), ("off", 0), ("No", 0), (" ", 0)]
    {
        let server = Server::answers([(503, "busy"), (200, SUCCESS)]);
        let ended = at(&server.url()).env("JOBWAIT_ONCE", value).run();
        assert_eq!(ended.code, Some(code), "{value}: {ended:?}");
    }
    for value in ["nein", "y", "2", "truee"] {
        let run = at(&server.url()).env("JOBWAIT_INSECURE_HTTP", value);
        refused(run, &["JOBWAIT_INSECURE_HTTP", value, "expected 1, true, yes or on"]);
    }
    at(&server.url()).env("JOBWAIT_VERBOSE", "1").run().expect(0, "DEBUG");
    at(&server.url()).args(["--verbose"]).run().expect(0, "DEBUG");
    refused(at(&server.url()).env("JOBWAIT_VERBOSE", "loud"), &["JOBWAIT_VERBOSE", "loud"]);
    assert!(server.seen().len() <= 3);
}

/// Covers U7.
#[test]
fn words_of_other_tools_are_rejected_with_what_to_do() {
    let run = || at("http://127.0.0.1:9");
    refused(run().args(["--rate-limit", "0/5m"]), &["--rate-limit", "at least one request", "'none'"]);
    refused(run().env("JOBWAIT_TIMEOUT", "abc"), &["JOBWAIT_TIMEOUT", "'abc'", "expected a duration"]);
    refused(run().args(["-timeout", "5m"]), &["two dashes: '--timeout'"]);
    refused(run().args(["--json"]), &["--json", "'--output json'"]);
    refused(run().args(["--ak", CANARY]), &["--ak", "no secret is an option", "HW_ACCESS_KEY"]);
    refused(run().arg(format!("--token={CANARY}")), &["--token", "HW_AUTH_TOKEN"]);
    refused(run().args(["--cli-region", "r"]), &["--cli-region", "the option is '--region'"]);
    refused(run().args(["--instance-id", "x"]), &["'--instance <ID>'"]);
    refused(bare().stdin(ID), &["<JOB_ID>", "'-' reads IDs from standard input"]);
}

/// Covers U6.
#[test]
fn an_endpoint_with_an_empty_port_is_rejected() {
    for bad in ["http://127.0.0.1:", "https://h.example:/", "http://[::1]:", "http://127.0.0.1:0"] {
        refused(at(bad), &["--endpoint", bad, "the port is empty or 0"]);
    }
}

/// Covers U8.
#[test]
fn the_command_that_resumes_a_wait_can_be_pasted_whatever_the_id() {
    let server = Server::answers([(503, "busy")]);
    let run = bare().env("HW_AUTH_TOKEN", "t").env("HW_PROJECT_ID", "0a").args(["-t", "200ms"]);
    let ended =
        run.args(["--endpoint", &server.url(), "--", "-abc"]).run().expect(125, "to resume, run: jobwait ");
    let command =
        ended.stderr.lines().find_map(|line| line.split_once("to resume, run: jobwait ")).unwrap().1;
    assert!(command.ends_with(" -- -abc"), "{command}");
    let again = bare().env("HW_AUTH_TOKEN", "t").args(command.split(' '));
    again.run().expect(125, "-abc unreachable");
}

#[test]
fn missing_settings_are_reported_with_option_and_variable() {
    refused(bare(), &["<JOB_ID>"]);
    let with_token = || bare().env("HW_AUTH_TOKEN", "t");
    refused(with_token().args([ID]), &["--region", "HW_REGION_NAME", "--endpoint", "JOBWAIT_ENDPOINT"]);
    let endpoint = ["--endpoint", "http://127.0.0.1:9", ID];
    refused(with_token().args(endpoint), &["--project-id", "HW_PROJECT_ID"]);
    refused(with_token().args(endpoint).env("HW_PROJECT_ID", "a/b"), &["HW_PROJECT_ID", "'a/b'"]);
    refused(with_token().args(["--region", "a/b", ID]), &["--region", "invalid region 'a/b'"]);
    refused(with_token().args(["--service", "mysql", ID]), &["--service", "taurusdb"]);
}

#[test]
fn without_credentials_every_kind_of_them_is_listed_on_one_screen() {
    let ended = bare().args(["--region", "cn-north-4", ID]).run().expect(2, "no credentials");
    let mut rest = ended.stderr.as_str();
    for way in
        ["--token-file", "HW_ACCESS_KEY", "HW_USER_NAME", "--profile", "~/.huaweicloud/credentials", "ECS"]
    {
        rest = rest.split_once(way).unwrap_or_else(|| panic!("{way} is missing or misplaced: {ended:?}")).1;
    }
    assert!(ended.stderr.lines().count() < 20 && ended.stdout.is_empty(), "{ended:?}");
    assert!(ended.stderr.lines().all(|line| line.len() <= 100), "{ended:?}");
    refused(bare().args(["--region", "cn-north-4", ID]).env("HW_AUTH_TOKEN", ""), &["no credentials"]);
}

#[test]
fn the_first_variable_that_is_set_gives_the_project_and_the_token() {
    for (variables, project, token) in [
        (&[("OS_PROJECT_ID", "b2"), ("OS_AUTH_TOKEN", "t2")][..], "b2", "t2"),
        (
            &[
                ("HW_PROJECT_ID", "a1"),
                ("OS_PROJECT_ID", "b2"),
                ("HW_AUTH_TOKEN", "t1"),
                ("OS_AUTH_TOKEN", "t2"),
            ],
            "a1",
            "t1",
        ),
        (
            &[("HUAWEICLOUD_SDK_PROJECT_ID", "c3"), ("HW_PROJECT_ID", ""), ("HW_AUTH_TOKEN", " t1\n")],
            "c3",
            "t1",
        ),
        (&[("JOBWAIT_PROJECT_ID", "d4"), ("HW_PROJECT_ID", "a1"), ("HW_AUTH_TOKEN", "t1")], "d4", "t1"),
    ] {
        let server = Server::answers([(200, SUCCESS)]);
        let run = variables.iter().fold(bare(), |run, (name, value)| run.env(name, value));
        run.args(["--endpoint", &server.url(), ID]).run().expect(0, "");
        let seen = &server.seen()[0];
        assert!(seen.head.starts_with(&format!("GET /v3/{project}/jobs")), "{seen:?}");
        assert_eq!(seen.header("x-auth-token"), Some(token));
    }
}

#[test]
fn an_empty_variable_counts_as_unset() {
    let server = Server::answers([(200, SUCCESS)]);
    let run = ["TIMEOUT", "ENDPOINT", "OUTPUT", "ONCE", "TOKEN_FILE", "BACKOFF", "QUIET"]
        .iter()
        .fold(at(&server.url()), |run, name| run.env(&format!("JOBWAIT_{name}"), ""));
    run.run().expect(0, "completed");
}

#[test]
fn a_command_after_an_option_is_reported_as_misplaced() {
    refused(bare().args(["-q", "demo"]), &["'demo'", "must come before all options"]);
    let run = bare().env("HW_AUTH_TOKEN", "t").env("HW_PROJECT_ID", "0a").args([
        "--endpoint",
        "http://127.0.0.1:9",
        "--",
        "--",
    ]);
    refused(run, &["<JOB_ID>", "invalid job ID '--': no letter"]);
}

#[test]
fn a_variable_can_turn_a_flag_off() {
    let server = Server::answers([(503, "busy"), (200, SUCCESS)]);
    at(&server.url()).env("JOBWAIT_QUIET", "false").env("JOBWAIT_ONCE", "0").run().expect(0, "busy");
}

#[test]
fn the_last_of_a_repeated_option_counts() {
    let server = Server::answers([(200, SUCCESS)]);
    at(&server.url()).args(["-o", "json", "-o", "text"]).run().expect(0, " completed ");
}

/// Covers A2.
#[test]
fn a_token_that_fits_no_header_is_rejected_without_being_printed() {
    let server = Server::answers([(200, SUCCESS)]);
    for bad in ["CANARY\rx", "CANARY\nx", "CANARY\u{e4}", " \n"] {
        let ended =
            at(&server.url()).env("HW_AUTH_TOKEN", bad).run().expect(2, "HW_AUTH_TOKEN: invalid token");
        assert!(!ended.stderr.contains("CANARY"), "{ended:?}");
    }
    let long = "t".repeat(64 * 1024);
    at(&server.url()).env("HW_AUTH_TOKEN", &long).run().expect(0, "");
    assert_eq!(server.seen()[0].header("x-auth-token"), Some(long.as_str()));
}

/// Covers A3.
#[test]
fn an_unreadable_token_file_is_named() {
    for (path, why) in [
        ("/no/such/file", "No such file"),
        ("/", "directory"),
        ("/dev/null", "empty"),
        ("/dev/zero", "longer than 1 MiB"),
    ] {
        refused(at("http://127.0.0.1:9").args(["--token-file", path]), &["--token-file", path, why]);
    }
    // A token in place of the name of its file.
    let token = CANARY.replace('/', "-");
    refused(at("http://127.0.0.1:9").args(["--token-file", &token]), &["--token-file", "very long name"]);
}

#[cfg(unix)]
/// Covers A3.
#[test]
fn a_token_file_that_everybody_can_read_causes_a_warning() {
    use std::os::unix::fs::PermissionsExt as _;

    let server = Server::answers([(200, SUCCESS)]);
    let path = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("open-{}", std::process::id()));
    std::fs::write(&path, CANARY).unwrap();
    for (mode, warns) in [(0o644, true), (0o600, false)] {
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        let ended = at(&server.url()).args(["--token-file", path.to_str().unwrap()]).run().expect(0, "");
        assert_eq!(ended.stderr.contains("everybody on this machine can read "), warns, "{ended:?}");
    }
    std::fs::remove_file(path).unwrap();
}

#[test]
fn the_token_can_come_from_standard_input() {
    let server = Server::answers([(200, SUCCESS)]);
    at(&server.url()).args(["--token-file", "-"]).stdin("from-stdin\n").run().expect(0, "");
    assert_eq!(server.seen()[0].header("x-auth-token"), Some("from-stdin"));
}

/// Covers A4.
#[test]
fn plain_http_to_another_machine_needs_an_option() {
    refused(at("http://jobs.invalid"), &["--endpoint", "http://jobs.invalid", "unencrypted"]);
    let run = at("http://jobs.invalid").args(["--insecure-http"]).timeout("100ms");
    assert_ne!(run.run().code, Some(2));
}

/// Covers A5.
#[test]
fn an_endpoint_with_more_than_an_address_is_rejected_without_being_printed() {
    for bad in [
        "https://user:SECRET@h.example",
        "https://h.example?SECRET",
        "https://h.example#SECRET",
        "h.example",
        "ftp://h.example",
    ] {
        let ended = at(bad).run().expect(2, "--endpoint");
        assert!(!ended.stderr.contains("SECRET") && ended.stdout.is_empty(), "{ended:?}");
    }
}

#[cfg(unix)]
/// Covers L8.
#[test]
fn arguments_that_are_not_unicode_are_rejected() {
    use std::os::unix::ffi::OsStrExt as _;

    let odd = std::ffi::OsStr::from_bytes(b"a\xff");
    refused(bare().arg(odd), &["UTF-8"]);
    refused(at("http://127.0.0.1:9").arg("--project-id").arg(odd), &["UTF-8"]);
}

#[test]
fn help_and_version_go_to_standard_output() {
    let help = bare().args(["--help"]).run().expect(0, "Usage: jobwait");
    for code in ["  0 ", "  1 ", "  2 ", "  3 ", "  4 ", "124 ", "125 ", "129, 130, 143"] {
        assert!(help.stdout.contains(code), "{code} is missing");
    }
    bare().args(["-h"]).run().expect(0, "Usage: jobwait");
    bare().args(["--version"]).run().expect(0, concat!("jobwait ", env!("CARGO_PKG_VERSION")));
}

#[test]
fn help_is_also_a_command() {
    for (command, option) in [(&["help"][..], &["--help"][..]), (&["help", "list"], &["list", "--help"])] {
        let [command, option] =
            [command, option].map(|args| bare().each(args).run().expect(0, "Usage: jobwait"));
        assert_eq!(command.stdout, option.stdout);
        assert!(command.stderr.is_empty(), "{command:?}");
    }
    refused(bare().args(["help", "nothing"]), &["nothing"]);
    refused(bare().args(["-q", "help"]), &["run 'jobwait --help'"]);
}

#[test]
fn the_published_schemas_are_printed() {
    for name in ["result", "events"] {
        let file = format!("{}/docs/{name}.schema.json", env!("CARGO_MANIFEST_DIR"));
        let printed = bare().args(["schema", name]).run().expect(0, "");
        assert_eq!(printed.stdout, std::fs::read_to_string(file).unwrap());
    }
    refused(bare().args(["schema", "list"]), &["list", "result", "events"]);
}

#[test]
fn the_short_help_fits_a_screen_and_the_long_one_has_examples() {
    let short = bare().args(["-h"]).run().expect(0, "--help").stdout;
    let long = bare().args(["--help"]).run().expect(0, "Examples:").stdout;
    assert!(short.lines().count() < 60 && long.lines().count() > 120, "{short}");
    for group in ["Target:", "Credentials:", "Timing:", "Output:"] {
        assert!(short.contains(group) && long.contains(group), "{group}");
    }
    assert!(long.contains("--max-interval") && !short.contains("--max-interval"));
}

/// Covers U9.
#[test]
fn completions_offer_commands_first_and_files_only_where_a_file_is_meant() {
    let of = |shell| bare().args(["completions", shell]).run().expect(0, "").stdout;
    let zsh = of("zsh");
    let (before, _) = zsh.split_once("\":: :_jobwait_commands\"").unwrap();
    assert!(!before.contains("':"), "something is offered before the commands");
    for (option, action) in [
        ("--timeout=", ":DURATION:'"),
        ("--region=", ":REGION:'"),
        ("--token-file=", ":FILE:_files'"),
        ("--service=", ":SERVICE:(taurusdb rds gaussdb dds geminidb)'"),
    ] {
        let line = zsh.lines().find(|line| line.contains(option)).unwrap();
        assert!(line.contains(action), "{line}");
    }
    let fish = of("fish");
    for (option, end) in
        [("timeout", "-r -f"), ("region", "-r -f"), ("token-file", "-r -F"), ("ca-cert", "-r -F")]
    {
        let line = fish.lines().find(|line| line.contains(&format!(" -l {option} ")));
        assert!(line.unwrap().ends_with(end), "{line:?}");
    }
    assert!(fish.contains("-n \"__fish_jobwait_needs_command\" -f -a \"list\""));
}

#[test]
fn completions_include_commands_and_options() {
    for (shell, beginning) in
        [("bash", "_jobwait"), ("zsh", "#compdef jobwait"), ("fish", "jobwait"), ("powershell", "using")]
    {
        let text = bare().args(["completions", shell]).run().expect(0, beginning).stdout;
        for word in ["simulate", "max-interval", "token-file"] {
            assert!(text.contains(word), "{shell}: {word}");
        }
    }
    refused(bare().args(["completions", "tcsh"]), &["tcsh", "bash"]);
}

/// Skipped, with a message, without bash.
#[cfg(unix)]
#[test]
fn bash_completes_options() {
    let completions = bare().args(["completions", "bash"]).run().expect(0, "").stdout;
    let script = format!(
        "{completions}\nCOMP_WORDS=(jobwait --pro) COMP_CWORD=1\n_jobwait jobwait --pro jobwait\necho \"${{COMPREPLY[@]}}\""
    );
    match std::process::Command::new("bash").args(["-c", &script]).output() {
        Ok(output) => {
            let replies = String::from_utf8_lossy(&output.stdout).into_owned();
            assert!(replies.contains("--progress") && replies.contains("--project-id"), "{output:?}");
        }
        Err(_) => println!("skipped: there is no bash"),
    }
}

#[test]
fn the_manual_page_has_the_texts_of_the_help() {
    let page = bare().arg("man").run().expect(0, ".TH jobwait 1").stdout;
    for title in ["TARGET", "CREDENTIALS", "TIMING", "OUTPUT", "EXAMPLES", "\"EXIT CODES\"", "ENVIRONMENT"] {
        assert!(page.contains(&format!(".SH {title}")), "{title} is missing: {page}");
    }
    for (option, text) in [
        ("interval", "The first delay"),
        ("heartbeat", "at least this often"),
        ("language", "names and reasons"),
    ] {
        let (_, after) = page.rsplit_once(&format!("\\fB\\-\\-{option}\\fR")).unwrap();
        assert!(after[..120].contains(text), "--{option}: {}", &after[..120]);
    }
    assert!(page.contains("appear\\-after") && !page.contains("jobwait\\-demo(1)"), "{page}");
    assert!(page.contains("the deadline passed") && page.contains("\\-\\-max\\-interval"), "{page}");
}

#[test]
fn help_shows_no_values_of_variables() {
    let help = bare().env("JOBWAIT_ENDPOINT", CANARY).args(["--help"]).run().expect(0, "JOBWAIT_");
    assert!(!help.stdout.contains(CANARY));
}

#[test]
fn invalid_arguments_are_rejected_before_any_request() {
    let server = Server::acts([answer(200, SUCCESS)]);
    refused(at(&server.url()).args(["--no-such-option"]), &["--no-such-option"]);
    refused(at(&server.url()).args(["another id"]), &["another id"]);
    assert!(server.seen().is_empty());
}
