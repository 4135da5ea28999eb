//! Issuers of tokens that are trusted besides our own: the file of `--issuers`.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;
use transload_control::ResourceId;
use transload_control::access::Role;
use transload_transfer::{Code, Error};
use url::Url;

use super::Keys;
use crate::registries::read_bounded;

/// The file is some KiB long.
const FILE_BYTES_MAX: u64 = 1024 * 1024;

/// An issuer whose tokens are taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TrustedIssuer {
    /// What tokens call it (`iss`), as it is written in them.
    pub(crate) issuer: String,
    /// What tokens have to be for (`aud`); one of these.
    pub(crate) audiences: Vec<String>,
    /// Where its keys are; `None` to ask its OpenID configuration.
    pub(crate) jwks_uri: Option<Url>,
    /// The claim with a name for people.
    pub(crate) name_claim: String,
    /// What claims mean.
    pub(crate) grants: Vec<ClaimGrant>,
}

/// A claim that gives a role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ClaimGrant {
    /// Name of the claim: `roles`, `groups`, `sub`; a dot leads into an object (`realm_access.roles`).
    pub(crate) claim: String,
    /// Its value, or one of its values where it is a list.
    pub(crate) value: String,
    /// The role.
    pub(crate) role: Role,
    /// Where; `None` for the whole subscription.
    pub(crate) scope: Option<ResourceId>,
}

#[derive(Deserialize)]
struct FileForm {
    #[serde(default)]
    issuer: Vec<IssuerForm>,
    #[serde(flatten)]
    other: BTreeMap<String, toml::Value>,
}

#[derive(Deserialize)]
struct IssuerForm {
    issuer: String,
    #[serde(default)]
    audience: OneOrMany,
    jwks_uri: Option<Url>,
    name_claim: Option<String>,
    #[serde(default)]
    grant: Vec<GrantForm>,
    #[serde(flatten)]
    other: BTreeMap<String, toml::Value>,
}

#[derive(Deserialize)]
struct GrantForm {
    claim: String,
    value: String,
    role: String,
    scope: Option<String>,
    #[serde(flatten)]
    other: BTreeMap<String, toml::Value>,
}

#[derive(Default, Deserialize)]
#[serde(untagged)]
enum OneOrMany {
    #[default]
    None,
    One(String),
    Many(Vec<String>),
}

/// Reads the file.
///
/// # Errors
/// `Usage`, with the place in the file where there is one.
pub(crate) fn read(file: &Path) -> Result<Vec<TrustedIssuer>, Error> {
    let bytes = read_bounded("--issuers", file, FILE_BYTES_MAX)?;
    parse(&String::from_utf8_lossy(&bytes))
        .map_err(|why| Error::new(Code::Usage, format!("--issuers {}", file.display()), why))
}

fn parse(text: &str) -> Result<Vec<TrustedIssuer>, String> {
    let form: FileForm = toml::from_str(text).map_err(|error| {
        let line = error.span().map_or(1, |span| text[..span.start].matches('\n').count() + 1);
        format!("line {line}: {}", error.message())
    })?;
    refuse_unknown(&form.other, &["issuer"])?;
    if form.issuer.is_empty() {
        return Err("there is no [[issuer]] in it".to_owned());
    }
    form.issuer.into_iter().map(issuer).collect()
}

fn issuer(form: IssuerForm) -> Result<TrustedIssuer, String> {
    let IssuerForm { issuer, audience, jwks_uri, name_claim, grant, other } = form;
    let of = |why: String| format!("issuer {issuer}: {why}");
    refuse_unknown(&other, &["issuer", "audience", "jwks_uri", "name_claim", "grant"]).map_err(of)?;
    let audiences = match audience {
        OneOrMany::None => Vec::new(),
        OneOrMany::One(one) => vec![one],
        OneOrMany::Many(many) => many,
    };
    if audiences.is_empty() {
        // without one, every token that the issuer gives to any program would open this server
        return Err(of("it has no audience; write what its tokens for this server are for".to_owned()));
    }
    let known_scheme = |url: &Url| url.scheme() == "https" || url.scheme() == "http";
    if !Url::parse(&issuer).is_ok_and(|url| known_scheme(&url)) || !jwks_uri.iter().all(known_scheme) {
        return Err(of("issuers and jwks_uri are URLs, https://…".to_owned()));
    }
    let grants = grant.into_iter().map(claim_grant).collect::<Result<_, _>>().map_err(of)?;
    let name_claim = name_claim.unwrap_or_else(|| "sub".to_owned());
    Ok(TrustedIssuer { issuer, audiences, jwks_uri, name_claim, grants })
}

fn claim_grant(form: GrantForm) -> Result<ClaimGrant, String> {
    refuse_unknown(&form.other, &["claim", "value", "role", "scope"])?;
    let role = Role::parse(&form.role).ok_or_else(|| {
        format!("'{}' is no role; there are {}", form.role, Role::ALL.map(Role::name).join(", "))
    })?;
    let scope =
        form.scope.as_deref().map(ResourceId::parse).transpose().map_err(|error| error.to_string())?;
    Ok(ClaimGrant { claim: form.claim, value: form.value, role, scope })
}

fn refuse_unknown(other: &BTreeMap<String, toml::Value>, known: &[&str]) -> Result<(), String> {
    let Some(name) = other.keys().next() else { return Ok(()) };
    Err(match Keys::nearest(name, known.iter().copied()) {
        Some(near) => format!("'{name}' is not known; did you mean '{near}'?"),
        None => format!("'{name}' is not known; there are {}", known.join(", ")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"
[[issuer]]
issuer = "https://login.example/realms/ops"
audience = "api://transload"
name_claim = "preferred_username"
[[issuer.grant]]
claim = "roles"
value = "transfer-operators"
role = "operator"
scope = "/subscriptions/s/resourceGroups/g"
"#;

    #[test]
    fn an_issuer_says_what_its_claims_mean() {
        let read = parse(GOOD).unwrap().remove(0);
        assert_eq!(read.audiences, ["api://transload"]);
        assert_eq!(read.name_claim, "preferred_username");
        let grant = &read.grants[0];
        assert_eq!((grant.role, grant.claim.as_str()), (Role::Operator, "roles"));
        assert_eq!(grant.scope.as_ref().unwrap().group(), Some("g"));
    }

    #[test]
    fn what_would_open_too_wide_or_is_misspelt_is_refused() {
        let refused = |from: &str, to: &str| parse(&GOOD.replace(from, to)).unwrap_err();
        assert!(refused("audience = \"api://transload\"", "").contains("no audience"));
        assert!(refused("audience", "audiences").contains("did you mean 'audience'"));
        assert!(refused("\"operator\"", "\"root\"").contains("Reader, Operator, Contributor, Owner"));
        assert!(refused("/subscriptions", "subscriptions").contains("no resource id"));
        assert!(refused("https://login.example/realms/ops", "login.example").contains("https://"));
        assert!(parse("").unwrap_err().contains("[[issuer]]"));
        assert!(parse("[[issuer]]\nissuer = 3\n").unwrap_err().contains("line 2"));
    }
}
