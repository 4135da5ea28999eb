//! Resource ids, `/subscriptions/{s}/resourceGroups/{g}/providers/{namespace}/{type}/{name}/…`.
//!
//! Clients send every segment in whatever case they like and compare without regard to it; what was stored first is
//! what is shown. So an id has two forms: the text as it is shown, and a [key](ResourceId::key) to compare by.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The longest id that is taken, in characters.
pub const ID_CHARS_MAX: usize = 2048;

/// The id of a subscription, a resource group or a resource. Equal to another that differs only in case.
#[derive(Clone)]
pub struct ResourceId {
    text: String,
    key: String,
}

/// Why a text is no resource id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{text}' is no resource id: {detail}")]
pub struct IdError {
    text: String,
    detail: &'static str,
}

impl ResourceId {
    /// Reads an id. A slash at the end does not count.
    ///
    /// # Errors
    /// [`IdError`] for what does not begin with `/subscriptions/{s}`, has an odd number of segments where names and
    /// types alternate, or holds characters that no name has.
    pub fn parse(text: &str) -> Result<Self, IdError> {
        let refuse = |detail| {
            Err(IdError { text: text.chars().take(200).filter(|c| !c.is_control()).collect(), detail })
        };
        if text.len() > ID_CHARS_MAX {
            return refuse("it is too long");
        }
        let trimmed = text.trim_end_matches('/');
        let Some(rest) = trimmed.strip_prefix('/') else { return refuse("it does not begin with a slash") };
        let segments: Vec<&str> = rest.split('/').collect();
        if segments.iter().any(|segment| !is_segment(segment)) {
            return refuse("a segment is empty or has characters that no name has");
        }
        let form: Vec<String> = segments.iter().map(|segment| segment.to_ascii_lowercase()).collect();
        let at = |index: usize| form.get(index).map(String::as_str);
        if at(0) != Some("subscriptions") || form.len() < 2 {
            return refuse("it does not begin with /subscriptions/{id}");
        }
        let after_scope = match at(2) {
            None => return Ok(Self::of(trimmed)),
            Some("resourcegroups") if form.len() >= 4 => 4,
            Some("providers") => 2,
            _ => return refuse("/resourceGroups/{name} or /providers/… follows the subscription"),
        };
        match form.len() - after_scope {
            0 => Ok(Self::of(trimmed)),
            more if at(after_scope) == Some("providers") && more >= 4 && more % 2 == 0 => {
                Ok(Self::of(trimmed))
            }
            _ => refuse("behind /providers/{namespace} types and names take turns"),
        }
    }

    fn of(text: &str) -> Self {
        Self { text: text.to_owned(), key: text.to_ascii_lowercase() }
    }

    /// The id of a subscription.
    pub fn subscription_of(subscription: &str) -> Self {
        Self::of(&format!("/subscriptions/{subscription}"))
    }

    /// The id of a resource group.
    pub fn group_of(subscription: &str, group: &str) -> Self {
        Self::of(&format!("/subscriptions/{subscription}/resourceGroups/{group}"))
    }

    /// The id of a resource in the group (or subscription) that this is: `kind` is `Namespace/type`.
    #[must_use]
    pub fn resource(&self, kind: &str, name: &str) -> Self {
        Self::of(&format!("{}/providers/{kind}/{name}", self.text))
    }

    /// The id of a resource beneath the resource that this is.
    #[must_use]
    pub fn child(&self, kind: &str, name: &str) -> Self {
        Self::of(&format!("{}/{kind}/{name}", self.text))
    }

    /// The form to compare and to store by: in lower case.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// As it was first written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    fn segments(&self) -> Vec<&str> {
        self.text.split('/').skip(1).collect()
    }

    /// The subscription's id.
    pub fn subscription(&self) -> &str {
        self.segments().get(1).copied().unwrap_or_default()
    }

    /// The resource group's name, where it is in one.
    pub fn group(&self) -> Option<&str> {
        let segments = self.segments();
        let named = segments.get(2).is_some_and(|word| word.eq_ignore_ascii_case("resourceGroups"));
        segments.get(3).copied().filter(|_| named)
    }

    /// The id of the resource group, where it is in one.
    pub fn group_id(&self) -> Option<Self> {
        self.group().map(|group| Self::group_of(self.subscription(), group))
    }

    /// `Namespace/type[/type…]` as it was written; for groups and subscriptions what the resource manager calls those.
    pub fn kind(&self) -> String {
        let segments = self.segments();
        let Some(providers) = segments.iter().position(|word| word.eq_ignore_ascii_case("providers")) else {
            let group = self.group().is_some();
            return if group {
                "Microsoft.Resources/resourceGroups"
            } else {
                "Microsoft.Resources/subscriptions"
            }
            .to_owned();
        };
        let mut kind = segments.get(providers + 1).copied().unwrap_or_default().to_owned();
        for word in segments.iter().skip(providers + 2).step_by(2) {
            kind.push('/');
            kind.push_str(word);
        }
        kind
    }

    /// Whether it is of this type, in whatever case.
    pub fn is_kind(&self, kind: &str) -> bool {
        self.kind().eq_ignore_ascii_case(kind)
    }

    /// The last name: the resource's own.
    pub fn name(&self) -> &str {
        self.text.rsplit('/').next().unwrap_or_default()
    }

    /// What it is beneath: the parent resource, else the group, else the subscription. `None` for a subscription.
    pub fn parent(&self) -> Option<Self> {
        let segments = self.segments();
        let providers = segments.iter().position(|word| word.eq_ignore_ascii_case("providers"));
        let kept = match (providers, segments.len()) {
            (Some(at), all) if all - at > 4 => all - 2,
            (Some(at), _) => at,
            (None, all) if all > 2 => all - 2,
            (None, _) => return None,
        };
        Some(Self::of(&format!("/{}", segments.get(..kept)?.join("/"))))
    }

    /// Whether `other` is this or anything beneath it.
    pub fn contains(&self, other: &Self) -> bool {
        other.key.strip_prefix(&self.key).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }
}

/// Characters of the names that the resource manager knows; no white space, no control character, no slash.
fn is_segment(segment: &str) -> bool {
    let fits = |c: char| c.is_alphanumeric() || "-_.()~:$".contains(c);
    !segment.is_empty() && segment != "." && segment != ".." && segment.chars().all(fits)
}

impl fmt::Display for ResourceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for ResourceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for ResourceId {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        Self::parse(text)
    }
}

impl PartialEq for ResourceId {
    fn eq(&self, other: &Self) -> bool {
        self.key == other.key
    }
}

impl Eq for ResourceId {}

impl PartialOrd for ResourceId {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for ResourceId {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.key.cmp(&other.key)
    }
}

impl Hash for ResourceId {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.key.hash(state);
    }
}

impl Serialize for ResourceId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

impl<'de> Deserialize<'de> for ResourceId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const REGISTRY: &str =
        "/subscriptions/s1/resourceGroups/Lab/providers/Microsoft.ContainerRegistry/registries/Reg";

    #[test]
    fn parts_are_found() {
        let registry = ResourceId::parse(REGISTRY).unwrap();
        let run = registry.child("pipelineRuns", "run_1");
        assert_eq!(run.kind(), "Microsoft.ContainerRegistry/registries/pipelineRuns");
        assert_eq!((run.subscription(), run.group(), run.name()), ("s1", Some("Lab"), "run_1"));
        assert_eq!(run.parent(), Some(registry.clone()));
        assert_eq!(registry.parent(), Some(ResourceId::group_of("s1", "lab")));
        assert_eq!(registry.group_id().unwrap().parent(), Some(ResourceId::subscription_of("S1")));
        assert_eq!(ResourceId::subscription_of("s1").parent(), None);
        assert_eq!(
            ResourceId::group_of("s1", "lab").resource("Microsoft.ContainerRegistry/registries", "reg"),
            registry
        );
    }

    #[test]
    fn case_does_not_count_and_is_kept() {
        let shouted = ResourceId::parse(&REGISTRY.to_uppercase()).unwrap();
        let registry = ResourceId::parse(REGISTRY).unwrap();
        assert_eq!(shouted, registry);
        assert_eq!(registry.to_string(), REGISTRY);
        assert!(ResourceId::group_of("S1", "LAB").contains(&registry));
        assert!(!ResourceId::group_of("s1", "la").contains(&registry));
        assert!(registry.is_kind("microsoft.containerregistry/Registries"));
    }

    #[test]
    fn what_is_no_id_is_refused() {
        for text in [
            "",
            "/",
            "subscriptions/s",
            "/subscriptions",
            "/subscriptions/s/other/x",
            "/subscriptions/s/resourceGroups",
            "/subscriptions/s/resourceGroups/g/providers",
            "/subscriptions/s/resourceGroups/g/providers/N/t",
            "/subscriptions/s/resourceGroups/g/providers/N/t/n/t",
            "/subscriptions/s/resourceGroups/../x",
            "/subscriptions/s//x",
            "/subscriptions/s/resourceGroups/g h",
        ] {
            assert!(ResourceId::parse(text).is_err(), "{text:?}");
        }
    }
}
