//! Completions and manual pages, tried with the programs that read them.

use std::fs;

use transload_testkit::cli::Cli;

use crate::support::{Said, folder, names, path, transload};

#[test]
fn bash_completes_commands_and_options() {
    let folder = folder();
    let script = transload().run(["completions", "bash"]).ok().stdout;
    fs::write(folder.path().join("transload.bash"), script).unwrap();
    let complete = |words: &[&str]| {
        let line = words.join(" ");
        let array = words.iter().map(|word| format!("'{word}'")).collect::<Vec<_>>().join(" ");
        let (last, before) = (words.len() - 1, words[words.len() - 2]);
        let commands = format!(
            "source ./transload.bash; COMP_WORDS=({array}); COMP_CWORD={last}; COMP_LINE='{line}'; \
             _transload transload '{}' '{before}'; printf '%s\\n' \"${{COMPREPLY[@]}}\"",
            words[last]
        );
        Cli::new("/bin/bash").folder(folder.path()).run(["-c", &commands]).ok().stdout
    };
    assert_eq!(complete(&["transload", "insp"]), "inspect\n");
    assert_eq!(complete(&["transload", "inspect", "--blo"]), "--blobs\n");
    for value in ["table", "json", "yaml", "tsv"] {
        let given = complete(&["transload", "inspect", "--output", &value[..2]]);
        assert_eq!(given.trim(), value);
    }
}

#[test]
fn every_shell_gets_a_script_and_others_are_refused() {
    for (shell, mark) in [
        ("zsh", "#compdef transload"),
        ("fish", "complete -c transload"),
        ("powershell", "Register-ArgumentCompleter"),
    ] {
        let script = transload().run(["completions", shell]).ok().stdout;
        assert!(script.contains(mark) && script.contains("overwrite-tags"), "{shell}");
    }
    let said = transload().run(["completions", "cmd"]);
    assert_eq!(said.code(), 2, "{}", said.all());
    assert!(said.stderr.contains("powershell"), "{}", said.stderr);
}

#[test]
fn there_is_a_page_for_each_command() {
    let folder = folder();
    let to = path(&folder, "man1");
    transload().run(["man", "--to", &to]).ok();
    let pages: Vec<String> =
        fs::read_dir(&to).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    for page in ["transload.1", "transload-export.1", "transload-import.1", "transload-login.1"] {
        assert!(pages.iter().any(|there| there == page), "no {page} in {pages:?}");
    }
    let page = fs::read_to_string(format!("{to}/transload-export.1")).unwrap();
    for part in [".TH transload-export 1", "\\-\\-overwrite\\-blobs", "Examples:"] {
        assert!(page.contains(part), "no {part} in {page}");
    }
    fs::write(folder.path().join("file"), "x").unwrap();
    transload().run(["man", "--to", &path(&folder, "file")]).refused(8, "StoreIo");
    assert_eq!(names(&folder), ["file", "man1"]);
}
