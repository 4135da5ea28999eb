//! A SAS token out of a secret, looked at before it is used.

use std::time::Duration;

use secrecy::ExposeSecret;
use time::OffsetDateTime;
use transload_blobstore::sas::{Action, Finding, Need};
use transload_blobstore::{ErrorKind as StoreKind, Sas};
use transload_vault::SecretUri;

use crate::container::{Job, StoreSecret};
use crate::error::{Error, ErrorKind};

/// The token, and what is doubtful about it.
///
/// # Errors
/// For what the store will refuse for certain, and for what is no token.
pub(crate) fn checked(
    secret: &StoreSecret,
    job: Job,
    https: bool,
    warn_before: Duration,
) -> Result<(Sas, Vec<String>), Error> {
    let subject = format!("secret {}", secret.uri);
    let sas = Sas::parse(secret.value.expose_secret()).map_err(|error| {
        let next =
            format!("make a SAS token for the container (sp={}); {}", letters(job), renew(&secret.uri));
        Error::new(
            ErrorKind::SasMalformed,
            &subject,
            format!("it holds no SAS token: {}", error.detail()),
            next,
        )
    })?;
    let now = OffsetDateTime::now_utc();
    let found = sas.check(&Need { actions: actions(job), https }, now);
    if let Some(certain) = found.iter().find(|finding| finding.is_certain()) {
        let again = match job {
            Job::Watch { .. } => "",
            Job::Export | Job::Import { .. } => ", then put the run again with another forceUpdateTag",
        };
        let next = format!("{}; {}{again}", cure(certain, job), renew(&secret.uri));
        return Err(Error::new(kind(certain), subject, certain.to_string(), next));
    }
    let mut warnings: Vec<String> = found.iter().map(|finding| format!("{subject}: {finding}")).collect();
    warnings.extend(ends_soon(&sas, now, warn_before).map(|text| format!("{subject}: {text}")));
    Ok((sas, warnings))
}

/// What engine and trigger do with a container (contract § 4: `w` suffices for an export).
fn actions(job: Job) -> &'static [Action] {
    match job {
        Job::Export => &[Action::Write],
        Job::Import { delete: false } => &[Action::Read],
        Job::Import { delete: true } => &[Action::Read, Action::Delete],
        Job::Watch { .. } => &[Action::List, Action::Read],
    }
}

/// What the documents ask for.
fn letters(job: Job) -> &'static str {
    match job {
        Job::Export => "rawl",
        Job::Import { delete: false } | Job::Watch { delete: false } => "rl",
        Job::Import { delete: true } | Job::Watch { delete: true } => "rdl",
    }
}

/// What to do about it. One token more is to be enough: what the whole of the pipeline's work needs is named, and not what
/// this step lacks.
fn cure(finding: &Finding, job: Job) -> String {
    match finding {
        Finding::Permission { .. } => format!("make a new SAS token with sp={}", letters(job)),
        Finding::Expired { .. } => "make a new SAS token with a later 'se'".to_owned(),
        other => other.hint(),
    }
}

fn kind(finding: &Finding) -> ErrorKind {
    match finding.kind() {
        StoreKind::SasExpired => ErrorKind::SasExpired,
        StoreKind::SasNotYetValid => ErrorKind::SasNotYetValid,
        StoreKind::SasPermission => ErrorKind::SasPermission,
        StoreKind::SasHttpsOnly => ErrorKind::SasHttpsOnly,
        _ => ErrorKind::SasResource,
    }
}

fn ends_soon(sas: &Sas, now: OffsetDateTime, warn_before: Duration) -> Option<String> {
    let expires = sas.facts().expires.as_ref()?;
    let at = expires.at()?;
    (at > now && at - now < warn_before).then(|| format!("the SAS token expires {expires}"))
}

/// How a secret gets another value.
pub(crate) fn renew(uri: &str) -> String {
    let Ok(parsed) = SecretUri::parse(uri) else { return format!("put it in secret {uri}") };
    let authority = parsed.authority();
    let vault = authority.split(['.', ':']).next().unwrap_or_default();
    let name = parsed.name();
    format!(
        "put it there with: az keyvault secret set --vault-name {vault} --name {name} --value '…' (or: transload vault \
         secret set)"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const URI: &str = "https://v1.vault.example/secrets/acrexportsas";

    fn look(token: &str, job: Job, https: bool) -> Result<Vec<String>, Error> {
        let value = format!("{token}&sv=2024-11-04&sr=c&sig=PLANTED");
        let secret = StoreSecret { value: value.into(), uri: URI.to_owned() };
        checked(&secret, job, https, Duration::from_secs(3600)).map(|(_, warnings)| warnings)
    }

    #[test]
    fn letters_are_held_against_the_job() {
        let import = Job::Import { delete: false };
        for (token, job, lacking) in [
            ("sp=w", Job::Export, None),
            ("sp=rawl", Job::Export, None),
            ("sp=ral", Job::Export, Some("'w' (write)")),
            ("sp=r", import, None),
            ("sp=wl", import, Some("'r' (read)")),
            ("sp=rl", Job::Import { delete: true }, Some("'d' (delete)")),
            ("sp=rdl", Job::Import { delete: true }, None),
            ("sp=r", Job::Watch { delete: false }, Some("'l' (list)")),
            ("sp=rl", Job::Watch { delete: false }, None),
        ] {
            match (look(token, job, true), lacking) {
                (Ok(warnings), None) => assert!(warnings.is_empty(), "{token} {job:?}: {warnings:?}"),
                (Err(error), Some(words)) => {
                    assert_eq!(error.kind(), ErrorKind::SasPermission);
                    assert!(error.detail().contains(words), "{error:?}");
                    assert!(error.subject().contains(URI), "{error:?}");
                    assert!(
                        error.next_step().contains("--vault-name v1 --name acrexportsas"),
                        "{}",
                        error.next_step()
                    );
                    assert!(!format!("{error:?}").contains("PLANTED"));
                }
                (got, _) => panic!("{token} {job:?}: {got:?}"),
            }
        }
    }

    #[test]
    fn dates_and_protocols_are_told_before_anything_is_asked() {
        for (token, https, kind) in [
            ("sp=w&se=2026-01-01", true, ErrorKind::SasExpired),
            ("sp=w&st=2090-01-01&se=2099-01-01", true, ErrorKind::SasNotYetValid),
            ("sp=w&spr=https", false, ErrorKind::SasHttpsOnly),
        ] {
            let error = look(token, Job::Export, https).unwrap_err();
            assert_eq!(error.kind(), kind, "{error:?}");
            assert!(error.next_step().contains("az keyvault secret set"), "{error:?}");
            // runs are put again, and no command is
            assert!(!error.next_step().contains("the command again"), "{error:?}");
        }
        assert!(look("sp=w&se=2099-01-01&spr=https", Job::Export, true).unwrap().is_empty());
    }

    #[test]
    fn a_token_that_ends_soon_is_warned_of() {
        let soon = OffsetDateTime::now_utc() + Duration::from_secs(1800);
        let date = soon.date();
        let token = format!("sp=w&se={date}T{:02}:{:02}:{:02}Z", soon.hour(), soon.minute(), soon.second());
        let warnings = look(&token, Job::Export, true).unwrap();
        assert!(warnings[0].contains("expires"), "{warnings:?}");
    }

    #[test]
    fn what_is_no_token_names_the_secret_and_not_its_value() {
        let secret = StoreSecret { value: "PLANTED==".into(), uri: URI.to_owned() };
        let error = checked(&secret, Job::Export, true, Duration::ZERO).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::SasMalformed);
        assert!(error.subject().contains(URI) && error.next_step().contains("sp=rawl"), "{error:?}");
        assert!(!format!("{error:?}{secret:?}").contains("PLANTED"));
    }
}
