//! A plan for people, and a small picture of it.

use std::fmt::Write as _;
use std::time::Duration;

use super::Plan;
use crate::duration::brief;

/// How many slices of time the picture has, and how wide the longest bar is.
const SLICES: u32 = 12;
const WIDEST: usize = 40;
/// As many times as are listed. The JSON form has them all.
const LISTED: usize = 100;
/// Fewer polls make no picture.
const PICTURED: usize = 4;

pub(super) fn of(plan: &Plan) -> String {
    let mut text = String::new();
    // Writing into a string cannot fail.
    let _ = write(plan, &mut text);
    text
}

fn write(plan: &Plan, text: &mut String) -> std::fmt::Result {
    let with_jitter = |polls: usize, most: usize| {
        if most > polls { format!(", with jitter up to {most}") } else { String::new() }
    };
    let until = match &plan.task {
        Some(task) if task.lag.is_some() => format!("for a task of {}", exact(task.duration)),
        Some(task) => {
            format!("until the deadline of {}: the task takes {}", exact(plan.timeout), exact(task.duration))
        }
        None => format!("until the deadline of {}", exact(plan.timeout)),
    };
    let jitter = with_jitter(plan.polls, plan.polls_at_most);
    writeln!(text, "polls      {} {until}{jitter}; errors and sign-in are not counted", plan.polls)?;
    if let Some(task) = &plan.task
        && let (Some(lag), Some(most)) = (task.lag, task.lag_at_most)
    {
        let most = if most > lag { format!(" mostly, up to {}", exact(most)) } else { String::new() };
        writeln!(text, "lag        {}{most}: the task's end is seen so late", exact(lag))?;
    }
    writeln!(text, "worst lag  {}: the longest rest", exact(plan.worst_lag))?;
    let busiest = &plan.busiest;
    let too_many = busiest.polls_at_most > busiest.budget;
    writeln!(
        text,
        "busiest    {} {} in {}{}; an account can spare about {}{}",
        busiest.polls,
        if busiest.polls == 1 { "poll" } else { "polls" },
        exact(busiest.length),
        with_jitter(busiest.polls, busiest.polls_at_most),
        busiest.budget,
        if too_many { ": TOO MANY, give a longer --max-interval" } else { "" }
    )?;
    writeln!(text, "at         {}", times(&plan.times))?;
    if plan.times.len() >= PICTURED { picture(plan, text) } else { Ok(()) }
}

/// Milliseconds below a second: a plan may be as fine as that.
fn exact(duration: Duration) -> String {
    if duration.is_zero() {
        "0s".into()
    } else if duration < Duration::from_secs(1) {
        format!("{}ms", (duration.as_secs_f64() * 1000.0).round())
    } else {
        brief(duration)
    }
}

/// When the polls are; a run of equal rests is told in one.
fn times(times: &[Duration]) -> String {
    let mut told: Vec<String> = Vec::new();
    let rest = |at: usize| Some(times.get(at + 1)?.saturating_sub(times[at]));
    let alike = |a: Duration, b: Duration| a.abs_diff(b) < Duration::from_millis(1);
    let mut at = 0;
    while at < times.len() {
        if told.len() == LISTED {
            told.push(format!("and {} more, which --output json lists", times.len() - at));
            break;
        }
        let run = match (rest(at), at.checked_sub(1).and_then(rest)) {
            // The rest that leads here opens the run.
            (Some(next), Some(before)) if alike(next, before) => {
                (at..times.len() - 1).take_while(|&n| rest(n).is_some_and(|rest| alike(rest, next))).count()
            }
            _ => 0,
        };
        if run >= 2 {
            let every = exact(times[at].saturating_sub(times[at - 1]));
            told.push(format!("then every {every} until {}", exact(times[at + run])));
            at += run + 1;
        } else {
            told.push(exact(times[at]));
            at += 1;
        }
    }
    told.join(", ")
}

/// How many polls there are in each slice of the time.
fn picture(plan: &Plan, text: &mut String) -> std::fmt::Result {
    let last = plan.times.last().copied().unwrap_or_default();
    let opens = |slice: u32| last * slice / SLICES;
    let mut counts = [0_usize; SLICES as usize];
    for at in &plan.times {
        let slice = (1..SLICES).take_while(|&slice| *at >= opens(slice)).count();
        counts[slice] += 1;
    }
    let most = counts.iter().copied().max().unwrap_or(1).max(1);
    writeln!(text)?;
    for (slice, polls) in (0..SLICES).zip(counts) {
        let from = exact(opens(slice));
        let bar = "#".repeat((polls * WIDEST).div_ceil(most));
        writeln!(text, "{}", format!("{from:>12} {polls:>6}  {bar}").trim_end())?;
    }
    writeln!(text, "{:>12}", exact(last))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: &[f64]) -> String {
        times(&seconds.iter().map(|&seconds| Duration::from_secs_f64(seconds)).collect::<Vec<_>>())
    }

    #[test]
    fn a_run_of_equal_rests_is_told_in_one() {
        assert_eq!(at(&[0.0]), "0s");
        assert_eq!(at(&[0.0, 0.05, 0.125]), "0s, 50ms, 125ms");
        assert_eq!(at(&[0.0, 1.0, 2.5]), "0s, 1.0s, 2.5s");
        assert_eq!(at(&[0.0, 1.0, 2.0]), "0s, 1.0s, 2.0s");
        let long = at(&[0.0, 5.0, 20.0, 35.0, 50.0, 65.0, 66.0]);
        assert_eq!(long, "0s, 5.0s, then every 15s until 1m 5s, 1m 6s");
        assert_eq!(at(&[0.0, 10.0, 20.0, 30.0, 40.0]), "0s, then every 10s until 40s");
    }

    #[test]
    fn long_lists_are_cut() {
        let mut seconds = vec![0.0];
        for n in 1..200_u32 {
            seconds.push(seconds[n as usize - 1] + f64::from(n));
        }
        assert!(at(&seconds).ends_with("s, and 100 more, which --output json lists"), "{}", at(&seconds));
    }
}
