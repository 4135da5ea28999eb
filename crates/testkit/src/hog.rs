//! What tests need of the machine: free ports, waiting, and how much memory a process took.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use crate::peers::environment;

/// First port handed out. The range lies below the kernel's ephemeral ports: a port from there may become the
/// near end of somebody's outgoing connection before the peer binds it.
const PORT_FIRST: u32 = 20_000;
const PORT_COUNT: u32 = 12_000;
/// A prime, so that processes with neighbouring ids start far apart.
const PORT_STRIDE: u32 = 7_919;

/// A TCP port on loopback that was free a moment ago. Each call in a process gives another one.
pub fn free_port() -> u16 {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let start = std::process::id().wrapping_mul(PORT_STRIDE);
    for _ in 0..PORT_COUNT {
        let step = NEXT.fetch_add(1, Ordering::Relaxed);
        let port = PORT_FIRST + start.wrapping_add(step) % PORT_COUNT;
        let port = u16::try_from(port).expect("the range ends below 65536");
        if TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, port))).is_ok() {
            return port;
        }
    }
    panic!("every port from {PORT_FIRST} to {} is taken", PORT_FIRST + PORT_COUNT);
}

/// Asks `condition` every few milliseconds until it holds; `false` when `limit` has passed before.
///
/// It blocks the thread. In an asynchronous test on a single-threaded runtime nothing else runs meanwhile.
#[must_use]
pub fn wait_until(limit: Duration, mut condition: impl FnMut() -> bool) -> bool {
    let end = Instant::now() + limit;
    while !condition() {
        if Instant::now() >= end {
            return false;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    true
}

/// Whether tests that take minutes and gigabytes are asked for: `TRANSLOAD_LONG=1`. Without it they run with less.
pub fn long_tests() -> bool {
    environment("TRANSLOAD_LONG").is_some_and(|value| value == "1")
}

/// Peak resident set of a living process in bytes (`VmHWM` of proc(5)); `None` once it has ended.
pub fn peak_rss_bytes(pid: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_differ_and_this_process_has_a_peak() {
        assert_ne!(free_port(), free_port());
        assert!(peak_rss_bytes(std::process::id()).unwrap() > 1 << 20);
        assert_eq!(peak_rss_bytes(u32::MAX), None);
        assert!(!wait_until(Duration::from_millis(20), || false));
        assert!(wait_until(Duration::from_secs(1), || true));
    }
}
