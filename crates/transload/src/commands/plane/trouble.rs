//! What a control plane refuses, as an error of the program.

use transload_client::api::ResourceId;
use transload_client::{Error as Trouble, Kind};
use transload_transfer::{Code, Error};

/// The error of the program: what is wrong in the server's words, with its code and the correlation id.
#[expect(clippy::needless_pass_by_value, reason = "it stands in map_err")]
pub(super) fn error(trouble: Trouble) -> Error {
    let code = match trouble.kind() {
        Kind::Invalid => Code::Usage,
        Kind::Unreachable => Code::ServerUnreachable,
        Kind::Tls => Code::ServerTls,
        Kind::Unauthenticated => Code::SignInFailed,
        Kind::Denied => Code::AccessDenied,
        Kind::NotFound => Code::ResourceNotFound,
        Kind::Conflict => Code::ResourceConflict,
        Kind::Refused => Code::RequestRefused,
        Kind::Throttled | Kind::Failed => Code::ServerFailed,
        Kind::OperationFailed => trouble.code().map_or(Code::RunFailed, of_run),
        Kind::OperationCanceled => Code::RunCanceled,
        _ => Code::ServerProtocol,
    };
    let mut detail = trouble.message().to_owned();
    let known = trouble.code().filter(|said| *said != code.as_str());
    let told: Vec<String> = known
        .map(str::to_owned)
        .into_iter()
        .chain(trouble.correlation().map(|id| format!("correlation {id}")))
        .collect();
    if !told.is_empty() {
        detail.push_str(&format!(" ({})", told.join(", ")));
    }
    Error::new(code, subject(trouble.subject()), detail)
}

/// The last two words of a resource's id, without what was done to it: `pipelineRuns/r1`. Other subjects as they are.
fn subject(path: &str) -> String {
    if let Some((vault, secret)) = path.strip_prefix("/vaults/").and_then(|rest| rest.split_once("/secrets/"))
    {
        return format!("secret {vault}/{secret}");
    }
    let id = ResourceId::parse(path).or_else(|error| match path.rsplit_once('/') {
        Some((before, _)) => ResourceId::parse(before),
        None => Err(error),
    });
    let Ok(id) = id else { return path.to_owned() };
    let words: Vec<&str> = id.as_str().split('/').collect();
    words[words.len().saturating_sub(2)..].join("/")
}

/// The code of a run's failure: the engine's own where it is one of those.
pub(super) fn of_run(code: &str) -> Code {
    let own = Code::ALL.iter().copied().find(|own| own.as_str() == code);
    own.unwrap_or(match code {
        "SecretAccessDenied" | "AuthorizationFailed" | "AuthenticationFailed" => Code::AccessDenied,
        "SecretNotFound" | "SecretDisabled" => Code::ResourceNotFound,
        "Conflict" | "InUse" | "ContainerInUse" => Code::ResourceConflict,
        "InvalidRequest" | "TooManyArtifacts" | "ContainerNotAllowed" | "StorageAccountNotRegistered" => {
            Code::RequestRefused
        }
        _ => Code::RunFailed,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_runs_failure_keeps_the_engines_code_and_exit() {
        assert_eq!(of_run("SasExpired"), Code::SasExpired);
        assert_eq!(of_run("SecretAccessDenied"), Code::AccessDenied);
        assert_eq!(of_run("SomethingNew"), Code::RunFailed);
    }

    #[test]
    fn subjects_are_short() {
        assert_eq!(
            subject("/subscriptions/s/resourceGroups/g/providers/N/registries/r/pipelineRuns/r1"),
            "pipelineRuns/r1"
        );
        let cancel = "/subscriptions/s/resourceGroups/g/providers/N/registries/r/pipelineRuns/r1/cancel";
        assert_eq!(subject(cancel), "pipelineRuns/r1");
        assert_eq!(subject("/vaults/v/secrets/n"), "secret v/n");
        assert_eq!(subject("https://lab:8443"), "https://lab:8443");
    }
}
