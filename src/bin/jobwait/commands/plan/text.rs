//! The plan as text, with a small chart.

use std::fmt::Write as _;
use std::time::Duration;

use super::{Plan, Several};
use crate::duration::brief;

/// The number of slices of time in the chart, and the width of its longest bar.
const SLICES: u32 = 12;
const WIDEST: usize = 40;
/// The most times that are listed. The JSON form has them all.
const LISTED: usize = 100;
/// The fewest polls for a chart.
const CHARTED: usize = 4;

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
        let most = if most > lag { format!(" typically, up to {}", exact(most)) } else { String::new() };
        writeln!(text, "lag        {}{most}: from the end of the task to the poll that sees it", exact(lag))?;
    }
    writeln!(text, "worst lag  {}: the longest delay", exact(plan.worst_lag))?;
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
        if too_many { ": TOO MANY, use a longer --max-interval" } else { "" }
    )?;
    if let Some(Several { tasks, rate_limit, by_polls, by_list }) = &plan.several {
        let seen = if by_list < by_polls {
            let (list, polls) = (exact(*by_list), exact(*by_polls));
            format!(
                "is seen every {list} on the service's list of tasks, or every {polls} if that cannot be used"
            )
        } else {
            format!("is polled about every {}", exact(*by_polls))
        };
        writeln!(text, "together   each of {tasks} {seen}; --rate-limit {rate_limit}")?;
    }
    writeln!(text, "at         {}", times(&plan.times))?;
    if plan.times.len() >= CHARTED { chart(plan, text) } else { Ok(()) }
}

/// Formats a duration, in milliseconds below a second.
fn exact(duration: Duration) -> String {
    if duration.is_zero() {
        "0s".into()
    } else if duration < Duration::from_secs(1) {
        format!("{}ms", (duration.as_secs_f64() * 1000.0).round())
    } else {
        brief(duration)
    }
}

/// Formats the times of the polls. A run of equal delays is summarized.
fn times(times: &[Duration]) -> String {
    let mut parts: Vec<String> = Vec::new();
    let delay = |at: usize| Some(times.get(at + 1)?.saturating_sub(times[at]));
    let alike = |a: Duration, b: Duration| a.abs_diff(b) < Duration::from_millis(1);
    let mut at = 0;
    while at < times.len() {
        if parts.len() == LISTED {
            parts.push(format!("and {} more (see --output json)", times.len() - at));
            break;
        }
        let run = match (delay(at), at.checked_sub(1).and_then(delay)) {
            // The delay before this poll is the first of the run.
            (Some(next), Some(before)) if alike(next, before) => (at..times.len() - 1)
                .take_while(|&n| delay(n).is_some_and(|delay| alike(delay, next)))
                .count(),
            _ => 0,
        };
        if run >= 2 {
            let every = exact(times[at].saturating_sub(times[at - 1]));
            parts.push(format!("then every {every} until {}", exact(times[at + run])));
            at += run + 1;
        } else {
            parts.push(exact(times[at]));
            at += 1;
        }
    }
    parts.join(", ")
}

/// Draws the number of polls in each slice of time.
fn chart(plan: &Plan, text: &mut String) -> std::fmt::Result {
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
    fn a_run_of_equal_delays_is_summarized() {
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
        assert!(at(&seconds).ends_with("s, and 100 more (see --output json)"), "{}", at(&seconds));
    }
}
