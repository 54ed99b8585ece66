//! What people see on a terminal.

use super::support::child::{Run, at, bare};
use super::support::server::{Server, answer, asked_for};
use super::support::terminal::Terminal;
use super::support::{ID, SUCCESS, failed, running};

/// A wait that sees a task at work for a while.
fn wait(server: &Server) -> Run {
    at(&server.url()).args(["--interval", "150ms", "--max-interval", "150ms"])
}

fn at_work() -> Server {
    let at_work = running("40%");
    Server::start(move |n| if n < 6 { answer(200, &at_work) } else { answer(200, SUCCESS) })
}

#[test]
fn a_bar_is_drawn_in_place_and_leaves_the_verdict() {
    let terminal = Terminal::new(100);
    terminal.both(wait(&at_work())).run().expect(0, "");
    let (bytes, screen) = terminal.bytes();
    assert!(bytes.contains("40% Running  1s elapsed, times out in 1h, next poll in 1s"), "{bytes:?}");
    assert!(bytes.contains('\r') && bytes.contains("\u{1b}[36m"), "{bytes:?}");
    let screen = screen.join("\n");
    assert!(
        screen.starts_with("jobwait: [0.0s] Running  CreateGaussDBforMySQLInstance of DO-NOT-TOUCH"),
        "{screen}"
    );
    assert!(!screen.contains("elapsed"), "{screen}");
    assert_eq!(screen.matches(ID).count(), 1, "one verdict: {screen}");
    assert!(screen.contains(&format!("\n{ID} completed ")), "{screen}");
}

#[test]
fn a_verdict_that_goes_elsewhere_is_left_on_the_terminal_too() {
    for form in ["text", "json", "jsonl"] {
        let terminal = Terminal::new(200);
        let ended = terminal.stderr(wait(&at_work())).args(["-o", form]).run().expect(0, "completed");
        let (_, screen) = terminal.bytes();
        assert!(screen.last().unwrap().starts_with(&format!("jobwait: {ID} completed ")), "{screen:?}");
        assert!(!ended.stdout.contains('\u{1b}'), "{ended:?}");
    }
}

#[test]
fn a_bar_is_left_out_where_it_does_not_belong() {
    type Case = (&'static [&'static str], &'static [(&'static str, &'static str)]);
    let cases: [Case; 6] = [
        (&[], &[("CI", "true")]),
        (&[], &[("TERM", "dumb")]),
        (&["--progress", "bar"], &[("TERM", "dumb")]),
        (&["--progress", "plain"], &[]),
        (&["-v"], &[]),
        (&["-q"], &[]),
    ];
    for (options, variables) in cases {
        let terminal = Terminal::new(80);
        let run = terminal.stderr(wait(&at_work())).args(options.iter().copied());
        let run = variables.iter().fold(run, |run, (name, value)| run.env(name, value));
        run.run().expect(0, "completed");
        let (bytes, _) = terminal.bytes();
        assert!(
            !bytes.contains('\u{1b}') && !bytes.replace("\r\n", "").contains('\r'),
            "{options:?}: {bytes:?}"
        );
    }
}

#[test]
fn no_color_is_honoured_and_a_bar_in_ci_is_asked_for() {
    let terminal = Terminal::new(80);
    let run = terminal.stderr(wait(&at_work())).env("NO_COLOR", "1").env("CI", "1");
    run.args(["--progress", "bar"]).run().expect(0, "completed");
    let (bytes, _) = terminal.bytes();
    assert!(bytes.contains("40% Running") && !bytes.contains("\u{1b}[36m"), "{bytes:?}");
}

/// Covers L6.
#[test]
fn a_terminal_of_any_width_has_one_line_of_progress() {
    for columns in [1, 20, 80, 300] {
        let terminal = Terminal::new(columns);
        terminal.stderr(wait(&at_work())).run().expect(0, "completed");
        let (bytes, _) = terminal.bytes();
        // No line of the bar is as long as to go on in the next, and there is room for a `^C`.
        let drawn = bytes.split("\u{1b}[2K").skip(1).map(|drawn| drawn.split('\n').next().unwrap());
        let bars: Vec<String> = drawn
            .map(without_sequences)
            .filter(|drawn| !drawn.starts_with("jobwait") && !drawn.starts_with(ID))
            .collect();
        assert!(bars.len() > 3, "{bytes:?}");
        let most = usize::from(columns).saturating_sub(3).max(1);
        assert!(bars.iter().all(|bar| bar.chars().count() <= most), "{columns}: {bars:?}");
    }
}

/// A terminal shows `^C` where the cursor is.
#[test]
fn a_bar_that_is_interrupted_leaves_nothing_behind() {
    for ids in [&[][..], &["two", "three"]] {
        let terminal = Terminal::new(80);
        // Each look sees another task's ID: the bars stay, and that they are of other tasks is no matter here.
        let running = terminal.both(wait(&at_work())).args(ids.iter().copied()).start();
        std::thread::sleep(std::time::Duration::from_millis(400));
        terminal.echo("^C");
        running.signal("INT");
        running.end().expect(130, "");
        let (_, screen) = terminal.bytes();
        assert!(!screen.iter().any(|line| line.contains("elapsed")), "{screen:?}");
    }
}

#[test]
fn events_and_a_bar_do_not_meet_on_one_terminal() {
    let terminal = Terminal::new(200);
    terminal.both(wait(&at_work())).args(["-o", "jsonl"]).run().expect(0, "");
    let (bytes, _) = terminal.bytes();
    assert!(!bytes.contains('\u{1b}') && bytes.contains(r#"{"event":"result""#), "{bytes:?}");
}

#[test]
fn errors_stand_above_the_bar_once() {
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
    assert!(errors.len() == 1 && errors[0].contains("next poll in"), "{screen:?}");
    assert!(bytes.contains("40% Running, no response"), "{bytes:?}");
    assert!(screen.last().unwrap().ends_with("The disk is full."), "{screen:?}");
}

#[test]
fn several_tasks_have_a_bar_each_and_more_than_fit_have_one_for_all() {
    let many: Vec<String> = (0..60).map(|n| format!("task-{n}")).collect();
    let few = ["one".to_owned(), "two".to_owned()];
    for ids in [&few[..], &many[..]] {
        let at_work = running("40%");
        let server = Server::asked(move |n, head| {
            let id = asked_for(head);
            answer(200, &(if n < 150 { at_work.as_str() } else { SUCCESS }).replace(ID, id))
        });
        let terminal = Terminal::new(120);
        let run =
            bare().env("HW_AUTH_TOKEN", "t").env("HW_PROJECT_ID", "0a").args(["--endpoint", &server.url()]);
        let run = run.args(["--interval", "50ms", "--max-interval", "50ms", "--rate-limit", "none"]);
        terminal.both(run.args(ids.iter().map(String::as_str))).run().expect(0, "");
        let (bytes, screen) = terminal.bytes();
        let each = bytes.contains(&format!("{}… 40% Running", &ids[0][..ids[0].len().min(8)]));
        assert_eq!(each, ids.len() == 2, "{bytes:?}");
        assert!(bytes.contains(&format!(" of {} tasks completed; ", ids.len())), "{bytes:?}");
        // Each in a line of its own.
        let mut drawn = vt100::Parser::new(50, 120, 0);
        let half = bytes.floor_char_boundary(bytes.match_indices("tasks completed; ").nth(2).unwrap().0 + 40);
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
    }
}

/// The demo is the first thing that people see.
#[test]
fn the_demo_draws_its_bar() {
    let terminal = Terminal::new(100);
    terminal.both(bare().arg("demo")).run().expect(0, "");
    let (bytes, screen) = terminal.bytes();
    assert!(bytes.contains("==") && screen.iter().any(|line| line.contains(" completed ")), "{screen:?}");
}

/// What is drawn, without what moves the cursor and colors it.
fn without_sequences(drawn: &str) -> String {
    let mut parts = drawn.split("\u{1b}[");
    let first = parts.next().unwrap_or_default().to_owned();
    let rest = parts.filter_map(|part| part.split_once(|c: char| c.is_ascii_alphabetic()));
    (first + &rest.map(|(_, text)| text).collect::<String>()).replace('\r', "")
}
