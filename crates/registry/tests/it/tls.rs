//! HTTPS, HTTP, and taking one for the other; proxies.

use std::sync::Arc;

use parking_lot::Mutex;
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use transload_oci::Digest;
use transload_registry::conformance::Sample;
use transload_registry::{ErrorKind, Source, Target};
use transload_testkit::peers::Pki;
use transload_testkit::peers::{DockerRegistry, DockerRegistryOptions};

use crate::support::{client, client_with, read};

#[tokio::test]
async fn https_on_loopback_is_found_and_its_authority_must_be_trusted() {
    let pki = Pki::new();
    let registry = DockerRegistry::start_tls(&pki);
    let error = client(&registry.host()).tags("a").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Tls, "{error:?}");
    assert!(error.detail().contains("not trusted"), "{error:?}");
    assert!(error.hint().unwrap().contains("--ca-file"), "{error:?}");
    let sample = Sample::random(100_000);
    let trusting = client_with(&registry.host(), |o| o.ca_pem = vec![pki.ca_pem().into_bytes()]);
    trusting.push_blob("a", &sample.descriptor, &[], &sample).await.unwrap();
    assert!(read(&trusting, "a", &sample.descriptor, 0).await.unwrap() == sample.bytes);
}

#[tokio::test]
async fn a_certificate_for_another_name_or_time_is_told() {
    let pki = Pki::new();
    for (identity, word) in
        [(pki.server(&["elsewhere.test"]), "another host name"), (pki.expired(), "expired")]
    {
        let tls = Some((identity, pki.ca_pem()));
        // Readiness is asked for over TLS too, which is what is broken here, so that the listener is our own.
        let addr = tls_listener(&tls.as_ref().unwrap().0.cert_pem, &tls.as_ref().unwrap().0.key_pem).await;
        let client = client_with(&addr, |o| o.ca_pem = vec![pki.ca_pem().into_bytes()]);
        let error = client.tags("a").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Tls, "{error:?}");
        assert!(error.detail().contains(word), "{error:?}");
    }
}

/// A server that ends every connection after the handshake.
async fn tls_listener(cert_pem: &str, key_pem: &str) -> String {
    use rustls::pki_types::pem::PemObject;
    use rustls::pki_types::{CertificateDer, PrivateKeyDer};
    let cert = CertificateDer::from_pem_slice(cert_pem.as_bytes()).unwrap();
    let key = PrivateKeyDer::from_pem_slice(key_pem.as_bytes()).unwrap();
    let config =
        rustls::ServerConfig::builder_with_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![cert], key)
            .unwrap();
    let config = Arc::new(config);
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { continue };
            let mut server = rustls::ServerConnection::new(config.clone()).unwrap();
            while server.is_handshaking() && server.complete_io(&mut stream).is_ok() {}
            // What went wrong is told to the client as an alert.
            let _ = server.complete_io(&mut stream);
        }
    });
    addr.to_string()
}

#[tokio::test]
async fn a_client_certificate_is_shown_where_one_is_asked_for() {
    let pki = Pki::new();
    let registry = DockerRegistry::start_with(DockerRegistryOptions {
        tls: Some((pki.loopback(), pki.ca_pem())),
        client_ca_pem: Some(pki.ca_pem()),
        ..Default::default()
    });
    let ca = vec![pki.ca_pem().into_bytes()];
    let error = client_with(&registry.host(), |o| o.ca_pem = ca.clone()).tags("a").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Tls, "{error:?}");
    assert!(error.hint().unwrap().contains("client certificate"), "{error:?}");
    let identity = pki.client("transload");
    let client = client_with(&registry.host(), |o| {
        o.ca_pem = ca;
        o.client_identity_pem = Some(format!("{}{}", identity.cert_pem, identity.key_pem).into_bytes());
    });
    assert_eq!(client.tags("a").await.unwrap_err().kind(), ErrorKind::RepositoryNotFound);
}

#[tokio::test]
async fn http_and_https_mixed_up_are_told_apart() {
    // HTTPS spoken to a server of plain HTTP: by a name that is not loopback, through a proxy that leads there.
    let plain = DockerRegistry::start();
    let (proxy, _) = proxy(plain.host()).await;
    let client = client_with("registry.test:5000", |o| o.proxy.https = Some(proxy));
    let error = client.tags("a").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Protocol, "{error:?}");
    assert!(error.hint().unwrap().contains("--plain-http"), "{error:?}");
    // Plain HTTP spoken to a server of HTTPS, because it was asked for.
    let tls = DockerRegistry::start_tls(&Pki::new());
    let error = client_with(&tls.host(), |o| o.plain_http = true).tags("a").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Protocol, "{error:?}");
}

#[tokio::test]
async fn proxies_are_used_and_loopback_never() {
    let registry = DockerRegistry::start();
    let (proxy, seen) = proxy(registry.host()).await;
    let proxied = client_with("registry.test:5000", |o| {
        o.plain_http = true;
        o.proxy.http = Some(proxy.replace("http://", "http://me:secret@"));
    });
    let sample = Sample::random(50_000);
    proxied.push_blob("a", &sample.descriptor, &[], &sample).await.unwrap();
    assert_eq!(proxied.blob_size("a", &Digest::sha256(b"x")).await.unwrap(), None);
    let lines = seen.lock().clone();
    assert!(lines.iter().any(|l| l.starts_with("HEAD http://registry.test:5000/v2/a/blobs/")), "{lines:?}");
    let direct = client_with(&registry.host(), |o| o.proxy.http = Some(proxy));
    direct.blob_size("a", &sample.descriptor.digest).await.unwrap().unwrap();
    assert_eq!(seen.lock().len(), lines.len());
    let text = format!(
        "{:?}",
        transload_registry::ProxySettings { http: Some("http://me:secret@p".into()), ..Default::default() }
    );
    assert!(!text.contains("secret"), "{text}");
}

/// A proxy that leads everything to one server, by CONNECT or as it is, one request per connection, and its
/// request lines.
async fn proxy(upstream: String) -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    let seen: Arc<Mutex<Vec<String>>> = Arc::default();
    let noted = seen.clone();
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            let (noted, upstream) = (noted.clone(), upstream.clone());
            tokio::spawn(async move {
                let mut head = Vec::new();
                while !head.ends_with(b"\r\n\r\n") {
                    head.push(client.read_u8().await?);
                }
                let head = String::from_utf8(head).unwrap();
                noted.lock().push(head.lines().next().unwrap().to_owned());
                let mut server = TcpStream::connect(upstream).await?;
                if head.starts_with("CONNECT") {
                    client.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await?;
                } else {
                    let head = head.replace("http://registry.test:5000/", "/");
                    let head = head.replacen("\r\n", "\r\nConnection: close\r\n", 1);
                    server.write_all(head.as_bytes()).await?;
                }
                copy_bidirectional(&mut client, &mut server).await
            });
        }
    });
    (format!("http://{addr}"), seen)
}

#[tokio::test]
async fn a_redirect_from_https_to_http_is_refused() {
    // A TLS server that redirects: docker-registry's own redirects stay on it, so that this one is scripted.
    let pki = Pki::new();
    let identity = pki.loopback();
    let addr = redirecting_tls(&identity.cert_pem, &identity.key_pem).await;
    let client = client_with(&addr, |o| o.ca_pem = vec![pki.ca_pem().into_bytes()]);
    let error = client.blob_size("a", &Digest::sha256(b"x")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Failed);
    assert!(error.detail().contains("HTTPS to plain HTTP"), "{error:?}");
}

async fn redirecting_tls(cert_pem: &str, key_pem: &str) -> String {
    use std::io::{Read, Write};

    use rustls::pki_types::pem::PemObject;
    use rustls::pki_types::{CertificateDer, PrivateKeyDer};
    let cert = CertificateDer::from_pem_slice(cert_pem.as_bytes()).unwrap();
    let key = PrivateKeyDer::from_pem_slice(key_pem.as_bytes()).unwrap();
    let config =
        rustls::ServerConfig::builder_with_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![cert], key)
            .unwrap();
    let config = Arc::new(config);
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let server = rustls::ServerConnection::new(config.clone()).unwrap();
            let mut stream = rustls::StreamOwned::new(server, stream);
            let mut buffer = [0; 4096];
            if stream.read(&mut buffer).is_ok() {
                let answer = "HTTP/1.1 307 Go\r\nLocation: http://storage.test/x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
                let _ = stream.write_all(answer.as_bytes());
                stream.conn.send_close_notify();
                let _ = stream.flush();
            }
        }
    });
    addr.to_string()
}
