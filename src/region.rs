//! Regions, and the hosts of the services in them.

use std::fmt;

use crate::endpoint::Endpoint;
use crate::error::ConfigError;
use crate::service::{HUAWEI_CLOUD, HUAWEI_CLOUD_EUROPE, OPEN_TELEKOM_CLOUD, Service};

/// The domain of the Swiss part of the Open Telekom Cloud.
const SWISS_CLOUD: &str = "sc.otc.t-systems.com";

/// The regions in which IAM has no host of its own in the SDKs' list of endpoints.
const WITHOUT_IAM: [&str; 6] =
    ["af-north-1", "ap-southeast-5", "cn-north-11", "cn-south-4", "cn-southwest-3", "ru-northwest-2"];

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
        let name = name.trim().to_ascii_lowercase();
        let cloud = match name.as_str() {
            "eu-de" | "eu-nl" => OPEN_TELEKOM_CLOUD,
            "eu-ch2" => SWISS_CLOUD,
            european if european.starts_with("eu-west-1") => HUAWEI_CLOUD_EUROPE,
            _ => HUAWEI_CLOUD,
        };
        Self::in_cloud(&name, cloud)
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
        self.checked_host(service.host(&self.name, &self.cloud).0)
    }

    /// Whether the endpoint of a service in this region is a guess, because the region is not in the list of
    /// the service.
    pub(crate) fn is_guess(&self, service: Service) -> bool {
        service.host(&self.name, &self.cloud).1
    }

    /// The endpoint of IAM in this region.
    #[must_use]
    pub fn iam(&self) -> Endpoint {
        self.iam_hosts().0
    }

    /// The endpoint of IAM in this region, and the one for the case that its host is unknown. Huawei Cloud
    /// has a host for all regions, and the lists of endpoints disagree about the regions with their own.
    pub(crate) fn iam_hosts(&self) -> (Endpoint, Option<Endpoint>) {
        let own = self.checked_host(if self.cloud == SWISS_CLOUD { "iam-pub" } else { "iam" });
        let global = Endpoint::parse(&format!("https://iam.{HUAWEI_CLOUD}"));
        match global.ok().filter(|_| self.cloud == HUAWEI_CLOUD) {
            Some(global) if WITHOUT_IAM.contains(&self.name.as_str()) => (global, Some(own)),
            global => (own, global),
        }
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

    /// The hosts that the SDKs know. The file names their version.
    fn listed(service: &str) -> Vec<(String, String)> {
        let lists: serde_json::Value = serde_json::from_str(include_str!("region/sdk_regions.json")).unwrap();
        let regions = lists[service].as_object().unwrap();
        regions.iter().map(|(name, url)| (name.clone(), url.as_str().unwrap().to_owned())).collect()
    }

    #[test]
    fn every_region_of_the_sdks_has_its_hosts() {
        for service in Service::ALL {
            for (region, url) in listed(service.name()) {
                assert_eq!(host(&region, service.name()), url);
                assert!(!Region::parse(&region).unwrap().is_guess(service), "{region} {service}");
            }
        }
        for (region, url) in listed("iam") {
            assert_eq!(Region::parse(&region).unwrap().iam().to_string(), url);
        }
        // The table has no region that the SDKs do not know.
        let all: std::collections::BTreeSet<String> = Service::ALL
            .iter()
            .flat_map(|service| listed(service.name()))
            .map(|(region, _)| region)
            .collect();
        for service in Service::ALL {
            let known: Vec<String> = listed(service.name()).into_iter().map(|(region, _)| region).collect();
            for region in all.iter().filter(|region| !known.contains(region)) {
                assert!(Region::parse(region).unwrap().is_guess(service), "{region} {service}");
            }
        }
    }

    #[test]
    fn a_region_that_is_not_listed_has_the_usual_host_as_a_guess() {
        let guess = |region: &str| Region::parse(region).unwrap().is_guess(Service::TaurusDb);
        assert_eq!(host("xx-newland-7", "taurusdb"), "https://gaussdb.xx-newland-7.myhuaweicloud.com");
        // In some regions that is the host of another product.
        for region in [
            "xx-newland-7",
            "af-north-1",
            "ap-southeast-5",
            "cn-east-2",
            "cn-east-4",
            "cn-north-12",
            "eu-west-101",
        ] {
            assert!(guess(region), "{region}");
        }
        assert!(!guess("cn-north-4") && !guess("eu-de"));
        assert!(Region::in_cloud("cn-north-4", "cloud.example").unwrap().is_guess(Service::TaurusDb));
    }

    #[test]
    fn other_clouds_have_their_own_domains() {
        assert_eq!(host("eu-west-101", "taurusdb"), "https://gaussdb.eu-west-101.myhuaweicloud.eu");
        assert_eq!(host("EU-West-101", "rds"), "https://rds.eu-west-101.myhuaweicloud.eu");
        assert_eq!(host("eu-west-0", "rds"), "https://rds.eu-west-0.myhuaweicloud.com");
        assert_eq!(host(" EU-DE ", "taurusdb"), "https://gaussdb-mysql.eu-de.otc.t-systems.com");
        let de = Region::in_cloud("eu-de", "otc.t-systems.com").unwrap();
        assert_eq!(de.iam().to_string(), "https://iam.eu-de.otc.t-systems.com");
        let swiss = Region::parse("eu-ch2").unwrap();
        assert_eq!(swiss.iam().to_string(), "https://iam-pub.eu-ch2.sc.otc.t-systems.com");
        assert_eq!(host("eu-ch2", "rds"), "https://rds.eu-ch2.sc.otc.t-systems.com");
        let own = Region::in_cloud("r-1", "cloud.example").unwrap();
        assert_eq!(own.endpoint(Service::TaurusDb).to_string(), "https://gaussdb.r-1.cloud.example");
        assert_eq!(own.iam().to_string(), "https://iam.r-1.cloud.example");
    }

    #[test]
    fn iam_has_a_second_host_in_the_main_cloud_only() {
        let hosts = |region: &str| {
            let (first, second) = Region::parse(region).unwrap().iam_hosts();
            (first.to_string(), second.map(|second| second.to_string()))
        };
        let (global, own) = ("https://iam.myhuaweicloud.com", "https://iam.cn-north-4.myhuaweicloud.com");
        assert_eq!(hosts("cn-north-4"), (own.into(), Some(global.into())));
        let own = "https://iam.af-north-1.myhuaweicloud.com";
        assert_eq!(hosts("af-north-1"), (global.into(), Some(own.into())));
        for region in ["eu-de", "eu-ch2", "eu-west-101"] {
            assert_eq!(hosts(region).1, None, "{region}");
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
                let iam = region.checked_host("iam");
                for host in [iam, endpoint(Service::TaurusDb), endpoint(Service::GeminiDb)] {
                    proptest::prop_assert!(host.to_string().ends_with(&end), "{host}");
                }
            }
        }
    }
}
