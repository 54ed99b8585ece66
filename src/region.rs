//! Regions, and the hosts of the services in them.

use std::fmt;

use crate::endpoint::Endpoint;
use crate::error::ConfigError;
use crate::service::{OPEN_TELEKOM_CLOUD, Service};

/// A region of a cloud, such as `cn-north-4`.
///
/// ```
/// use jobwait::{Region, Service};
///
/// let region = Region::parse("cn-north-4")?;
/// let endpoint = region.endpoint(Service::TaurusDb);
/// assert_eq!(endpoint.to_string(), "https://gaussdb.cn-north-4.myhuaweicloud.com");
/// # Ok::<(), jobwait::ConfigError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Region {
    name: String,
    cloud: String,
}

impl Region {
    /// Parses the name of a region. The name decides the cloud: Huawei Cloud, its European part,
    /// or Open Telekom Cloud.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Invalid`] when the name contains anything but letters, digits and `-`.
    pub fn parse(name: &str) -> Result<Self, ConfigError> {
        let cloud = match name {
            "eu-west-101" => "myhuaweicloud.eu",
            "eu-de" | "eu-nl" => OPEN_TELEKOM_CLOUD,
            _ => "myhuaweicloud.com",
        };
        Self::in_cloud(name, cloud)
    }

    /// Makes a region of the cloud with this domain. `HW_CLOUD` is such a domain.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Invalid`] when the name contains anything but letters, digits and `-`, or when
    /// `cloud` is not a domain.
    pub fn in_cloud(name: &str, cloud: &str) -> Result<Self, ConfigError> {
        let label = |text: &str| {
            // A Punycode label can decode to a name that differs from what is shown.
            let coded = text.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("xn--"));
            !coded
                && (1..=63).contains(&text.len())
                && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        };
        if !label(name) {
            return Err(ConfigError::invalid("region", name, "expected a name such as cn-north-4"));
        }
        let region = Self { name: name.to_ascii_lowercase(), cloud: cloud.to_ascii_lowercase() };
        // A last label of digits would make the host an IP address.
        if !cloud.split('.').all(label) || region.host("iam").is_err() {
            let reason =
                format!("no host name for region '{name}' (expected a domain such as myhuaweicloud.com)");
            return Err(ConfigError::invalid("cloud", cloud, reason));
        }
        Ok(region)
    }

    /// The name of the region and of its default project.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The endpoint of a service in this region.
    #[must_use]
    pub fn endpoint(&self, service: Service) -> Endpoint {
        self.checked_host(service.host(&self.name, &self.cloud))
    }

    /// The endpoint of IAM in this region.
    #[must_use]
    pub fn iam(&self) -> Endpoint {
        self.checked_host("iam")
    }

    fn host(&self, label: &str) -> Result<Endpoint, ConfigError> {
        Endpoint::parse(&format!("https://{label}.{}.{}", self.name, self.cloud))
    }

    /// The hosts of a region differ in the first label only, and `in_cloud` has checked one of them.
    fn checked_host(&self, label: &str) -> Endpoint {
        self.host(label).unwrap_or_else(|_| unreachable!("one host of this region was checked"))
    }
}

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
    fn every_listed_region_has_its_host_label() {
        for (prefix, regions) in [
            (
                "gaussdb",
                "cn-north-2 cn-north-4 cn-north-9 cn-east-3 cn-south-1 cn-south-4 cn-southwest-2 \
                 ap-southeast-3 ap-southeast-4 sa-brazil-1 ru-northwest-2 xx-newland-7",
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
    fn a_sibling_has_the_same_host_label_in_every_region() {
        for (service, prefix) in
            [("rds", "rds"), ("gaussdb", "gaussdb-opengauss"), ("dds", "dds"), ("geminidb", "gaussdb-nosql")]
        {
            assert_eq!(
                host("ap-southeast-1", service),
                format!("https://{prefix}.ap-southeast-1.myhuaweicloud.com")
            );
        }
    }

    #[test]
    fn a_name_that_would_lead_to_another_host_is_refused() {
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
        fn the_hosts_of_an_accepted_region_are_in_its_cloud(
            name in "[a-zA-Z0-9-]{0,8}|xn--[a-z0-9-]{0,8}|[ -~]{0,8}",
            cloud in "[a-z0-9.-]{0,20}|[ -~]{0,12}|([0-9]{1,3}[.]){0,4}[0-9]{0,3}",
        ) {
            if let Ok(region) = Region::in_cloud(&name, &cloud) {
                let end = format!(".{}.{}", name.to_lowercase(), cloud.to_lowercase());
                let endpoint = |service| region.endpoint(service);
                for host in [region.iam(), endpoint(Service::TaurusDb), endpoint(Service::GeminiDb)] {
                    proptest::prop_assert!(host.to_string().ends_with(&end), "{host}");
                }
            }
        }
    }
}
