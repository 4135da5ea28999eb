//! Results in the shape that whoever reads them wants.

use serde_json::Value;
use transload_testkit::cli::{Cli, Finished};
use transload_testkit::images::{image, layer};
use transload_testkit::peers::DockerRegistry;

use crate::support::{Said, folder, path, push_one, transload};

/// What is on standard output, as JSON.
fn json(said: &Finished) -> Value {
    serde_json::from_str(&said.stdout).unwrap_or_else(|error| panic!("{error}: {}", said.stdout))
}

#[test]
fn results_come_as_tables_json_yaml_and_tsv_and_answer_queries() {
    let source = DockerRegistry::start();
    let web = image(&[layer(960, 200_000)]);
    push_one(&source.host(), "team/web:v1", &web);
    push_one(&source.host(), "db:v1", &image(&[layer(961, 90_000)]));
    let (folder, host) = (folder(), source.host());
    let bundle = path(&folder, "b.tar");
    let (one, two) = (format!("{host}/team/web:v1"), format!("{host}/db:v1"));
    let digest = web.digest().to_string();

    // a report: the text for people is another shape of the same
    let export = |shape: &[&str]| {
        let all = [["export", &one, &two, "--to", &bundle, "--overwrite-blobs"].as_slice(), shape].concat();
        transload().run(all).ok()
    };
    let report = json(&export(&["--output", "json"]));
    assert_eq!(report["outcome"], "succeeded");
    assert_eq!(report["artifacts"][0]["digest"], Value::from(digest.as_str()));
    let rows = export(&["-o", "tsv"]).stdout;
    let first: Vec<&str> = rows.lines().next().unwrap_or_default().split('\t').collect();
    assert_eq!((first[0], first[1], first[3]), ("exported", one.as_str(), digest.as_str()), "{rows}");
    assert_eq!(export(&["--query", "totals.artifacts"]).stdout, "2\n");
    assert_eq!(export(&["--quiet", "--query", "outcome", "-o", "tsv"]).stdout, "succeeded\n");

    // a listing
    let inspect = |shape: &[&str]| transload().run([["inspect", bundle.as_str()].as_slice(), shape].concat());
    let table = inspect(&[]).ok().stdout;
    assert!(table.contains("ARTIFACT") && table.contains(&digest[7..19]), "{table}");
    let rows = inspect(&["--output", "tsv"]).ok().stdout;
    let whole = json(&inspect(&["-o", "json"]).ok());
    let listed = whole["artifacts"].as_array().unwrap().iter().find(|one| one["digest"] == digest.as_str());
    let bytes = listed.unwrap()["bytes"].to_string();
    let row = format!("team/web:v1\t{digest}\t{bytes}\t");
    assert!(rows.lines().any(|line| line.starts_with(&row)), "no {row} in {rows}");
    assert_eq!(rows.lines().count(), 2, "a row for each artifact and nothing else: {rows}");
    let yaml = inspect(&["-o", "yaml", "--query", "sort(artifacts[].source)"]).ok().stdout;
    assert_eq!(yaml, "- db:v1\n- team/web:v1\n");
    let sorted =
        inspect(&["-o", "tsv", "--query", "sort_by(artifacts, &bytes)[].[source, bytes]"]).ok().stdout;
    assert!(sorted.starts_with("db:v1\t") && sorted.ends_with(&format!("{bytes}\n")), "{sorted}");

    // events have a shape of their own
    let said = inspect(&["--json", "--output", "yaml"]);
    assert_eq!(said.code(), 2, "{}", said.all());
}

#[test]
fn a_faulty_query_says_where_before_anything_moves() {
    let folder = folder();
    let bundle = path(&folder, "none.tar");
    let said = transload().run(["export", "127.0.0.1:1/a:1", "--to", &bundle, "--query", "artifacts[?"]);
    assert_eq!(said.code(), 2, "{}", said.all());
    assert!(said.stderr.contains("--query") && said.stderr.contains("at character 12"), "{}", said.stderr);
    transload().run(["quickstart", "--output", "json"]).refused(2, "Usage");

    let source = DockerRegistry::start();
    push_one(&source.host(), "app:v1", &image(&[layer(962, 50_000)]));
    transload().run(["export", &format!("{}/app:v1", source.host()), "--to", &bundle]).ok();
    let said = transload().run(["inspect", &bundle, "--query", "abs(location)"]);
    said.refused(2, "Usage");
    assert!(said.stderr.contains("at character 4: Argument 0"), "{}", said.stderr);
    assert_eq!(said.stdout, "");
}

#[test]
fn tables_fit_the_terminal_and_colours_are_for_terminals_that_want_them() {
    let source = DockerRegistry::start();
    push_one(&source.host(), "team/web:v1", &image(&[layer(963, 60_000)]));
    let folder = folder();
    let bundle = path(&folder, "web.tar");
    transload().run(["export", &format!("{}/team/web:v1", source.host()), "--to", &bundle]).ok();
    let program = env!("CARGO_BIN_EXE_transload");
    let shown = |columns: usize, term: &str, environment: &[(&str, &str)]| {
        let script = Cli::new("/usr/bin/script").env("TERM", term);
        let script = environment.iter().fold(script, |script, (name, value)| script.env(name, value));
        let command = format!("stty cols {columns} rows 30; {program} inspect {bundle} --blobs");
        script.run(["-qec", &command, "/dev/null"]).ok().stdout
    };
    let plain = |text: &str| text.replace("\u{1b}[1m", "").replace("\u{1b}[0m", "");
    let narrow = shown(70, "xterm-256color", &[]);
    assert!(narrow.contains('\u{1b}'), "{narrow}");
    let after_location = plain(&narrow);
    let table = after_location.lines().skip_while(|line| !line.starts_with("ARTIFACT"));
    let too_long: Vec<_> = table.filter(|line| line.trim_end().chars().count() > 100).collect();
    assert!(too_long.is_empty(), "{too_long:?}");
    assert!(
        after_location.contains("\nBLOB        sha256:"),
        "a record, where no table fits: {after_location}"
    );
    assert!(!shown(70, "xterm", &[("NO_COLOR", "1")]).contains('\u{1b}'));
    assert!(!shown(70, "dumb", &[]).contains('\u{1b}'));
    // a pipe has no colours and no width, unless colours are forced
    let piped = transload().run(["inspect", &bundle, "--blobs"]).ok().stdout;
    assert!(!piped.contains('\u{1b}') && piped.contains("BLOB "), "{piped}");
    let forced = transload().env("CLICOLOR_FORCE", "1").run(["inspect", &bundle]).ok().stdout;
    assert!(forced.contains('\u{1b}'), "{forced}");
}
