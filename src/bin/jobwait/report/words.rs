//! Words for what the service says, made safe to show.

use jobwait::text::safe;
use jobwait::{Fault, Job, Status};

/// As much of one text of the service as a line shows.
pub(super) const LONGEST_TEXT: usize = 300;

/// `Running`
pub(super) fn name(status: &Status) -> String {
    safe(status.as_str(), 60).to_string()
}

/// `Running 40%`
pub(super) fn status(job: &Job) -> String {
    let status = name(job.status());
    match job.progress() {
        Some(progress) => format!("{status} {progress}"),
        None => status,
    }
}

/// `CreateGaussDBforMySQLInstance of simulated-mysql (…in07)`, or what there is of it.
pub(super) fn subject(job: &Job) -> Option<String> {
    let name = job.name().map(|name| safe(name, 80).to_string());
    let instance = job.instance().and_then(|instance| match (&instance.name, &instance.id) {
        (Some(name), Some(id)) => Some(format!("{} ({})", safe(name, 80), safe(id, 60))),
        (Some(one), None) | (None, Some(one)) => Some(safe(one, 80).to_string()),
        (None, None) => None,
    });
    match (name, instance) {
        (Some(name), Some(instance)) => Some(format!("{name} of {instance}")),
        (one, other) => one.or(other),
    }
}

/// The service's own words, its code and the ID that its support asks for.
pub(super) fn complaint(fault: &Fault) -> String {
    let mut said = safe(&fault.message, LONGEST_TEXT).to_string();
    let code = fault.error_code.as_deref().map(|code| safe(code, 40).to_string());
    let request = fault.request_id.as_deref().map(|id| format!("request {}", safe(id, 80)));
    let details: Vec<String> = code.into_iter().chain(request).collect();
    if !details.is_empty() {
        said = format!("{said} ({})", details.join(", "));
    }
    said
}
