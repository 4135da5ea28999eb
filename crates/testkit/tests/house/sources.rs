//! What the sources of a crate never say.

use std::path::{Path, PathBuf};

use crate::house::{House, read, root};

/// A text that is not to be in the sources of some crates.
struct Rule {
    why: &'static str,
    words: &'static [&'static str],
    /// Whether the rule holds in this file, by its path from the root.
    holds_in: fn(&str) -> bool,
}

const RULES: &[Rule] = &[
    Rule {
        why: "values and format do no I/O",
        words: &["std::fs", "std::net", "std::process", "std::thread", "tokio", "File::open", "TcpStream"],
        holds_in: |path| path.starts_with("crates/oci/src/") || path.starts_with("crates/bundle/src/"),
    },
    Rule {
        why: "only the binary's config reads the environment",
        words: &["env::var", "env::vars", "env::set_var", "env::remove_var"],
        // the testkit is told where its peers are
        holds_in: |path| {
            path != "crates/transload/src/config.rs" && path != "crates/testkit/src/peers/process.rs"
        },
    },
    Rule {
        why: "only the binary prints",
        words: &["print!(", "println!(", "eprint!(", "eprintln!(", "dbg!(", "io::stdout", "io::stderr"],
        holds_in: |path| !path.starts_with("crates/transload/"),
    },
    Rule {
        why: "lints are expected with a reason, not allowed",
        words: &["#[allow(", "#![allow("],
        holds_in: |_| true,
    },
    Rule {
        why: "what is not written is not promised",
        words: &["todo!(", "unimplemented!("],
        holds_in: |_| true,
    },
];

/// Where a rule is broken in a file: one line each.
fn broken(path: &str, text: &str) -> Vec<String> {
    let holding: Vec<&Rule> = RULES.iter().filter(|rule| (rule.holds_in)(path)).collect();
    let mut broken = Vec::new();
    for (number, line) in text.lines().enumerate() {
        if line.trim_start().starts_with("//") {
            continue;
        }
        for rule in &holding {
            if let Some(word) = rule.words.iter().find(|word| has_word(line, word)) {
                broken.push(format!("{path}:{}: '{word}': {}", number + 1, rule.why));
            }
        }
    }
    broken
}

/// Whether the word is in the line and is not the end of a longer one (`print!(` in `eprint!(`).
fn has_word(line: &str, word: &str) -> bool {
    line.match_indices(word)
        .any(|(at, _)| !line[..at].ends_with(|before: char| before.is_alphanumeric() || before == '_'))
}

/// Every Rust file in this folder and below.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).expect("a folder of sources can be read") {
        let path = entry.expect("a folder of sources can be read").path();
        if path.is_dir() {
            found.extend(files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found
}

#[test]
fn sources_keep_to_the_rules() {
    let root = root();
    let mut seen = 0;
    let mut all = Vec::new();
    for name in House::read().crates.keys() {
        let folder = root.join("crates").join(name).join("src");
        for file in if folder.is_dir() { files(&folder) } else { Vec::new() } {
            let path =
                file.strip_prefix(&root).expect("it is in the repository").to_string_lossy().into_owned();
            all.extend(broken(&path, &read(&path)));
            seen += 1;
        }
    }
    assert!(seen > 100, "only {seen} files were found");
    assert!(all.is_empty(), "{}", all.join("\n"));
}

#[test]
fn a_word_out_of_place_is_seen() {
    let seen = |path, line| broken(path, line).len();
    assert_eq!(seen("crates/bundle/src/open.rs", "use std::fs::File;"), 1);
    assert_eq!(seen("crates/oci/src/x.rs", "    tokio::spawn(async {});"), 1);
    assert_eq!(seen("crates/blobstore/src/file.rs", "use std::fs::File;"), 0);
    assert_eq!(seen("crates/transfer/src/limits.rs", "let n = std::env::var(\"N\");"), 1);
    assert_eq!(seen("crates/transload/src/config.rs", "env::var(name).ok()"), 0);
    assert_eq!(seen("crates/transload/src/cli.rs", "env::var_os(name)"), 1);
    assert_eq!(seen("crates/registry/src/http.rs", "eprintln!(\"{url}\");"), 1);
    assert_eq!(seen("crates/transload/src/main.rs", "println!(\"{report}\");"), 0);
    assert_eq!(seen("crates/depot/src/lib.rs", "//! println!(\"{}\", server.addr());"), 0);
    assert_eq!(seen("crates/depot/src/lib.rs", "#[allow(dead_code)]"), 1);
}
