//! The program as a registry.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};

use transload_testkit::cli::{Cli, Running};
use transload_testkit::peers::{Answer, Endpoint};

/// `transload registry serve`, running. It ends when this is dropped.
pub(crate) struct Served {
    running: Running,
    endpoint: Endpoint,
}

impl Served {
    /// Starts it with these arguments behind `registry serve`, on a free port of loopback, and waits until it listens.
    pub(crate) fn start(program: &Cli, arguments: &[&str]) -> Self {
        let mut all = vec!["registry", "serve", "--listen", "127.0.0.1:0"];
        all.extend_from_slice(arguments);
        let mut running = program.spawn(&all);
        let addr = loop {
            let said = running.stdout();
            let behind = said.split_once("registry at http://").map(|(_, behind)| behind.to_owned());
            let addr = behind.and_then(|b| b.split([',', ' ', '\n']).next()?.parse::<SocketAddr>().ok());
            if let Some(addr) = addr.filter(|_| said.ends_with('\n')) {
                break addr;
            }
            assert!(!running.has_ended(), "{}{}", running.stdout(), running.stderr());
            std::thread::sleep(std::time::Duration::from_millis(5));
        };
        Self { running, endpoint: Endpoint { addr, ca_pem: None } }
    }

    /// `127.0.0.1:PORT`.
    pub(crate) fn host(&self) -> String {
        self.endpoint.addr.to_string()
    }

    pub(crate) fn request(&self, method: &str, path: &str, headers: &[(&str, &str)]) -> Answer {
        self.send(method, path, headers, b"")
    }

    /// The same with a body.
    pub(crate) fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        self.endpoint.request(method, path, headers, body).unwrap()
    }

    /// Asks for something, takes so many bytes of the answer, and hangs up.
    pub(crate) fn hang_up_on(&self, path: &str, bytes: usize) {
        let mut stream = TcpStream::connect(self.endpoint.addr).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nHost: {}\r\n\r\n", self.endpoint.addr).unwrap();
        stream.read_exact(&mut vec![0; bytes]).unwrap();
    }

    /// What it wrote to standard error so far.
    pub(crate) fn told(&self) -> String {
        self.running.stderr()
    }

    /// What it wrote to standard output so far.
    pub(crate) fn said(&self) -> String {
        self.running.stdout()
    }
}
