//! Telling the service manager (sd_notify(3)).

use std::ffi::OsStr;
use std::io;
use std::os::unix::net::UnixDatagram;

/// Sends one state to the socket that the service manager named, if it did.
pub(in crate::commands) fn notify(socket: Option<&OsStr>, state: &str) {
    let Some(name) = socket else { return };
    if let Err(error) = send(name, state) {
        tracing::warn!(%error, "the service manager cannot be told");
    }
}

fn send(name: &OsStr, state: &str) -> io::Result<()> {
    let socket = UnixDatagram::unbound()?;
    #[cfg(target_os = "linux")]
    if let Some(name) = name.as_encoded_bytes().strip_prefix(b"@") {
        use std::os::linux::net::SocketAddrExt as _;
        let addr = std::os::unix::net::SocketAddr::from_abstract_name(name)?;
        return socket.send_to_addr(state.as_bytes(), &addr).map(drop);
    }
    socket.send_to(state.as_bytes(), name).map(drop)
}
