//! Which service is where. The prefix of a TaurusDB host is not uniform between regions.

use std::fmt;
use std::str::FromStr;

use super::endpoint::Endpoint;
use crate::ConfigError;
use crate::text::safe;

/// A service with this jobs endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Service {
    /// TaurusDB, once GaussDB(for MySQL).
    #[default]
    TaurusDb,
    /// RDS.
    Rds,
    /// GaussDB.
    GaussDb,
    /// DDS, document databases.
    Dds,
    /// GeminiDB, once GaussDB(for NoSQL). It answers a list of jobs.
    GeminiDb,
}

impl FromStr for Service {
    type Err = ConfigError;

    fn from_str(text: &str) -> Result<Self, ConfigError> {
        Ok(match text {
            "taurusdb" => Self::TaurusDb,
            "rds" => Self::Rds,
            "gaussdb" => Self::GaussDb,
            "dds" => Self::Dds,
            "geminidb" => Self::GeminiDb,
            _ => return Err(ConfigError::new("the services are taurusdb, rds, gaussdb, dds, geminidb")),
        })
    }
}

impl fmt::Display for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TaurusDb => "taurusdb",
            Self::Rds => "rds",
            Self::GaussDb => "gaussdb",
            Self::Dds => "dds",
            Self::GeminiDb => "geminidb",
        })
    }
}

/// A region of a cloud, such as `cn-north-4`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Region {
    name: String,
    cloud: String,
}

impl Region {
    /// A region by name, in the cloud that it belongs to: Huawei Cloud, its European part, or Open Telekom Cloud.
    ///
    /// # Errors
    ///
    /// When the name is not made of letters, digits and `-`.
    pub fn parse(name: &str) -> Result<Self, ConfigError> {
        let cloud = match name {
            "eu-west-101" => "myhuaweicloud.eu",
            "eu-de" | "eu-nl" => OPEN_TELEKOM_CLOUD,
            _ => "myhuaweicloud.com",
        };
        Self::in_cloud(name, cloud)
    }

    /// A region of the cloud with this domain, which is what `HW_CLOUD` names.
    ///
    /// # Errors
    ///
    /// When the name is not made of letters, digits and `-`, or the domain is none.
    pub fn in_cloud(name: &str, cloud: &str) -> Result<Self, ConfigError> {
        let label = |text: &str| {
            // Labels that are coded, for names beyond ASCII, need not be what they look like.
            let coded = text.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("xn--"));
            !coded
                && (1..=63).contains(&text.len())
                && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        };
        if !label(name) {
            return Err(ConfigError::new(format!(
                "'{}' is no region; they are called like cn-north-4",
                safe(name, 60)
            )));
        }
        let region = Self { name: name.to_ascii_lowercase(), cloud: cloud.to_ascii_lowercase() };
        // Not all that looks like a host is one: a label of digits at the end makes an address.
        if !cloud.split('.').all(label) || region.host("iam").is_err() {
            return Err(ConfigError::new(format!(
                "'{}' in the cloud '{}' makes no host; clouds are domains like myhuaweicloud.com",
                safe(name, 60),
                safe(cloud, 60)
            )));
        }
        Ok(region)
    }

    /// The region's name, which is also that of its default project.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Where the service is in this region.
    #[must_use]
    pub fn endpoint(&self, service: Service) -> Endpoint {
        let prefix = match service {
            Service::TaurusDb => self.taurusdb(),
            Service::Rds => "rds",
            Service::GaussDb => "gaussdb-opengauss",
            Service::Dds => "dds",
            Service::GeminiDb => "gaussdb-nosql",
        };
        self.checked_host(prefix)
    }

    /// Where its IAM is.
    #[must_use]
    pub fn iam(&self) -> Endpoint {
        self.checked_host("iam")
    }

    /// From the list of endpoints. A region that is not on it gets the general form.
    fn taurusdb(&self) -> &'static str {
        match self.name.as_str() {
            "ap-southeast-1" | "ap-southeast-2" | "cn-north-11" | "tr-west-1" | "me-east-1" => {
                "gaussdbformysql"
            }
            "af-south-1" | "cn-east-5" | "la-north-2" | "cn-southwest-3" => "gaussdb-mysql",
            _ if self.cloud == OPEN_TELEKOM_CLOUD => "gaussdb-mysql",
            _ => "gaussdb",
        }
    }

    fn host(&self, prefix: &str) -> Result<Endpoint, ConfigError> {
        Endpoint::parse(&format!("https://{prefix}.{}.{}", self.name, self.cloud))
    }

    /// What differs between hosts of a region is the first label, which is one of ours.
    fn checked_host(&self, prefix: &str) -> Endpoint {
        self.host(prefix).unwrap_or_else(|_| unreachable!("one host of this region was checked"))
    }
}

const OPEN_TELEKOM_CLOUD: &str = "otc.t-systems.com";

impl fmt::Display for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(region: &str, service: &str) -> String {
        Region::parse(region).unwrap().endpoint(service.parse().unwrap()).to_string()
    }

    #[test]
    fn every_region_of_the_table_has_its_prefix() {
        for (prefix, regions) in [
            (
                "gaussdb",
                "cn-north-2 cn-north-4 cn-north-9 cn-east-3 cn-south-1 cn-south-4 cn-southwest-2 ap-southeast-3 \
                 ap-southeast-4 sa-brazil-1 ru-northwest-2 xx-newland-7",
            ),
            ("gaussdbformysql", "ap-southeast-1 ap-southeast-2 cn-north-11 tr-west-1 me-east-1"),
            ("gaussdb-mysql", "af-south-1 cn-east-5 la-north-2 cn-southwest-3"),
        ] {
            for region in regions.split_whitespace() {
                assert_eq!(host(region, "taurusdb"), format!("https://{prefix}.{region}.myhuaweicloud.com"));
            }
        }
    }

    #[test]
    fn other_clouds_have_their_own_domains() {
        assert_eq!(host("eu-west-101", "taurusdb"), "https://gaussdb.eu-west-101.myhuaweicloud.eu");
        assert_eq!(host("eu-de", "taurusdb"), "https://gaussdb-mysql.eu-de.otc.t-systems.com");
        let de = Region::in_cloud("eu-de", "otc.t-systems.com").unwrap();
        assert_eq!(de.iam().to_string(), "https://iam.eu-de.otc.t-systems.com");
        let own = Region::in_cloud("r-1", "cloud.example").unwrap();
        assert_eq!(own.endpoint(Service::TaurusDb).to_string(), "https://gaussdb.r-1.cloud.example");
        assert_eq!(own.iam().to_string(), "https://iam.r-1.cloud.example");
    }

    #[test]
    fn siblings_have_one_prefix_each() {
        for (service, prefix) in
            [("rds", "rds"), ("gaussdb", "gaussdb-opengauss"), ("dds", "dds"), ("geminidb", "gaussdb-nosql")]
        {
            assert_eq!(
                host("ap-southeast-1", service),
                format!("https://{prefix}.ap-southeast-1.myhuaweicloud.com")
            );
        }
        assert!("mysql".parse::<Service>().is_err());
        for service in ["taurusdb", "rds", "gaussdb", "dds", "geminidb"] {
            assert_eq!(service.parse::<Service>().unwrap().to_string(), service);
        }
    }

    #[test]
    fn what_could_lead_to_another_host_is_no_region() {
        for bad in ["", "a.b", "a/b", "a@b", "a:1", "a b", "ä", "evil.example/", &"a".repeat(64)] {
            assert!(Region::parse(bad).is_err(), "{bad}");
            assert!(Region::in_cloud("r", &format!("{bad}/x")).is_err(), "{bad}");
        }
        for (name, cloud) in
            [("r", ""), ("r", "127.0.0.1"), ("r", "1"), ("xn--a", "c.example"), ("r", "xn--a.example")]
        {
            assert!(Region::in_cloud(name, cloud).is_err(), "{name} {cloud}");
        }
        assert_eq!(Region::parse("CN-North-4").unwrap().name(), "cn-north-4");
    }

    proptest::proptest! {
        #[test]
        fn a_region_that_is_accepted_has_its_hosts_in_its_cloud(
            name in "[a-zA-Z0-9-]{0,8}|xn--[a-z0-9-]{0,8}|[ -~]{0,8}",
            cloud in "[a-z0-9.-]{0,20}|[ -~]{0,12}|([0-9]{1,3}[.]){0,4}[0-9]{0,3}",
        ) {
            if let Ok(region) = Region::in_cloud(&name, &cloud) {
                let end = format!(".{}.{}", name.to_lowercase(), cloud.to_lowercase());
                for host in [region.iam(), region.endpoint(Service::TaurusDb), region.endpoint(Service::GeminiDb)] {
                    proptest::prop_assert!(host.to_string().ends_with(&end), "{host}");
                }
            }
        }
    }
}
