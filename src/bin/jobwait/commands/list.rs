//! The list of recent tasks.

mod table;

use std::time::Duration;

use jobwait::text::safe_json;
use jobwait::{Clock, Event, FaultKind, Outcome, TaskRow, Wait};
use serde::Serialize;

use super::wait;
use crate::args::{Given, ListArgs, ListOutput};
use crate::delivery::Delivery;
use crate::exit::{self, Ending, Refusal};
use crate::logs;
use crate::options::{self, Logs};
use crate::report::{self, FORMAT_VERSION, search_hints};
use crate::signals::Signals;
use crate::stream::Stream;
use crate::worker::{self, Search, Unconnected, Worker, take_warning};

/// The time for the reader of standard error at the end.
const AT_THE_END: Duration = Duration::from_millis(20);

/// Lists tasks, and returns the exit code.
pub(super) async fn run(
    args: ListArgs,
    given: &Given,
    mut signals: Signals,
    clock: Clock,
    stderr: &Stream,
) -> Result<u8, Refusal> {
    let ListArgs { filter, target, timeout, request_timeout, rate, output, quiet, verbose, log_format } =
        args;
    let selected = wait::filter(filter.instance.as_ref(), filter.task_name.as_deref(), filter.since)?;
    let selected = match filter.status.as_deref().map(str::trim) {
        Some("") => {
            return Err(Refusal("--status: empty; leave it out to select all tasks".into()));
        }
        Some(status) => selected.status(status),
        None => selected,
    };
    if let Some(logs) = Logs::new(verbose, log_format) {
        logs::start(logs, stderr.clone());
    }
    let profile = target.profile.clone();
    let overrides = options::overrides(target, &rate, request_timeout, given);
    // A list also serves to check these.
    let to = (!quiet).then(|| stderr.clone());
    let announce = move |summary: &str| {
        if let Some(stderr) = to {
            stderr.message(&format!("using {summary}"));
        }
    };
    let connect = async move || wait::connect(profile, &overrides, announce).await;

    let wait = Wait::new().deadline(timeout).clock(clock).request_timeout(request_timeout);
    let mut search: Option<(Worker, worker::WorkerSearch)> = None;
    let mut signal = None;
    let connecting = async {
        let (worker, limiter, warnings) = worker::start(connect).await?;
        for warning in warnings {
            stderr.message(&format!("warning: {warning}"));
        }
        let probe = worker.search(Search { filter: selected, accepts_none: true });
        search = Some((worker, probe));
        Ok::<_, Refusal>(limiter)
    };
    // Reading a token can hang as a network can. The deadline and signals bind it, too.
    let mut unconnected = Unconnected;
    let connected = {
        let stop = async { signal = Some(signals.next().await) };
        tokio::select! {
            connected = connecting => Ok(connected?),
            verdict = wait.clone().run_until(&mut unconnected, stop, |_| {}) => Err(verdict),
        }
    };
    let verdict = match (connected, &mut search) {
        (Ok(limiter), Some((_, probe))) => {
            let mut retries = report::search_messages(stderr, quiet);
            let stop = async { signal = Some(signals.next().await) };
            let mut warned = Some(limiter.clone());
            let on_event = |event: Event<'_>| {
                if let Some(warning) = take_warning(&mut warned) {
                    stderr.message(&warning);
                }
                retries(&event);
            };
            wait.limiter(limiter).run_until(probe, stop, on_event).await
        }
        (Err(verdict), _) => verdict,
        (Ok(_), None) => unreachable!("a connection has a search"),
    };
    let ending = Ending::of(verdict.outcome, signal);
    if verdict.outcome == Outcome::Completed {
        let rows = search.map(|(_, probe)| probe.into_found()).unwrap_or_default();
        if rows.is_empty() {
            stderr.message(&nothing(&filter_words(&filter), filter.since));
        }
        let stdout = Stream::stdout();
        stdout.produce(move |pieces| pieces.add(&text(&rows, output)));
        let signal = Delivery::new(clock, signals, timeout, None).finish(&stdout, stderr, &[]).await;
        // The list is all that was asked for.
        return Ok(match signal {
            Some(signal) if stdout.is_behind() => signal.exit_code(),
            _ if stdout.is_behind() || stdout.fault().is_some() => exit::UNKNOWN,
            _ => ending.code(),
        });
    }
    let hint = verdict.fault.as_ref().is_some_and(|fault| fault.kind == FaultKind::WrongApi);
    for line in search_hints(&verdict, ending) {
        stderr.message(&line);
    }
    if hint {
        stderr.message("the service at this address may have no list of tasks; waits by job ID need none");
    }
    stderr.finish(AT_THE_END);
    Ok(ending.code())
}

/// The words for the filter, for a list without rows.
fn filter_words(filter: &crate::args::FilterArgs) -> String {
    let instance = filter.instance.as_ref().map(|instance| format!(" of instance {instance}"));
    let quoted = |text: &str| jobwait::text::safe(text, 60).to_string();
    let name = filter.task_name.as_deref().map(|name| format!(" with '{}' in its name", quoted(name)));
    let status = filter.status.as_deref().map(|status| format!(" with status '{}'", quoted(status)));
    [instance, name, status].into_iter().flatten().collect()
}

fn nothing(filter: &str, since: Duration) -> String {
    let since = crate::duration::brief(since);
    format!(
        "no task{filter} is in progress or was created in the last {since}; the credentials, the \
         region and the project work (--since looks further back)"
    )
}

/// The document of `--output json`.
#[derive(Serialize)]
struct Document<'a> {
    format_version: &'static str,
    /// The service's own rows, unaltered.
    tasks: &'a [TaskRow],
}

fn text(rows: &[TaskRow], output: ListOutput) -> String {
    match output {
        ListOutput::Text => table::text(rows, table::width()),
        ListOutput::Json | ListOutput::Jsonl => {
            let document = Document { format_version: FORMAT_VERSION, tasks: rows };
            let json = serde_json::to_string(&document).unwrap_or_else(|_| unreachable!("rows are JSON"));
            format!("{}\n", safe_json(&json))
        }
        ListOutput::Ids => {
            rows.iter().filter_map(TaskRow::id).fold(String::new(), |ids, id| ids + id.as_str() + "\n")
        }
    }
}
