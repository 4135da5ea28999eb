//! On a terminal: bars while it runs, the same words at its end.

use transload_testkit::cli::{Cli, Finished};
use transload_testkit::fault::{FaultProxy, Rule};
use transload_testkit::images::{image, layer};
use transload_testkit::peers::DockerRegistry;

use crate::support::{Said, folder, only, path, push, transload};

/// Runs the program on a terminal of its own, which `script` makes.
fn on_terminal(arguments: &[&str]) -> Finished {
    let command = [&[env!("CARGO_BIN_EXE_transload")], arguments].concat().join(" ");
    let script = Cli::new("/usr/bin/script").env("TERM", "xterm-256color").env("COLUMNS", "100");
    script.run(["-qec", &format!("stty cols 100 rows 30; {command}"), "/dev/null"])
}

#[test]
fn bars_show_blobs_and_a_total_and_leave_a_clean_end() {
    let source = DockerRegistry::start();
    let corpus = only("team/web", "v1", image(&[layer(950, 6_000_000), layer(951, 5_000_000)]));
    push(&source.host(), &corpus);
    let proxy = FaultProxy::start(source.addr());
    proxy.add(Rule::on("GET", "/blobs/").throttle(4_000_000));
    let folder = folder();
    let to = path(&folder, "web.tar");
    let artifact = corpus.references(&proxy.host()).remove(0);
    let shown = on_terminal(&["export", &artifact, "--to", &to]).ok().stdout;
    for part in ["total", "ETA", "MiB/s", "planned: ", "exported 1 artifact", "transload import"] {
        assert!(shown.contains(part), "no '{part}' in {shown}");
    }
    assert!(shown.contains('\u{1b}') && shown.contains('='), "bars are drawn: {shown}");
    // a line for a long blob, by its digest
    let digest = corpus.entries[0].artifact.blobs[1].descriptor.digest.hex();
    assert!(shown.contains(&digest[..6]), "no line for {digest} in {shown}");

    // the last words stand alone, no bar is left over them
    let end = shown.rsplit("exported 1 artifact").next().unwrap();
    assert!(!end.contains("ETA"), "{end}");
    let wrong = on_terminal(&["export", &format!("{artifact}9"), "--to", &path(&folder, "x.tar")]);
    assert_eq!(wrong.code(), 4, "{}", wrong.all());
    assert!(wrong.stdout.contains("[TagNotFound]"), "{}", wrong.stdout);
}

#[test]
fn without_a_terminal_there_are_lines_and_no_control_characters() {
    let source = DockerRegistry::start();
    let corpus = only("team/web", "v1", image(&[layer(952, 3_000_000)]));
    push(&source.host(), &corpus);
    let folder = folder();
    let artifact = corpus.references(&source.host()).remove(0);
    let said = transload().run(["export", &artifact, "--to", &path(&folder, "web.tar")]).ok();
    assert!(said.stderr.contains("planned: 1 artifact"), "{}", said.stderr);
    assert!(!said.all().contains('\u{1b}'), "{}", said.all());
    assert!(said.stdout.contains("exported 1 artifact"), "results go to stdout: {}", said.stdout);
}
