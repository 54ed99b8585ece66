//! The regions of the SDKs: their variables, and a YAML file with the endpoints of services.

use std::path::Path;

use secrecy::{ExposeSecret as _, SecretString};
use yaml_rust2::{Yaml, YamlLoader};

use super::{Environment, Setting};
use crate::error::ConfigError;
use crate::region::Region;

impl Environment<'_> {
    /// The endpoint that the user of an SDK has set for a service in a region, by a variable or in the file.
    /// The SDKs try several in turn; the first one is taken.
    pub(super) fn endpoint_of_sdks(
        &self,
        service: &str,
        region: &Region,
    ) -> Result<Option<Setting<String>>, ConfigError> {
        let name =
            format!("HUAWEICLOUD_SDK_REGION_{service}_{}", region.name().replace('-', "_").to_uppercase());
        if let Some(value) = (self.variables)(&name).filter(|value| !value.trim().is_empty()) {
            let first = value.split(',').next().unwrap_or_default().trim().to_owned();
            return Ok(Some(Setting::new(first, name)));
        }
        match self.file("HUAWEICLOUD_SDK_REGIONS_FILE", ".huaweicloud/regions.yaml")? {
            Some((path, text)) => {
                let url = endpoint(&path, &text, service, region.name())?;
                Ok(url.map(|url| Setting::new(url, path.display().to_string())))
            }
            None => Ok(None),
        }
    }
}

/// Finds the endpoint of a service in a region: `SERVICE: [{id, endpoint or endpoints}]`.
fn endpoint(
    path: &Path,
    text: &SecretString,
    service: &str,
    region: &str,
) -> Result<Option<String>, ConfigError> {
    let malformed = |error: yaml_rust2::ScanError| {
        let (line, column) = (error.marker().line(), error.marker().col() + 1);
        ConfigError::file(path, format!("line {line}, column {column}: malformed YAML"))
    };
    let documents = YamlLoader::load_from_str(text.expose_secret()).map_err(malformed)?;
    let services = documents.first().and_then(Yaml::as_hash);
    let is_service = |name: &Yaml| name.as_str().is_some_and(|name| name.eq_ignore_ascii_case(service));
    let regions = services.into_iter().flatten().find(|(name, _)| is_service(name));
    let regions = regions.and_then(|(_, regions)| regions.as_vec()).into_iter().flatten();
    let mut of_this = regions.filter(|entry| entry["id"].as_str() == Some(region));
    let first = |entry: &Yaml| {
        let several = entry["endpoints"].as_vec().and_then(|urls| urls.first()?.as_str());
        several.or_else(|| entry["endpoint"].as_str()).map(|url| url.trim().to_owned())
    };
    Ok(of_this.find_map(first))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Result<Option<String>, String> {
        let found = endpoint(Path::new("regions.yaml"), &text.into(), "GAUSSDB", "r-1");
        found.map_err(|error| error.to_string())
    }

    #[test]
    fn the_endpoint_of_a_service_in_a_region_is_found() {
        for text in [
            "GAUSSDB:\n- id: r-0\n  endpoint: https://no\n- id: 'r-1'\n  endpoint: 'https://h'\n",
            "gaussdb:\n  - {id: r-1, endpoints: [https://h, https://other]}\nRDS: []\n",
        ] {
            assert_eq!(found(text), Ok(Some("https://h".into())), "{text}");
        }
        for text in
            ["", "RDS:\n- {id: r-1, endpoint: https://h}\n", "GAUSSDB: 7", "[]", "GAUSSDB:\n- id: r-1\n"]
        {
            assert_eq!(found(text), Ok(None), "{text}");
        }
        assert_eq!(found("a: [").unwrap_err(), "regions.yaml: line 2, column 1: malformed YAML");
    }
}
