//! `jobwait plan`: the polls of a wait, without a wait.

use super::support::child::{Ended, bare};

fn plan(options: &[&str]) -> Ended {
    bare().arg("plan").args(options.iter().copied()).run()
}

fn document(options: &[&str]) -> serde_json::Value {
    let ended = plan(&[options, &["--output", "json"]].concat()).expect(0, "");
    assert!(ended.stderr.is_empty(), "{ended:?}");
    ended.object()
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
    // Without the two polls at the deadline, thirty polls fit into five minutes.
    let plan = document(&["--interval", "10s", "--backoff", "1", "--duration", "15m", "--timeout", "20m"]);
    assert_eq!((&plan["busiest"]["polls"], &plan["polls"]), (&30.into(), &91.into()), "{plan}");
}

#[test]
fn a_plan_for_a_task_includes_the_lag_after_its_end() {
    let told = document(&["--duration", "18m", "--steps", "5"]);
    let blind = document(&["--duration", "18m"]);
    let lag = |plan: &serde_json::Value, which| plan["task"][which].as_f64().unwrap();
    assert!(lag(&told, "lag_seconds") < 4.0, "{}", told["task"]);
    assert!(lag(&told, "lag_at_most_seconds") < 10.0, "{}", told["task"]);
    assert!((4.0..11.0).contains(&lag(&blind, "lag_seconds")), "{}", blind["task"]);
    assert!((13.0..15.0).contains(&lag(&blind, "lag_at_most_seconds")), "{}", blind["task"]);
    let strict = document(&["--duration", "18m", "--jitter", "0"]);
    let last = strict["times_seconds"].as_array().unwrap().last().unwrap().as_f64().unwrap();
    for which in ["lag_seconds", "lag_at_most_seconds"] {
        assert!((last - 1080.0 - lag(&strict, which)).abs() < 0.01, "{strict}");
    }
    let never = document(&["--duration", "2h"]);
    let task =
        serde_json::json!({ "duration_seconds": 7200.0, "lag_seconds": null, "lag_at_most_seconds": null });
    assert_eq!(never["task"], task);
}

#[test]
fn an_expected_duration_counts_by_option_and_by_variable() {
    let around = |plan: serde_json::Value| {
        let times = plan["times_seconds"].as_array().unwrap().clone();
        times.iter().filter_map(serde_json::Value::as_f64).filter(|at| (480.0..600.0).contains(at)).count()
    };
    assert_eq!(around(document(&[])), 8);
    assert!(around(document(&["--expect", "9m"])) >= 15);
    let ended =
        bare().arg("plan").env("JOBWAIT_EXPECT", "9m").env("JOBWAIT_OUTPUT", "json").run().expect(0, "");
    assert!(around(ended.object()) >= 15);
}

#[test]
fn a_plan_for_people_has_lines_and_bars() {
    let until_the_deadline = "\
polls      46 until the deadline of 10m, with jitter up to 49; errors and sign-in are not counted
worst lag  15s: the longest delay
busiest    25 polls in 5m, with jitter up to 27; an account can spare about 180
at         0s, 1.0s, 2.5s, 4.8s, 8.1s, 13s, 21s, 32s, then every 15s until 9m 47s, 10m

          0s      9  ########################################
         50s      3  ##############
      1m 40s      3  ##############
      2m 30s      4  ##################
      3m 20s      3  ##############
      4m 10s      3  ##############
          5m      4  ##################
      5m 50s      3  ##############
      6m 40s      3  ##############
      7m 30s      4  ##################
      8m 20s      3  ##############
      9m 10s      4  ##################
         10m
";
    assert_eq!(plan(&["--timeout", "10m"]).expect(0, "").stdout, until_the_deadline);

    let beyond = plan(&["--timeout", "2s", "--duration", "10m", "--jitter", "0"]).expect(0, "");
    let text = "\
polls      3 until the deadline of 2.0s: the task takes 10m; errors and sign-in are not counted
worst lag  1.0s: the longest delay
busiest    3 polls in 5m; an account can spare about 180
at         0s, 1.0s, 1.9s
";
    assert_eq!(beyond.stdout, text);

    let told = plan(&["--duration", "18m", "--steps", "20", "--jitter", "0"]).expect(0, "").stdout;
    let lines: Vec<&str> = told.lines().collect();
    assert!(lines[0].starts_with("polls      8") && lines[0].contains(" for a task of 18m; "), "{told}");
    assert!(
        lines[1].starts_with("lag        ")
            && lines[1].ends_with("s: from the end of the task to the poll that sees it"),
        "{told}"
    );
    assert!(lines.iter().all(|line| line.trim_end() == *line) && told.is_ascii(), "{told}");
}

#[test]
fn a_plan_warns_of_too_many_polls_and_of_options_without_effect() {
    let hot = plan(&["--interval", "1s", "--max-interval", "1s", "--timeout", "10m"]).expect(0, "");
    assert!(hot.stdout.contains("; an account can spare about 180: TOO MANY, use a longer --max-interval\n"));
    let late = plan(&["--expect", "80m"]).expect(0, "");
    let remark = "jobwait: --expect 1h 20m has no effect: --timeout 1h ends the wait long before\n";
    assert_eq!(late.stderr, remark);
    assert!(plan(&["--expect", "79m"]).expect(0, "").stderr.is_empty());
}

#[test]
fn waits_with_other_jitter_poll_about_as_often_as_planned() {
    use jobwait::{Job, Observation, Pace, Status, Wait};
    use std::time::Duration;

    let plan = document(&["--timeout", "20m", "--expect", "9m"]);
    let number = |name: &str| usize::try_from(plan[name].as_u64().unwrap()).unwrap();
    for seed in 1000..1200 {
        let pace = Pace::default().expect(Duration::from_secs(540)).unwrap();
        let wait = Wait::new().deadline(Duration::from_secs(1200)).pace(pace);
        let polls = wait.rehearse(seed, |_| Observation::Seen(Job::new("1", &Status::Running))).count();
        assert!((number("polls")..=number("polls_at_most") + 2).contains(&polls), "{polls} for {plan}");
    }
}

#[test]
fn an_impossible_plan_is_rejected() {
    for (options, said) in [
        (&["--interval", "20s", "--max-interval", "9s"][..], "--interval and --max-interval"),
        (&["--interval", "10ms", "--backoff", "1", "--timeout", "30d"], "more than 100000 times"),
        (&["--steps", "5"], "--duration"),
        (&["--duration", "5m", "--steps", "0"], "percentage"),
        (&["--duration", "5m", "--steps", "NaN"], "percentage"),
        (&["--duration", "5m", "--steps", "0.009"], "percentage"),
        (&["--duration", "5m", "--steps", "5%%"], "percentage"),
        (&["--duration", "5m", "--steps", "-5"], "percentage"),
        (&["--duration", "-5m"], "a duration cannot be negative"),
        (&["--duration", "0"], "must be longer than zero"),
        (&["--timeout", "0"], "--once"),
        (&["31b8ae23"], "31b8ae23"),
    ] {
        let ended = plan(options).expect(2, said);
        assert!(ended.stdout.is_empty() && ended.stderr.contains(said), "{ended:?}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_plan_reports_a_full_disk_and_ignores_a_closed_pipe() {
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    bare().arg("plan").stdout(full.into()).run().expect(2, "cannot write to standard output");
    let (read, write) = std::io::pipe().unwrap();
    drop(read);
    let ended = bare().arg("plan").stdout(write.into()).run().expect(0, "");
    assert!(ended.stderr.is_empty(), "{ended:?}");
}

#[test]
fn a_plan_for_several_tasks_tells_how_often_each_is_seen() {
    let several = &document(&["--tasks", "200"])["several"];
    let expected = serde_json::json!({
        "tasks": 200, "rate_limit": "180/5m", "polled_every_seconds": 444.444, "listed_every_seconds": 15.0
    });
    assert_eq!(several, &expected);
    assert_eq!(document(&[])["several"], serde_json::Value::Null);
    let ended = plan(&["--tasks", "50", "--rate-limit", "60/5m"]);
    let said =
        "each of 50 is seen every 15s on the service's list of tasks, or every 5m 33s if that cannot be used";
    assert!(ended.expect(0, "").stdout.contains(said));
    for wrong in ["0", "20001", "many"] {
        plan(&["--tasks", wrong]).expect(2, "expected a number from 1 to 20000");
    }
}
