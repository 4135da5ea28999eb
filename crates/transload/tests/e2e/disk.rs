//! Disks that are full and folders that may not be written.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use transload_testkit::cli::{Cli, Finished};
use transload_testkit::images::{Corpus, image, layer};
use transload_testkit::peers::DockerRegistry;

use crate::support::{Said, folder, names, only, path, push, transload};

fn filled() -> (DockerRegistry, Corpus) {
    let source = DockerRegistry::start();
    let corpus = only("team/web", "v1", image(&[layer(900, 20_000_000), layer(901, 50_000)]));
    push(&source.host(), &corpus);
    (source, corpus)
}

/// Runs the program in a mount namespace of its own, in which `folder` is a disk of `mebibytes`; what is on it
/// afterwards is listed behind the program's output. `None` where the machine lets nobody mount anything: then the
/// limit on the length of files stands in.
fn on_small_disk(folder: &str, mebibytes: u32, arguments: &[&str]) -> Option<Finished> {
    let quoted: Vec<String> = arguments.iter().map(|text| format!("'{text}'")).collect();
    let script = format!(
        "mount -t tmpfs -o size={mebibytes}m small '{folder}' || exit 77\n'{}' {}\ncode=$?\n\
         ls -A '{folder}' | sed 's/^/left: /' >&2\nexit $code\n",
        env!("CARGO_BIN_EXE_transload"),
        quoted.join(" "),
    );
    // a user namespace where there is no root; the same command serves both
    let finished = Cli::new("/usr/bin/unshare").run(["--mount", "--map-root-user", "sh", "-c", &script]);
    let denied = finished.code() == 77 || finished.stderr.starts_with("unshare:");
    (!denied).then_some(finished)
}

#[test]
fn a_full_disk_is_told_before_the_first_byte_where_that_can_be_known() {
    let (source, corpus) = filled();
    let folder = folder();
    let to = path(&folder, "web.tar");
    let artifact = &corpus.references(&source.host())[0];
    let disk = folder.path().to_str().unwrap();
    let Some(refused) = on_small_disk(disk, 8, &["export", artifact, "--to", &to]) else { return };
    refused.refused(9, "StoreFull");
    assert!(refused.stderr.contains("web.tar"), "{}", refused.stderr);
    assert!(!refused.stderr.contains("left: web.tar\n"), "{}", refused.stderr);
}

#[test]
fn a_limit_on_the_length_of_files_is_a_full_disk_too() {
    let (source, corpus) = filled();
    let folder = folder();
    let to = path(&folder, "web.tar");
    let artifact = &corpus.references(&source.host())[0];
    // in blocks of 512 bytes: about 8 MB
    let script = format!(
        "trap '' XFSZ; ulimit -f 16000; exec '{}' export {artifact} --to '{to}'",
        env!("CARGO_BIN_EXE_transload")
    );
    let refused = Cli::new("/bin/sh").run(["-c", &script]);
    refused.refused(9, "StoreFull");
    assert!(!folder.path().join("web.tar").exists());
    // with room again the same command ends it
    transload().run(["export", artifact, "--to", &to]).ok();
    transload().run(["verify", &to]).ok();
    assert_eq!(names(&folder), ["web.tar"], "nothing is left");
}

#[test]
fn a_folder_that_may_not_be_written_is_named() {
    let (source, corpus) = filled();
    let folder = folder();
    let artifact = &corpus.references(&source.host())[0];
    // nobody may write there, root not excepted
    let to = "/proc/web.tar";
    let refused = transload().run(["export", artifact, "--to", to]);
    assert!(matches!(refused.code(), 4 | 5 | 8), "{}", refused.all());
    assert!(refused.stderr.contains("/proc") && refused.stderr.contains("next: "), "{}", refused.stderr);

    let closed = folder.path().join("closed");
    fs::create_dir(&closed).unwrap();
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o500)).unwrap();
    let probe = fs::write(closed.join("probe"), "x");
    let to = closed.join("web.tar");
    let refused = transload().run(["export", artifact, "--to", to.to_str().unwrap()]);
    match probe {
        // root writes everywhere
        Ok(()) => assert!(refused.status.success(), "{}", refused.all()),
        Err(_) => {
            refused.refused(5, "StoreDenied");
        }
    }
}

#[test]
fn a_report_that_cannot_be_written_does_not_undo_the_transfer() {
    let (source, corpus) = filled();
    let folder = folder();
    let to = path(&folder, "web.tar");
    let artifact = &corpus.references(&source.host())[0];
    let report = path(&folder, "no/such/report.json");
    let said = transload().run(["export", artifact, "--to", &to, "--report", &report]);
    assert_eq!(said.code(), 8, "{}", said.all());
    assert!(said.stderr.contains("--report"), "{}", said.stderr);
    transload().run(["verify", &to]).ok();
}
