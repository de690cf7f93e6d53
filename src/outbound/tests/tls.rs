//! Who is believed to be whom.

use std::path::PathBuf;
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

use super::stand::{Names, OPENED, Server, client_of, get, settings};
use crate::outbound::{Outbound, OutboundError, OutboundSettings, Phase};

/// A file that goes with the test.
struct AuthorityFile(PathBuf);

impl Drop for AuthorityFile {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// An authority of the operator's, in a file, and a server `good.internal` that it vouches for.
async fn start() -> (AuthorityFile, Server) {
    let mut authority = CertificateParams::new(Vec::new()).unwrap();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority_key = KeyPair::generate().unwrap();
    let certificate = authority.self_signed(&authority_key).unwrap();
    let issuer = Issuer::new(authority, authority_key);
    let file = std::env::temp_dir().join(format!("botberi-authority-{}.pem", uuid::Uuid::now_v7()));
    std::fs::write(&file, certificate.pem()).unwrap();

    let key = KeyPair::generate().unwrap();
    let own =
        CertificateParams::new(vec!["good.internal".to_owned()]).unwrap().signed_by(&key, &issuer).unwrap();
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![own.der().clone()], key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let serve = move |stream: TcpStream| {
        let acceptor = acceptor.clone();
        async move {
            let Ok(mut stream) = acceptor.accept(stream).await else { return };
            let _ = stream.read(&mut [0; 4_096]).await;
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello").await;
            let _ = stream.shutdown().await;
        }
    };
    (AuthorityFile(file), Server::start((OPENED, 0).into(), serve).await)
}

fn client_for(server: &Server, ca_file: &str) -> Outbound {
    let allow = ["good", "other"].map(|name| format!("{name}.internal:{}", server.port())).to_vec();
    let settings =
        OutboundSettings { allow, ca_file: ca_file.to_owned(), connect_timeout_ms: 1_000, ..settings() };
    client_of(&settings, &Names::answering(&[&[OPENED]]))
}

#[tokio::test]
async fn a_host_that_the_operators_authority_vouches_for_is_believed() {
    let (authority, server) = start().await;
    let client = client_for(&server, authority.0.to_str().unwrap());
    let answer = get(&client, &format!("https://good.internal:{}/", server.port())).await.unwrap();
    assert_eq!(answer.whole().await.unwrap(), b"hello");
}

#[tokio::test]
async fn a_host_of_another_name_and_one_that_nobody_vouches_for_are_not() {
    let (authority, server) = start().await;
    let file = authority.0.to_str().unwrap();
    for (file, name) in [(file, "other"), ("", "good")] {
        let client = client_for(&server, file);
        let error = get(&client, &format!("https://{name}.internal:{}/", server.port())).await.unwrap_err();
        assert!(matches!(error, OutboundError::Untrusted), "{name}: {error:?}");
    }
}

#[tokio::test]
async fn a_handshake_that_does_not_go_on_is_not_waited_for() {
    let silent = Server::start((OPENED, 0).into(), |stream| async move {
        let _held = stream;
        std::future::pending::<()>().await;
    })
    .await;
    let client = client_for(&silent, "");
    let error = get(&client, &format!("https://good.internal:{}/", silent.port())).await.unwrap_err();
    assert!(matches!(error, OutboundError::TimedOut(Phase::Connecting)), "{error:?}");
}

#[test]
fn a_file_without_certificates_is_told_at_the_start() {
    for file in ["Cargo.toml", "no/such/file.pem"] {
        let settings = OutboundSettings { ca_file: file.to_owned(), ..settings() };
        assert!(Outbound::new(&settings).is_err(), "{file}");
    }
}
