//! Who asks an Azure container.

use std::path::Path;

use transload_blobstore::{AccountKey, ContainerUrl, Credential, Location, Sas};
use transload_endpoints::entra::{self, EntraEnvironment};
use transload_transfer::{Code, Error};

use super::told;
use crate::cli::StoreArgs;
use crate::config;

/// SAS tokens and keys are some hundred bytes long; a file beyond this is another file.
const SECRET_FILE_BYTES_MAX: u64 = 64 * 1024;

/// What was given, else what the environment has for Entra ID.
pub(super) fn credential(
    location: &Location,
    args: &StoreArgs,
    azure: &EntraEnvironment,
) -> Result<Credential, Error> {
    let sas = secret(
        "--sas-token",
        args.sas_token_env.as_deref(),
        args.sas_token_file.as_deref(),
        "the SAS token",
    )?;
    let sas = sas.map(|text| Sas::parse(&text)).transpose()?;
    let key = secret(
        "--account-key",
        args.account_key_env.as_deref(),
        args.account_key_file.as_deref(),
        "the account's key",
    )?;
    let key = key.map(|text| AccountKey::parse(&text)).transpose()?;
    if location.sas().is_some() && (sas.is_some() || key.is_some() || args.managed_identity.is_some()) {
        let detail = "the URL has a SAS token, and another credential was given beside it";
        return Err(
            Error::new(Code::Usage, location.to_string(), detail).with_next("give it in one place only")
        );
    }
    if let Some(key) = key {
        return Ok(Credential::AccountKey(key));
    }
    if let Some(sas) = sas.or_else(|| location.sas().cloned()) {
        return Ok(Credential::Sas(sas));
    }
    if let Some(client_id) = &args.managed_identity {
        let client_id = Some(client_id.as_str()).filter(|id| !id.is_empty());
        return Ok(Credential::Entra(entra::managed(client_id, None).map_err(|error| told(&error))?));
    }
    if location.container().is_some_and(ContainerUrl::is_https) {
        return Ok(azure.person().map_err(|error| told(&error))?.map_or(Credential::None, Credential::Entra));
    }
    Ok(Credential::None)
}

/// The text of a secret that an option names.
fn secret(
    option: &str,
    variable: Option<&str>,
    file: Option<&Path>,
    what: &str,
) -> Result<Option<String>, Error> {
    match (variable, file) {
        (Some(name), _) => {
            let text = config::named(name).ok_or_else(|| {
                let detail = "the environment variable is not set or empty";
                Error::new(Code::Usage, format!("{option}-env {name}"), detail)
                    .with_next(format!("export {name} with {what} as its value"))
            })?;
            Ok(Some(text))
        }
        (None, Some(path)) => read_small(option, path, what).map(Some),
        (None, None) => Ok(None),
    }
}

fn read_small(option: &str, path: &Path, what: &str) -> Result<String, Error> {
    let subject = || format!("{option}-file {}", path.display());
    let failed = |error: std::io::Error| Error::new(Code::Usage, subject(), error.to_string());
    let len = std::fs::metadata(path).map_err(failed)?.len();
    if len > SECRET_FILE_BYTES_MAX {
        return Err(Error::new(Code::Usage, subject(), format!("{len} bytes are too many for {what}")));
    }
    std::fs::read_to_string(path).map_err(failed)
}
