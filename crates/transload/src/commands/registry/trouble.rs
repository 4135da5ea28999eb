//! What goes wrong with a registry, as an error of the program.

use transload_depot::Error as Trouble;
use transload_transfer::{Code, Error};

/// The error of the program that says what is wrong and what to do.
pub(in crate::commands) fn error(trouble: &Trouble) -> Error {
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
        Trouble::Certificate { path, .. } => (Code::CertificateInvalid, path.display().to_string()),
        Trouble::Access { subject, .. } => (Code::Usage, subject.clone()),
        _ => (Code::Internal, "registry".to_owned()),
    };
    // the subject is said once
    let detail = match detail.strip_prefix(&subject) {
        Some(rest) => rest.trim_start_matches([':', ' ']).to_owned(),
        None => detail,
    };
    let error = Error::new(code, subject, detail);
    match trouble.next_step() {
        Some(next) => error.with_next(next),
        None => error,
    }
}
