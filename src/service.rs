//! The services that answer on a jobs endpoint, one row each.

use std::fmt;
use std::str::FromStr;

use crate::error::ConfigError;

/// The domain of Huawei Cloud.
pub(crate) const HUAWEI_CLOUD: &str = "myhuaweicloud.com";

/// The domain of the European part of Huawei Cloud.
pub(crate) const HUAWEI_CLOUD_EUROPE: &str = "myhuaweicloud.eu";

/// The domain of the Open Telekom Cloud.
pub(crate) const OPEN_TELEKOM_CLOUD: &str = "otc.t-systems.com";

/// A service with the jobs endpoint of TaurusDB.
///
/// ```
/// use jobwait::Service;
///
/// assert_eq!("rds".parse::<Service>()?, Service::Rds);
/// assert_eq!(Service::default().name(), "taurusdb");
/// # Ok::<(), jobwait::ConfigError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Service {
    /// TaurusDB, formerly GaussDB(for MySQL).
    #[default]
    TaurusDb,
    /// RDS.
    Rds,
    /// GaussDB.
    GaussDb,
    /// DDS, document databases.
    Dds,
    /// GeminiDB, formerly GaussDB(for NoSQL).
    GeminiDb,
}

/// The properties in which the services differ.
struct Row {
    service: Service,
    name: &'static str,
    /// The name of the service in the variables and files of the SDKs.
    sdk_name: &'static str,
    /// The first labels of the host names, each with the regions of Huawei Cloud that use it, as in the list
    /// of endpoints. The first label is the usual one, and a guess for other regions.
    hosts: &'static [(&'static str, &'static [&'static str])],
    /// The label in the Open Telekom Cloud, if it is another one than the usual.
    otc_host: Option<&'static str>,
    /// The regions of the Open Telekom Cloud that are known to use the label.
    otc_regions: &'static [&'static str],
    /// The response wraps the job in a list, which is empty for an unknown ID.
    responds_with_list: bool,
    /// A 404 of the service itself means an unknown ID. On TaurusDB it means a wrong address.
    responds_404_for_unknown_id: bool,
    /// The list of the tasks that run at once.
    list: ListForm,
    /// The list of the tasks that wait for a maintenance window.
    scheduled: Option<ListForm>,
}

/// The form of a list of tasks. The fields of a row have no place here: `job/row.rs` reads each by all its
/// known names, because a service may rename one.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ListForm {
    /// The first segment of the path.
    pub(crate) version: &'static str,
    /// The last segment of the path, after the project.
    pub(crate) resource: &'static str,
    /// The field of the response that contains the rows.
    pub(crate) rows: &'static str,
    /// The largest page.
    pub(crate) limit: usize,
    pub(crate) offsets: Offsets,
    pub(crate) times: Times,
    /// The list is refused without the end of the period. The period is then at most 30 days.
    pub(crate) needs_end_time: bool,
    /// The parameter `instance_id` selects the tasks of an instance.
    pub(crate) selects_instance: bool,
    /// The values of the parameter `status` that select tasks in progress.
    pub(crate) in_progress: &'static [&'static str],
}

/// The documented meaning of the parameter `offset`. The documents contradict each other, so that a reader of
/// several pages detects the meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Offsets {
    /// The first page has the offset 1. The second one is a page number to some, an index to others.
    FromOne,
    /// The first row has the offset 0.
    FromZero,
}

/// The form of a time in a query.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Times {
    /// `2018-08-06T10:41:14+0000`
    Calendar,
    /// Milliseconds since 1970.
    Millis,
}

/// One row for each service. The hosts are those of the service's list of endpoints.
const TABLE: [Row; 5] = [
    Row {
        service: Service::TaurusDb,
        name: "taurusdb",
        sdk_name: "GAUSSDB",
        hosts: &[
            (
                "gaussdb",
                &[
                    "ap-southeast-3",
                    "ap-southeast-4",
                    "cn-east-3",
                    "cn-north-2",
                    "cn-north-4",
                    "cn-north-9",
                    "cn-south-1",
                    "cn-south-4",
                    "cn-southwest-2",
                    "ru-northwest-2",
                    "sa-brazil-1",
                ],
            ),
            (
                "gaussdbformysql",
                &["ap-southeast-1", "ap-southeast-2", "cn-north-11", "me-east-1", "tr-west-1"],
            ),
            ("gaussdb-mysql", &["af-south-1", "cn-east-5", "cn-southwest-3", "la-north-2"]),
        ],
        otc_host: Some("gaussdb-mysql"),
        otc_regions: &["eu-de"],
        responds_with_list: false,
        responds_404_for_unknown_id: false,
        list: ListForm {
            resource: "immediate-jobs",
            limit: 50,
            offsets: Offsets::FromOne,
            in_progress: &["Running", "Pending", "Unauthorized"],
            ..LIST
        },
        scheduled: Some(ListForm {
            resource: "scheduled-jobs",
            rows: "schedules",
            limit: 100,
            selects_instance: true,
            ..LIST
        }),
    },
    Row {
        service: Service::Rds,
        name: "rds",
        sdk_name: "RDS",
        hosts: &[(
            "rds",
            &[
                "ae-ad-1",
                "af-north-1",
                "af-south-1",
                "ap-southeast-1",
                "ap-southeast-2",
                "ap-southeast-3",
                "ap-southeast-4",
                "ap-southeast-5",
                "cn-east-2",
                "cn-east-3",
                "cn-east-4",
                "cn-east-5",
                "cn-north-1",
                "cn-north-11",
                "cn-north-12",
                "cn-north-2",
                "cn-north-4",
                "cn-north-9",
                "cn-south-1",
                "cn-south-2",
                "cn-south-4",
                "cn-southwest-2",
                "cn-southwest-3",
                "eu-west-0",
                "eu-west-101",
                "la-north-2",
                "la-south-2",
                "me-east-1",
                "my-kualalumpur-1",
                "na-mexico-1",
                "ru-moscow-1",
                "ru-northwest-2",
                "sa-brazil-1",
                "tr-west-1",
            ],
        )],
        otc_regions: &["eu-de", "eu-nl"],
        list: ListForm {
            resource: "tasklist",
            rows: "tasks",
            limit: 50,
            times: Times::Millis,
            selects_instance: true,
            ..LIST
        },
        ..SIBLING
    },
    Row {
        service: Service::GaussDb,
        name: "gaussdb",
        sdk_name: "GAUSSDBFOROPENGAUSS",
        hosts: &[
            (
                "gaussdb-opengauss",
                &[
                    "af-south-1",
                    "ap-southeast-1",
                    "ap-southeast-2",
                    "ap-southeast-3",
                    "ap-southeast-4",
                    "cn-east-3",
                    "cn-north-2",
                    "cn-north-4",
                    "cn-north-9",
                    "cn-south-1",
                    "cn-south-2",
                    "cn-south-4",
                    "cn-southwest-2",
                    "la-north-2",
                    "la-south-2",
                    "ru-northwest-2",
                    "sa-brazil-1",
                ],
            ),
            (
                "gaussdb",
                &[
                    "af-north-1",
                    "ap-southeast-5",
                    "cn-east-2",
                    "cn-east-4",
                    "cn-east-5",
                    "cn-north-12",
                    "me-east-1",
                    "tr-west-1",
                ],
            ),
        ],
        list: ListForm { resource: "tasks", rows: "tasks", limit: 100, ..LIST },
        ..SIBLING
    },
    Row {
        service: Service::Dds,
        name: "dds",
        sdk_name: "DDS",
        hosts: &[(
            "dds",
            &[
                "ae-ad-1",
                "af-north-1",
                "af-south-1",
                "ap-southeast-1",
                "ap-southeast-2",
                "ap-southeast-3",
                "ap-southeast-4",
                "ap-southeast-5",
                "cn-east-2",
                "cn-east-3",
                "cn-east-4",
                "cn-east-5",
                "cn-north-1",
                "cn-north-11",
                "cn-north-12",
                "cn-north-2",
                "cn-north-4",
                "cn-north-9",
                "cn-south-1",
                "cn-south-2",
                "cn-south-4",
                "cn-southwest-2",
                "cn-southwest-3",
                "eu-west-0",
                "eu-west-101",
                "la-north-2",
                "la-south-2",
                "me-east-1",
                "my-kualalumpur-1",
                "na-mexico-1",
                "ru-moscow-1",
                "ru-northwest-2",
                "sa-brazil-1",
                "tr-west-1",
            ],
        )],
        otc_regions: &["eu-de", "eu-nl"],
        list: ListForm { version: "v3.1", needs_end_time: true, ..LIST },
        ..SIBLING
    },
    Row {
        service: Service::GeminiDb,
        name: "geminidb",
        sdk_name: "GAUSSDBFORNOSQL",
        hosts: &[(
            "gaussdb-nosql",
            &[
                "af-south-1",
                "ap-southeast-1",
                "ap-southeast-2",
                "ap-southeast-3",
                "ap-southeast-4",
                "ap-southeast-5",
                "cn-east-2",
                "cn-east-3",
                "cn-east-4",
                "cn-north-1",
                "cn-north-11",
                "cn-north-2",
                "cn-north-4",
                "cn-north-9",
                "cn-south-1",
                "cn-south-2",
                "cn-south-4",
                "cn-southwest-2",
                "cn-southwest-3",
                "eu-west-101",
                "la-north-2",
                "la-south-2",
                "me-east-1",
                "ru-moscow-1",
                "ru-northwest-2",
                "sa-brazil-1",
                "tr-west-1",
            ],
        )],
        responds_with_list: true,
        ..SIBLING
    },
];

/// The properties that the siblings of TaurusDB have in common.
const SIBLING: Row = Row {
    service: Service::Rds,
    name: "",
    sdk_name: "",
    hosts: &[],
    otc_host: None,
    otc_regions: &[],
    responds_with_list: false,
    responds_404_for_unknown_id: true,
    list: LIST,
    scheduled: None,
};

/// The properties that most lists have in common.
const LIST: ListForm = ListForm {
    version: "v3",
    resource: "jobs",
    rows: "jobs",
    limit: 50,
    offsets: Offsets::FromZero,
    times: Times::Calendar,
    needs_end_time: false,
    selects_instance: false,
    in_progress: &["Running"],
};

impl Service {
    /// All services, in the order of the documentation.
    pub const ALL: [Self; TABLE.len()] =
        [TABLE[0].service, TABLE[1].service, TABLE[2].service, TABLE[3].service, TABLE[4].service];

    /// The name, as `--service` takes it.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.row().name
    }

    /// The first label of the host name in a region of a cloud, and whether it is a guess.
    pub(crate) fn host(self, region: &str, cloud: &str) -> (&'static str, bool) {
        let row = self.row();
        let usual = row.hosts.first().map_or(row.name, |(label, _)| *label);
        if cloud.ends_with(OPEN_TELEKOM_CLOUD) {
            let is_known = cloud == OPEN_TELEKOM_CLOUD && row.otc_regions.contains(&region);
            return (row.otc_host.unwrap_or(usual), !is_known);
        }
        let listed = row.hosts.iter().find(|(_, regions)| regions.contains(&region));
        let is_known = listed.is_some() && matches!(cloud, HUAWEI_CLOUD | HUAWEI_CLOUD_EUROPE);
        (listed.map_or(usual, |(label, _)| *label), !is_known)
    }

    /// The name of the service in the variables and files of the SDKs.
    pub(crate) fn sdk_name(self) -> &'static str {
        self.row().sdk_name
    }

    pub(crate) fn responds_with_list(self) -> bool {
        self.row().responds_with_list
    }

    pub(crate) fn responds_404_for_unknown_id(self) -> bool {
        self.row().responds_404_for_unknown_id
    }

    /// The form of the list of tasks.
    pub(crate) fn list(self) -> &'static ListForm {
        &self.row().list
    }

    /// The form of the list of the tasks that wait for a maintenance window, if there is one.
    pub(crate) fn scheduled_list(self) -> Option<&'static ListForm> {
        self.row().scheduled.as_ref()
    }

    fn row(self) -> &'static Row {
        const ROWS: &[Row] = &TABLE;
        ROWS.iter().find(|row| row.service == self).unwrap_or(&ROWS[0])
    }
}

impl FromStr for Service {
    type Err = ConfigError;

    fn from_str(text: &str) -> Result<Self, ConfigError> {
        Self::ALL.into_iter().find(|service| service.name() == text).ok_or_else(|| {
            let names = Self::ALL.map(Self::name).join(", ");
            ConfigError::invalid("service", text, format!("expected one of {names}"))
        })
    }
}

impl fmt::Display for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_service_has_one_row_and_its_name_parses_back() {
        for service in Service::ALL {
            assert_eq!(TABLE.iter().filter(|row| row.service == service).count(), 1, "{service}");
            assert_eq!(service.to_string().parse::<Service>().unwrap(), service);
        }
        assert!("mysql".parse::<Service>().is_err());
    }
}
