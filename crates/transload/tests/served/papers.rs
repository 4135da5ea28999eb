//! What the papers about running the control plane say, held against the program.

use std::collections::BTreeSet;
use std::path::PathBuf;

use crate::support::transload;

/// Options of `az` that the papers name.
const AZ: [&str; 2] = ["--account-key", "--account-name"];
const PAPERS: [&str; 3] = ["API.md", "operations.md", "security.md"];

fn paper(name: &str) -> String {
    let file = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs").join(name);
    std::fs::read_to_string(file).unwrap()
}

#[test]
fn options_that_are_named_are_there() {
    let commands: [&[&str]; 4] = [&["serve"], &["worker"], &["ca", "issue"], &["az", "setup"]];
    let helps: String =
        commands.iter().map(|words| transload().run(words.iter().chain(&["--help"])).ok().stdout).collect();
    let known: BTreeSet<&str> = helps.split(|c: char| !c.is_ascii_alphanumeric() && c != '-').collect();
    let mut named = 0;
    for name in PAPERS {
        for (at, _) in paper(name).match_indices("`--") {
            let text = paper(name)[at + 1..].to_owned();
            let option = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '-').next().unwrap();
            assert!(
                known.contains(option) || AZ.contains(&option),
                "{name} names {option}, which none of these commands has"
            );
            named += 1;
        }
    }
    assert!(named > 30, "{named}");
}

#[test]
fn settings_that_are_shown_are_sound() {
    let text = paper("operations.md");
    let (_, behind) = text.split_once("<<'TOML'\n").unwrap();
    let (settings, _) = behind.split_once("\nTOML\n").unwrap();
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), settings).unwrap();
    let checked = transload().run(["config", "check", "--config", file.path().to_str().unwrap()]).ok();
    assert!(checked.stdout.contains("is sound"), "{}{}", checked.stdout, checked.stderr);
    std::fs::write(file.path(), settings.replace("vault-suffix", "vault-sufix")).unwrap();
    let refused = transload().run(["config", "check", "--config", file.path().to_str().unwrap()]);
    assert!(!refused.status.success() && refused.stdout.contains("did you mean"), "{}", refused.stdout);
}
