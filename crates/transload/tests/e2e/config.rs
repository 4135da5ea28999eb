//! Settings: from files and the environment, and who wins.

use std::fs;
use std::path::PathBuf;

use serde_json::Value;
use transload_testkit::cli::Cli;
use transload_testkit::images::{image, layer};
use transload_testkit::peers::DockerRegistry;

use crate::support::{Said, catalog, folder, names, path, push_one, transload};

/// The program with this as its person's file of settings.
fn with_settings(text: &str) -> (Cli, PathBuf) {
    let program = transload();
    let file = program.home().join(".config/transload/transload.toml");
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    fs::write(&file, text).unwrap();
    (program, file)
}

fn shown(program: &Cli, more: &[&str]) -> Value {
    let said = program.run([["config", "show", "-o", "json"].as_slice(), more].concat()).ok();
    serde_json::from_str(&said.stdout).unwrap()
}

#[test]
fn a_profile_says_where_from_and_where_to() {
    let (source, target, folder) = (DockerRegistry::start(), DockerRegistry::start(), folder());
    push_one(&source.host(), "app:v1", &image(&[layer(980, 30_000)]));
    let store = folder.path().display();
    let (program, file) = with_settings(&format!(
        "profile = \"near\"\n[defaults]\nconcurrency = 3\n[profiles.near]\nsource = \"{}\"\nstore = \"{store}/\"\n\
         [profiles.far]\ntarget = \"{}/mirror\"\nplain-http = [\"{}\"]\n",
        source.host(),
        target.host(),
        target.host()
    ));
    // required options come from the profile that the file names
    program.run(["export", "app:v1"]).ok();
    let bundle = names(&folder).remove(0);
    let bundle = path(&folder, &bundle);
    program.run(["import", &bundle]).refused_by_parser("--to");
    program.run(["import", &bundle, "--profile", "far"]).ok();
    assert_eq!(catalog(&target.host()), ["mirror/app"]);
    // the environment wins over the profile, a flag over both
    let other = path(&folder, "env.tar");
    let with = |program: Cli| program.env("TRANSLOAD_STORE", &other).env("TRANSLOAD_CONFIG", &file);
    with(transload()).run(["export", "app:v1"]).ok();
    assert!(fs::metadata(&other).is_ok());
    let flag = path(&folder, "flag.tar");
    let said = with(transload()).run(["export", "app:v1", "--to", &flag, "--from", "127.0.0.1:1"]);
    said.refused(8, "RegistryUnreachable");
    with(transload()).run(["export", "app:v1", "--to", &flag]).ok();
    assert!(fs::metadata(&flag).is_ok());
}

#[test]
fn what_is_in_force_is_shown_with_its_origin_and_no_secret() {
    let (program, file) = with_settings(
        "[defaults]\nca_file = [\"ca.pem\", \"/etc/other.pem\"]\nconcurrency = 8\noverwrite_tags = true\n\
         [profiles.night]\nconcurrency = 2\nsource = \"r.test\"\n",
    );
    let program = program
        .env("TRANSLOAD_CONCURRENCY", "5")
        .env("TRANSLOAD_OVERWRITE_TAGS", "false")
        .env("TRANSLOAD_STORE", "https://a.blob.core.windows.net/c?sv=1&sig=c2VjcmV0");
    let all = shown(&program, &["--profile", "night"]);
    assert_eq!(all["profile"], "night");
    let one =
        |key: &str| all["settings"].as_array().unwrap().iter().find(|one| one["key"] == key).unwrap().clone();
    assert_eq!(
        (&one("concurrency")["value"], &one("concurrency")["origin"]),
        (&"5".into(), &"TRANSLOAD_CONCURRENCY".into())
    );
    assert_eq!(one("overwrite_tags")["value"], false);
    assert_eq!(one("source")["origin"], format!("{}, line 7 (profile night)", file.display()));
    assert_eq!(one("ca_file")["origin"], format!("{}, line 2 (defaults)", file.display()));
    let store = one("store")["value"].as_str().unwrap().to_owned();
    assert!(store.contains("not shown"), "{store}");
    program.run(["config", "show"]).ok().keeps_secret("c2VjcmV0");
    let every = program.run(["config", "show", "--all", "-o", "tsv"]).ok().stdout;
    for name in ["TRANSLOAD_SAS_TOKEN_ENV", "TRANSLOAD_MEMORY_MAX", "TRANSLOAD_TARGET"] {
        assert!(every.contains(name), "no {name} in {every}");
    }
    // paths in a file are meant from where it stands
    let said = program.env("TRANSLOAD_STORE", "x.tar").run(["export", "r.test/a:1"]);
    said.refused(2, "Usage");
    let beside = file.with_file_name("ca.pem");
    assert!(said.stderr.contains(beside.to_str().unwrap()), "{}", said.stderr);
}

#[test]
fn mistakes_in_a_file_are_told_with_line_and_nearest_name() {
    let (program, file) = with_settings(
        "[defaults]\nconcurency = 8\nmemory_max = \"lots\"\nsas_token = \"x\"\ndry_run = true\n\
         overwrite_tags = \"maybe\"\n[profile.x]\n[profiles.y]\nstore = \"https://a.test/c?sig=c2VjcmV0\"\nto = \"r.test\"\n",
    );
    let said = program.run(["config", "check", "-o", "tsv"]);
    assert_eq!(said.code(), 2, "{}", said.all());
    said.keeps_secret("c2VjcmV0");
    let rows: Vec<Vec<&str>> = said.stdout.lines().map(|line| line.split('\t').collect()).collect();
    let expected = [
        ("2", "did you mean 'concurrency'?"),
        ("3", "'lots' is no size"),
        ("4", "sas_token_env"),
        ("5", "a matter of one run"),
        ("6", "true or false"),
        ("7", "the name of a profile"),
        ("9", "has a secret in it"),
        ("10", "'target' for a registry"),
    ];
    assert_eq!(rows.len(), expected.len(), "{}", said.stdout);
    for (row, (line, text)) in rows.iter().zip(expected) {
        assert!(
            row[0] == file.to_str().unwrap() && row[1] == line && row[2].contains(text),
            "{line} {text}: {row:?}"
        );
    }
    // nothing runs on such a file, but what shows and mends it, and what has no use for it
    let advice = program.run(["inspect", "x.tar"]).refused(2, "Usage");
    assert!(advice.contains("config check"), "{advice}");
    program.run(["completions", "bash"]).ok();
    program.run(["inspect", "x.tar", "--config", "/dev/null"]).refused(4, "BundleNotFound");
    // TOML itself
    fs::write(&file, "[defaults]\nconcurrency = \n").unwrap();
    let said = program.run(["export", "r.test/a:1", "--to", "x.tar"]);
    said.refused(2, "Usage");
    assert!(said.stderr.contains("transload.toml, line 2"), "{}", said.stderr);
}

#[test]
fn what_is_named_must_be_there_and_the_current_folder_redirects_nobody() {
    let (program, _) = with_settings("[profiles.production]\nsource = \"r.test\"\n");
    let advice = program.run(["inspect", "x.tar", "--profile", "producton"]).refused(2, "Usage");
    assert_eq!(advice, "did you mean production?");
    program.run(["inspect", "x.tar", "--config", "none.toml"]).refused(2, "Usage");
    let said =
        transload().env("TRANSLOAD_CONCURRENCY", "1000").run(["export", "r.test/a:1", "--to", "x.tar"]);
    said.refused(2, "Usage");
    assert!(said.stderr.contains("TRANSLOAD_CONCURRENCY: invalid value '1000'"), "{}", said.stderr);
    let said = transload().env("TRANSLOAD_CONCURENCY", "4").run(["config", "check"]).ok();
    assert!(said.stderr.contains("did you mean TRANSLOAD_CONCURRENCY?"), "{}", said.stderr);

    // whoever unpacks somebody's folder and works in it is not redirected
    let folder = folder();
    fs::write(folder.path().join("transload.toml"), "[defaults]\nsource = \"evil.test\"\n").unwrap();
    let all = shown(&transload().folder(folder.path()), &[]);
    assert_eq!(all["settings"], Value::Array(Vec::new()));

    // what cannot go together does not come together: the flag wins
    let token = path(&folder, "token");
    fs::write(&token, "sv=2024-11-04&sig=eA%3D%3D&sp=r&se=2000-01-01T00:00:00Z&sr=c").unwrap();
    let (program, _) = with_settings("[defaults]\nsas_token_env = \"NO_SUCH_VARIABLE\"\n");
    let url = "https://a.blob.core.windows.net/container/b.tar";
    program.run(["inspect", url]).refused(2, "Usage");
    let said = program.run(["inspect", url, "--sas-token-file", &token]);
    assert!(said.stderr.contains("[SasExpired]"), "{}", said.all());
}
