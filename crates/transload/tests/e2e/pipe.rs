//! Registry to registry through a pipe, with no disk on either side.

use transload_testkit::cli::{Cli, Finished};
use transload_testkit::fault::{FaultProxy, Rule};
use transload_testkit::images::{Corpus, image, layer};
use transload_testkit::peers::DockerRegistry;

use crate::support::{
    OwnRegistry, Said, assert_whole, catalog, every_kind, folder, names, only, path, push, transload,
};

const PROGRAM: &str = env!("CARGO_BIN_EXE_transload");

/// Runs a line of shell, which fails when any program in its pipes does.
fn shell(line: &str) -> Finished {
    Cli::new("/bin/bash").run(["-o", "pipefail", "-c", line])
}

fn export_to_stdout(corpus: &Corpus, host: &str) -> String {
    format!("{PROGRAM} export {} --to -", corpus.references(host).join(" "))
}

#[test]
fn a_pipe_moves_everything_and_says_so_on_both_sides() {
    let (source, target) = (DockerRegistry::start(), DockerRegistry::start());
    let mut corpus = every_kind(200_000);
    corpus.add(
        "team/big",
        "v1",
        image(&[layer(971, 20_000_000), layer(972, 3_000_000), layer(973, 9_000_000)]),
    );
    push(&source.host(), &corpus);
    let export = export_to_stdout(&corpus, &source.host());
    let line = format!("{export} | {PROGRAM} import - --to {}", target.host());
    let said = shell(&line).ok();
    assert_whole(&target.host(), &corpus, "");
    assert!(said.stderr.contains("exported"), "the first program speaks on stderr: {}", said.all());
    assert!(said.stdout.contains("imported"), "{}", said.all());

    let again = shell(&line).ok();
    assert!(again.stdout.contains("nothing to do"), "{}", again.all());
}

#[test]
fn what_goes_into_a_pipe_is_what_would_be_in_a_file() {
    let source = DockerRegistry::start();
    let corpus = only("team/web", "v1", image(&[layer(974, 12_000_000), layer(975, 40_000)]));
    push(&source.host(), &corpus);
    let folder = folder();
    let (file, piped, events) = (path(&folder, "a.tar"), path(&folder, "b.tar"), path(&folder, "events"));
    let artifact = corpus.references(&source.host()).remove(0);
    transload().run(["export", &artifact, "--to", &file]).ok();
    let export = export_to_stdout(&corpus, &source.host());
    shell(&format!("{export} --json > {piped} 2> {events}")).ok();
    assert!(std::fs::read(&file).unwrap() == std::fs::read(&piped).unwrap());
    let events = std::fs::read_to_string(&events).unwrap();
    assert!(events.lines().last().unwrap().contains("\"event\":\"report\""), "{events}");
    assert_eq!(names(&folder), ["a.tar", "b.tar", "events"], "nothing else was written");
    let planned = transload().run(["export", &artifact, "--to", "-", "--dry-run"]).ok();
    assert!(planned.stdout.contains("planned"), "a plan is for people: {}", planned.all());
}

#[test]
fn an_upload_that_breaks_is_taken_up_from_what_the_pipe_still_has() {
    let (source, target) = (DockerRegistry::start(), OwnRegistry::start());
    let corpus = only("team/web", "v1", image(&[layer(976, 30_000_000), layer(977, 70_000)]));
    push(&source.host(), &corpus);
    let proxy = FaultProxy::start(target.addr);
    let cut = proxy.add(Rule::on("*", "/uploads/").cut_request_after(11_000_000));
    let export = export_to_stdout(&corpus, &source.host());
    shell(&format!("{export} | {PROGRAM} import - --to {}", proxy.host())).ok();
    assert_whole(&target.addr.to_string(), &corpus, "");
    assert!(cut.fired() > 0);
}

#[test]
fn a_side_that_dies_is_told_on_the_other_and_no_tag_is_set() {
    let (source, target) = (DockerRegistry::start(), DockerRegistry::start());
    let corpus = only("team/web", "v1", image(&[layer(978, 30_000_000), layer(979, 70_000)]));
    push(&source.host(), &corpus);
    let export = export_to_stdout(&corpus, &source.host());
    let cut = shell(&format!("{export} | head -c 15000000 | {PROGRAM} import - --to {}", target.host()));
    assert!(!cut.status.success());
    for part in ["gone away", "[BundleDamaged]", "standard input", "run the whole pipe again"] {
        assert!(cut.all().contains(part), "no '{part}' in {}", cut.all());
    }
    let tags = transload().run(["export", &format!("{}/team/web", target.host()), "--to", "-", "--dry-run"]);
    assert!(!tags.status.success() || catalog(&target.host()).is_empty(), "{}", tags.all());
    shell(&format!("{export} | {PROGRAM} import - --to {}", target.host())).ok();
    assert_whole(&target.host(), &corpus, "");
}

#[test]
fn what_cannot_come_out_of_a_pipe_is_told() {
    let target = DockerRegistry::start();
    let nothing = shell(&format!("true | {PROGRAM} import - --to {}", target.host()));
    assert_eq!(nothing.code(), 7, "{}", nothing.all());
    assert!(nothing.stderr.contains("nothing came out of it"), "{}", nothing.all());
    let script = Cli::new("/usr/bin/script").env("TERM", "xterm-256color");
    let import = script.run(["-qec", &format!("{PROGRAM} import - --to {}", target.host()), "/dev/null"]);
    assert_eq!(import.code(), 2, "{}", import.all());
    let export = script.run(["-qec", &format!("{PROGRAM} export {}/a:1 --to -", target.host()), "/dev/null"]);
    assert_eq!(export.code(), 2, "{}", export.all());
    assert!(export.all().contains("not for a terminal"), "{}", export.all());
}
