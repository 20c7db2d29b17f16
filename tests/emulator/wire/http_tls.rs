//! HTTPS services with certificates of an own CA: which are accepted, and what is said of the others.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use forebay::AwsConnector;
use forebay::function::{Function, Invocation};
use forebay::machine::{Fault, FaultKind};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, date_time_ymd};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use crate::harness::targeted;

/// A CA, and the files of what it has signed.
struct Authority {
    place: TempDir,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    fn new() -> Self {
        let place = TempDir::new().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap();
        std::fs::write(place.path().join("ca.pem"), certificate.pem()).unwrap();
        Self { place, issuer: Issuer::new(params, key) }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.place.path().join(name)
    }

    /// A certificate for a host, under a name of its own.
    fn sign(&self, name: &str, host: &str, expired: bool) {
        let mut params = CertificateParams::new(vec![host.to_owned()]).unwrap();
        if expired {
            params.not_before = date_time_ymd(2020, 1, 1);
            params.not_after = date_time_ymd(2021, 1, 1);
        }
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        std::fs::write(self.file(&format!("{name}.pem")), certificate.pem()).unwrap();
        std::fs::write(self.file(&format!("{name}.key")), key.serialize_pem()).unwrap();
    }

    /// Serves `null` with a certificate; `strict`: only to clients that this CA knows. Answers the port.
    async fn serve(&self, name: &str, strict: bool) -> u16 {
        let certificates = certificates(&self.file(&format!("{name}.pem")));
        let key = PrivateKeyDer::from_pem_file(self.file(&format!("{name}.key"))).unwrap();
        let builder = ServerConfig::builder();
        let builder = if strict {
            let mut roots = RootCertStore::empty();
            roots.add_parsable_certificates(self::certificates(&self.file("ca.pem")));
            builder.with_client_cert_verifier(WebPkiClientVerifier::builder(roots.into()).build().unwrap())
        } else {
            builder.with_no_client_auth()
        };
        let acceptor = TlsAcceptor::from(Arc::new(builder.with_single_cert(certificates, key).unwrap()));
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let acceptor = acceptor.clone();
                tokio::spawn(async move {
                    let Ok(mut stream) = acceptor.accept(stream).await else { return };
                    let mut bytes = [0; 4096];
                    while stream.read(&mut bytes).await.is_ok_and(|count| count > 0) {
                        let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nnull";
                        stream.write_all(answer).await.ok();
                        stream.flush().await.ok();
                    }
                });
            }
        });
        port
    }

    async fn invoke(&self, port: u16, host: &str, tls: &str) -> Result<(), Fault> {
        self.function(port, host, tls).await.invoke(Invocation::first("{}")).await.map(drop)
    }

    async fn function(&self, port: u16, host: &str, tls: &str) -> Arc<dyn Function> {
        let tls = tls.replace('$', &self.place.path().display().to_string());
        let url = format!("https://{host}:{port}/");
        let endpoints = format!("Endpoints: [\"https://127.0.0.1:{port}\"]");
        let options = format!("Http: {{ Url: \"{url}\", {endpoints}, ConnectTimeout: 1m, Tls: {{ {tls} }} }}");
        AwsConnector::new().function(&targeted(&options)).await.unwrap()
    }
}

fn certificates(file: &Path) -> Vec<CertificateDer<'static>> {
    CertificateDer::pem_file_iter(file).unwrap().map(Result::unwrap).collect()
}

#[tokio::test]
async fn only_a_certificate_of_the_ca_for_the_name_and_in_time_is_accepted() {
    let (authority, other) = (Authority::new(), Authority::new());
    authority.sign("good", "orders.internal", false);
    authority.sign("old", "orders.internal", true);
    other.sign("foreign", "orders.internal", false);
    let ca = "CaFile: $/ca.pem";
    let good = authority.serve("good", false).await;
    authority.invoke(good, "orders.internal", ca).await.unwrap();
    let named = "CaFile: $/ca.pem, ServerName: orders.internal";
    authority.invoke(good, "127.0.0.1", named).await.unwrap();
    let (old, foreign) = (authority.serve("old", false).await, other.serve("foreign", false).await);
    for (port, host, tls, words) in [
        (good, "other.internal", ca, "not valid for name"),
        (good, "127.0.0.1", ca, "not valid for name"),
        (old, "orders.internal", ca, "certificate expired"),
        (foreign, "orders.internal", ca, "invalid peer certificate"),
        (good, "orders.internal", "CaFile: $/none.pem", "none.pem"),
        (good, "orders.internal", "CaFile: $/good.key", "no certificate in it"),
    ] {
        let fault = authority.invoke(port, host, tls).await.unwrap_err();
        assert_eq!(fault.kind, FaultKind::Transient, "{fault}");
        assert!(fault.message.contains(words), "{words}: {fault}");
    }
}

#[tokio::test]
async fn a_client_certificate_is_shown_and_read_again_when_it_changes() {
    let authority = Authority::new();
    authority.sign("server", "orders.internal", false);
    authority.sign("client", "forebay", true);
    let port = authority.serve("server", true).await;
    let fault = authority.invoke(port, "orders.internal", "CaFile: $/ca.pem").await.unwrap_err();
    assert_eq!(fault.kind, FaultKind::Transient, "{fault}");
    let tls = "CaFile: $/ca.pem, CertFile: $/client.pem, KeyFile: $/client.key";
    let function = authority.function(port, "orders.internal", tls).await;
    let fault = function.invoke(Invocation::first("{}")).await.unwrap_err();
    assert_eq!(fault.kind, FaultKind::Transient, "{fault}");
    // The same files, with a certificate that is in time.
    authority.sign("client", "forebay", false);
    function.invoke(Invocation::first("{}")).await.unwrap();
    std::fs::write(authority.file("client.key"), "nothing").unwrap();
    let function = authority.function(port, "orders.internal", tls).await;
    let fault = function.invoke(Invocation::first("{}")).await.unwrap_err();
    assert!(fault.message.contains("client.key"), "{fault}");
}
