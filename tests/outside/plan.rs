//! `jobwait plan`: what a wait would do, without one.

use super::support::child::{Ended, bare};

fn plan(options: &[&str]) -> Ended {
    bare().arg("plan").args(options.iter().copied()).run()
}

fn document(options: &[&str]) -> serde_json::Value {
    let ended = plan(&[options, &["--output", "json"]].concat()).expect(0, "");
    assert!(ended.stderr.is_empty(), "{ended:?}");
    ended.json()
}

#[test]
fn a_plan_lists_the_polls_of_a_wait() {
    let plan = document(&["--timeout", "30s"]);
    assert_eq!(plan["times_seconds"], serde_json::json!([0.0, 1.0, 2.5, 4.75, 8.125, 13.188, 20.781, 29.9]));
    assert_eq!((&plan["polls"], &plan["polls_at_most"]), (&8.into(), &9.into()));
    assert_eq!((&plan["timeout_seconds"], &plan["worst_lag_seconds"]), (&30.0.into(), &9.119.into()));
    let busiest =
        serde_json::json!({ "window_seconds": 300.0, "polls": 8, "polls_at_most": 9, "budget": 180 });
    assert_eq!((&plan["busiest"], &plan["task"]), (&busiest, &serde_json::Value::Null));
}

#[test]
fn the_busiest_window_is_five_minutes_long() {
    let plan = document(&["--interval", "10s", "--backoff", "1", "--jitter", "0", "--timeout", "20m"]);
    assert_eq!(
        (&plan["busiest"]["polls"], &plan["busiest"]["polls_at_most"]),
        (&31.into(), &31.into()),
        "{plan}"
    );
    assert_eq!(plan["polls"], 121);
    // Without the two looks at the deadline, five minutes hold thirty.
    let plan = document(&["--interval", "10s", "--backoff", "1", "--duration", "15m", "--timeout", "20m"]);
    assert_eq!((&plan["busiest"]["polls"], &plan["polls"]), (&30.into(), &91.into()), "{plan}");
}

#[test]
fn a_plan_for_a_task_tells_how_late_its_end_is_seen() {
    let told = document(&["--duration", "18m", "--steps", "5"]);
    let blind = document(&["--duration", "18m"]);
    let lag = |plan: &serde_json::Value| plan["task"]["lag_seconds"].as_f64().unwrap();
    assert!(lag(&told) < 5.0 && lag(&told) < lag(&blind), "{} and {}", told["task"], blind["task"]);
    let last = told["times_seconds"].as_array().unwrap().last().unwrap().as_f64().unwrap();
    assert!((last - 1080.0 - lag(&told)).abs() < 0.01, "{told}");
    let never = document(&["--duration", "2h"]);
    assert_eq!(never["task"], serde_json::json!({ "duration_seconds": 7200.0, "lag_seconds": null }));
}

#[test]
fn an_expected_duration_is_planned_for_by_option_and_by_variable() {
    let around = |plan: serde_json::Value| {
        let times = plan["times_seconds"].as_array().unwrap().clone();
        times.iter().filter_map(serde_json::Value::as_f64).filter(|at| (480.0..600.0).contains(at)).count()
    };
    assert_eq!(around(document(&[])), 8);
    assert!(around(document(&["--expect", "9m"])) >= 15);
    let ended = bare().args(["plan", "-o", "json"]).env("JOBWAIT_EXPECT", "9m").run().expect(0, "");
    assert!(around(ended.json()) >= 15);
}

#[test]
fn a_plan_for_people_says_it_in_lines_and_bars() {
    let ended = plan(&["--timeout", "10m"]).expect(0, "");
    let lines: Vec<&str> = ended.stdout.lines().collect();
    assert_eq!(lines[0], "polls      46 until the deadline of 10m, with jitter at most 52");
    assert_eq!(lines[1], "worst lag  15s: the longest rest");
    assert!(lines[2].starts_with("busiest    25 polls in 5m, with jitter at most 28; "), "{}", lines[2]);
    assert_eq!(
        lines[3],
        "at         0.0s, 1.0s, 2.5s, 4.8s, 8.1s, 13s, 21s, 32s, then every 15s until 9m 47s, 10m"
    );
    assert_eq!((lines.len(), lines[4]), (17, ""));
    assert!(lines[5].ends_with(&"#".repeat(40)) && ended.stdout.is_ascii(), "{}", ended.stdout);
    assert!(lines.iter().all(|line| line.trim_end() == *line), "{}", ended.stdout);
}

#[test]
fn a_plan_that_cannot_be_is_refused() {
    for (options, said) in [
        (&["--interval", "20s"][..], "--interval and --max-interval"),
        (&["--interval", "10ms", "--backoff", "1", "--timeout", "30d"], "more than 1000000 times"),
        (&["--steps", "5"], "--duration"),
        (&["--duration", "5m", "--steps", "0"], "percentage"),
        (&["--duration", "5m", "--steps", "NaN"], "percentage"),
        (&["--timeout", "0"], "--once"),
        (&["31b8ae23"], "31b8ae23"),
    ] {
        let ended = plan(options).expect(2, said);
        assert!(ended.stdout.is_empty() && ended.stderr.contains(said), "{ended:?}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_plan_that_cannot_be_printed_says_so_and_a_reader_who_leaves_does_not_matter() {
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    bare().arg("plan").stdout(full.into()).run().expect(2, "cannot print the plan");
    let (read, write) = std::io::pipe().unwrap();
    drop(read);
    let ended = bare().arg("plan").stdout(write.into()).run().expect(0, "");
    assert!(ended.stderr.is_empty(), "{ended:?}");
}
