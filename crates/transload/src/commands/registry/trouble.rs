//! What goes wrong with a registry, as an error of the program.

use transload_depot::Error as Trouble;
use transload_transfer::{Code, Error};

/// The error of the program that says what is wrong and what to do.
pub(super) fn error(trouble: &Trouble) -> Error {
    use std::error::Error as _;
    let mut detail = trouble.to_string();
    if let Some(source) = trouble.source() {
        detail = format!("{detail}: {source}");
    }
    let (code, subject) = match trouble {
        Trouble::NotLoopback { addr } | Trouble::Bind { addr, .. } => (Code::ListenFailed, addr.to_string()),
        Trouble::InUse { path } => (Code::RegistryFolderBusy, path.display().to_string()),
        Trouble::Folder { path, .. } | Trouble::NoRegistry { path } => {
            (Code::RegistryFolder, path.display().to_string())
        }
        _ => (Code::Internal, "registry".to_owned()),
    };
    Error::new(code, subject, detail)
}
