//! The file that makes a context: what `serve` writes for its administrator, and `principal create --save` for others.

use std::fmt;
use std::path::{Path, PathBuf};

use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use transload_transfer::{Code, Error};

use super::store::write_private;
use crate::registries::read_bounded;

/// An authority's certificate and a secret are some KiB long.
const FILE_BYTES_MAX: u64 = 4 * 1024 * 1024;

/// Where a server is and who one is there, with the secret: as it is handed to a person, in a file of mode 0600.
#[derive(Clone)]
pub(crate) struct Handed {
    /// The server's URL.
    pub(crate) server: String,
    /// The authority that its certificate is from, where that is its own.
    pub(crate) ca_file: Option<PathBuf>,
    /// The same as text (PEM), for another machine.
    pub(crate) ca_pem: Option<String>,
    /// The tenant's id.
    pub(crate) tenant: Option<String>,
    /// Who one is.
    pub(crate) client_id: String,
    /// The secret.
    pub(crate) client_secret: SecretString,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Form {
    server: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ca_file: Option<PathBuf>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ca_pem: Option<String>,
    #[serde(alias = "tenantId", default, skip_serializing_if = "Option::is_none")]
    tenant: Option<String>,
    client_id: String,
    client_secret: String,
}

impl fmt::Debug for Handed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handed")
            .field("server", &self.server)
            .field("client_id", &self.client_id)
            .finish_non_exhaustive()
    }
}

impl Handed {
    /// Puts the file there in one step, with mode 0600.
    ///
    /// # Errors
    /// `StoreIo`.
    pub(crate) fn write(&self, file: &Path) -> Result<(), Error> {
        let form = Form {
            server: self.server.clone(),
            ca_file: self.ca_file.clone(),
            ca_pem: self.ca_pem.clone(),
            tenant: self.tenant.clone(),
            client_id: self.client_id.clone(),
            client_secret: self.client_secret.expose_secret().to_owned(),
        };
        let mut text = serde_json::to_vec_pretty(&form)
            .map_err(|error| Error::new(Code::Internal, file.display().to_string(), error.to_string()))?;
        text.push(b'\n');
        write_private(file, &text)
    }

    /// Reads such a file. A relative `caFile` is meant from where the file stands.
    ///
    /// # Errors
    /// `Usage` for a file that cannot be read or is none of these.
    pub(crate) fn read(option: &str, file: &Path) -> Result<Self, Error> {
        let bytes = read_bounded(option, file, FILE_BYTES_MAX)?;
        let form: Form = serde_json::from_slice(&bytes).map_err(|error| {
            // the words of the parser may repeat the secret
            let place = format!("line {}, column {}", error.line(), error.column());
            let why = format!("it is no file of `serve` or of `principal create --save` ({place})");
            Error::new(Code::Usage, format!("{option} {}", file.display()), why)
        })?;
        let folder = file.parent().unwrap_or(Path::new("."));
        Ok(Self {
            server: form.server,
            ca_file: form.ca_file.map(|path| folder.join(path)),
            ca_pem: form.ca_pem,
            tenant: form.tenant,
            client_id: form.client_id,
            client_secret: SecretString::from(form.client_secret),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn what_is_handed_over_is_read_again_and_not_shown() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("administrator.json");
        let handed = Handed {
            server: "https://lab:8443".to_owned(),
            ca_file: Some("tls/ca.pem".into()),
            ca_pem: None,
            tenant: Some("t".to_owned()),
            client_id: "id".to_owned(),
            client_secret: SecretString::from("TOPSECRET"),
        };
        handed.write(&file).unwrap();
        assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        let read = Handed::read("--file", &file).unwrap();
        assert_eq!(read.client_secret.expose_secret(), "TOPSECRET");
        assert_eq!(read.ca_file.as_deref(), Some(folder.path().join("tls/ca.pem").as_path()));
        std::fs::write(&file, r#"{"server": "s", "clientSecret": ["TOPSECRET"]}"#).unwrap();
        let refused = Handed::read("--file", &file).unwrap_err();
        assert!(!format!("{refused:?} {read:?}").contains("TOPSECRET"));
    }
}
