//! `api-version`: which are taken, and the words for those that are not.

use crate::fault::Fault;
use crate::routes::Face;

/// Versions of registries and of what is beneath them that are known to be asked for. Clients take the last of them where
/// they are told none.
pub(crate) const REGISTRY_VERSIONS: &[&str] =
    &["2019-12-01-preview", "2025-06-01-preview", "2026-01-01-preview", "2026-09-01-preview"];

/// Versions of other types that are known to be asked for.
pub(crate) const OTHER_VERSIONS: &[&str] =
    &["2015-11-01", "2019-09-01", "2023-07-01", "2024-11-01", "2026-02-01"];

/// The oldest version of a face, and the type that it is of; every later one is taken.
fn oldest(face: Face) -> Option<(&'static str, &'static str)> {
    match face {
        Face::Registries => Some(("2017-10-01", "registries")),
        Face::Pipelines => Some(("2019-12-01-preview", "registries/pipelineRuns")),
        _ => None,
    }
}

/// Whether a route takes this `api-version`.
///
/// # Errors
/// `MissingApiVersionParameter`, `InvalidApiVersionParameter`, `NoRegisteredProviderFound`, as the resource manager words
/// them.
pub(crate) fn check(face: Face, version: Option<&str>) -> Result<(), Fault> {
    match (face, version) {
        (Face::Open | Face::Own | Face::Events, _) => Ok(()),
        (Face::Vaults, Some(_)) => Ok(()),
        (Face::Vaults, None) => {
            Err(Fault::bad("BadParameter", "The api-version query parameter is required."))
        }
        (Face::Manager | Face::Registries | Face::Pipelines, None) => Err(Fault::bad(
            "MissingApiVersionParameter",
            "The api-version query parameter (?api-version=) is required for all requests.",
        )),
        (Face::Manager | Face::Registries | Face::Pipelines, Some(version)) => {
            let Some(day) = day(version) else { return Err(malformed(face, version)) };
            match oldest(face) {
                Some((oldest, kind)) if Some(day) < self::day(oldest) => Err(Fault::bad(
                    "NoRegisteredProviderFound",
                    format!(
                        "No registered resource provider found for API version '{version}' for type '{kind}'. The \
                         supported api-versions are '{oldest}' and every later one."
                    ),
                )),
                _ => Ok(()),
            }
        }
    }
}

/// Holds a version against the form that every one has, before it is put into an address.
///
/// # Errors
/// `InvalidApiVersionParameter`.
pub(crate) fn well_formed(version: &str) -> Result<(), Fault> {
    day(version).map(drop).ok_or_else(|| malformed(Face::Manager, version))
}

fn malformed(face: Face, version: &str) -> Fault {
    let known = if oldest(face).is_some() { REGISTRY_VERSIONS } else { OTHER_VERSIONS };
    let shown: String = version.chars().filter(|c| !c.is_control()).take(40).collect();
    Fault::bad(
        "InvalidApiVersionParameter",
        format!(
            "The api-version '{shown}' is invalid. The supported versions are '{}' and every later one.",
            known.join(",")
        ),
    )
}

/// The day of a version: `yyyy-mm-dd`, perhaps with a word behind it (`-preview`).
fn day(version: &str) -> Option<&str> {
    let day = version.get(..10).filter(|_| version.is_ascii())?;
    let digits = |range: std::ops::Range<usize>| day[range].bytes().all(|b| b.is_ascii_digit());
    let shaped = digits(0..4) && &day[4..5] == "-" && digits(5..7) && &day[7..8] == "-" && digits(8..10);
    let month = day.get(5..7).is_some_and(|month| ("01"..="12").contains(&month));
    let date = day.get(8..10).is_some_and(|date| ("01"..="31").contains(&date));
    let rest = &version[10..];
    let word = rest.is_empty()
        || rest.strip_prefix('-').is_some_and(|word| {
            !word.is_empty() && word.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'.')
        });
    (shaped && month && date && word).then_some(day)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(face: Face, version: Option<&str>) -> Option<String> {
        check(face, version).err().map(|fault| fault.code.into_owned())
    }

    #[test]
    fn every_version_that_clients_were_seen_to_send_is_taken() {
        for version in REGISTRY_VERSIONS.iter().chain(&["2019-12-01", "2027-01-01", "2020-11-01-preview"]) {
            assert_eq!(code(Face::Registries, Some(version)), None, "{version}");
            assert_eq!(code(Face::Pipelines, Some(version)), None, "{version}");
        }
        // those of Azure's first years, which templates still have
        for version in ["2017-10-01", "2019-05-01"] {
            assert_eq!(code(Face::Registries, Some(version)), None, "{version}");
        }
        for version in OTHER_VERSIONS.iter().chain(&["2015-11-01", "2025-05-31-preview"]) {
            assert_eq!(code(Face::Manager, Some(version)), None, "{version}");
        }
        assert_eq!(code(Face::Vaults, Some("7.4")), None);
    }

    #[test]
    fn others_are_refused_in_the_resource_managers_words() {
        assert_eq!(code(Face::Manager, None).as_deref(), Some("MissingApiVersionParameter"));
        for (face, version) in [(Face::Registries, "2017-03-01"), (Face::Pipelines, "2019-05-01")] {
            assert_eq!(code(face, Some(version)).as_deref(), Some("NoRegisteredProviderFound"), "{version}");
        }
        for version in [
            "",
            "latest",
            "2019-13-01",
            "2019-12-32",
            "2019-12-01-",
            "2019-12-01-pre view",
            "2019_12-01",
            "ä019-12-01",
            "201ä-12-01",
            "2019-12-0é",
        ] {
            let found = code(Face::Registries, Some(version));
            assert_eq!(found.as_deref(), Some("InvalidApiVersionParameter"), "{version}");
        }
    }
}
