//! The list of the tasks that are going on, one page at a time.

use jiff::Timestamp;

use super::paging::Paging;
use super::{LONGEST_PERIOD, Query};
use crate::cloud::Cloud;
use crate::http::meter::Meter;
use crate::http::wall_clock;
use crate::job::TaskRow;
use crate::probe::{ListPage, ListProbe, Observation};

/// A probe for the list of the tasks of a project that are running. One request answers for all tasks on a
/// page.
///
/// ```no_run
/// use jobwait::ListProbe as _;
///
/// # async fn example(cloud: jobwait::Cloud) {
/// if let Ok(page) = cloud.task_list().page(true).await {
///     println!("{} tasks, and {} more pages", page.jobs.len(), page.pages_left);
/// }
/// # }
/// ```
#[derive(Debug)]
pub struct TaskList<'a> {
    cloud: &'a Cloud,
    meter: Meter,
    pages: Option<Pages>,
}

/// The state after a page.
#[derive(Debug)]
struct Pages {
    paging: Paging,
    asked_at: Timestamp,
    next: Option<usize>,
    rows: usize,
}

impl Cloud {
    /// A probe for the list of the tasks that are running, which answers for many tasks: see
    /// [`Waits::run_with_list`](crate::Waits::run_with_list).
    #[must_use]
    pub fn task_list(&self) -> TaskList<'_> {
        TaskList { cloud: self, meter: Meter::new(self.limiter.clone()), pages: None }
    }
}

impl TaskList<'_> {
    async fn ask(&mut self, restart: bool) -> Result<ListPage, Observation> {
        self.meter.start_poll();
        let form = self.cloud.service.list();
        if restart || self.pages.as_ref().is_none_or(|pages| pages.next.is_none()) {
            let mut paging = Paging::new(form.offsets);
            let next = Some(paging.first());
            self.pages = Some(Pages { paging, asked_at: wall_clock(), next, rows: 0 });
        }
        let Some(Pages { paging, asked_at, next, rows }) = &mut self.pages else {
            return Ok(ListPage::default());
        };
        // The tasks in other statuses wait for hours or for people, and each status is a request.
        let status = form.in_progress.first().copied();
        let query = Query { status, start: *asked_at - LONGEST_PERIOD };
        let text = query.text(form, None, next.unwrap_or_default(), *asked_at);
        let page = self.cloud.page(form, &text, &self.meter).await?;
        *rows += page.rows.len();
        *next = paging.after(page.rows.iter().map(TaskRow::id), page.rows.len(), page.total, form.limit);
        let rows_left = page.total.unwrap_or_default().saturating_sub(*rows);
        let pages_left = if next.is_some() { rows_left.div_ceil(form.limit).max(1) } else { 0 };
        Ok(ListPage { jobs: page.rows.into_iter().filter_map(TaskRow::into_job).collect(), pages_left })
    }
}

impl ListProbe for TaskList<'_> {
    async fn page(&mut self, restart: bool) -> Result<ListPage, Observation> {
        self.cloud.credentials.guard().watch(async || self.ask(restart).await).await
    }
}
