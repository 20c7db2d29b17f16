//! Connects mappings to AWS: the one place that knows the engine's port and what stands behind it.

use std::path::PathBuf;
use std::sync::Arc;

use aws_config::SdkConfig;
use aws_credential_types::provider::ProvideCredentials as _;
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use tokio::sync::Mutex;

use crate::aws::{CallBounds, Clients, Identity, Key, credentials_fault};
use crate::clock::{self, WallClock};
use crate::destination::{Destination, S3Destination, SnsDestination, SqsDestination};
use crate::engine::{Connector, Ports, SourcePort};
use crate::function::{
    CONNECTIONS, Function, HttpFunction, LambdaFunction, Pools, RieFunction, RuntimeApiFunction, Servers, Signer,
};
use crate::machine::{Fault, FaultKind};
use crate::mapping::{Auth, DestinationKind, FailureDestination, HttpTarget, Mapping, Side, SourceKind, Target};
use crate::source::{AskRole, DynamoDbStream, KinesisStream, SqsQueue};

/// Connects mappings to AWS, or to the endpoints that are set.
///
/// Region, credentials and endpoints follow the AWS SDK's own rules, read once from environment and profile;
/// what a mapping sets under `Poller` comes before them. All mappings share one connection pool, and mappings
/// with the same region, role and endpoint share their clients.
pub struct AwsConnector {
    clients: Mutex<Clients>,
    bounds: CallBounds,
    wall: WallClock,
    /// Runtime interface emulators, which mappings share.
    emulators: Pools,
    /// What workers attach to.
    servers: Arc<Servers>,
    guard: Option<PathBuf>,
    worker_connections: usize,
}

impl AwsConnector {
    /// A connector that reads the environment when the first mapping is connected.
    #[must_use]
    pub fn new() -> Self {
        Self::over(Clients::default())
    }

    /// A connector over a configuration made by the caller; its HTTP client and retries are replaced by ours.
    ///
    /// # Errors
    /// When the connection pool cannot be set up.
    pub fn with_config(config: SdkConfig) -> Result<Self, Fault> {
        Ok(Self::over(Clients::over(config)?))
    }

    fn over(clients: Clients) -> Self {
        let (bounds, wall) = (CallBounds::default(), clock::host());
        let servers = Servers::new(Arc::clone(&wall), None, CONNECTIONS);
        let emulators = Pools::default();
        let clients = Mutex::new(clients);
        Self { clients, bounds, wall, emulators, servers, guard: None, worker_connections: CONNECTIONS }
    }

    /// The same connector, which can start the workers of functions. `guard` is a program of forebay's command line: it
    /// is run once for each worker, so that nothing of the worker is left when this process ends.
    #[must_use]
    pub fn with_guard(mut self, guard: PathBuf) -> Self {
        self.guard = Some(guard);
        self.with_servers()
    }

    /// The same connector, to which workers have so many connections at a time, for all functions together. For one
    /// more, a connection is closed on which nothing was asked.
    #[must_use]
    pub fn with_worker_connections(mut self, connections: usize) -> Self {
        self.worker_connections = connections;
        self.with_servers()
    }

    fn with_servers(mut self) -> Self {
        self.servers = Servers::new(Arc::clone(&self.wall), self.guard.clone(), self.worker_connections);
        self
    }

    /// The runtime interface emulators that are at work for calls which have exceeded their timeout. A process that
    /// invokes such a one kills it.
    #[must_use]
    pub fn late_emulators(&self) -> Vec<String> {
        self.emulators.late()
    }

    /// The same connector with other bounds for its calls.
    #[must_use]
    pub fn with_bounds(mut self, bounds: CallBounds) -> Self {
        self.bounds = bounds;
        self
    }

    /// Whether the process has credentials of its own, which every call needs: also one that assumes a role first.
    ///
    /// # Errors
    /// When there are none, with the reason and what to do.
    pub(crate) async fn check_credentials(&self, mapping: &Mapping) -> Result<(), Fault> {
        let provider = self.clients.lock().await.credentials(&mapping.source.arn().region).await?;
        match tokio::time::timeout(self.bounds.call, provider.provide_credentials()).await {
            Ok(Err(error)) => Err(credentials_fault(&error)),
            // A provider that takes so long is not waited for: the calls say what they meet.
            Ok(Ok(_)) | Err(_) => Ok(()),
        }
    }

    /// The SQS queue that a mapping reads.
    ///
    /// # Errors
    /// When no client can be made from the configuration; the queue itself is not asked.
    pub async fn queue(&self, mapping: &Mapping) -> Result<SqsQueue, Fault> {
        let client = self.clients.lock().await.sqs(source_key(mapping)).await?;
        Ok(SqsQueue::new(client, mapping, self.bounds, Arc::clone(&self.wall)))
    }

    /// The Kinesis stream that a mapping reads. Its records show the execution role of `function`, which is asked for
    /// it when the first records have come.
    ///
    /// # Errors
    /// When no client can be made from the configuration; neither stream nor function are asked.
    pub async fn kinesis(&self, mapping: &Mapping, function: Arc<dyn Function>) -> Result<KinesisStream, Fault> {
        let (client, clock) = self.clients.lock().await.kinesis(source_key(mapping)).await?;
        let role = match mapping.invoke_identity() {
            None => role_of(function),
            Some(identity) => Box::new(move || std::future::ready(Ok(identity.clone())).boxed()),
        };
        Ok(KinesisStream::new(client, clock, mapping, self.bounds, role, Arc::clone(&self.wall)))
    }

    /// The stream of a DynamoDB table that a mapping reads.
    ///
    /// # Errors
    /// When no client can be made from the configuration; the stream itself is not asked.
    pub async fn dynamodb_stream(&self, mapping: &Mapping) -> Result<DynamoDbStream, Fault> {
        let (client, clock) = self.clients.lock().await.dynamodb_streams(source_key(mapping)).await?;
        Ok(DynamoDbStream::new(client, clock, mapping, self.bounds, Arc::clone(&self.wall)))
    }

    /// The function that a mapping invokes.
    ///
    /// # Errors
    /// When no client can be made from the configuration; the function itself is not asked.
    pub async fn function(&self, mapping: &Mapping) -> Result<Arc<dyn Function>, Fault> {
        match &mapping.target {
            Target::Lambda(target) => {
                // AWS wants source and function in one region, so the source's is the default for a bare name.
                let region = mapping.function.region.as_ref().unwrap_or(&mapping.source.arn().region);
                let key = key(mapping, &target.side, region, "lambda");
                let region = key.0.region.clone();
                let client = self.clients.lock().await.lambda(key).await?;
                Ok(Arc::new(LambdaFunction::new(client, &mapping.function, target, &region, self.bounds)))
            }
            Target::Http(target) => {
                let signer = self.signer(mapping, target).await?;
                Ok(Arc::new(HttpFunction::new(target, &mapping.name, signer, Arc::clone(&self.wall))?))
            }
            Target::Rie(target) => Ok(Arc::new(RieFunction::new(target, &self.emulators))),
            Target::RuntimeApi(target) => {
                Ok(Arc::new(RuntimeApiFunction::new(Arc::clone(&self.servers), mapping, target)))
            }
        }
    }

    /// Signs the requests to an HTTP service, where the mapping says so.
    async fn signer(&self, mapping: &Mapping, target: &HttpTarget) -> Result<Option<Signer>, Fault> {
        let Auth::SigV4 { service, side } = &target.auth else { return Ok(None) };
        let (identity, _) = key(mapping, side, &mapping.source.arn().region, service);
        let credentials = self.clients.lock().await.credentials_of(&identity).await?;
        Ok(Some(Signer::new(credentials, &identity.region, service)))
    }

    /// The failure destination of a mapping; `None` where it has none.
    ///
    /// # Errors
    /// When no client can be made from the configuration; the destination itself is not asked.
    pub async fn destination(&self, mapping: &Mapping) -> Result<Option<Arc<dyn Destination>>, Fault> {
        self.destination_at(mapping, mapping.on_failure.as_ref()).await
    }

    /// Where the records of a mapping go that its filters did not let pass; `None` where it names no place for them.
    ///
    /// # Errors
    /// When no client can be made from the configuration; the destination itself is not asked.
    pub async fn filtered(&self, mapping: &Mapping) -> Result<Option<Arc<dyn Destination>>, Fault> {
        self.destination_at(mapping, mapping.filtered_to.as_ref()).await
    }

    async fn destination_at(
        &self,
        mapping: &Mapping,
        place: Option<&FailureDestination>,
    ) -> Result<Option<Arc<dyn Destination>>, Fault> {
        let Some(FailureDestination { kind, arn }) = place else { return Ok(None) };
        // An S3 bucket's ARN names no region, and AWS wants bucket and function in one.
        let region = if arn.region.is_empty() { &mapping.source.arn().region } else { &arn.region };
        let key = |service| key(mapping, &mapping.poller.destination, region, service);
        let region = mapping.poller.destination.region.as_ref().unwrap_or(region);
        let mut clients = self.clients.lock().await;
        Ok(Some(match *kind {
            DestinationKind::Sqs { fifo } => {
                let client = clients.sqs_destination(key("sqs")).await?;
                Arc::new(SqsDestination::new(client, mapping, arn, region, fifo, self.bounds))
            }
            DestinationKind::Sns { fifo } => {
                let client = clients.sns(key("sns")).await?;
                Arc::new(SnsDestination::new(client, mapping, arn, region, fifo, self.bounds))
            }
            DestinationKind::S3 => {
                let client = clients.s3(key("s3")).await?;
                Arc::new(S3Destination::new(client, mapping, arn, region, self.bounds))
            }
        }))
    }
}

impl Default for AwsConnector {
    fn default() -> Self {
        Self::new()
    }
}

impl Connector for AwsConnector {
    fn connect(&self, mapping: &Mapping) -> BoxFuture<'_, Result<Ports, Fault>> {
        let mapping = mapping.clone();
        async move {
            let function = self.function(&mapping).await?;
            let source = match mapping.source.kind() {
                SourceKind::Sqs | SourceKind::Fifo => SourcePort::Queue(Arc::new(self.queue(&mapping).await?)),
                SourceKind::Kinesis => {
                    SourcePort::Stream(Arc::new(self.kinesis(&mapping, Arc::clone(&function)).await?))
                }
                SourceKind::DynamoDb => SourcePort::Stream(Arc::new(self.dynamodb_stream(&mapping).await?)),
            };
            let destination = self.destination(&mapping).await?;
            let filtered = self.filtered(&mapping).await?;
            Ok(Ports { source, function, destination, filtered })
        }
        .boxed()
    }
}

/// Asks a function for its execution role.
fn role_of(function: Arc<dyn Function>) -> AskRole {
    Box::new(move || {
        let function = Arc::clone(&function);
        async move {
            let settings = function.describe().await?;
            settings.role.ok_or_else(|| Fault::new(FaultKind::Transient, "the function's configuration names no role"))
        }
        .boxed()
    })
}

/// Who calls the source of a mapping, and where.
fn source_key(mapping: &Mapping) -> Key {
    let arn = mapping.source.arn();
    key(mapping, &mapping.poller.source, &arn.region, mapping.source.rules().endpoint)
}

/// Who calls for one side of a mapping, and where; in `region` unless the side has its own.
fn key(mapping: &Mapping, side: &Side, region: &str, service: &str) -> Key {
    let identity = Identity {
        region: side.region.clone().unwrap_or_else(|| region.to_owned()),
        role: side.role_arn.clone(),
        sts_endpoint: side.role_arn.as_ref().and(mapping.poller.endpoints.get("sts").cloned()),
    };
    (identity, mapping.poller.endpoints.get(service).cloned())
}
