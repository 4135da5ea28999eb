//! Files of users and their passwords' hashes, as Apache's `htpasswd` writes them.

use std::collections::HashMap;
use std::fmt;

use secrecy::{ExposeSecret as _, SecretString};

use super::limits::AccessLimits;
use super::watched::Flaw;

/// bcrypt looks at no more of a password.
const PASSWORD_BYTES_MAX: usize = 72;
/// Names that mean somebody else in rules.
const RESERVED: [&str; 2] = ["*", "anonymous"];

/// The users of a file.
#[derive(Default)]
pub(super) struct Htpasswd {
    hashes: HashMap<String, String>,
    /// Of all hashes, for those of users that do not exist.
    costs: Vec<u32>,
}

impl Htpasswd {
    pub(super) fn parse(text: &str, limits: &AccessLimits) -> Result<Self, Flaw> {
        let mut file = Self::default();
        for (index, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let (user, hash, cost) =
                entry(line, limits).map_err(|(what, next)| Flaw::new(Some(index + 1), what, next))?;
            if file.hashes.insert(user.to_owned(), hash.to_owned()).is_some() {
                let what = format!("the user {user} stands here for the second time");
                return Err(Flaw::new(Some(index + 1), what, "keep one of the two lines"));
            }
            file.costs.push(cost);
        }
        Ok(file)
    }

    /// The hash of a user.
    pub(super) fn hash(&self, user: &str) -> Option<&str> {
        self.hashes.get(user).map(String::as_str)
    }

    /// The cost of one of the hashes: the same one for the same number.
    pub(super) fn cost(&self, number: u64) -> u32 {
        let index = number.checked_rem(self.costs.len() as u64).unwrap_or_default();
        // less than a length
        self.costs.get(index as usize).copied().unwrap_or(bcrypt::DEFAULT_COST)
    }
}

impl fmt::Debug for Htpasswd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Htpasswd").field("users", &self.hashes.len()).finish_non_exhaustive()
    }
}

type Complaint = (String, String);

/// User, hash and cost of a line. What is said of a wrong one never shows the hash.
fn entry<'a>(line: &'a str, limits: &AccessLimits) -> Result<(&'a str, &'a str, u32), Complaint> {
    let next = "write the line with 'transload registry htpasswd' or 'htpasswd -B'";
    let (user, hash) =
        line.split_once(':').ok_or_else(|| ("this is not USER:HASH".to_owned(), next.to_owned()))?;
    check_user(user).map_err(|what| (what, "give the user another name".to_owned()))?;
    let known = ["$2a$", "$2b$", "$2y$"].iter().any(|prefix| hash.starts_with(prefix));
    let parts = hash.parse::<bcrypt::HashParts>().ok().filter(|_| known);
    let Some(parts) = parts else {
        let what = match kind(hash) {
            Some(kind) => format!("the password of {user} is hashed with {kind}, and only bcrypt is taken"),
            None => format!("the password of {user} is not a whole bcrypt hash"),
        };
        return Err((what, format!("{next}, with the user's password")));
    };
    let (cost, most) = (parts.get_cost(), limits.password_cost_max);
    if !(4..=most).contains(&cost) {
        let what = format!("the hash of {user} has a cost of {cost}, and only 4 to {most} are taken");
        return Err((what, format!("{next}, with a cost in between")));
    }
    Ok((user, hash, cost))
}

fn check_user(user: &str) -> Result<(), String> {
    if user.is_empty() || user.chars().any(|c| c.is_control() || c == ':') {
        return Err("a user's name is not empty and has no colon and no control character in it".to_owned());
    }
    if RESERVED.contains(&user) {
        return Err(format!("nobody can be called '{user}': rules mean others by it"));
    }
    Ok(())
}

/// What kind of a hash it is that is none of bcrypt's.
fn kind(hash: &str) -> Option<&'static str> {
    let kinds = [
        ("$apr1$", "Apache's MD5"),
        ("{SHA}", "SHA-1"),
        ("$1$", "MD5"),
        ("$5$", "SHA-256"),
        ("$6$", "SHA-512"),
        ("$2x$", "a broken variant of bcrypt"),
        ("$argon2", "Argon2"),
        ("$y$", "yescrypt"),
    ];
    kinds.iter().find(|(prefix, _)| hash.starts_with(prefix)).map(|(_, name)| *name)
}

/// The text of a file with a user's line in it, which takes the place of the one they had. Other lines stay as they
/// are. Takes as long as `cost` says: each step doubles it.
///
/// # Errors
/// What is wrong with the name or the password, in words.
pub fn with_user(text: &str, user: &str, password: &SecretString, cost: u32) -> Result<String, String> {
    check_user(user)?;
    let password = password.expose_secret();
    if password.is_empty() {
        return Err("the password is empty".to_owned());
    }
    if password.len() > PASSWORD_BYTES_MAX {
        return Err(format!(
            "the password is longer than {PASSWORD_BYTES_MAX} bytes, and bcrypt sees no more"
        ));
    }
    let hash = bcrypt::hash_with_result(password, cost).map_err(|error| error.to_string())?;
    // the prefix that Apache's own tools write and every reader knows
    let line = format!("{user}:{}", hash.format_for_version(bcrypt::Version::TwoY));
    let mut lines: Vec<&str> = text.lines().collect();
    match lines.iter().position(|line| is_of(line, user)) {
        Some(at) => lines[at] = &line,
        None => lines.push(&line),
    }
    Ok(lines.join("\n") + "\n")
}

/// The text without a user's line; `None` where there is no such user.
pub fn without_user(text: &str, user: &str) -> Option<String> {
    let at = text.lines().position(|line| is_of(line, user))?;
    let rest = text.lines().enumerate().filter(|(index, _)| *index != at);
    Some(rest.map(|(_, line)| format!("{line}\n")).collect())
}

fn is_of(line: &str, user: &str) -> bool {
    line.trim_start().split_once(':').is_some_and(|(name, _)| name == user)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HASH: &str = "$2b$04$abcdefghijklmnopqrstuujydOTSfIH/d5oUHpsygqV5X9xJLQc6e";

    fn parse(text: &str) -> Result<Htpasswd, Flaw> {
        Htpasswd::parse(text, &AccessLimits::default())
    }

    #[test]
    fn bcrypt_is_taken_in_its_three_spellings() {
        let text = ["2a", "2b", "2y"].map(|v| format!("user-{v}:{}", HASH.replace("2b", v))).join("\n");
        let file = parse(&format!("# who may\n\n{text}\r\n")).unwrap();
        for user in ["user-2a", "user-2b", "user-2y"] {
            assert!(bcrypt::verify("correct horse", file.hash(user).unwrap()).unwrap(), "{user}");
        }
        assert_eq!(file.hash("nobody"), None);
        assert_eq!(file.cost(77), 4);
        assert!(!format!("{file:?}").contains("$2"));
    }

    #[test]
    fn other_lines_are_refused_with_their_number_and_without_their_hash() {
        for (line, what) in [
            ("alice", "not USER:HASH"),
            ("alice:secretsecret", "not a whole bcrypt hash"),
            ("alice:$apr1$ab$secretsecret", "Apache's MD5"),
            ("alice:{SHA}secretsecret", "SHA-1"),
            ("alice:$6$ab$secretsecret", "SHA-512"),
            ("alice:$2y$04$secretsecret", "not a whole bcrypt hash"),
            (&format!("alice:{}", HASH.replace("2b", "2x")), "broken variant"),
            (&format!("alice:{}", HASH.replace("$04$", "$31$")), "cost of 31"),
            (&format!("alice:{}", HASH.replace("$04$", "$03$")), "cost of 3"),
            (&format!("anonymous:{HASH}"), "nobody can be called"),
            (&format!(":{HASH}"), "not empty"),
            (&format!("bob:{HASH}"), "second time"),
        ] {
            let flaw = parse(&format!("bob:{HASH}\n{line}\n")).unwrap_err();
            assert!(flaw.line == Some(2) && flaw.what.contains(what), "{line}: {flaw:?}");
            assert!(!format!("{flaw:?}").contains("secretsecret") && !flaw.next.is_empty(), "{flaw:?}");
        }
    }

    #[test]
    fn a_line_is_added_replaced_and_taken_out() {
        let secret = |text: &str| SecretString::from(text);
        let text = format!("# ours\nbob:{HASH}\n");
        let text = with_user(&text, "alice", &secret("one"), 4).unwrap();
        let text = with_user(&text, "bob", &secret("two"), 4).unwrap();
        let file = parse(&text).unwrap();
        assert!(text.starts_with("# ours\nbob:$2y$04$") && text.lines().count() == 3, "{text}");
        assert!(bcrypt::verify("one", file.hash("alice").unwrap()).unwrap());
        assert!(bcrypt::verify("two", file.hash("bob").unwrap()).unwrap());
        let text = without_user(&text, "bob").unwrap();
        assert!(text.starts_with("# ours\nalice:") && text.lines().count() == 2, "{text}");
        assert_eq!(without_user(&text, "bob"), None);
        for (user, password) in [("a:b", "x"), ("", "x"), ("*", "x"), ("a", ""), ("a", &"x".repeat(73))] {
            assert!(with_user("", user, &secret(password), 4).is_err(), "{user}");
        }
        with_user("", "a", &secret(&"x".repeat(72)), 4).unwrap();
    }
}
