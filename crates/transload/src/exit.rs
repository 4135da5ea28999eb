//! The table of exit codes.

use std::process::ExitCode;

use transload_transfer::{Code, Outcome, Report};

/// How the program ends. `docs/ERRORS.md` is made from this table and the one of error codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    Success,
    Internal,
    Usage,
    Partial,
    NotFound,
    Access,
    Conflict,
    Damaged,
    Unavailable,
    Full,
    Several,
    Interrupted,
}

impl Exit {
    /// Every row of the table.
    #[cfg(test)]
    pub(crate) const ALL: [Self; 12] = [
        Self::Success,
        Self::Internal,
        Self::Usage,
        Self::Partial,
        Self::NotFound,
        Self::Access,
        Self::Conflict,
        Self::Damaged,
        Self::Unavailable,
        Self::Full,
        Self::Several,
        Self::Interrupted,
    ];

    /// The number, and what it means.
    pub(crate) fn row(self) -> (u8, &'static str) {
        match self {
            Self::Success => (0, "everything asked for is done, or was done before"),
            Self::Internal => (1, "a defect of this program"),
            Self::Usage => (2, "the command line, a reference or a location cannot be understood"),
            Self::Partial => {
                (3, "--continue-on-errors: some artifacts are done, some failed; the report says which")
            }
            Self::NotFound => (4, "an artifact, blob, bundle, container, folder or resource is not there"),
            Self::Access => (5, "a credential is missing, refused, expired or not enough"),
            Self::Conflict => (6, "a tag or a bundle is there with other content, or something is in use"),
            Self::Damaged => (7, "content does not match its digest, or is not what it should be"),
            Self::Unavailable => {
                (8, "a registry, store, server or network failed: the same command goes on later")
            }
            Self::Full => (9, "no room left: the same command goes on after some has been made"),
            Self::Several => (10, "several artifacts failed for different reasons; nothing was made visible"),
            Self::Interrupted => (130, "stopped by a signal, or cancelled: the same command goes on"),
        }
    }

    /// The exit for an error's code.
    pub(crate) fn of(code: Code) -> Self {
        use Code as C;
        match code {
            C::ListenFailed
            | C::RegistryFolder
            | C::ReferenceInvalid
            | C::LocationInvalid
            | C::Usage
            | C::LimitExceeded
            | C::RequestRefused
            | C::NameConflict => Self::Usage,
            C::TagNotFound
            | C::RepositoryNotFound
            | C::NothingMatched
            | C::PlatformNotFound
            | C::ManifestNotFound
            | C::BlobNotFound
            | C::ForeignLayerUnavailable
            | C::ContainerNotFound
            | C::ResourceNotFound
            | C::BundleNotFound => Self::NotFound,
            C::Unauthorized
            | C::VaultKeyUnusable
            | C::Denied
            | C::CredentialInvalid
            | C::RegistryTls
            | C::CertificateInvalid
            | C::ServerTls
            | C::SignInFailed
            | C::AccessDenied
            | C::SasExpired
            | C::SasNotYetValid
            | C::SasPermission
            | C::SasResource
            | C::SasHttpsOnly
            | C::SasAddress
            | C::SasMalformed
            | C::StoreUnauthenticated
            | C::StoreDenied
            | C::StoreCredentialMissing
            | C::ClockSkew => Self::Access,
            C::ResourceConflict
            | C::RegistryFolderBusy
            | C::TagConflict
            | C::BundleExists
            | C::BundleBusy
            | C::BundleChanged => Self::Conflict,
            C::DigestMismatch
            | C::ManifestUnsupported
            | C::ManifestRefused
            | C::SparseIndexRefused
            | C::BlobRefused
            | C::NotABundle
            | C::BundleDamaged
            | C::RegistryDamaged
            | C::PartMissing
            | C::BundleHostile
            | C::BundleTooNew => Self::Damaged,
            C::ServerUnreachable
            | C::LedgerUnavailable
            | C::ServerFailed
            | C::ServerProtocol
            | C::RunFailed
            | C::RegistryUnreachable
            | C::RegistryProtocol
            | C::RegistryFailed
            | C::RegistryThrottled
            | C::RegistryUnsupported
            | C::StoreUnreachable
            | C::StoreThrottled
            | C::StoreFailed
            | C::StoreIo => Self::Unavailable,
            C::StoreUnsupported => Self::Usage,
            C::PlanInvalid => Self::Usage,
            C::PlanDiffers => Self::Conflict,
            C::ExportFailed => Self::Damaged,
            C::PipePassed => Self::Unavailable,
            C::RegistryFull | C::StoreFull => Self::Full,
            C::Interrupted | C::RunCanceled => Self::Interrupted,
            C::ArtifactsFailed => Self::Several,
            _ => Self::Internal,
        }
    }

    /// The exit for a report: where all artifacts failed alike, that kind; else "several".
    pub(crate) fn of_report(report: &Report) -> Self {
        match (report.outcome, &report.error) {
            (Outcome::Succeeded | Outcome::Unchanged, _) => Self::Success,
            (Outcome::Partial, _) => Self::Partial,
            (Outcome::Interrupted, _) => Self::Interrupted,
            (Outcome::Failed, None) => Self::Internal,
            (Outcome::Failed, Some(error)) if error.code() == Code::ArtifactsFailed => {
                let mut kinds = report.artifacts.iter().filter_map(|a| a.code()).map(Self::of);
                let first = kinds.next().unwrap_or(Self::Several);
                if kinds.all(|kind| kind == first) { first } else { Self::Several }
            }
            (Outcome::Failed, Some(error)) => Self::of(error.code()),
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.row().0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `docs/ERRORS.md` is this, word for word. `UPDATE_DOCS=1 cargo test` writes it anew.
    fn errors_page() -> String {
        let mut page = String::from(
            "# Errors and exit codes\n\n<!-- Made from crates/transload/src/exit.rs and crates/transfer/src/code.rs; \
             `UPDATE_DOCS=1 cargo test -p transload errors_page` writes it anew. -->\n\n\
             An error says what failed, on which artifact or location, why, and what to do next:\n\n```\n\
             error: registry.example/team/web:v9: registry.example/team/web has no tag 'v9' [TagNotFound]\n  \
             next: did you mean registry.example/team/web:v8?\n```\n\nThe word in brackets is the code. Codes and exit \
             codes are stable: scripts may depend on them. With `--json` every error has the fields `code`, `subject`, \
             `message` and `next`.\n\n## Exit codes\n\n| exit | meaning |\n|---|---|\n",
        );
        for exit in Exit::ALL {
            let (number, meaning) = exit.row();
            page.push_str(&format!("| {number} | {meaning} |\n"));
        }
        page.push_str(
            "\n## Error codes\n\n| code | exit | what it means | what to do |\n|---|---|---|---|\n",
        );
        for code in Code::ALL {
            let exit = Exit::of(*code).row().0;
            page.push_str(&format!(
                "| `{code}` | {exit} | {} | {} |\n",
                code.meaning().trim(),
                code.next_step().replace('|', "\\|")
            ));
        }
        page
    }

    #[test]
    fn the_errors_page_is_the_tables() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/ERRORS.md");
        if option_env!("UPDATE_DOCS").is_some() {
            std::fs::write(path, errors_page()).unwrap();
        }
        let there = std::fs::read_to_string(path).unwrap_or_default();
        assert_eq!(there, errors_page(), "run UPDATE_DOCS=1 cargo test -p transload");
    }

    #[test]
    fn every_code_but_the_internal_one_has_an_exit_of_its_own_kind() {
        for code in Code::ALL.iter().filter(|code| **code != Code::Internal) {
            assert_ne!(Exit::of(*code), Exit::Internal, "{code}");
        }
    }
}
