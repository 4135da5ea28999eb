//! A proxy that resolves names that no resolver knows.
//!
//! Clients in Python, Go and Node ask a proxy to connect them (`CONNECT host:port`) when one is named in the
//! environment. This one connects every name to where the test wants it, so that hosts such as
//! `vault1.vault.transload.test` need no entry anywhere.

use std::io::{BufRead, BufReader, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;

use parking_lot::Mutex;

/// Longest head of a `CONNECT` request, bytes.
const HEAD_BYTES_MAX: usize = 16 * 1024;

/// A running proxy. Its thread ends with the test's process.
#[derive(Debug)]
pub struct NameProxy {
    addr: SocketAddr,
    asked: Arc<Mutex<Vec<String>>>,
}

impl NameProxy {
    /// Connects each `host:port` to the address that `resolve` gives, and refuses (502) those it knows not.
    pub fn start(resolve: impl Fn(&str) -> Option<SocketAddr> + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port on loopback");
        let addr = listener.local_addr().expect("a bound socket has an address");
        let asked = Arc::new(Mutex::new(Vec::new()));
        let (resolve, names) = (Arc::new(resolve), Arc::clone(&asked));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (resolve, names) = (Arc::clone(&resolve), Arc::clone(&names));
                // a client that hangs up is no fault of the proxy
                std::thread::spawn(move || drop(serve(stream, resolve.as_ref(), &names)));
            }
        });
        Self { addr, asked }
    }

    /// `http://127.0.0.1:PORT`, for `HTTPS_PROXY`.
    pub fn url(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// Every `host:port` that was asked for so far.
    pub fn asked(&self) -> Vec<String> {
        self.asked.lock().clone()
    }
}

fn serve(
    client: TcpStream,
    resolve: &(dyn Fn(&str) -> Option<SocketAddr> + Send + Sync),
    names: &Mutex<Vec<String>>,
) -> std::io::Result<()> {
    let mut reader = BufReader::new(client.try_clone()?);
    let mut client = client;
    let Some(name) = read_head(&mut reader)? else {
        return client.write_all(b"HTTP/1.1 405 Only CONNECT\r\nContent-Length: 0\r\n\r\n");
    };
    names.lock().push(name.clone());
    let Some(server) = resolve(&name).and_then(|addr| TcpStream::connect(addr).ok()) else {
        return client.write_all(b"HTTP/1.1 502 No such name\r\nContent-Length: 0\r\n\r\n");
    };
    client.write_all(b"HTTP/1.1 200 Connected\r\n\r\n")?;
    let mut up = server.try_clone()?;
    let there = std::thread::spawn(move || {
        // the reader may hold what the client sent right behind its request
        let _ = std::io::copy(&mut reader, &mut up);
        let _ = up.shutdown(Shutdown::Write);
    });
    let mut down = server;
    let _ = std::io::copy(&mut down, &mut client);
    let _ = client.shutdown(Shutdown::Write);
    let _ = there.join();
    Ok(())
}

/// The name behind `CONNECT`; `None` for every other method.
fn read_head(reader: &mut BufReader<TcpStream>) -> std::io::Result<Option<String>> {
    let (mut first, mut bytes) = (String::new(), 0);
    loop {
        let mut line = String::new();
        bytes += reader.read_line(&mut line)?;
        if line.trim().is_empty() || bytes > HEAD_BYTES_MAX {
            break;
        }
        if first.is_empty() {
            first = line;
        }
    }
    let mut words = first.split_whitespace();
    let name = words.next().filter(|method| *method == "CONNECT").and_then(|_| words.next());
    Ok(name.map(str::to_owned))
}
