//! The flags of the AWS API: where it is served, and to whom.

use std::net::{SocketAddr, ToSocketAddrs};

use anyhow::Context;
use clap::Args;
use thiserror::Error;
use tokio::net::TcpListener;

use crate::aws_api::{Access, Keys, KeysError};

#[derive(Debug, Args)]
pub(super) struct AwsApiArgs {
    /// Serve AWS Lambda's event source mapping API at this address, for `aws lambda --endpoint-url`, boto3 and
    /// Terraform. Requests are signed with a key of FOREBAY_API_KEYS or FOREBAY_API_KEYS_FILE
    #[arg(long, value_name = "ADDRESS", env = "FOREBAY_AWS_API", hide_env_values = true)]
    aws_api: Option<String>,
    /// Take unsigned requests to the AWS API; only with a loopback address, and not with keys
    #[arg(long, env = "FOREBAY_AWS_API_INSECURE", hide_env_values = true, value_parser = switch)]
    aws_api_insecure: bool,
}

/// Why the AWS API cannot be served as it was asked for.
#[derive(Debug, Error)]
pub(super) enum AwsApiError {
    #[error("--aws-api-insecure needs the address of the AWS API\nhelp: add --aws-api 127.0.0.1:9691")]
    NoAddress,
    #[error("--aws-api {address} is not an address: {reason}\nhelp: write an address such as 127.0.0.1:9691")]
    Address { address: String, reason: String },
    #[error(
        "the AWS API has no keys\nhelp: set FOREBAY_API_KEYS=id:secret, or name a file of keys with \
         FOREBAY_API_KEYS_FILE. To take unsigned requests on a loopback address, add --aws-api-insecure"
    )]
    NoKeys,
    #[error(
        "--aws-api-insecure takes unsigned requests, but FOREBAY_API_KEYS or FOREBAY_API_KEYS_FILE is set\nhelp: \
         remove one of the two"
    )]
    KeysAndInsecure,
    #[error(
        "--aws-api-insecure lets anyone who reaches {address} change mappings\nhelp: choose a loopback address such as \
         127.0.0.1:9691, or set FOREBAY_API_KEYS instead"
    )]
    NotLoopback { address: String },
    #[error(transparent)]
    Keys(#[from] KeysError),
}

/// Where the AWS API is served, and to whom.
pub(super) struct AwsApi {
    written: String,
    addresses: Vec<SocketAddr>,
    pub(super) access: Access,
}

impl AwsApiArgs {
    /// What was asked for; none where the API is not served.
    pub(super) fn checked(self, env: &dyn Fn(&str) -> Option<String>) -> Result<Option<AwsApi>, AwsApiError> {
        // An empty variable is one that is not set.
        let Some(written) = self.aws_api.filter(|address| !address.is_empty()) else {
            return if self.aws_api_insecure { Err(AwsApiError::NoAddress) } else { Ok(None) };
        };
        let keys = match (Keys::read(env)?, self.aws_api_insecure) {
            (Some(_), true) => return Err(AwsApiError::KeysAndInsecure),
            (None, false) => return Err(AwsApiError::NoKeys),
            (keys, _) => keys,
        };
        let refused = |reason: String| AwsApiError::Address { address: written.clone(), reason };
        let resolved = written.to_socket_addrs().map_err(|error| refused(error.to_string()))?;
        let addresses: Vec<SocketAddr> = resolved.collect();
        if addresses.is_empty() {
            return Err(refused("it has no address".into()));
        }
        let loopback = addresses.iter().all(|address| address.ip().is_loopback());
        let access = match keys {
            Some(keys) => Access::Keys(if loopback { keys } else { keys.strong()? }),
            None if loopback => Access::Insecure,
            None => return Err(AwsApiError::NotLoopback { address: written }),
        };
        Ok(Some(AwsApi { written, addresses, access }))
    }
}

impl AwsApi {
    /// Takes the address.
    pub(super) async fn bind(&self) -> anyhow::Result<TcpListener> {
        TcpListener::bind(&*self.addresses).await.with_context(|| {
            format!("cannot serve the AWS API at {}\nhelp: choose a free address with --aws-api", self.written)
        })
    }
}

fn switch(text: &str) -> Result<bool, &'static str> {
    match text.trim().to_ascii_lowercase().as_str() {
        "" | "0" | "false" | "no" | "off" => Ok(false),
        "1" | "true" | "yes" | "on" => Ok(true),
        _ => Err("write 1 or 0"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(address: &str, insecure: bool, keys: Option<&str>) -> Result<Option<AwsApi>, AwsApiError> {
        let arguments = AwsApiArgs { aws_api: Some(address.into()), aws_api_insecure: insecure };
        let keys = keys.map(str::to_owned);
        arguments.checked(&|name| keys.clone().filter(|_| name == "FOREBAY_API_KEYS"))
    }

    #[test]
    fn without_keys_only_a_loopback_address_may_be_served_and_only_if_that_is_meant() {
        let keys = Some("id:0123456789abcdef0123456789abcdef");
        for address in ["127.0.0.1:0", "127.9.9.9:9691", "[::1]:9691", "localhost:9691", "0.0.0.0:9691", "10.0.0.1:1"] {
            let served = checked(address, false, keys).unwrap().unwrap();
            assert!(matches!(served.access, Access::Keys(_)), "{address}");
            assert!(matches!(checked(address, false, None), Err(AwsApiError::NoKeys)), "{address}");
            assert!(matches!(checked(address, true, keys), Err(AwsApiError::KeysAndInsecure)), "{address}");
        }
        for address in ["127.0.0.1:0", "127.9.9.9:9691", "[::1]:9691", "localhost:9691"] {
            assert!(matches!(checked(address, true, None).unwrap().unwrap().access, Access::Insecure), "{address}");
        }
        for address in ["0.0.0.0:9691", "[::]:9691", "10.0.0.1:9691", "[::ffff:10.0.0.1]:9691"] {
            assert!(matches!(checked(address, true, None), Err(AwsApiError::NotLoopback { .. })), "{address}");
        }
    }

    #[test]
    fn a_short_secret_is_for_loopback_addresses_only() {
        for (address, taken) in [("127.0.0.1:0", true), ("[::1]:9691", true), ("0.0.0.0:9691", false)] {
            let served = checked(address, false, Some("test:test"));
            assert_eq!(served.is_ok(), taken, "{address}");
        }
    }

    #[test]
    fn an_empty_address_is_none_and_a_bad_one_is_refused() {
        assert!(checked("", false, None).unwrap().is_none());
        assert!(matches!(checked("", true, None), Err(AwsApiError::NoAddress)));
        for address in ["9691", "127.0.0.1", "127.0.0.1:99999", "http://127.0.0.1:9691"] {
            assert!(matches!(checked(address, true, None), Err(AwsApiError::Address { .. })), "{address}");
        }
    }

    #[test]
    fn a_switch_is_on_or_off() {
        for (text, expected) in [("1", Some(true)), ("True", Some(true)), ("", Some(false)), ("off", Some(false))] {
            assert_eq!(switch(text).ok(), expected, "{text:?}");
        }
        assert!(switch("perhaps").is_err());
    }
}
