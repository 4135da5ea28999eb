//! Rules of names. Clients do not keep to them: here is the only place where they are checked.

use transload_resource_id::ResourceId;

use crate::error::{Code, Error};
use crate::resource::kind;

struct Rule {
    kind: &'static str,
    least: usize,
    most: usize,
    besides: &'static str,
    letter_first: bool,
    words: &'static str,
}

/// As Azure documents them ("Naming rules and restrictions").
const RULES: &[Rule] = &[
    Rule {
        kind: kind::GROUP,
        least: 1,
        most: 90,
        besides: "-_.()",
        letter_first: false,
        words: "letters, digits, '-', '_', '.', '(' and ')'",
    },
    Rule {
        kind: kind::REGISTRY,
        least: 5,
        most: 50,
        besides: "",
        letter_first: false,
        words: "letters and digits",
    },
    Rule {
        kind: kind::EXPORT_PIPELINE,
        least: 5,
        most: 50,
        besides: "",
        letter_first: false,
        words: "letters and digits",
    },
    Rule {
        kind: kind::IMPORT_PIPELINE,
        least: 5,
        most: 50,
        besides: "",
        letter_first: false,
        words: "letters and digits",
    },
    Rule {
        kind: kind::PIPELINE_RUN,
        least: 5,
        most: 50,
        besides: "",
        letter_first: false,
        words: "letters and digits",
    },
    Rule {
        kind: kind::VAULT,
        least: 3,
        most: 24,
        besides: "-",
        letter_first: true,
        words: "letters, digits and '-', a letter first",
    },
    Rule {
        kind: kind::STORAGE_ACCOUNT,
        least: 3,
        most: 24,
        besides: "",
        letter_first: false,
        words: "letters in lower case and digits",
    },
    Rule {
        kind: kind::USER_IDENTITY,
        least: 3,
        most: 128,
        besides: "-_",
        letter_first: false,
        words: "letters, digits, '-' and '_'",
    },
    Rule {
        kind: kind::DEPLOYMENT,
        least: 1,
        most: 64,
        besides: "-_.()",
        letter_first: false,
        words: "letters, digits, '-', '_', '.', '(' and ')'",
    },
];

/// Checks the name of a resource that is to be made.
///
/// # Errors
/// [`Code::InvalidResourceName`] with the rule.
pub(crate) fn check(id: &ResourceId, kind: &str) -> Result<(), Error> {
    let Some(rule) = RULES.iter().find(|rule| rule.kind == kind) else { return Ok(()) };
    let name = id.name();
    let small = rule.kind == kind::STORAGE_ACCOUNT;
    let fits = |c: char| {
        (c.is_ascii_alphanumeric() && !(small && c.is_ascii_uppercase())) || rule.besides.contains(c)
    };
    let count = name.chars().count();
    let why = if let Some(other) = name.chars().find(|&c| !fits(c)) {
        format!("'{}' is not taken", other.escape_default())
    } else if !(rule.least..=rule.most).contains(&count) {
        format!("it has {count} characters")
    } else if rule.letter_first && !name.starts_with(|c: char| c.is_ascii_alphabetic()) {
        "it does not begin with a letter".to_owned()
    } else if rule.kind == kind::GROUP && name.ends_with('.') {
        "it ends with '.'".to_owned()
    } else {
        return Ok(());
    };
    let short = rule.kind.rsplit('/').next().unwrap_or_default();
    Err(Error::new(
        Code::InvalidResourceName,
        format!(
            "'{name}' cannot be a name in {short}: {why}. {} to {} characters are taken, {}; choose another name",
            rule.least, rule.most, rule.words
        ),
    )
    .about("name"))
}

/// The same by the type that the id says.
///
/// # Errors
/// As of [`check`]; also of a secret's name.
pub(crate) fn check_any(id: &ResourceId) -> Result<(), Error> {
    match RULES.iter().find(|rule| id.is_kind(rule.kind)) {
        Some(rule) => check(id, rule.kind),
        None if id.is_kind(kind::SECRET) => check_secret(id.name()),
        None => Ok(()),
    }
}

/// Checks the name of a secret: 1 to 127 letters, digits and hyphens.
///
/// # Errors
/// [`Code::InvalidResourceName`].
pub(crate) fn check_secret(name: &str) -> Result<(), Error> {
    if (1..=127).contains(&name.len()) && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-') {
        return Ok(());
    }
    let shown: String = name.chars().filter(|c| !c.is_control()).take(130).collect();
    Err(Error::new(
        Code::InvalidResourceName,
        format!("'{shown}' cannot be a secret's name: 1 to 127 letters, digits and '-' are taken"),
    ))
}

/// Checks the name of a blob in a container: 1 to 1,024 characters, no part of it empty or made of dots.
///
/// # Errors
/// [`Code::InvalidRequest`].
pub(crate) fn check_blob(name: &str, member: &str) -> Result<(), Error> {
    let refuse = |detail: &str| {
        let shown: String = name.chars().filter(|c| !c.is_control()).take(200).collect();
        let text = format!("'{shown}' cannot be the name of a blob: {detail}");
        Err(Error::new(Code::InvalidRequest, text).about(member))
    };
    if name.is_empty() || name.chars().count() > 1024 {
        return refuse("1 to 1,024 characters are taken");
    }
    if name.chars().any(|c| c.is_control() || c == '\\' || c == '?' || c == '#') {
        return refuse("control characters, '\\', '?' and '#' are not taken");
    }
    if name.split('/').any(|part| part.is_empty() || part == "." || part == "..") {
        return refuse("a part of it between slashes is empty or made of dots");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group() -> ResourceId {
        ResourceId::group_of("s", "g")
    }

    #[test]
    fn names_keep_to_the_rules() {
        let registry = |name: &str| check(&group().resource(kind::REGISTRY, name), kind::REGISTRY).is_ok();
        assert!(registry("contoso") && registry(&"a".repeat(50)));
        assert!(
            !registry("abcd") && !registry(&"a".repeat(51)) && !registry("con-toso") && !registry("con_toso")
        );
        let vault = |name: &str| check(&group().resource(kind::VAULT, name), kind::VAULT).is_ok();
        assert!(vault("my-vault") && !vault("1vault") && !vault("my_vault"));
        let error = check(&group().resource(kind::REGISTRY, "a-b"), kind::REGISTRY).unwrap_err();
        assert_eq!(error.code, Code::InvalidResourceName);
        assert!(error.message.contains("5 to 50"), "{error}");
        for (kind, name, why) in [
            (kind::GROUP, "ends.", "it ends with '.'. 1 to 90"),
            (kind::GROUP, "a b", "' ' is not taken. 1 to 90"),
            (kind::REGISTRY, "abcd", "it has 4 characters. 5 to 50"),
            (kind::VAULT, "1vault", "it does not begin with a letter. 3 to 24"),
        ] {
            let id = if kind == kind::GROUP {
                ResourceId::group_of("s", name)
            } else {
                group().resource(kind, name)
            };
            let error = check(&id, kind).unwrap_err();
            assert!(error.message.contains(why), "{error}");
        }
    }

    #[test]
    fn blobs_are_named_as_stores_name_them() {
        for good in ["a", "a/b.tar", "Bundle 1.tar"] {
            assert!(check_blob(good, "x").is_ok(), "{good}");
        }
        for bad in ["", "/a", "a//b", "../a", "a/..", "a?sig=1", "a\nb", "a#b"] {
            assert!(check_blob(bad, "x").is_err(), "{bad}");
        }
    }
}
