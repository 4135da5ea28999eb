//! TLS in front of a server that has none: a router of axum, a scripted peer.

use std::net::SocketAddr;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

use super::pki::Identity;

/// A listener that ends TLS and passes everything on. It ends when it is dropped.
#[derive(Debug)]
pub struct TlsFront {
    addr: SocketAddr,
    accepting: JoinHandle<()>,
}

impl TlsFront {
    /// Listens on a free loopback port with this certificate. To be called within a runtime.
    pub async fn start(identity: &Identity, upstream: SocketAddr) -> Self {
        let acceptor = TlsAcceptor::from(Arc::new(config(identity)));
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port on loopback");
        let addr = listener.local_addr().expect("a bound socket has an address");
        let accepting = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(pass(acceptor.clone(), client, upstream));
            }
        });
        Self { addr, accepting }
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }
}

impl Drop for TlsFront {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

/// A client that does not trust the certificate, or hangs up, is no fault of the front.
async fn pass(acceptor: TlsAcceptor, client: TcpStream, upstream: SocketAddr) {
    let Ok(mut client) = acceptor.accept(client).await else { return };
    let Ok(mut server) = TcpStream::connect(upstream).await else { return };
    let _ = tokio::io::copy_bidirectional(&mut client, &mut server).await;
}

fn config(identity: &Identity) -> rustls::ServerConfig {
    let chain = CertificateDer::pem_slice_iter(identity.cert_pem.as_bytes())
        .collect::<Result<Vec<_>, _>>()
        .expect("certificates in PEM");
    let key = PrivateKeyDer::from_pem_slice(identity.key_pem.as_bytes()).expect("a key in PEM");
    // named, not the process default: the crate under test may install another one
    rustls::ServerConfig::builder_with_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("the provider knows the default versions")
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .expect("a certificate and its key")
}
