//! What a run says of the engine's failures: the engine's own words, with next steps for whoever has pipelines and no
//! command line.

use transload_control::run::RunError;
use transload_transfer::{Code, Error, Outcome, Report};

use crate::limits::Limits;

/// What a run is about, for the words about its failures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Task {
    /// Registry to blob.
    Export,
    /// Blob to registry.
    Import,
    /// Registry to registry.
    ImportImage,
    /// Whether things can be reached.
    Check,
}

/// An artifact's or a run's failure in the record's form.
pub(crate) fn run_error(error: &Error, task: Task, limits: &Limits) -> RunError {
    let next = next_step(error, task);
    let message = if next.is_empty() { error.to_string() } else { format!("{error}; next: {next}") };
    RunError {
        code: error.code().as_str().to_owned(),
        message: shortened(&message, limits.message_chars_max),
    }
}

/// Why a run failed; `None` if it did not.
pub(crate) fn outcome(report: &Report, task: Task, limits: &Limits) -> Option<RunError> {
    let failed: Vec<_> = report
        .artifacts
        .iter()
        .filter_map(|artifact| Some((&artifact.source, artifact.error.as_ref()?)))
        .collect();
    match (&report.error, failed.as_slice()) {
        (None, []) => None,
        // one thing failed, and it says so itself
        (Some(error), [] | [_]) if error.code() != Code::ArtifactsFailed => {
            Some(run_error(error, task, limits))
        }
        (error, failed) => {
            let all = report.artifacts.len();
            let mut message = match report.outcome {
                Outcome::Partial => {
                    format!("{} of {all} artifacts failed, the others are done", failed.len())
                }
                _ => format!("{} of {all} artifacts failed, and nothing was made visible", failed.len()),
            };
            if let Some(error) = error.as_ref().filter(|error| error.code() != Code::ArtifactsFailed) {
                message.push_str(&format!(": {error}"));
            }
            for (artifact, error) in failed {
                let next = next_step(error, task);
                message.push_str(&format!(
                    "\n{artifact}: {} [{}]; next: {next}",
                    error.detail(),
                    error.code()
                ));
            }
            let code = Code::ArtifactsFailed.as_str().to_owned();
            Some(RunError { code, message: shortened(&message, limits.message_chars_max) })
        }
    }
}

/// Whether the same run may well come to a better end a little later.
pub(crate) fn is_transient(report: &Report, task: Task) -> bool {
    let mut failed = report.artifacts.iter().filter_map(|artifact| artifact.error.as_ref()).peekable();
    match (&report.error, report.outcome) {
        // the blob that was written without what failed is in the way of a second export
        (None, Outcome::Partial) => task != Task::Export && failed.all(Error::is_transient),
        (Some(error), _) if error.code() == Code::ArtifactsFailed => {
            failed.peek().is_some() && failed.all(Error::is_transient)
        }
        (Some(error), _) => error.is_transient(),
        (None, _) => false,
    }
}

/// At most so many characters, with a mark where some were left out.
pub(crate) fn shortened(text: &str, chars_max: usize) -> String {
    if text.chars().count() <= chars_max {
        return text.to_owned();
    }
    let kept: String = text.chars().take(chars_max.saturating_sub(1)).collect();
    format!("{kept}…")
}

/// What to do next. The engine's particular advice counts, unless it is about its command line.
fn next_step(error: &Error, task: Task) -> String {
    let code = error.code();
    // how a secret is set names a command, and one for whoever has pipelines
    let (own, secret) = match error.next_step().split_once(SECRET_SET) {
        Some((own, rest)) => (own.trim_end_matches("; "), format!("; {SECRET_SET}{rest}")),
        None => (error.next_step(), String::new()),
    };
    let own = (own != code.next_step() && !is_about_commands(own)).then_some(own);
    let said = own.or_else(|| advice(code, task)).unwrap_or(code.next_step());
    format!("{said}{secret}")
}

/// How the words begin that `endpoints` has for setting a secret.
const SECRET_SET: &str = "put it there with: az keyvault secret set";

fn is_about_commands(text: &str) -> bool {
    text.contains("--")
        || text.contains('`')
        || text.contains("the command again")
        || text.contains("same command")
}

const AGAIN: &str = "put the run again with another forceUpdateTag; it goes on where it stopped";

/// The advice of the engine's table, where a person at a pipeline has to do something else.
fn advice(code: Code, task: Task) -> Option<&'static str> {
    Some(match code {
        Code::TagNotFound => "check the tag in the source registry",
        Code::PlatformNotFound => "leave it out of the run's artifacts",
        Code::SparseIndexRefused => "export the image with all of its platforms",
        Code::BlobNotFound => {
            "push the artifact again to repair it in the source, or give the pipeline the option ContinueOnErrors"
        }
        Code::ForeignLayerUnavailable => {
            "push the image with its foreign layers to the source registry first"
        }
        Code::NameConflict => "put one of them into a run of its own",
        Code::Unauthorized | Code::CredentialInvalid => {
            "check the credential of the registry resource and the secret that it names"
        }
        Code::RegistryUnreachable => {
            "check the login server's name and port, and network and proxy of the machine that the worker runs on"
        }
        Code::RegistryTls => {
            "let the worker trust the registry's authority (ca-file in the server's configuration)"
        }
        Code::RegistryProtocol => {
            "set plainHttp of the registry resource only for registries that have no TLS"
        }
        Code::RegistryFull => {
            "free space in the registry, then put the run again with another forceUpdateTag"
        }
        Code::TagConflict if task == Task::ImportImage => "import with mode Force to move the tags",
        Code::TagConflict => "give the import pipeline the option OverwriteTags, or delete the tag",
        Code::BundleExists => {
            "give the export pipeline the option OverwriteBlobs, or the run another blob name"
        }
        Code::BundleDamaged => "copy it across again",
        Code::BundleTooNew => "update Transload on this side",
        Code::StoreCredentialMissing => {
            "give the pipeline the keyVaultUri of a secret that holds the token, or storageAccessMode ManagedIdentity"
        }
        Code::StoreFull => "free space, then put the run again with another forceUpdateTag",
        Code::ExportFailed => "mend it where it was exported, then export and import again",
        Code::ArtifactsFailed => {
            "mend what each artifact's message says, or give the pipeline the option ContinueOnErrors"
        }
        Code::RegistryFailed
        | Code::RegistryThrottled
        | Code::BundleChanged
        | Code::StoreUnreachable
        | Code::StoreThrottled
        | Code::StoreFailed
        | Code::PipePassed
        | Code::Interrupted => AGAIN,
        Code::Internal => "report it with the run's id and the version",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Codes that only a command line can bring about.
    const NOT_OF_RUNS: &[&str] = &[
        "PlanInvalid",
        "PlanDiffers",
        "RegistryFolder",
        "RegistryFolderBusy",
        "ListenFailed",
        "CertificateInvalid",
        "RegistryDamaged",
        "Usage",
        "ServerUnreachable",
        "ServerTls",
        "ServerFailed",
        "ServerProtocol",
        "SignInFailed",
        "AccessDenied",
        "ResourceNotFound",
        "ResourceConflict",
        "RequestRefused",
        "RunFailed",
        "RunCanceled",
        "NothingMatched",
        "ReferenceInvalid",
    ];

    #[test]
    fn nobody_at_a_pipeline_is_told_of_command_lines() {
        for task in [Task::Export, Task::Import, Task::ImportImage, Task::Check] {
            for code in Code::ALL.iter().filter(|code| !NOT_OF_RUNS.contains(&code.as_str())) {
                let error = Error::new(*code, "subject", "detail");
                let next = next_step(&error, task);
                assert!(!is_about_commands(&next) && !next.is_empty(), "{code}: {next}");
            }
        }
    }

    #[test]
    fn particular_advice_counts_unless_it_is_about_commands() {
        let error = Error::new(Code::BundleNotFound, "x", "gone");
        let near = error.clone().with_next("did you mean y?");
        assert_eq!(next_step(&near, Task::Import), "did you mean y?");
        let flag = error.with_next("give --name");
        assert_eq!(next_step(&flag, Task::Import), Code::BundleNotFound.next_step());
        let set = "put it there with: az keyvault secret set --vault-name v --name n --value '…'";
        let token = Error::new(Code::SasExpired, "x", "expired");
        let said = next_step(&token.clone().with_next(format!("make a new one; {set}")), Task::Import);
        assert_eq!(said, format!("make a new one; {set}"));
        let said = next_step(&token.with_next(format!("run the command again; {set}")), Task::Import);
        assert!(said.ends_with(&format!("; {set}")) && !said.contains("command again"), "{said}");
    }

    #[test]
    fn long_texts_are_cut_at_characters() {
        assert_eq!(shortened("äöü", 3), "äöü");
        assert_eq!(shortened("äöüß", 3), "äö…");
        assert_eq!(shortened("abc", 0), "…");
    }
}
