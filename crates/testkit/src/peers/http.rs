//! A blocking HTTP client of a few lines: enough to see that a peer is up and to prepare it.
//!
//! It speaks HTTP/1.0, so answers are never chunked and always end with the connection.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use super::pki::client_config;

const IO_LIMIT: Duration = Duration::from_secs(30);

/// Where a peer listens, and the CA to trust when it listens with TLS.
#[derive(Debug, Clone)]
pub struct Endpoint {
    /// Address of the peer.
    pub addr: SocketAddr,
    /// PEM of the CA that issued the peer's certificate; `None` for plain HTTP.
    pub ca_pem: Option<String>,
}

/// An answer, read to its end.
#[derive(Debug)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// Headers, names in lower case, in the order they came.
    pub headers: Vec<(String, String)>,
    /// Body.
    pub body: Vec<u8>,
}

impl Answer {
    /// The first header of that (lower-case) name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

impl Endpoint {
    /// Whether it speaks TLS.
    pub fn is_tls(&self) -> bool {
        self.ca_pem.is_some()
    }

    /// `http://127.0.0.1:PORT` or `https://…`.
    pub fn url(&self) -> String {
        format!("{}://{}", if self.is_tls() { "https" } else { "http" }, self.addr)
    }

    /// Asks, and reads the whole answer. `path` starts with `/` and may carry a query.
    ///
    /// # Errors
    /// What the connection brings, and `InvalidData` for an answer that is not HTTP.
    pub fn request(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> std::io::Result<Answer> {
        let mut head = format!("{method} {path} HTTP/1.0\r\nHost: {}\r\n", self.addr);
        for (name, value) in headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str(&format!("Content-Length: {}\r\n\r\n", body.len()));
        let stream = TcpStream::connect_timeout(&self.addr, IO_LIMIT)?;
        stream.set_read_timeout(Some(IO_LIMIT))?;
        stream.set_write_timeout(Some(IO_LIMIT))?;
        let bytes = match &self.ca_pem {
            None => exchange(stream, head.as_bytes(), body)?,
            Some(ca) => {
                let name = self.addr.ip().into();
                let connection = rustls::ClientConnection::new(Arc::new(client_config(ca)), name)
                    .map_err(std::io::Error::other)?;
                exchange(rustls::StreamOwned::new(connection, stream), head.as_bytes(), body)?
            }
        };
        parse(bytes)
    }
}

fn exchange(mut stream: impl Read + Write, head: &[u8], body: &[u8]) -> std::io::Result<Vec<u8>> {
    stream.write_all(head)?;
    stream.write_all(body)?;
    stream.flush()?;
    let mut bytes = Vec::new();
    match stream.read_to_end(&mut bytes) {
        // a server that closes without TLS's good-bye has still answered
        Err(e) if e.kind() != std::io::ErrorKind::UnexpectedEof => Err(e),
        _ => Ok(bytes),
    }
}

fn parse(mut bytes: Vec<u8>) -> std::io::Result<Answer> {
    let bad = |why: &str| std::io::Error::new(std::io::ErrorKind::InvalidData, why.to_owned());
    let mut headers = [httparse::EMPTY_HEADER; 64];
    let mut response = httparse::Response::new(&mut headers);
    let head_bytes = match response.parse(&bytes) {
        Ok(httparse::Status::Complete(len)) => len,
        Ok(httparse::Status::Partial) => return Err(bad("the answer ends in its head")),
        Err(e) => return Err(bad(&e.to_string())),
    };
    let status = response.code.unwrap_or_default();
    let headers = response
        .headers
        .iter()
        .map(|h| (h.name.to_ascii_lowercase(), String::from_utf8_lossy(h.value).into_owned()))
        .collect();
    let body = bytes.split_off(head_bytes);
    Ok(Answer { status, headers, body })
}
