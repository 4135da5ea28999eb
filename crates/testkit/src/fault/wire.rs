//! HTTP/1.1 on the wire (RFC 9112): heads, and where bodies end.

use std::io;

use tokio::io::{AsyncBufReadExt as _, AsyncRead, BufReader};

const HEAD_BYTES_MAX: usize = 64 * 1024;
/// Longest line that announces a chunk.
const CHUNK_LINE_BYTES_MAX: usize = 1024;

/// The start line and headers of a request or an answer, as they came.
#[derive(Debug, Clone)]
pub(super) struct Head {
    /// `GET /path HTTP/1.1` or `HTTP/1.1 200 OK`.
    pub(super) start: String,
    /// Names and values in the order they came.
    pub(super) headers: Vec<(String, String)>,
}

impl Head {
    /// Reads a head. `None` at the end of the connection before its first byte.
    pub(super) async fn read<R: AsyncRead + Unpin>(reader: &mut BufReader<R>) -> io::Result<Option<Self>> {
        // a TLS greeting has no lines to wait for
        if reader.fill_buf().await?.first().is_some_and(|byte| !byte.is_ascii() || byte.is_ascii_control())
            && !reader.buffer().starts_with(b"\r")
        {
            return Err(bad("no HTTP"));
        }
        let mut lines = Vec::new();
        let mut total = 0;
        loop {
            let mut line = Vec::new();
            let len = reader.read_until(b'\n', &mut line).await?;
            total += len;
            if len == 0 && lines.is_empty() {
                return Ok(None);
            }
            if !line.ends_with(b"\n") || total > HEAD_BYTES_MAX {
                return Err(bad("a head that is cut or too long"));
            }
            let line = String::from_utf8_lossy(&line).trim_end().to_owned();
            match (line.is_empty(), lines.is_empty()) {
                // RFC 9112, 2.2: an empty line in front of a request is to be ignored
                (true, true) => {}
                (true, false) => break,
                (false, _) => lines.push(line),
            }
        }
        let mut lines = lines.into_iter();
        let start = lines.next().unwrap_or_default();
        let headers = lines
            .filter_map(|line| line.split_once(':').map(|(n, v)| (n.to_owned(), v.trim().to_owned())))
            .collect();
        Ok(Some(Self { start, headers }))
    }

    /// The bytes to send.
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut text = format!("{}\r\n", self.start);
        for (name, value) in &self.headers {
            text.push_str(&format!("{name}: {value}\r\n"));
        }
        text.push_str("\r\n");
        text.into_bytes()
    }

    pub(super) fn method(&self) -> &str {
        self.start.split(' ').next().unwrap_or_default()
    }

    /// Path and query.
    pub(super) fn target(&self) -> &str {
        self.start.split(' ').nth(1).unwrap_or_default()
    }

    /// Status of an answer, 0 if it cannot be read.
    pub(super) fn status(&self) -> u16 {
        self.start.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0)
    }

    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// Sets a header in place of all of its name, or removes them.
    pub(super) fn set(&mut self, name: &str, value: Option<&str>) {
        self.headers.retain(|(n, _)| !n.eq_ignore_ascii_case(name));
        self.headers.extend(value.map(|value| (name.to_owned(), value.to_owned())));
    }

    /// Whether the sender wants the connection closed behind this message.
    pub(super) fn closes(&self) -> bool {
        let old = self.start.ends_with("HTTP/1.0");
        self.header("connection").map_or(old, |value| value.to_ascii_lowercase().contains("close"))
    }

    fn is_chunked(&self) -> bool {
        self.header("transfer-encoding").is_some_and(|value| value.to_ascii_lowercase().contains("chunked"))
    }

    pub(super) fn content_length(&self) -> Option<u64> {
        self.header("content-length")?.parse().ok()
    }

    /// The body behind a request's head (RFC 9112, 6.3).
    pub(super) fn request_body(&self) -> Body {
        if self.is_chunked() {
            Body::Chunked(Chunk::Size)
        } else {
            Body::Length(self.content_length().unwrap_or(0))
        }
    }

    /// The body behind an answer's head, given the request's method.
    pub(super) fn response_body(&self, method: &str) -> Body {
        if method == "HEAD" || matches!(self.status(), 100..=199 | 204 | 304) {
            Body::Length(0)
        } else if self.is_chunked() {
            Body::Chunked(Chunk::Size)
        } else {
            self.content_length().map_or(Body::ToEnd, Body::Length)
        }
    }
}

/// What is still to come of a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Body {
    /// So many bytes.
    Length(u64),
    /// Chunks.
    Chunked(Chunk),
    /// Whatever comes until the connection ends.
    ToEnd,
}

/// What comes next in a chunked body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Chunk {
    Size,
    Data(u64),
    LineEnd,
    Done,
}

impl Body {
    /// Number of bytes of the body that stand at the front of the reader's buffer; 0 at the body's end.
    pub(super) async fn ready<R: AsyncRead + Unpin>(&mut self, from: &mut BufReader<R>) -> io::Result<usize> {
        loop {
            match self {
                Self::Length(0) | Self::Chunked(Chunk::Done) => return Ok(0),
                Self::ToEnd => return Ok(from.fill_buf().await?.len()),
                Self::Length(left) | Self::Chunked(Chunk::Data(left)) => {
                    let have = from.fill_buf().await?.len();
                    if have == 0 {
                        return Err(io::ErrorKind::UnexpectedEof.into());
                    }
                    return Ok(have.min(usize::try_from(*left).unwrap_or(usize::MAX)));
                }
                Self::Chunked(Chunk::LineEnd) => {
                    line(from).await?;
                    *self = Self::Chunked(Chunk::Size);
                }
                Self::Chunked(Chunk::Size) => *self = Self::Chunked(next_chunk(from).await?),
            }
        }
    }

    /// Takes `len` bytes of those that [`ready`](Self::ready) announced off the reader.
    pub(super) fn consume<R: AsyncRead + Unpin>(&mut self, from: &mut BufReader<R>, len: usize) {
        from.consume(len);
        match self {
            Self::Length(left) => *left -= len as u64,
            Self::Chunked(Chunk::Data(left)) => {
                *left -= len as u64;
                if *left == 0 {
                    *self = Self::Chunked(Chunk::LineEnd);
                }
            }
            Self::Chunked(_) | Self::ToEnd => {}
        }
    }

    /// Whether chunks have to be written when it is passed on.
    pub(super) fn is_chunked(self) -> bool {
        matches!(self, Self::Chunked(_))
    }
}

/// Reads a chunk's size and, behind the last one, the trailers, which are not passed on.
async fn next_chunk<R: AsyncRead + Unpin>(from: &mut BufReader<R>) -> io::Result<Chunk> {
    let text = line(from).await?;
    let digits = text.split(';').next().unwrap_or_default().trim();
    let size = u64::from_str_radix(digits, 16).map_err(|_| bad("a chunk without a size"))?;
    if size > 0 {
        return Ok(Chunk::Data(size));
    }
    while !line(from).await?.is_empty() {}
    Ok(Chunk::Done)
}

async fn line<R: AsyncRead + Unpin>(from: &mut BufReader<R>) -> io::Result<String> {
    let mut line = Vec::new();
    from.read_until(b'\n', &mut line).await?;
    if !line.ends_with(b"\n") || line.len() > CHUNK_LINE_BYTES_MAX {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(String::from_utf8_lossy(&line).trim_end().to_owned())
}

fn bad(why: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why.to_owned())
}
