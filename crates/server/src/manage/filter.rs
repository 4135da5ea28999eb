//! `$filter` of lists across types: what `az resource list` and the SDKs send, and what the resource manager documents of it.
//!
//! `member eq 'value'` and `ne`, `substringof('text', member)`, `startswith(member, 'text')`, joined by `and`, `or` and
//! parentheses. Texts are compared without regard to case; `''` in one is a quote.

use transload_api::GenericResource;
use transload_control::ResourceId;

use crate::fault::Fault;

/// Conditions and parentheses of one filter.
const WORDS_MAX: usize = 200;
/// Parentheses in parentheses.
const DEPTH_MAX: usize = 16;

/// What a resource has to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Filter {
    /// Each of these.
    All(Vec<Filter>),
    /// One of these.
    Any(Vec<Filter>),
    /// A member of it that compares so.
    Is(Member, Comparison, String),
    /// A tag of that name and value.
    Tag(String, String),
}

/// Members that filters name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Member {
    Type,
    Name,
    Group,
    Location,
    TagName,
    TagValue,
}

/// How a member compares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Comparison {
    Equal,
    Unequal,
    Contains,
    Begins,
}

impl Filter {
    /// Reads one; nothing at all lets everything pass.
    pub(crate) fn parse(text: &str) -> Result<Self, Fault> {
        let words = words(text).filter(|words| words.len() <= WORDS_MAX).ok_or_else(refused)?;
        if words.is_empty() {
            return Ok(Self::All(Vec::new()));
        }
        let mut reader = Reader { words: &words, at: 0 };
        let filter = reader.any(0).filter(|_| reader.at == words.len());
        filter.ok_or_else(refused)
    }

    /// Whether a type is named: those beneath others are listed only then.
    pub(crate) fn names_type(&self) -> bool {
        match self {
            Self::All(parts) | Self::Any(parts) => parts.iter().any(Self::names_type),
            Self::Is(member, ..) => *member == Member::Type,
            Self::Tag(..) => false,
        }
    }

    /// Whether anything of that type may pass.
    pub(crate) fn may_have(&self, kind: &str) -> bool {
        match self {
            Self::All(parts) => parts.iter().all(|part| part.may_have(kind)),
            Self::Any(parts) => parts.iter().any(|part| part.may_have(kind)),
            Self::Is(Member::Type, comparison, value) => comparison.holds(kind, value),
            Self::Is(..) | Self::Tag(..) => true,
        }
    }

    /// Whether this resource passes.
    pub(crate) fn passes(&self, resource: &GenericResource) -> bool {
        match self {
            Self::All(parts) => parts.iter().all(|part| part.passes(resource)),
            Self::Any(parts) => parts.iter().any(|part| part.passes(resource)),
            Self::Is(member, comparison, value) => {
                let holds = |text: &str| comparison.holds(text, value);
                match member {
                    Member::Type => holds(&resource.kind),
                    Member::Name => holds(&resource.name),
                    Member::Location => holds(&resource.location),
                    Member::Group => {
                        let id = ResourceId::parse(&resource.id).ok();
                        holds(id.as_ref().and_then(ResourceId::group).unwrap_or_default())
                    }
                    Member::TagName => resource.tags.iter().flatten().any(|(name, _)| holds(name)),
                    Member::TagValue => resource.tags.iter().flatten().any(|(_, value)| holds(value)),
                }
            }
            Self::Tag(name, value) => {
                let is = |(key, kept): (&String, &String)| {
                    key.eq_ignore_ascii_case(name) && kept.eq_ignore_ascii_case(value)
                };
                resource.tags.iter().flatten().any(is)
            }
        }
    }
}

impl Comparison {
    fn holds(self, text: &str, value: &str) -> bool {
        let (text, value) = (text.to_lowercase(), value.to_lowercase());
        match self {
            Self::Equal => text == value,
            Self::Unequal => text != value,
            Self::Contains => text.contains(&value),
            Self::Begins => text.starts_with(&value),
        }
    }
}

fn refused() -> Fault {
    Fault::bad(
        "InvalidFilterInQueryString",
        "The filter cannot be read. It is taken as conditions with 'and', 'or' and parentheses between them: resourceType, name, \
         resourceGroup, location, tagName or tagValue with eq or ne and a text in single quotes, substringof('text', name), or \
         startswith(name, 'text').",
    )
}

#[derive(Debug, PartialEq, Eq)]
enum Word {
    /// In lower case.
    Plain(String),
    Text(String),
    Open,
    Close,
    Comma,
}

fn words(text: &str) -> Option<Vec<Word>> {
    let mut words = Vec::new();
    let mut rest = text.chars().peekable();
    while let Some(next) = rest.next() {
        words.push(match next {
            space if space.is_whitespace() => continue,
            '(' => Word::Open,
            ')' => Word::Close,
            ',' => Word::Comma,
            '\'' => {
                let mut value = String::new();
                loop {
                    match rest.next()? {
                        '\'' if rest.next_if_eq(&'\'').is_some() => value.push('\''),
                        '\'' => break,
                        other => value.push(other),
                    }
                }
                Word::Text(value)
            }
            letter if letter.is_ascii_alphabetic() => {
                let mut word = String::from(letter.to_ascii_lowercase());
                while let Some(letter) = rest.next_if(char::is_ascii_alphanumeric) {
                    word.push(letter.to_ascii_lowercase());
                }
                Word::Plain(word)
            }
            _ => return None,
        });
    }
    Some(words)
}

struct Reader<'a> {
    words: &'a [Word],
    at: usize,
}

impl Reader<'_> {
    fn next(&mut self) -> Option<&Word> {
        let word = self.words.get(self.at)?;
        self.at += 1;
        Some(word)
    }

    fn takes(&mut self, wanted: &Word) -> bool {
        let found = self.words.get(self.at) == Some(wanted);
        self.at += usize::from(found);
        found
    }

    fn takes_word(&mut self, wanted: &str) -> bool {
        self.takes(&Word::Plain(wanted.to_owned()))
    }

    fn text(&mut self) -> Option<String> {
        match self.next()? {
            Word::Text(text) => Some(text.clone()),
            _ => None,
        }
    }

    fn member(&mut self) -> Option<Member> {
        let Word::Plain(word) = self.next()? else { return None };
        Some(match word.as_str() {
            "resourcetype" => Member::Type,
            "name" => Member::Name,
            "resourcegroup" => Member::Group,
            "location" => Member::Location,
            "tagname" => Member::TagName,
            "tagvalue" => Member::TagValue,
            _ => return None,
        })
    }

    fn any(&mut self, depth: usize) -> Option<Filter> {
        let mut parts = vec![self.all(depth)?];
        while self.takes_word("or") {
            parts.push(self.all(depth)?);
        }
        Some(if parts.len() == 1 { parts.remove(0) } else { Filter::Any(parts) })
    }

    fn all(&mut self, depth: usize) -> Option<Filter> {
        let mut parts = vec![self.one(depth)?];
        while self.takes_word("and") {
            let next = self.one(depth)?;
            // a value is that of the tag right before it
            match (parts.last(), &next) {
                (
                    Some(Filter::Is(Member::TagName, Comparison::Equal, name)),
                    Filter::Is(Member::TagValue, Comparison::Equal, value),
                ) => {
                    let tag = Filter::Tag(name.clone(), value.clone());
                    parts.pop();
                    parts.push(tag);
                }
                _ => parts.push(next),
            }
        }
        Some(if parts.len() == 1 { parts.remove(0) } else { Filter::All(parts) })
    }

    fn one(&mut self, depth: usize) -> Option<Filter> {
        if depth > DEPTH_MAX {
            return None;
        }
        if self.takes(&Word::Open) {
            let inner = self.any(depth + 1)?;
            return self.takes(&Word::Close).then_some(inner);
        }
        if self.takes_word("substringof") {
            let found = self.takes(&Word::Open).then(|| self.text()).flatten()?;
            let member = self.takes(&Word::Comma).then(|| self.member()).flatten()?;
            return self.takes(&Word::Close).then_some(Filter::Is(member, Comparison::Contains, found));
        }
        if self.takes_word("startswith") {
            let member = self.takes(&Word::Open).then(|| self.member()).flatten()?;
            let found = self.takes(&Word::Comma).then(|| self.text()).flatten()?;
            return self.takes(&Word::Close).then_some(Filter::Is(member, Comparison::Begins, found));
        }
        let member = self.member()?;
        let comparison = if self.takes_word("eq") {
            Comparison::Equal
        } else if self.takes_word("ne") {
            Comparison::Unequal
        } else {
            return None;
        };
        Some(Filter::Is(member, comparison, self.text()?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resource(name: &str, tags: &[(&str, &str)]) -> GenericResource {
        let tags = tags.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        GenericResource {
            id: format!("/subscriptions/s/resourceGroups/Lab/providers/Microsoft.KeyVault/vaults/{name}"),
            name: name.to_owned(),
            kind: "Microsoft.KeyVault/vaults".to_owned(),
            location: "westus".to_owned(),
            tags: Some(tags),
            ..GenericResource::default()
        }
    }

    #[test]
    fn filters_that_clients_send_choose() {
        let vault = resource("labVault", &[("env", "Prod"), ("other", "test")]);
        for (filter, passes) in [
            ("", true),
            ("resourceType eq 'microsoft.keyvault/VAULTS'", true),
            ("resourceType eq 'Microsoft.KeyVault/vaults' and name eq 'labvault'", true),
            ("resourceType eq 'Microsoft.KeyVault/vaults' and name eq 'other'", false),
            ("resourceType ne 'Microsoft.KeyVault/vaults'", false),
            ("NAME  EQ 'labvault' and resourceGroup eq 'LAB' and location eq 'westus'", true),
            ("resourceGroup eq 'else'", false),
            ("tagname eq 'ENV'", true),
            ("tagname eq 'env' and tagvalue eq 'prod'", true),
            ("tagname eq 'env' and tagvalue eq 'test'", false),
            ("tagvalue eq 'test'", true),
            ("startswith(tagname, 'en')", true),
            ("startswith(tagname,'x')", false),
            ("substringof('bva', name)", true),
            ("substringof('bvx', name) or substringof('Prod', tagValue)", true),
            ("(name eq 'a' or name eq 'labvault') and resourceGroup eq 'lab'", true),
            ("name eq 'labvault' or name eq 'a' and name eq 'b'", true),
            ("name eq 'it''s'", false),
        ] {
            assert_eq!(Filter::parse(filter).unwrap().passes(&vault), passes, "{filter}");
        }
        assert!(Filter::parse("name eq 'it''s'").unwrap().passes(&resource("it's", &[])));
    }

    #[test]
    fn types_that_cannot_pass_are_known_before() {
        let filter = Filter::parse("resourceType eq 'a/b' and name eq 'x'").unwrap();
        assert!(filter.names_type() && filter.may_have("A/B") && !filter.may_have("a/c"));
        let filter = Filter::parse("name eq 'x'").unwrap();
        assert!(!filter.names_type() && filter.may_have("a/c"));
    }

    #[test]
    fn other_filters_are_refused_and_not_ignored() {
        let deep = format!("{}name eq 'a'{}", "(".repeat(40), ")".repeat(40));
        let long = ["name eq 'a'"; 100].join(" or ");
        for filter in [
            "name",
            "name eq",
            "name eq a",
            "name gt 'a'",
            "plan eq 'a'",
            "name eq 'a' and",
            "name eq 'a' name eq 'b'",
            "(name eq 'a'",
            "name eq 'a')",
            "substringof(name, 'a')",
            "startswith('a', name)",
            "name eq 'a",
            "name eq \"a\"",
            deep.as_str(),
            long.as_str(),
        ] {
            assert!(Filter::parse(filter).is_err(), "{filter}");
        }
    }
}
