//! Which endpoint a service is called at.

use aws_config::SdkConfig;
use aws_types::service_config::ServiceConfigKey;
use hyper::Uri;

use crate::machine::{Fault, FaultKind};

/// The endpoint of a service: the mapping's own, else what environment or profile say for the service, else what they
/// say for all. `None`: AWS itself.
///
/// The SDK has the same order, but panics at an empty URL, which is what an unset variable of a compose file or a
/// pod template becomes; here an empty one counts as none.
///
/// # Errors
/// When the endpoint is not an `http` or `https` URL with a host.
pub(super) fn of(service: &'static str, config: &SdkConfig, own: Option<&str>) -> Result<Option<String>, Fault> {
    if let Some(own) = own {
        return checked(service, own).map(Some);
    }
    let for_all = config.endpoint_url().map(str::to_owned);
    let chosen = if config.get_origin("endpoint_url").is_client_config() {
        for_all
    } else {
        let key = ServiceConfigKey::builder()
            .service_id(service)
            .env("AWS_ENDPOINT_URL")
            .profile("endpoint_url")
            .build()
            .expect("all three members of the key are set");
        let for_service = config.service_config().and_then(|settings| settings.load_config(key));
        for_service.filter(|url| !url.trim().is_empty()).or(for_all)
    };
    chosen.filter(|url| !url.trim().is_empty()).map(|url| checked(service, &url)).transpose()
}

fn checked(service: &str, url: &str) -> Result<String, Fault> {
    let usable = url.parse::<Uri>().is_ok_and(|uri| {
        matches!(uri.scheme_str(), Some("http" | "https")) && uri.host().is_some_and(|host| !host.is_empty())
    });
    if usable {
        return Ok(url.to_owned());
    }
    let message = format!("the {service} endpoint {url:?} is not a URL: write it like http://127.0.0.1:4566");
    Err(Fault::new(FaultKind::Invalid, message))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[derive(Debug)]
    struct Settings(BTreeMap<String, String>);

    impl aws_types::service_config::LoadServiceConfig for Settings {
        fn load_config(&self, key: ServiceConfigKey<'_>) -> Option<String> {
            self.0.get(&format!("{}_{}", key.env(), key.service_id().to_uppercase())).cloned()
        }
    }

    fn config(for_all: Option<&str>, for_services: &[(&str, &str)]) -> SdkConfig {
        let settings = for_services.iter().map(|(name, url)| ((*name).to_owned(), (*url).to_owned())).collect();
        let mut builder = SdkConfig::builder().service_config(Settings(settings));
        builder.set_endpoint_url(for_all.map(str::to_owned));
        builder.build()
    }

    #[test]
    fn the_nearest_endpoint_wins_and_an_empty_one_is_none() {
        let all = Some("http://all:1");
        let sqs = [("AWS_ENDPOINT_URL_SQS", "http://sqs:2")];
        let blank = [("AWS_ENDPOINT_URL_SQS", "")];
        let table = [
            (config(None, &[]), None, None),
            (config(all, &[]), None, all),
            (config(all, &sqs), None, Some("http://sqs:2")),
            (config(None, &sqs), None, Some("http://sqs:2")),
            (config(all, &blank), None, all),
            (config(Some(""), &blank), None, None),
            (config(Some(" "), &[]), None, None),
            (config(all, &sqs), Some("https://own:3/path"), Some("https://own:3/path")),
        ];
        for (config, own, expected) in table {
            assert_eq!(of("SQS", &config, own).unwrap().as_deref(), expected);
        }
    }

    #[test]
    fn what_is_no_url_is_refused_with_an_example() {
        for url in ["", "localhost:4566", "127.0.0.1", "/path", "not a url", "ftp://host", "http://", "http:///path"] {
            let fault = of("SQS", &config(None, &[]), Some(url)).unwrap_err();
            assert_eq!(fault.kind, FaultKind::Invalid, "{url}");
            assert!(fault.message.contains("http://127.0.0.1:4566"), "{fault}");
        }
        assert_eq!(of("SQS", &config(Some("nonsense"), &[]), None).unwrap_err().kind, FaultKind::Invalid);
    }
}
