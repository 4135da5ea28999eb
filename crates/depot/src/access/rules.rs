//! Rules: who may do what with which repositories.

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};
use serde::Deserialize;
use toml::Spanned;

use super::grant::Action;
use super::open::Anonymous;
use super::watched::Flaw;

/// In a rule: whoever has signed in.
const SIGNED_IN: &str = "*";
/// In a rule: everybody, signed in or not.
const EVERYBODY: &str = "anonymous";

/// The rules of a file. What one of them allows is allowed.
#[derive(Debug)]
pub(super) struct Rules(Vec<Rule>);

#[derive(Debug)]
struct Rule {
    repositories: GlobSet,
    users: Vec<String>,
    allow: Vec<Action>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FileText {
    #[serde(default)]
    rules: Vec<RuleText>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RuleText {
    repositories: Spanned<Vec<Spanned<String>>>,
    users: Spanned<Vec<String>>,
    allow: Spanned<Vec<Spanned<String>>>,
}

impl Rules {
    pub(super) fn parse(text: &str) -> Result<Self, Flaw> {
        let file: FileText = toml::from_str(text).map_err(|error| {
            let line = error.span().map(|span| line_of(text, span.start));
            Flaw::new(
                line,
                error.message(),
                "a rule has repositories, users and allow, each a list of strings",
            )
        })?;
        if file.rules.is_empty() {
            let next = "write one: [[rules]], and under it repositories, users and allow";
            return Err(Flaw::new(None, "there is no rule in it, so that nobody could do anything", next));
        }
        file.rules.into_iter().map(|rule| Rule::new(rule, text)).collect::<Result<_, _>>().map(Self)
    }

    /// Whether a rule allows this to a user, or to whoever has not signed in.
    pub(super) fn allow(&self, user: Option<&str>, repository: &str, action: Action) -> bool {
        self.0.iter().any(|rule| {
            rule.allow.contains(&action) && rule.is_for(user) && rule.repositories.is_match(repository)
        })
    }

    /// Whether anybody may do anything without having signed in.
    pub(super) fn know_anonymous(&self) -> bool {
        self.0.iter().any(|rule| rule.is_for(None))
    }
}

impl Rule {
    fn new(rule: RuleText, text: &str) -> Result<Self, Flaw> {
        let at = |offset| Some(line_of(text, offset));
        for (name, list, empty) in [
            ("repositories", rule.repositories.span(), rule.repositories.get_ref().is_empty()),
            ("users", rule.users.span(), rule.users.get_ref().is_empty()),
            ("allow", rule.allow.span(), rule.allow.get_ref().is_empty()),
        ] {
            if empty {
                let what = format!("the list '{name}' is empty, and so the rule is for nothing");
                return Err(Flaw::new(at(list.start), what, "fill the list, or take the rule out"));
            }
        }
        let mut repositories = GlobSetBuilder::new();
        for pattern in rule.repositories.get_ref() {
            let glob =
                GlobBuilder::new(pattern.get_ref()).literal_separator(true).build().map_err(|error| {
                    let next = "'team/*' is one level, 'team/**' every level below, '**' every repository";
                    Flaw::new(at(pattern.span().start), error.to_string(), next)
                })?;
            repositories.add(glob);
        }
        let repositories = repositories.build().map_err(|error| {
            Flaw::new(at(rule.repositories.span().start), error.to_string(), "use shorter patterns")
        })?;
        let allow = rule.allow.get_ref().iter().map(|name| {
            Action::parse(name.get_ref()).ok_or_else(|| {
                let what = format!("'{}' is nothing that can be allowed", name.get_ref());
                Flaw::new(at(name.span().start), what, "allow \"pull\", \"push\" or \"delete\"")
            })
        });
        let allow = allow.collect::<Result<_, _>>()?;
        Ok(Self { repositories, allow, users: rule.users.into_inner() })
    }

    /// What everybody may, those may too who have signed in.
    fn is_for(&self, user: Option<&str>) -> bool {
        self.users.iter().any(|name| match (name.as_str(), user) {
            (EVERYBODY, _) | (SIGNED_IN, Some(_)) => true,
            (name, Some(user)) => name == user,
            (_, None) => false,
        })
    }
}

fn line_of(text: &str, offset: usize) -> usize {
    text.bytes().take(offset).filter(|byte| *byte == b'\n').count() + 1
}

/// What holds at a moment: rules, and what anonymous may besides.
#[derive(Debug, Clone)]
pub(super) struct Policy {
    pub(super) anonymous: Anonymous,
    pub(super) rules: Option<std::sync::Arc<Rules>>,
}

impl Policy {
    /// Without rules everybody who has signed in may everything.
    pub(super) fn allows(&self, user: Option<&str>, repository: &str, action: Action) -> bool {
        self.anonymous.allows(action)
            || match &self.rules {
                Some(rules) => rules.allow(user, repository, action),
                None => user.is_some(),
            }
    }

    /// Whether there is anything for those who have not signed in.
    pub(super) fn knows_anonymous(&self) -> bool {
        self.anonymous > Anonymous::Nothing || self.rules.as_ref().is_some_and(|rules| rules.know_anonymous())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use proptest::prelude::*;

    use super::Action::{Delete, Pull, Push};
    use super::*;

    const TEXT: &str = r#"
[[rules]]
repositories = ["team/**", "web"]
users = ["alice"]
allow = ["pull", "push"]

[[rules]]
repositories = ["**"]
users = ["*"]
allow = ["pull"]

[[rules]]
repositories = ["public/*"]
users = ["anonymous", "bob"]
allow = ["pull"]

[[rules]]
repositories = ["team/{a,b}"]
users = ["bob"]
allow = ["delete"]
"#;

    #[test]
    fn what_some_rule_allows_is_allowed() {
        let rules = Rules::parse(TEXT).unwrap();
        for (user, repository, action, expected) in [
            (Some("alice"), "team/a", Push, true),
            (Some("alice"), "team/a/b/c", Push, true),
            (Some("alice"), "web", Push, true),
            (Some("alice"), "web/x", Push, false),
            (Some("alice"), "team", Push, false),
            (Some("alice"), "team/a", Delete, false),
            (Some("alice"), "teams/a", Push, false),
            (Some("bob"), "team/a", Delete, true),
            (Some("bob"), "team/c", Delete, false),
            (Some("bob"), "team/a", Push, false),
            (Some("carol"), "team/a", Pull, true),
            (Some("carol"), "public/x", Pull, true),
            (None, "public/x", Pull, true),
            (None, "public/x/y", Pull, false),
            (None, "public/x", Push, false),
            (None, "team/a", Pull, false),
        ] {
            assert_eq!(rules.allow(user, repository, action), expected, "{user:?} {repository} {action:?}");
        }
        assert!(rules.know_anonymous());
    }

    #[test]
    fn a_policy_adds_what_anonymous_may() {
        let policy = |anonymous, rules: Option<&str>| Policy {
            anonymous,
            rules: rules.map(|text| Arc::new(Rules::parse(text).unwrap())),
        };
        let none = policy(Anonymous::Nothing, None);
        assert!(
            none.allows(Some("a"), "x", Delete) && !none.allows(None, "x", Pull) && !none.knows_anonymous()
        );
        let pull = policy(Anonymous::Pull, Some(TEXT));
        assert!(
            pull.allows(None, "x", Pull) && !pull.allows(Some("carol"), "x", Push) && pull.knows_anonymous()
        );
        assert!(policy(Anonymous::Nothing, Some(TEXT)).knows_anonymous());
    }

    #[test]
    fn a_wrong_file_says_where() {
        let rule = "[[rules]]\nrepositories = [\"a\"]\nusers = [\"u\"]\nallow = [\"pull\"]\n";
        for (text, line, what) in [
            (String::new(), None, "no rule"),
            (rule.replace("\"pull\"", "\n \"pull\", \"read\""), Some(5), "'read'"),
            (rule.replace("\"a\"", "\"a\",\n\"[\""), Some(3), "unclosed"),
            (rule.replace("\"u\"", ""), Some(3), "'users' is empty"),
            (format!("{rule}user = [\"x\"]\n"), Some(5), "user"),
            (rule.replace("users", "#"), Some(1), "users"),
            (rule.replace("[[rules]]", "[[rule]]"), Some(1), "rule"),
            (format!("{rule}= 3"), Some(5), ""),
        ] {
            let flaw = Rules::parse(&text).unwrap_err();
            assert!(
                flaw.line == line && flaw.what.contains(what) && !flaw.next.is_empty(),
                "{text}: {flaw:?}"
            );
        }
    }

    proptest! {
        #[test]
        fn no_text_breaks_it(text in "\\PC{0,120}", pattern in "[a-z*?{},\\[\\]/\\\\!-]{0,24}") {
            let _ = Rules::parse(&text);
            let text = format!("[[rules]]\nrepositories = ['{pattern}']\nusers = ['u']\nallow = ['pull']\n");
            if let Ok(rules) = Rules::parse(&text) {
                let _ = rules.allow(Some("u"), "a/b", Pull);
                prop_assert!(!rules.allow(Some("v"), "a/b", Pull) && !rules.allow(None, "a/b", Pull));
            }
        }
    }
}
