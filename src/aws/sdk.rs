//! SDK clients: one connection pool, one configuration for each region and role, clients shared by all mappings.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use aws_config::meta::region::RegionProviderChain;
use aws_config::stalled_stream_protection::StalledStreamProtectionConfig;
use aws_config::sts::AssumeRoleProvider;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_http_client::pool::{Client as PooledClient, ConnectionPool};
use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::tls;
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use aws_smithy_types::retry::RetryConfig;
use aws_types::origin::Origin;

use super::credentials::Chain;
use super::read_date::ReadDate;
use super::{endpoint, http};
use crate::clock::ServiceClock;
use crate::machine::{Fault, FaultKind};

/// Idle flows are dropped after 350 s by NAT gateways and network load balancers, and an Invoke is silent for up to
/// 900 s: the kernel keeps the flow alive.
const TCP_KEEPALIVE: Duration = Duration::from_secs(60);

/// The session name that CloudTrail shows for assumed roles.
const SESSION_NAME: &str = "forebay";

/// Who calls from where.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Identity {
    /// The region of the service.
    pub(crate) region: String,
    /// The role to assume first.
    pub(crate) role: Option<String>,
    /// Where that role is assumed, when not at the region's own STS.
    pub(crate) sts_endpoint: Option<String>,
}

/// Which client: an identity and an endpoint.
pub(crate) type Key = (Identity, Option<String>);

/// A client, and the clock of the service that it calls.
type Timed<C> = (C, Arc<ServiceClock>);

/// Clients and configurations made so far. A client is a handle: mappings that agree on the key share one.
#[derive(Default)]
pub(crate) struct Clients {
    base: Option<SdkConfig>,
    pool: Option<PooledClient>,
    configs: BTreeMap<Identity, SdkConfig>,
    sqs: BTreeMap<Key, aws_sdk_sqs::Client>,
    sqs_destination: BTreeMap<Key, aws_sdk_sqs::Client>,
    kinesis: BTreeMap<Key, Timed<aws_sdk_kinesis::Client>>,
    dynamodb: BTreeMap<Key, aws_sdk_dynamodb::Client>,
    dynamodb_streams: BTreeMap<Key, Timed<aws_sdk_dynamodbstreams::Client>>,
    lambda: BTreeMap<Key, aws_sdk_lambda::Client>,
    sns: BTreeMap<Key, aws_sdk_sns::Client>,
    s3: BTreeMap<Key, aws_sdk_s3::Client>,
}

/// The configuration of a service's client.
///
/// The SDK's own retries are off, because the machines decide: a retry of a receive that took effect hides messages
/// from everybody, one of an invoke or a notification is a second delivery, one of a read overdraws the limits of a
/// shard. Silence is no stall: a function may be silent for its whole timeout, and every call has a bound of its own.
macro_rules! config {
    ($service:ident, $shared:expr, $endpoint:expr) => {{
        let mut config = $service::config::Builder::from($shared)
            .retry_config(RetryConfig::disabled())
            .stalled_stream_protection(StalledStreamProtectionConfig::disabled());
        config.set_endpoint_url($endpoint);
        config
    }};
}

/// Makes clients of a service.
macro_rules! maker {
    ($service:ident) => {
        |shared: &SdkConfig, endpoint| $service::Client::from_conf(config!($service, shared, endpoint).build())
    };
}

impl Clients {
    /// Clients over a configuration that the caller made: its credentials, endpoints and environment count.
    pub(crate) fn over(base: SdkConfig) -> Result<Self, Fault> {
        if base.time_source().is_none() || base.sleep_impl().is_none() {
            let message = "the SDK configuration has no clock: make it with aws_config::defaults(…).load()";
            return Err(Fault::new(FaultKind::Invalid, message));
        }
        if base.credentials_provider().is_none() {
            return Err(Fault::new(
                FaultKind::Denied,
                "the SDK configuration has no credentials provider: give it one",
            ));
        }
        let mut clients = Self::default();
        let http = http::limited(clients.pool()?, http::SMALL);
        let base = base.into_builder().behavior_version(behavior_version()).http_client(http).build();
        clients.base = Some(base);
        Ok(clients)
    }

    /// The SQS client of an identity and an endpoint.
    pub(crate) async fn sqs(&mut self, of: Key) -> Result<aws_sdk_sqs::Client, Fault> {
        self.shared("SQS", http::SQS, |clients| &mut clients.sqs, of, maker!(aws_sdk_sqs)).await
    }

    /// The SQS client of a failure destination: nothing is received, so its answers are small.
    pub(crate) async fn sqs_destination(&mut self, of: Key) -> Result<aws_sdk_sqs::Client, Fault> {
        self.shared("SQS", http::SMALL, |clients| &mut clients.sqs_destination, of, maker!(aws_sdk_sqs)).await
    }

    /// The Kinesis client of an identity and an endpoint, and the clock of its service.
    pub(crate) async fn kinesis(&mut self, of: Key) -> Result<Timed<aws_sdk_kinesis::Client>, Fault> {
        let make = |shared: &SdkConfig, endpoint| {
            let clock = Arc::new(ServiceClock::default());
            let config = config!(aws_sdk_kinesis, shared, endpoint).interceptor(ReadDate(Arc::clone(&clock)));
            (aws_sdk_kinesis::Client::from_conf(config.build()), clock)
        };
        self.shared("Kinesis", http::KINESIS, |clients| &mut clients.kinesis, of, make).await
    }

    /// The DynamoDB client of an identity and an endpoint.
    pub(crate) async fn dynamodb(&mut self, of: Key) -> Result<aws_sdk_dynamodb::Client, Fault> {
        self.shared("DynamoDB", http::DYNAMODB, |clients| &mut clients.dynamodb, of, maker!(aws_sdk_dynamodb)).await
    }

    /// The region that environment and profile say, where they say one.
    pub(crate) async fn own_region() -> Option<String> {
        let chain = RegionProviderChain::first_try(aws_config::environment::EnvironmentVariableRegionProvider::new())
            .or_else(aws_config::profile::ProfileFileRegionProvider::new());
        chain.region().await.map(|region| region.to_string())
    }

    /// The DynamoDB Streams client of an identity and an endpoint, and the clock of its service.
    pub(crate) async fn dynamodb_streams(&mut self, of: Key) -> Result<Timed<aws_sdk_dynamodbstreams::Client>, Fault> {
        let make = |shared: &SdkConfig, endpoint| {
            let clock = Arc::new(ServiceClock::default());
            let config = config!(aws_sdk_dynamodbstreams, shared, endpoint).interceptor(ReadDate(Arc::clone(&clock)));
            (aws_sdk_dynamodbstreams::Client::from_conf(config.build()), clock)
        };
        self.shared("DynamoDB Streams", http::DYNAMODB_STREAMS, |clients| &mut clients.dynamodb_streams, of, make).await
    }

    /// The Lambda client of an identity and an endpoint.
    pub(crate) async fn lambda(&mut self, of: Key) -> Result<aws_sdk_lambda::Client, Fault> {
        self.shared("Lambda", http::LAMBDA, |clients| &mut clients.lambda, of, maker!(aws_sdk_lambda)).await
    }

    /// The SNS client of an identity and an endpoint.
    pub(crate) async fn sns(&mut self, of: Key) -> Result<aws_sdk_sns::Client, Fault> {
        self.shared("SNS", http::SMALL, |clients| &mut clients.sns, of, maker!(aws_sdk_sns)).await
    }

    /// The S3 client of an identity and an endpoint.
    pub(crate) async fn s3(&mut self, of: Key) -> Result<aws_sdk_s3::Client, Fault> {
        let make = |shared: &SdkConfig, endpoint: Option<String>| {
            // Nobody resolves bucket.127.0.0.1; AWS's private endpoints take both forms.
            let path_style = endpoint.is_some();
            aws_sdk_s3::Client::from_conf(config!(aws_sdk_s3, shared, endpoint).force_path_style(path_style).build())
        };
        self.shared("S3", http::SMALL, |clients| &mut clients.s3, of, make).await
    }

    /// The client of a key, made when it is first asked for. `service` is the SDK's id of it, which names its variable;
    /// its answers have at most `most` bytes.
    async fn shared<C: Clone>(
        &mut self,
        service: &'static str,
        most: usize,
        made: fn(&mut Self) -> &mut BTreeMap<Key, C>,
        key: Key,
        make: fn(&SdkConfig, Option<String>) -> C,
    ) -> Result<C, Fault> {
        if let Some(client) = made(self).get(&key) {
            return Ok(client.clone());
        }
        let shared = self.config(&key.0).await?;
        let endpoint = endpoint::of(service, &shared, key.1.as_deref())?;
        let shared = shared.into_builder().http_client(http::limited(self.pool()?, most)).build();
        let client = make(&shared, endpoint);
        made(self).insert(key, client.clone());
        Ok(client)
    }

    /// The one connection pool.
    fn pool(&mut self) -> Result<PooledClient, Fault> {
        if let Some(pool) = &self.pool {
            return Ok(pool.clone());
        }
        Ok(self.pool.insert(pooled_client()?).clone())
    }

    /// The configuration of an identity; the environment is read once, for the first.
    async fn config(&mut self, identity: &Identity) -> Result<SdkConfig, Fault> {
        if let Some(config) = self.configs.get(identity) {
            return Ok(config.clone());
        }
        let base = self.base(&identity.region).await?;
        let mut config = base.into_builder().region(Region::new(identity.region.clone())).build();
        if let Some(role) = &identity.role {
            let credentials = assume(role, identity, &config).await?;
            config = config.into_builder().credentials_provider(credentials).build();
        }
        self.configs.insert(identity.clone(), config.clone());
        Ok(config)
    }

    /// The process's own configuration.
    async fn base(&mut self, fallback_region: &str) -> Result<SdkConfig, Fault> {
        if let Some(base) = &self.base {
            return Ok(base.clone());
        }
        let http = http::limited(self.pool()?, http::SMALL);
        let base = load_environment(fallback_region, http).await;
        Ok(self.base.insert(base).clone())
    }

    /// Where the credentials of an identity come from.
    pub(crate) async fn credentials_of(&mut self, identity: &Identity) -> Result<SharedCredentialsProvider, Fault> {
        provider_of(&self.config(identity).await?)
    }

    /// Where the process's own credentials come from.
    pub(crate) async fn credentials(&mut self, fallback_region: &str) -> Result<SharedCredentialsProvider, Fault> {
        provider_of(&self.base(fallback_region).await?)
    }
}

fn provider_of(config: &SdkConfig) -> Result<SharedCredentialsProvider, Fault> {
    let provider = config.credentials_provider();
    provider.ok_or_else(|| Fault::new(FaultKind::Denied, "the SDK configuration has no credentials provider"))
}

/// What the environment and the profile files say, by the SDK's own rules.
async fn load_environment(fallback_region: &str, http: SharedHttpClient) -> SdkConfig {
    // Every client gets its region from its mapping. Asking the instance metadata service for one, as the
    // SDK's default chain does, would cost seconds wherever there is none.
    let region = RegionProviderChain::first_try(aws_config::environment::EnvironmentVariableRegionProvider::new())
        .or_else(aws_config::profile::ProfileFileRegionProvider::new())
        .or_else(Region::new(fallback_region.to_owned()));
    let loader = aws_config::defaults(behavior_version()).region(region).http_client(http.clone());
    let config = loader.no_credentials().load().await;
    let credentials = SharedCredentialsProvider::new(Chain::new(config.clone(), http));
    config.into_builder().credentials_provider(credentials).build()
}

/// Credentials of a role, fetched when they are first needed and kept by the SDK until they are about to expire.
async fn assume(role: &str, identity: &Identity, config: &SdkConfig) -> Result<SharedCredentialsProvider, Fault> {
    let endpoint = endpoint::of("STS", config, identity.sts_endpoint.as_deref())?;
    let mut sts = config.clone().into_builder();
    sts.set_endpoint_url(endpoint);
    // What was chosen above is not to be looked up again in environment and profile.
    sts.insert_origin("endpoint_url", Origin::shared_config());
    let provider = AssumeRoleProvider::builder(role).session_name(SESSION_NAME).configure(&sts.build()).build().await;
    Ok(SharedCredentialsProvider::new(provider))
}

/// The pinned generation of SDK defaults: connect timeout 3.1 s and standard retries where they are not turned off.
fn behavior_version() -> BehaviorVersion {
    BehaviorVersion::v2026_01_12()
}

/// A connection pool: unbounded, because the machines bound what is in flight.
fn pooled_client() -> Result<PooledClient, Fault> {
    let unusable = |reason: &dyn std::fmt::Display| {
        Fault::new(FaultKind::Invalid, format!("the HTTP client cannot be set up: {reason}"))
    };
    let pool = ConnectionPool::builder()
        .tcp_keepalive(TCP_KEEPALIVE)
        .proxy_config(ProxyConfig::from_env())
        .tls_provider(tls::Provider::Rustls(tls::rustls_provider::CryptoMode::AwsLc))
        .build_https()
        .map_err(|error| unusable(&error))?;
    PooledClient::new(&pool).map_err(|error| unusable(&error))
}

#[cfg(test)]
mod tests {
    use aws_credential_types::Credentials;
    use aws_sdk_s3::presigning::PresigningConfig;

    use super::*;

    #[tokio::test]
    async fn buckets_are_in_the_host_on_aws_and_in_the_path_elsewhere() {
        // Only the clock of the environment counts here, and none of its endpoints.
        let loaded = aws_config::defaults(behavior_version()).no_credentials().region("us-east-1").load().await;
        let base = SdkConfig::builder()
            .time_source(loaded.time_source().unwrap())
            .sleep_impl(loaded.sleep_impl().unwrap())
            .credentials_provider(SharedCredentialsProvider::new(Credentials::new(
                "key", "secret", None, None, "test",
            )));
        let mut clients = Clients::over(base.build()).unwrap();
        let identity = Identity { region: "eu-west-1".into(), role: None, sts_endpoint: None };
        for (endpoint, expected) in [
            (None, "https://failed.s3.eu-west-1.amazonaws.com/key?"),
            (Some("http://127.0.0.1:4566"), "http://127.0.0.1:4566/failed/key?"),
        ] {
            let client = clients.s3((identity.clone(), endpoint.map(Into::into))).await.unwrap();
            let soon = PresigningConfig::expires_in(Duration::from_secs(60)).unwrap();
            let request = client.put_object().bucket("failed").key("key").presigned(soon).await.unwrap();
            assert!(request.uri().starts_with(expected), "{}", request.uri());
        }
    }
}
