//! What is wrong with a SAS token, told from the token.

use std::fmt;

use time::{Duration, OffsetDateTime};

use super::facts::{SasFacts, SasMoment, show, show_length};
use crate::error::ErrorKind;

/// How far a clock may be off before a date of a token counts as certainly passed, or not yet come.
const CLOCK_SKEW: Duration = Duration::minutes(5);

/// What a store does with a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Read a blob, its properties or its block lists: `r`.
    Read,
    /// Stage and commit blocks: `w`. (`c` alone is enough for a whole small blob only, not for blocks.)
    Write,
    /// List the container: `l`.
    List,
    /// Delete a blob: `d`.
    Delete,
}

impl Action {
    pub(super) fn letter(self) -> char {
        match self {
            Self::Read => 'r',
            Self::Write => 'w',
            Self::List => 'l',
            Self::Delete => 'd',
        }
    }

    fn word(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::List => "list",
            Self::Delete => "delete",
        }
    }
}

/// What a token is to be used for.
#[derive(Debug, Clone, Copy)]
pub struct Need<'a> {
    /// Everything that will be done with it.
    pub actions: &'a [Action],
    /// Whether requests go by HTTPS.
    pub https: bool,
}

/// One thing that is wrong with a token. `Display` says it with the dates and letters at hand.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Finding {
    /// Past its `se`.
    Expired {
        /// `se`.
        expires: SasMoment,
        /// How long ago that was.
        ago: Duration,
    },
    /// Before its `st`.
    NotYetValid {
        /// `st`.
        starts: SasMoment,
        /// How far off that is.
        ahead: Duration,
    },
    /// Permission letters are missing.
    Permission {
        /// `sp`.
        has: String,
        /// What needs more.
        lacking: Vec<Action>,
    },
    /// `spr=https` and the URL is plain HTTP.
    HttpsOnly,
    /// An account SAS without the blob service.
    Service {
        /// `ss`.
        has: String,
    },
    /// An account SAS without this resource type.
    ResourceType {
        /// `srt`.
        has: String,
        /// `c` or `o`.
        lacking: char,
    },
    /// A SAS for one blob, to be used for a whole container.
    BlobOnly,
}

impl Finding {
    /// What kind of failure it leads to.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Expired { .. } => ErrorKind::SasExpired,
            Self::NotYetValid { .. } => ErrorKind::SasNotYetValid,
            Self::Permission { .. } => ErrorKind::SasPermission,
            Self::HttpsOnly => ErrorKind::SasHttpsOnly,
            Self::Service { .. } | Self::ResourceType { .. } | Self::BlobOnly => ErrorKind::SasResource,
        }
    }

    /// Whether the store will refuse the token for it even if the clocks differ by a few minutes.
    pub fn is_certain(&self) -> bool {
        match self {
            Self::Expired { ago: by, .. } | Self::NotYetValid { ahead: by, .. } => *by > CLOCK_SKEW,
            // a token with 'c' and without 'w' is left to the store's judgement
            Self::Permission { has, lacking } => {
                lacking.iter().any(|a| *a != Action::Write || !has.contains('c'))
            }
            Self::HttpsOnly | Self::Service { .. } | Self::ResourceType { .. } | Self::BlobOnly => true,
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> String {
        match self {
            Self::Expired { .. } => {
                "make a new SAS token with a later 'se' and run the command again: what was staged is used"
                    .to_owned()
            }
            Self::NotYetValid { starts, .. } => {
                format!("wait until {starts}, or make a token with an earlier 'st' (or none)")
            }
            Self::Permission { has, lacking } => {
                let missing = lacking.iter().map(|a| a.letter()).filter(|c| !has.contains(*c));
                format!("make a new SAS token with sp={}", ordered(has.chars().chain(missing)))
            }
            Self::HttpsOnly => "use the https URL, or make a token with spr=https,http".to_owned(),
            Self::Service { .. } => "make an account SAS with ss=b, or a SAS for the container".to_owned(),
            Self::ResourceType { has, lacking } => {
                format!("make an account SAS with srt={has}{lacking}, or a SAS for the container")
            }
            Self::BlobOnly => "make a SAS token for the container (sr=c)".to_owned(),
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Expired { expires, ago } => {
                write!(f, "the SAS token expired {expires}, {} ago", show_length(*ago))
            }
            Self::NotYetValid { starts, ahead } => {
                write!(f, "the SAS token is not valid before {starts}, in {}", show_length(*ahead))
            }
            Self::Permission { has, lacking } => {
                let wanted: Vec<_> =
                    lacking.iter().map(|a| format!("'{}' ({})", a.letter(), a.word())).collect();
                write!(f, "the SAS token allows '{has}', and this needs {}", wanted.join(" and "))
            }
            Self::HttpsOnly => f.write_str("the SAS token is for HTTPS only (spr=https) and the URL is http"),
            Self::Service { has } => {
                write!(f, "the account SAS is for the services '{has}', without 'b' (blobs)")
            }
            Self::ResourceType { has, lacking } => {
                let what = if *lacking == 'c' { "containers" } else { "blobs" };
                write!(f, "the account SAS has srt={has}, without resource type '{lacking}' ({what})")
            }
            Self::BlobOnly => {
                f.write_str("the SAS token is for one blob (sr=b), and this needs the container")
            }
        }
    }
}

pub(super) fn check(facts: &SasFacts, need: &Need<'_>, now: OffsetDateTime) -> Vec<Finding> {
    let mut found = Vec::new();
    if !need.https && facts.protocols.as_deref().is_some_and(|p| p.eq_ignore_ascii_case("https")) {
        found.push(Finding::HttpsOnly);
    }
    found.extend(dates(facts, now));
    found.extend(reach(facts, need));
    found.extend(permissions(facts, need));
    found.sort_by_key(|f| !f.is_certain());
    found
}

fn dates(facts: &SasFacts, now: OffsetDateTime) -> Option<Finding> {
    let at = |m: &Option<SasMoment>| m.clone().and_then(|m| m.at().map(|at| (m, at)));
    if let Some((expires, at)) = at(&facts.expires)
        && at <= now
    {
        return Some(Finding::Expired { expires, ago: now - at });
    }
    let (starts, at) = at(&facts.starts)?;
    (at > now).then(|| Finding::NotYetValid { starts, ahead: at - now })
}

fn reach(facts: &SasFacts, need: &Need<'_>) -> Vec<Finding> {
    let lists = need.actions.contains(&Action::List);
    let mut found = Vec::new();
    if facts.is_account() {
        if let Some(has) = facts.services.as_ref().filter(|ss| !ss.contains('b')) {
            found.push(Finding::Service { has: has.clone() });
        }
        if let Some(has) = &facts.resource_types {
            let mut lacks = |wanted: bool, letter: char| {
                if wanted && !has.contains(letter) {
                    found.push(Finding::ResourceType { has: has.clone(), lacking: letter });
                }
            };
            lacks(lists, 'c');
            lacks(need.actions.iter().any(|a| *a != Action::List), 'o');
        }
    } else if lists && facts.resource.as_deref() == Some("b") {
        found.push(Finding::BlobOnly);
    }
    found
}

/// Judged only when the letters are in the token: a stored access policy may hold them instead.
fn permissions(facts: &SasFacts, need: &Need<'_>) -> Option<Finding> {
    let has = facts.permissions.as_ref()?;
    let lacking: Vec<_> = need.actions.iter().copied().filter(|a| !has.contains(a.letter())).collect();
    (!lacking.is_empty() && facts.policy.is_none()).then(|| Finding::Permission { has: has.clone(), lacking })
}

/// Letters in the order that the service writes them.
fn ordered(letters: impl Iterator<Item = char>) -> String {
    let order = "racwdxyltmeopif";
    let mut letters: Vec<char> = letters.collect();
    letters.sort_by_key(|c| order.find(*c));
    letters.into_iter().collect()
}

/// What two clocks that are too far apart look like in words; `None` when they are close enough.
pub(crate) fn skew(ours: OffsetDateTime, theirs: OffsetDateTime) -> Option<String> {
    let apart = ours - theirs;
    (apart.abs() > CLOCK_SKEW).then(|| {
        format!(
            "this machine's clock says {} and the store's says {}: {} apart",
            show(ours),
            show(theirs),
            show_length(apart)
        )
    })
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::super::Sas;
    use super::*;

    const NOW: OffsetDateTime = datetime!(2026-11-22 12:00 UTC);
    const READ: Need<'_> = Need { actions: &[Action::Read], https: true };

    fn found(query: &str, need: &Need<'_>) -> Vec<String> {
        let sas = Sas::parse(&format!("{query}&sv=2024-11-04&sig=x")).unwrap();
        sas.check(need, NOW).iter().map(|f| format!("{f} [{}] {}", f.is_certain(), f.hint())).collect()
    }

    #[test]
    fn a_good_token_has_no_finding() {
        assert!(found("st=2026-01-01&se=2027-01-01&sp=rl&sr=c&spr=https", &READ).is_empty());
        assert!(found("si=policy&sr=c", &READ).is_empty());
    }

    #[test]
    fn dates_are_named_with_their_distance() {
        let text = &found("se=2026-11-01&sp=r&sr=c", &READ)[0];
        assert!(text.starts_with("the SAS token expired 2026-11-01T00:00:00Z, 21 days ago [true]"), "{text}");
        let text = &found("st=2026-11-22T14:00Z&se=2027-01-01&sp=r&sr=c", &READ)[0];
        assert!(
            text.starts_with("the SAS token is not valid before 2026-11-22T14:00:00Z, in 2 hours [true]"),
            "{text}"
        );
        let text = &found("se=2026-11-22T11:58Z&sp=r&sr=c", &READ)[0];
        assert!(text.contains("[false]"), "a clock may be off by that much: {text}");
    }

    #[test]
    fn missing_letters_are_named_and_the_hint_has_them_in_order() {
        let need = Need { actions: &[Action::Read, Action::Write, Action::Delete], https: true };
        let text = &found("sp=rl&sr=c", &need)[0];
        assert!(
            text.starts_with("the SAS token allows 'rl', and this needs 'w' (write) and 'd' (delete) [true]"),
            "{text}"
        );
        assert!(text.ends_with("sp=rwdl"), "{text}");
        let write = Need { actions: &[Action::Write], https: true };
        assert!(found("sp=rc&sr=c", &write)[0].contains("[false]"));
    }

    #[test]
    fn protocol_and_reach_are_judged() {
        let plain = Need { https: false, ..READ };
        assert!(found("sp=r&sr=c&spr=https", &plain)[0].contains("HTTPS only"));
        assert!(found("sp=r&sr=c&spr=https,http", &plain).is_empty());
        let list = Need { actions: &[Action::List], https: true };
        assert!(found("sp=rl&ss=b&srt=o", &list)[0].contains("without resource type 'c'"));
        assert!(found("sp=rl&ss=b&srt=sc", &READ)[0].contains("without resource type 'o'"));
        assert!(found("sp=rl&ss=q&srt=sco", &READ)[0].contains("without 'b'"));
        assert!(found("sp=rl&sr=b", &list)[0].contains("one blob"));
    }

    #[test]
    fn clocks_are_compared_with_a_margin() {
        assert_eq!(skew(NOW, NOW + Duration::minutes(4)), None);
        let text = skew(NOW, NOW - Duration::minutes(30)).unwrap();
        assert!(text.contains("2026-11-22T12:00:00Z") && text.contains("2026-11-22T11:30:00Z"), "{text}");
    }
}
