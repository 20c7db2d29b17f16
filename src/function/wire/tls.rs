//! TLS to targets: the system's certificates or an own CA, a client certificate, another name to check.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use hyper_rustls::{ConfigBuilderExt as _, FixedServerNameResolver, HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};

use super::super::files::{Stamp, stamp};
use crate::mapping::TlsOptions;

/// How certificates are checked and shown. Files are read again when they have changed.
pub(crate) struct Tls {
    options: TlsOptions,
    name: ServerName<'static>,
    made: Mutex<Option<Made>>,
}

/// What was made of the files as they were.
struct Made {
    stamps: Vec<Option<Stamp>>,
    config: Arc<ClientConfig>,
}

impl Tls {
    /// For the certificate of `host`, unless the options name another one.
    pub(crate) fn new(options: TlsOptions, host: &str) -> Result<Self, String> {
        let name = options.server_name.as_deref().unwrap_or(host).trim_matches(['[', ']']).to_owned();
        let name = ServerName::try_from(name.clone()).map_err(|error| format!("{name}: {error}"))?;
        Ok(Self { options, name, made: Mutex::default() })
    }

    /// Wraps connections in TLS.
    pub(super) async fn connector(&self, plain: HttpConnector) -> Result<HttpsConnector<HttpConnector>, String> {
        let config = ClientConfig::clone(&*self.config().await?);
        let tls = HttpsConnectorBuilder::new().with_tls_config(config).https_only();
        let tls = tls.with_server_name_resolver(FixedServerNameResolver::new(self.name.clone()));
        Ok(tls.enable_http1().wrap_connector(plain))
    }

    async fn config(&self) -> Result<Arc<ClientConfig>, String> {
        let options = &self.options;
        let mut stamps = Vec::new();
        for file in [&options.ca_file, &options.cert_file, &options.key_file].into_iter().flatten() {
            stamps.push(stamp(file).await.ok());
        }
        if let Some(made) = &*self.made.lock().unwrap_or_else(PoisonError::into_inner)
            && made.stamps == stamps
        {
            return Ok(Arc::clone(&made.config));
        }
        let read = options.clone();
        let config = tokio::task::spawn_blocking(move || config(&read)).await.map_err(|error| error.to_string())??;
        let config = Arc::new(config);
        let made = Made { stamps, config: Arc::clone(&config) };
        *self.made.lock().unwrap_or_else(PoisonError::into_inner) = Some(made);
        Ok(config)
    }
}

/// The certificates of the system are read only where no others are named: an image may have none.
fn config(options: &TlsOptions) -> Result<ClientConfig, String> {
    let builder = ClientConfig::builder();
    let builder = match &options.ca_file {
        None => builder.with_native_roots().map_err(|error| format!("the system has no certificates: {error}"))?,
        Some(file) => {
            let mut roots = RootCertStore::empty();
            for certificate in certificates(file)? {
                roots.add(certificate).map_err(|error| format!("{}: {error}", file.display()))?;
            }
            builder.with_root_certificates(roots)
        }
    };
    let (Some(cert), Some(key)) = (&options.cert_file, &options.key_file) else {
        return Ok(builder.with_no_client_auth());
    };
    let private = PrivateKeyDer::from_pem_file(key).map_err(|error| format!("{}: {error}", key.display()))?;
    builder.with_client_auth_cert(certificates(cert)?, private).map_err(|error| format!("{}: {error}", cert.display()))
}

fn certificates(file: &PathBuf) -> Result<Vec<CertificateDer<'static>>, String> {
    let unreadable = |file: &Path, error: &dyn std::fmt::Display| format!("{}: {error}", file.display());
    let read = CertificateDer::pem_file_iter(file).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    match read {
        Ok(empty) if empty.is_empty() => Err(unreadable(file, &"there is no certificate in it")),
        Ok(certificates) => Ok(certificates),
        Err(error) => Err(unreadable(file, &error)),
    }
}
