//! The head of a request to a proxy (RFC 9110, § 9.3.6).

use tokio::io::{AsyncBufRead, AsyncBufReadExt as _, AsyncReadExt as _};

/// Where a client wants to be connected.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Head {
    /// A name or an address, in lower case, without brackets.
    pub(super) host: String,
    pub(super) port: u16,
}

/// Why a request cannot be answered.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Odd {
    /// The client hung up.
    Gone,
    /// It is longer than it may be.
    TooLong,
    /// It asks for something else.
    NotConnect,
    /// It is no HTTP, or names no place.
    Malformed,
}

impl Odd {
    pub(super) fn status(&self) -> &'static str {
        match self {
            Self::TooLong => "431 Request Header Fields Too Large",
            Self::NotConnect => "405 Method Not Allowed",
            Self::Gone | Self::Malformed => "400 Bad Request",
        }
    }

    pub(super) fn why(&self) -> &'static str {
        match self {
            Self::TooLong => "the head of the request is too long",
            Self::NotConnect => {
                "only CONNECT is answered here: name this proxy for https alone (HTTPS_PROXY)"
            }
            Self::Gone | Self::Malformed => "the request is not CONNECT host:port HTTP/1.1",
        }
    }
}

/// Reads a head to its end. What follows it stays in the reader.
pub(super) async fn read(client: &mut (impl AsyncBufRead + Unpin), bytes_max: usize) -> Result<Head, Odd> {
    let mut bounded = client.take(bytes_max as u64);
    let mut first = String::new();
    loop {
        let mut line = Vec::new();
        bounded.read_until(b'\n', &mut line).await.map_err(|_| Odd::Gone)?;
        if !line.ends_with(b"\n") {
            return Err(if bounded.limit() == 0 { Odd::TooLong } else { Odd::Gone });
        }
        let text = String::from_utf8_lossy(&line);
        let text = text.trim_end_matches(['\r', '\n']);
        if text.is_empty() {
            return parse(&first);
        }
        if first.is_empty() {
            first = text.to_owned();
        }
    }
}

fn parse(line: &str) -> Result<Head, Odd> {
    let mut words = line.split(' ');
    let (Some(method), Some(target), Some(version), None) =
        (words.next(), words.next(), words.next(), words.next())
    else {
        return Err(Odd::Malformed);
    };
    if !version.starts_with("HTTP/1.") {
        return Err(Odd::Malformed);
    }
    if method != "CONNECT" {
        return Err(Odd::NotConnect);
    }
    let (host, port) = target.rsplit_once(':').ok_or(Odd::Malformed)?;
    let host = match host.strip_prefix('[').map(|rest| rest.strip_suffix(']')) {
        Some(inner) => inner.ok_or(Odd::Malformed)?,
        None => host,
    };
    let is_host = |c: char| c.is_ascii_alphanumeric() || ".-_:".contains(c);
    let port = port.parse().map_err(|_| Odd::Malformed)?;
    if host.is_empty() || host.len() > 253 || !host.chars().all(is_host) {
        return Err(Odd::Malformed);
    }
    Ok(Head { host: host.trim_end_matches('.').to_ascii_lowercase(), port })
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn of(text: &str) -> Result<Head, Odd> {
        read(&mut text.as_bytes(), 200).await
    }

    #[tokio::test]
    async fn a_place_is_a_name_or_an_address_with_a_port() {
        let head = of("CONNECT Lab.Vault.Example:8443 HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
        assert_eq!(head, Head { host: "lab.vault.example".to_owned(), port: 8443 });
        let head = of("CONNECT [::1]:443 HTTP/1.0\n\n").await.unwrap();
        assert_eq!(head, Head { host: "::1".to_owned(), port: 443 });
    }

    #[tokio::test]
    async fn what_follows_the_head_stays_for_the_tunnel() {
        let mut bytes = "CONNECT a.b:1 HTTP/1.1\r\n\r\n\x16\x03hello".as_bytes();
        read(&mut bytes, 200).await.unwrap();
        assert_eq!(bytes, b"\x16\x03hello");
    }

    #[tokio::test]
    async fn what_is_none_is_refused_with_its_reason() {
        assert_eq!(of("GET http://a/ HTTP/1.1\r\n\r\n").await, Err(Odd::NotConnect));
        for odd in [
            "CONNECT a HTTP/1.1",
            "CONNECT a:x HTTP/1.1",
            "CONNECT :1 HTTP/1.1",
            "CONNECT a:1",
            "CONNECT a/b:1 HTTP/1.1",
            "\x16\x03",
        ] {
            assert_eq!(of(&format!("{odd}\r\n\r\n")).await, Err(Odd::Malformed), "{odd}");
        }
        assert_eq!(of("CONNECT a.b:1 HTTP/1.1\r\nHost").await, Err(Odd::Gone));
        let long = format!("CONNECT a.b:1 HTTP/1.1\r\nX: {}\r\n\r\n", "x".repeat(300));
        assert_eq!(of(&long).await, Err(Odd::TooLong));
    }
}
