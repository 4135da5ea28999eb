//! The authorities that az is to trust, in one file.

use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use transload_transfer::{Code, Error};

use crate::config::Environment;
use crate::registries::read_bounded;

/// The authorities of a whole system are some hundred KiB long.
const SYSTEM_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// A file that was written.
#[derive(Debug)]
pub(super) struct Trusted {
    pub(super) file: PathBuf,
    /// The system's file that is part of it.
    pub(super) system: Option<PathBuf>,
}

/// Where the file for a cloud of this name is.
pub(super) fn place(environment: &Environment, cloud: &str) -> Result<PathBuf, Error> {
    let folder = environment.config_folder.as_ref().ok_or_else(|| {
        Error::new(Code::Usage, "az", "there is no HOME, and so no place for the file that az is to trust")
            .with_next("set HOME or XDG_CONFIG_HOME")
    })?;
    Ok(folder.join("az").join(format!("{cloud}-ca.pem")))
}

/// Writes the system's authorities and the server's own: az trusts what is in the one file alone.
///
/// # Errors
/// `Usage` for a file that cannot be read, `StoreIo`.
pub(super) fn write(environment: &Environment, cloud: &str, own: &str) -> Result<Trusted, Error> {
    let file = place(environment, cloud)?;
    // what a variable names may be our own file, from a shell that was set up before
    let system = environment.system_authorities.clone().filter(|system| *system != file);
    let mut text = match &system {
        Some(system) => read_bounded("SSL_CERT_FILE", system, SYSTEM_BYTES_MAX)?,
        None => Vec::new(),
    };
    if text.last().is_some_and(|last| *last != b'\n') {
        text.push(b'\n');
    }
    text.extend_from_slice(own.as_bytes());
    keep(&file, &text).map_err(|error| {
        Error::new(Code::StoreIo, file.display().to_string(), error.to_string())
            .with_next("let this user write there, or set XDG_CONFIG_HOME to another folder")
    })?;
    Ok(Trusted { file, system })
}

/// Whole or not at all: an az that runs may read it now.
fn keep(file: &Path, text: &[u8]) -> std::io::Result<()> {
    let folder = file.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder)?;
    let mut new = tempfile::NamedTempFile::new_in(folder)?;
    new.write_all(text)?;
    new.as_file().set_permissions(std::fs::Permissions::from_mode(0o644))?;
    new.persist(file)?;
    Ok(())
}
