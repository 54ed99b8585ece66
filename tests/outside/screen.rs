//! The progress on a terminal.

use super::support::child::{Run, at, bare};
use super::support::messages::RETRY;
use super::support::server::{Server, answer, asked_for};
use super::support::terminal::Terminal;
use super::support::{ID, SUCCESS, at_once, despite_noise, failed, running, wait_until};

/// A wait that sees a running task for a while.
fn wait(server: &Server) -> Run {
    at(&server.url()).args(["--interval", "150ms", "--max-interval", "150ms"])
}

fn at_work() -> Server {
    let at_work = running("40%");
    Server::start(move |n| if n < 6 { answer(200, &at_work) } else { answer(200, SUCCESS) })
}

#[test]
fn a_bar_is_redrawn_in_place_and_replaced_by_the_result() {
    despite_noise(|| {
        let terminal = Terminal::new(100);
        terminal.both(wait(&at_work())).run().expect(0, "");
        let (bytes, screen) = terminal.bytes();
        assert!(bytes.contains("40% Running  "), "{bytes:?}");
        assert!(bytes.contains(&format!("s elapsed, times out in 1h, {RETRY} 1s")), "{bytes:?}");
        assert!(bytes.contains('\r') && bytes.contains("\u{1b}[36m"), "{bytes:?}");
        let screen = screen.join("\n");
        assert!(screen.starts_with("jobwait: [0."), "{screen}");
        assert!(screen.contains("s] Running  CreateGaussDBforMySQLInstance of DO-NOT-TOUCH"), "{screen}");
        assert!(!screen.contains("elapsed"), "{screen}");
        assert_eq!(screen.matches(ID).count(), 1, "one result: {screen}");
        assert!(screen.contains(&format!("\n{ID} completed ")), "{screen}");
    });
}

#[test]
fn a_result_in_a_pipe_is_shown_on_the_terminal_too() {
    despite_noise(|| {
        at_once(["text", "json", "jsonl"], |form| {
            let terminal = Terminal::new(200);
            let ended = terminal.stderr(wait(&at_work())).args(["-o", form]).run().expect(0, "completed");
            let (_, screen) = terminal.bytes();
            assert!(screen.last().unwrap().starts_with(&format!("jobwait: {ID} completed ")), "{screen:?}");
            assert!(!ended.stdout.contains('\u{1b}'), "{ended:?}");
        });
    });
}

#[test]
fn options_and_the_environment_turn_the_bar_off() {
    type Case = (&'static [&'static str], &'static [(&'static str, &'static str)]);
    let cases: [Case; 6] = [
        (&[], &[("CI", "true")]),
        (&[], &[("TERM", "dumb")]),
        (&["--progress", "bar"], &[("TERM", "dumb")]),
        (&["--progress", "plain"], &[]),
        (&["-v"], &[]),
        (&["-q"], &[]),
    ];
    at_once(cases, |(options, variables)| {
        let terminal = Terminal::new(80);
        let run = terminal.stderr(wait(&at_work())).args(options.iter().copied());
        let run = variables.iter().fold(run, |run, (name, value)| run.env(name, value));
        run.run().expect(0, "completed");
        let (bytes, _) = terminal.bytes();
        assert!(
            !bytes.contains('\u{1b}') && !bytes.replace("\r\n", "").contains('\r'),
            "{options:?}: {bytes:?}"
        );
    });
}

#[test]
fn a_bar_in_ci_needs_an_option_and_no_color_is_honored() {
    let terminal = Terminal::new(80);
    let run = terminal.stderr(wait(&at_work())).env("NO_COLOR", "1").env("CI", "1");
    run.args(["--progress", "bar"]).run().expect(0, "completed");
    let (bytes, _) = terminal.bytes();
    assert!(bytes.contains("40% Running") && !bytes.contains("\u{1b}[36m"), "{bytes:?}");
}

/// Covers L6.
#[test]
fn the_bar_fits_one_line_at_any_width() {
    at_once([1, 20, 80, 300], |columns| {
        let terminal = Terminal::new(columns);
        terminal.stderr(wait(&at_work())).run().expect(0, "completed");
        let (bytes, _) = terminal.bytes();
        // The bar never wraps, and leaves room for a `^C`.
        let drawn = bytes.split("\u{1b}[2K").skip(1).map(|drawn| drawn.split('\n').next().unwrap());
        let bars: Vec<String> = drawn
            .map(without_sequences)
            .filter(|drawn| !drawn.starts_with("jobwait") && !drawn.starts_with(ID))
            .collect();
        assert!(bars.len() > 3, "{bytes:?}");
        let most = usize::from(columns).saturating_sub(3).max(1);
        assert!(bars.iter().all(|bar| bar.chars().count() <= most), "{columns}: {bars:?}");
    });
}

/// A terminal shows `^C` at the cursor.
#[test]
fn an_interrupted_bar_is_cleared() {
    despite_noise(|| {
        at_once([&[][..], &["two", "three"]], |ids| {
            let terminal = Terminal::new(80);
            let going = running("40%");
            // The responses are about another task than some requests, which does not matter to the bars.
            let server = Server::start(move |_| answer(200, &going));
            let running = terminal.both(wait(&server)).args(ids.iter().copied()).start();
            wait_until("the bar is drawn", || terminal.written().contains("elapsed"));
            terminal.echo("^C");
            running.signal("INT");
            running.end().expect(130, "");
            let (_, screen) = terminal.bytes();
            assert!(!screen.iter().any(|line| line.contains("elapsed")), "{screen:?}");
        });
    });
}

#[test]
fn events_on_a_terminal_turn_the_bar_off() {
    let terminal = Terminal::new(200);
    terminal.both(wait(&at_work())).args(["-o", "jsonl"]).run().expect(0, "");
    let (bytes, _) = terminal.bytes();
    assert!(!bytes.contains('\u{1b}') && bytes.contains(r#"{"event":"result""#), "{bytes:?}");
}

#[test]
fn an_error_is_printed_once_above_the_bar() {
    despite_noise(|| {
        let at_work = running("40%");
        let server = Server::start(move |n| match n {
            0 | 3 => answer(200, &at_work),
            1 | 2 => answer(503, ""),
            _ => answer(200, &failed("The disk is full.")),
        });
        let terminal = Terminal::new(200);
        terminal.both(wait(&server)).run().expect(1, "");
        let (bytes, screen) = terminal.bytes();
        let errors: Vec<&String> = screen.iter().filter(|line| line.contains("503")).collect();
        assert!(errors.len() == 1 && errors[0].contains(RETRY), "{screen:?}");
        assert!(bytes.contains("40% Running, no response"), "{bytes:?}");
        assert!(screen.last().unwrap().ends_with("The disk is full."), "{screen:?}");
    });
}

#[test]
fn several_tasks_have_a_bar_each_or_one_for_all_if_they_do_not_fit() {
    despite_noise(|| {
        let many: Vec<String> = (0..60).map(|n| format!("task-{n}")).collect();
        let few = ["one".to_owned(), "two".to_owned()];
        at_once([(&few[..], 40), (&many[..], 150)], |(ids, polls)| {
            let at_work = running("40%");
            let server = Server::by_id(move |n, head| {
                let id = asked_for(head);
                answer(200, &(if n < polls { at_work.as_str() } else { SUCCESS }).replace(ID, id))
            });
            let terminal = Terminal::new(120);
            let run = bare()
                .env("HW_AUTH_TOKEN", "t")
                .env("HW_PROJECT_ID", "0a")
                .args(["--endpoint", &server.url()]);
            let run = run.args(["--interval", "50ms", "--max-interval", "50ms", "--rate-limit", "none"]);
            terminal.both(run.args(ids.iter().map(String::as_str))).run().expect(0, "");
            let (bytes, screen) = terminal.bytes();
            let each = bytes.contains(&format!("{}… 40% Running", &ids[0][..ids[0].len().min(8)]));
            assert_eq!(each, ids.len() == 2, "{bytes:?}");
            assert!(bytes.contains(&format!(" of {} tasks completed; ", ids.len())), "{bytes:?}");
            // Each bar is a line of its own.
            let mut drawn = vt100::Parser::new(50, 120, 0);
            let half =
                bytes.floor_char_boundary(bytes.match_indices("tasks completed; ").nth(2).unwrap().0 + 40);
            drawn.process(&bytes.as_bytes()[..half]);
            let contents = drawn.screen().contents();
            let bars: Vec<&str> = contents.lines().filter(|line| line.contains("elapsed")).collect();
            let starts = |line: &&str| {
                line.starts_with("[===")
                    || line.starts_with(char::is_numeric)
                    || line.starts_with("one")
                    || line.starts_with("two")
            };
            assert!(!bars.is_empty() && bars.iter().all(starts), "{contents}");
            assert!(!screen.iter().any(|line| line.contains("elapsed")), "{screen:?}");
            assert_eq!(
                screen.iter().filter(|line| line.contains(" completed Create")).count().min(2),
                2,
                "{screen:?}"
            );
        });
    });
}

/// The demo is the first impression.
#[test]
fn the_demo_draws_its_bar() {
    let terminal = Terminal::new(100);
    terminal.both(bare().arg("demo")).run().expect(0, "");
    let (bytes, screen) = terminal.bytes();
    assert!(bytes.contains("==") && screen.iter().any(|line| line.contains(" completed ")), "{screen:?}");
}

/// The drawn text, without the sequences that move the cursor and set colors.
fn without_sequences(drawn: &str) -> String {
    let mut parts = drawn.split("\u{1b}[");
    let first = parts.next().unwrap_or_default().to_owned();
    let rest = parts.filter_map(|part| part.split_once(|c: char| c.is_ascii_alphabetic()));
    (first + &rest.map(|(_, text)| text).collect::<String>()).replace('\r', "")
}

/// Covers E16.
#[test]
fn a_wait_in_the_background_of_a_terminal_shows_lines() {
    // script(1) makes a terminal whose foreground is an interactive shell.
    let server = at_work();
    let options = "--interval 150ms --max-interval 150ms --insecure-http";
    let binary = env!("CARGO_BIN_EXE_jobwait");
    let shown = |command: &str| {
        let mut child = std::process::Command::new("script");
        child.args(["-q", "-e", "-c", command, "/dev/null"]).stdin(std::process::Stdio::null());
        child.env_clear().env("PATH", std::env::var("PATH").unwrap()).env("TERM", "xterm");
        child.envs([("HW_AUTH_TOKEN", "any"), ("HW_PROJECT_ID", super::support::PROJECT)]);
        child.env("JOBWAIT_ENDPOINT", server.url());
        child.output().ok().map(|output| String::from_utf8_lossy(&output.stdout).into_owned())
    };
    let wait = format!("{binary} {options} {ID}");
    let Some(foreground) = shown(&format!("bash -mc '{wait}'")) else {
        println!("skipped: there is no script(1)");
        return;
    };
    assert!(foreground.contains("\u{1b}["), "{foreground:?}");
    let background = shown(&format!("bash -mc '{wait} & wait'")).unwrap();
    assert!(!background.contains("\u{1b}[") && background.contains("completed"), "{background:?}");
}
