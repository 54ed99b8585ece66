//! The lists of tasks: which tasks were created recently, and which are in progress.

mod going;
mod page;
mod paging;

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;
use std::sync::atomic::AtomicU32;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use reqwest::Url;
use tracing::debug;

pub use self::going::TaskList;
use self::page::Page;
use self::paging::Paging;
use super::Cloud;
use crate::auth::signer;
use crate::fault::{Fault, FaultKind};
use crate::http::meter::Meter;
use crate::http::wall_clock;
use crate::id::{InstanceId, JobId, ProjectId};
use crate::job::{Job, Status, TaskRow};
use crate::probe::{Observation, Probe};
use crate::service::{ListForm, Times};

/// The longest period that a list may be asked for, a little less than the service's limit of 30 days.
const LONGEST_PERIOD: SignedDuration = SignedDuration::from_hours(30 * 24 - 1);

/// The time by which the clock of the service may be ahead of this one.
const CLOCKS_DIFFER: SignedDuration = SignedDuration::from_mins(5);

/// The tasks to list. By default, those of the whole project that are in progress (and were created in the
/// last 30 days), and those created in the last 24 hours.
///
/// ```
/// use std::time::Duration;
/// use jobwait::{InstanceId, TaskFilter};
///
/// let instance = InstanceId::parse("a48e43ff268f4c0e879652d65e63d0fbin07")?;
/// let filter = TaskFilter::new().instance(instance).since(Duration::from_secs(15 * 60));
/// # Ok::<(), jobwait::ConfigError>(())
/// ```
#[derive(Debug, Clone)]
#[must_use]
pub struct TaskFilter {
    instance: Option<InstanceId>,
    name: Option<String>,
    status: Option<Status>,
    since: Duration,
    only_in_progress: bool,
    only_recent: bool,
}

impl Default for TaskFilter {
    fn default() -> Self {
        Self::new()
    }
}

impl TaskFilter {
    /// Selects the tasks that are in progress, and those created in the last 24 hours.
    pub fn new() -> Self {
        Self {
            instance: None,
            name: None,
            status: None,
            since: Duration::from_secs(24 * 60 * 60),
            only_in_progress: false,
            only_recent: false,
        }
    }

    /// Selects the tasks of an instance.
    pub fn instance(mut self, instance: InstanceId) -> Self {
        self.instance = Some(instance);
        self
    }

    /// Selects the tasks whose name contains this text, ignoring case.
    pub fn name(mut self, text: &str) -> Self {
        self.name = Some(text.to_lowercase());
        self
    }

    /// Selects the tasks with this status, ignoring case.
    pub fn status(mut self, status: &str) -> Self {
        const KNOWN: [Status; 6] = [
            Status::Pending,
            Status::Running,
            Status::Completed,
            Status::Failed,
            Status::Unauthorized,
            Status::Canceled,
        ];
        let known = KNOWN.into_iter().find(|known| known.as_str().eq_ignore_ascii_case(status));
        self.status = Some(known.unwrap_or_else(|| Status::Other(status.to_owned())));
        self
    }

    /// Also selects tasks that have ended, if they were created within this period. Default: 24 h.
    pub fn since(mut self, since: Duration) -> Self {
        self.since = since;
        self
    }

    /// Selects the tasks that are in progress.
    pub fn only_in_progress(mut self) -> Self {
        self.only_in_progress = true;
        self
    }

    /// Leaves out the older tasks that are still in progress, which saves a request for each status of a task
    /// in progress.
    pub fn only_recent(mut self) -> Self {
        self.only_recent = true;
        self
    }

    fn selects(&self, row: &TaskRow, start: Timestamp) -> bool {
        let instance = self.instance.as_ref().is_none_or(|instance| is_of(row, instance));
        let name = self
            .name
            .as_ref()
            .is_none_or(|text| row.name().is_some_and(|name| name.to_lowercase().contains(text)));
        let status = self
            .status
            .as_ref()
            .is_none_or(|status| row.status().as_str().eq_ignore_ascii_case(status.as_str()));
        // A row whose time cannot be read is kept: the service has filtered by time.
        let is_recent = row.timestamp().is_none_or(|created| created >= start);
        let time = row.is_in_progress() || (is_recent && !self.only_in_progress);
        instance && name && status && time
    }

    /// The requests that find these tasks: one for the recent ones, and one for each status of a task in
    /// progress, for the older ones.
    fn queries(&self, form: &ListForm, now: Timestamp) -> Vec<Query> {
        let start = self.start(now);
        let oldest = now - LONGEST_PERIOD;
        let status = |status: &'static str| Query { status: Some(status), start: oldest };
        let wanted = |name: &&&str| {
            self.status.as_ref().is_none_or(|status| status.as_str().eq_ignore_ascii_case(name))
        };
        let older = form.in_progress.iter().filter(wanted).map(|name| status(name));
        let older = older.filter(|_| !self.only_recent && start > oldest);
        [Query { status: None, start: start.max(oldest) }].into_iter().chain(older).collect()
    }

    /// The earliest time of creation of a task that has ended.
    fn start(&self, now: Timestamp) -> Timestamp {
        let since = SignedDuration::try_from(self.since).unwrap_or(SignedDuration::MAX);
        now.checked_sub(since).unwrap_or(Timestamp::MIN)
    }

    /// The fault of a search that found nothing.
    fn nothing(&self) -> Fault {
        let name = self.name.as_ref().map(|name| format!(" with '{name}' in its name")).unwrap_or_default();
        let of = match &self.instance {
            Some(instance) => format!(" of instance {instance}"),
            None => " of this project".to_owned(),
        };
        let age = SignedDuration::try_from(self.since).unwrap_or(SignedDuration::MAX);
        let message = format!("no task{of}{name} is in progress, and none was created in the last {age:#}");
        Fault::new(FaultKind::NotVisible, message)
    }
}

/// Returns whether the task works on the instance.
fn is_of(row: &TaskRow, instance: &InstanceId) -> bool {
    row.instance().id.as_deref().is_some_and(|id| id.eq_ignore_ascii_case(instance.as_str()))
}

/// The parameters of a request for a list, except those for paging.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Query {
    status: Option<&'static str>,
    start: Timestamp,
}

impl Query {
    /// The parameters of a page. The signature covers the encoded form, so the same form must be sent.
    fn text(self, form: &ListForm, instance: Option<&InstanceId>, offset: usize, now: Timestamp) -> String {
        let time = |at: Timestamp| match form.times {
            Times::Calendar => at.strftime("%Y-%m-%dT%H:%M:%S+0000").to_string(),
            Times::Millis => at.as_millisecond().to_string(),
        };
        let end = form.needs_end_time.then(|| time(now + CLOCKS_DIFFER));
        let parameters = [
            ("end_time", end),
            ("instance_id", instance.filter(|_| form.selects_instance).map(InstanceId::to_string)),
            ("limit", Some(form.limit.to_string())),
            ("offset", Some(offset.to_string())),
            ("start_time", Some(time(self.start))),
            ("status", self.status.map(str::to_owned)),
        ];
        let pairs = parameters
            .into_iter()
            .filter_map(|(name, value)| Some(format!("{name}={}", signer::encoded(value?.as_bytes()))));
        pairs.collect::<Vec<_>>().join("&")
    }
}

/// Rows, each task once.
#[derive(Debug, Default)]
struct Rows {
    rows: Vec<TaskRow>,
    /// The index of each row, by the ID of the task, or by the row's JSON if it has none.
    places: HashMap<String, usize>,
}

impl Rows {
    /// Adds a row. A later row about the same task replaces the earlier one.
    fn add(&mut self, row: TaskRow) {
        let key = row.id().map_or(row.as_json(), JobId::as_str).to_owned();
        match self.places.entry(key) {
            Entry::Occupied(place) => self.rows[*place.get()] = row,
            Entry::Vacant(place) => {
                place.insert(self.rows.len());
                self.rows.push(row);
            }
        }
    }

    /// The rows, newest first. Those whose time cannot be read come last.
    fn sorted(mut self) -> Vec<TaskRow> {
        self.rows.sort_by_key(|row| std::cmp::Reverse(row.timestamp()));
        self.rows
    }
}

#[expect(clippy::result_large_err, reason = "the error is the observation of a poll")]
impl Cloud {
    /// Lists the tasks that the filter selects, newest first. Each page is a request that the limiter counts.
    ///
    /// A list may be out of date. To find out whether a task has ended, poll it with [`job`](Self::job).
    ///
    /// # Errors
    ///
    /// The [`Fault`] if a request fails. Nothing is retried: see [`search`](Self::search).
    pub async fn tasks(&self, filter: &TaskFilter) -> Result<Vec<TaskRow>, Fault> {
        let mut search = self.search(filter.clone()).or_none();
        let observation = search.ask().await;
        self.fault(&observation).map_or(Ok(search.found), Err)
    }

    /// Lists the tasks that wait for a maintenance window. Of the services, only TaurusDB has such a list.
    ///
    /// # Errors
    ///
    /// The [`Fault`] if a request fails.
    pub async fn scheduled_tasks(&self, instance: Option<&InstanceId>) -> Result<Vec<TaskRow>, Fault> {
        let Some(form) = self.service.scheduled_list() else { return Ok(Vec::new()) };
        let now = wall_clock();
        let query = Query { status: None, start: now - LONGEST_PERIOD };
        let mut rows = Rows::default();
        let meter = Meter::new(self.limiter.clone());
        let list = async || self.list(form, query, instance, now, &meter, &mut rows).await;
        if let Err(observation) = self.credentials.guard().watch(list).await {
            return self.fault(&observation).map_or(Ok(Vec::new()), Err);
        }
        let of_instance = |row: &TaskRow| instance.is_none_or(|instance| is_of(row, instance));
        Ok(rows.sorted().into_iter().filter(|row| row.is_in_progress() && of_instance(row)).collect())
    }

    /// A probe that searches for the tasks that the filter selects. A [`Wait`](crate::Wait) polls it until it
    /// finds one.
    #[must_use]
    pub fn search(&self, filter: TaskFilter) -> TaskSearch<'_> {
        let meter = Meter::new(self.limiter.clone());
        TaskSearch { cloud: self, filter, meter, accepts_none: false, found: Vec::new() }
    }

    /// Takes note of a request without a wait, and returns its fault.
    fn fault(&self, observation: &Observation) -> Option<Fault> {
        let fault = observation.fault()?.clone();
        if let Some(limiter) = &self.limiter {
            limiter.record(observation);
        }
        Some(fault)
    }

    /// Asks for all pages of a list, and adds their rows.
    ///
    /// # Errors
    ///
    /// The observation if a page cannot be read.
    async fn list(
        &self,
        form: &ListForm,
        query: Query,
        instance: Option<&InstanceId>,
        now: Timestamp,
        meter: &Meter,
        rows: &mut Rows,
    ) -> Result<(), Observation> {
        let mut paging = Paging::new(form.offsets);
        let mut next = Some(paging.first());
        while let Some(offset) = next {
            let text = query.text(form, instance, offset, now);
            let page = self.page(form, &text, meter).await?;
            next = paging.after(page.rows.iter().map(TaskRow::id), page.rows.len(), page.total, form.limit);
            page.rows.into_iter().for_each(|row| rows.add(row));
        }
        Ok(())
    }

    /// Asks for a page of a list, and returns its rows without secrets.
    ///
    /// # Errors
    ///
    /// The observation if the page cannot be read.
    async fn page(&self, form: &ListForm, query: &str, meter: &Meter) -> Result<Page, Observation> {
        let url = |project: &ProjectId| -> Url {
            let ListForm { version, resource, .. } = form;
            let mut url = self.endpoint.join(&format!("/{version}/{project}/{resource}"));
            url.set_query(Some(query));
            url
        };
        let listed = self.send(url, |response| Page::read(response, form), meter).await;
        let Page { rows, total } = listed.inspect_err(|observation| self.log(observation))?;
        debug!(rows = rows.len(), total, "listed");
        let redacted = |row: TaskRow| row.map_texts(|text| self.credentials.redact(text));
        Ok(Page { rows: rows.into_iter().map(redacted).collect(), total })
    }
}

/// A probe that searches a list for the tasks that a filter selects.
///
/// It reports a completed job when it finds one, so that a [`Wait`](crate::Wait) gives the search a grace
/// period, a deadline and retries.
///
/// ```no_run
/// # async fn example(cloud: jobwait::Cloud, filter: jobwait::TaskFilter) {
/// let mut search = cloud.search(filter);
/// let verdict = jobwait::Wait::new().run(&mut search, |_| {}).await;
/// println!("{} after {:?}: {:?}", verdict.outcome, verdict.elapsed, search.found());
/// # }
/// ```
#[derive(Debug)]
pub struct TaskSearch<'a> {
    cloud: &'a Cloud,
    filter: TaskFilter,
    meter: Meter,
    accepts_none: bool,
    found: Vec<TaskRow>,
}

impl TaskSearch<'_> {
    /// Ends the search with the first list, even if no task was found.
    #[must_use]
    pub fn or_none(mut self) -> Self {
        self.accepts_none = true;
        self
    }

    /// Counts the requests in `requests` as they are sent, so that the number is known during a poll and
    /// after one that was abandoned.
    #[must_use]
    pub fn count_in(mut self, requests: Arc<AtomicU32>) -> Self {
        self.meter.count_in(requests);
        self
    }

    /// The tasks of the latest list, newest first.
    #[must_use]
    pub fn found(&self) -> &[TaskRow] {
        &self.found
    }

    /// The tasks of the latest list, newest first.
    #[must_use]
    pub fn into_found(self) -> Vec<TaskRow> {
        self.found
    }

    async fn ask(&mut self) -> Observation {
        self.found = match self.cloud.credentials.guard().watch(async || self.list().await).await {
            Ok(rows) => rows,
            Err(observation) => return observation,
        };
        if self.found.is_empty() && !self.accepts_none {
            return Observation::NotVisible(self.filter.nothing());
        }
        let id = self.filter.instance.as_ref().map_or("tasks", InstanceId::as_str);
        Observation::Seen(Job::new(id, &Status::Completed))
    }

    async fn list(&self) -> Result<Vec<TaskRow>, Observation> {
        let (form, now) = (self.cloud.service.list(), wall_clock());
        let instance = self.filter.instance.as_ref();
        let mut rows = Rows::default();
        for query in self.filter.queries(form, now) {
            let listed = self.cloud.list(form, query, instance, now, &self.meter, &mut rows).await;
            match (query.status, listed) {
                // The documentation does not name the statuses of all lists, so one may be refused as
                // unknown.
                (Some(status), Err(Observation::Permanent(fault))) if fault.kind == FaultKind::BadRequest => {
                    debug!(status, "the list cannot be asked for this status");
                }
                (_, listed) => listed?,
            }
        }
        let start = self.filter.start(now);
        Ok(rows.sorted().into_iter().filter(|row| self.filter.selects(row, start)).collect())
    }
}

impl Probe for TaskSearch<'_> {
    /// Asks once. Each query and each further page is a request.
    async fn poll(&mut self) -> Observation {
        self.meter.start_poll();
        self.ask().await
    }

    fn requests(&self) -> Option<u32> {
        Some(self.meter.requests())
    }
}

#[cfg(test)]
mod tests;
