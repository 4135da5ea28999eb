//! Programs run in an empty environment, and are killed or interrupted on a condition.

use std::time::Duration;
use transload_testkit::cli::Cli;
use transload_testkit::hog::wait_until;

#[test]
fn a_program_runs_in_an_empty_environment() {
    let cli = Cli::new("/bin/sh").env("LEFT", "there");
    let done = cli.run(["-c", "env; pwd; echo no >&2; exit 3"]);
    assert_eq!(done.code(), 3);
    assert_eq!(done.stderr, "no\n");
    assert!(done.stdout.contains("LEFT=there"), "{}", done.stdout);
    assert!(!done.stdout.contains("CARGO"), "{}", done.stdout);
    assert!(done.stdout.contains(cli.home().to_str().unwrap()), "{}", done.stdout);
    assert_eq!(cli.run_with_input(["-c", "cat"], b"hello").ok().stdout, "hello");
}

#[test]
fn a_program_is_killed_when_the_condition_holds() {
    let cli = Cli::new("/bin/sh");
    let running = cli.spawn(["-c", "echo up; sleep 60"]);
    assert!(wait_until(Duration::from_secs(60), || running.stdout() == "up\n"));
    let ended = running.kill_when(|| true);
    assert!(!ended.status.success() && ended.stdout == "up\n");
    assert!(ended.peak_rss_bytes < 1 << 30);
}

#[test]
fn a_program_is_interrupted_and_may_clean_up() {
    let cli = Cli::new("/bin/sh");
    let running = cli.spawn(["-c", "trap 'echo bye; exit 5' INT; echo up; while :; do sleep 0.05; done"]);
    assert!(wait_until(Duration::from_secs(60), || running.stdout() == "up\n"));
    let ended = running.interrupt_when(|| true);
    assert_eq!((ended.code(), ended.stdout.as_str()), (5, "up\nbye\n"));
    assert!(ended.duration < Duration::from_secs(30));
}
