//! Scopes: the words that tokens have for grants (distribution, "Token Scope Documentation").

use transload_oci::is_repository;

use super::grant::{Action, Grant};

/// The scope that a token has to be asked for. Who pushes looks first whether a blob is there, and needs to pull for
/// that.
pub(super) fn scope_of(grant: &Grant) -> Option<String> {
    match grant {
        Grant::Base => None,
        Grant::Catalog => Some("registry:catalog:*".to_owned()),
        Grant::Repository { name, action: Action::Push } => Some(format!("repository:{name}:pull,push")),
        Grant::Repository { name, action } => Some(format!("repository:{name}:{}", action.name())),
    }
}

/// Something a token is asked for: a resource and actions on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Scope {
    Catalog,
    Repository { name: String, actions: Vec<Action> },
}

impl Scope {
    /// Scopes out of text, several with spaces between them. What this registry has no use for (other kinds of
    /// resources, other actions, names that are none) is passed over, as the specification has it.
    pub(super) fn parse_all(text: &str) -> impl Iterator<Item = Self> {
        text.split_ascii_whitespace().filter_map(Self::parse)
    }

    fn parse(text: &str) -> Option<Self> {
        let (kind, rest) = text.split_once(':')?;
        let (name, actions) = rest.rsplit_once(':')?;
        // "repository(plugin)": the class says what the repository holds, and is nothing to us
        let kind = kind.split_once('(').map_or(kind, |(kind, _)| kind);
        match kind {
            "registry" => {
                (name == "catalog" && actions.split(',').any(|a| a == "*")).then_some(Self::Catalog)
            }
            "repository" if is_repository(name) => {
                let all = actions.split(',').any(|action| action == "*");
                let has = |wanted: &Action| all || actions.split(',').any(|action| action == wanted.name());
                let actions: Vec<_> = Action::ALL.into_iter().filter(has).collect();
                (!actions.is_empty()).then(|| Self::Repository { name: name.to_owned(), actions })
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn scopes(text: &str) -> Vec<Scope> {
        Scope::parse_all(text).collect()
    }

    #[test]
    fn scopes_are_read_and_what_is_unknown_is_passed_over() {
        let repository =
            |name: &str, actions: &[Action]| Scope::Repository { name: name.into(), actions: actions.into() };
        use Action::{Delete, Pull, Push};
        assert_eq!(scopes("repository:a/b:push,pull"), [repository("a/b", &[Pull, Push])]);
        assert_eq!(
            scopes("repository:a:*  registry:catalog:*"),
            [repository("a", &Action::ALL), Scope::Catalog]
        );
        assert_eq!(scopes("repository(plugin):a:delete,metadata_read"), [repository("a", &[Delete])]);
        for nothing in [
            "",
            "repository",
            "repository:a",
            "repository:A:pull",
            "repository:a:",
            "registry:catalog:pull",
            "registry:other:*",
            "aad:x:pull",
            "repository:host:5000/a:pull",
            ":::",
        ] {
            assert_eq!(scopes(nothing), [], "{nothing}");
        }
    }

    #[test]
    fn a_grant_names_the_scope_that_gives_it() {
        assert_eq!(scope_of(&Grant::Base), None);
        for action in Action::ALL {
            let text = scope_of(&Grant::to(action, "team/app")).unwrap();
            let [Scope::Repository { name, actions }] = &scopes(&text)[..] else { panic!("{text}") };
            assert!(name == "team/app" && actions.contains(&action), "{text}");
        }
        assert_eq!(scopes(&scope_of(&Grant::Catalog).unwrap()), [Scope::Catalog]);
    }

    proptest! {
        #[test]
        fn no_text_breaks_it_or_gives_what_was_not_asked_for(text in "[a-z:,*/ ()A-Z0-9._-]{0,80}") {
            for scope in scopes(&text) {
                if let Scope::Repository { name, actions } = scope {
                    prop_assert!(is_repository(&name) && text.contains(&name));
                    for action in actions {
                        prop_assert!(text.contains(action.name()) || text.contains('*'));
                    }
                }
            }
        }
    }
}
