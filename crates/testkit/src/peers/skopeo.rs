//! skopeo, the independent reader and writer of images and layouts.

use std::process::{Command, Output};

use super::process::require_program;

/// Runs skopeo with these arguments, away from the machine's credentials.
pub fn skopeo(arguments: &[&str]) -> Output {
    let program = require_program("skopeo", &[], "install the package 'skopeo'");
    let home = tempfile::tempdir().expect("a temporary folder");
    let auth = home.path().join("auth.json");
    std::fs::write(&auth, "{}").expect("a temporary file can be written");
    Command::new(program)
        .args(arguments)
        .env("HOME", home.path())
        .env("REGISTRY_AUTH_FILE", &auth)
        .env_remove("DOCKER_CONFIG")
        .env_remove("XDG_RUNTIME_DIR")
        .output()
        .expect("skopeo starts")
}

/// Runs skopeo and gives what it printed; panics with its complaint when it fails.
pub fn skopeo_ok(arguments: &[&str]) -> String {
    let output = skopeo(arguments);
    assert!(
        output.status.success(),
        "skopeo {} failed: {}",
        arguments.join(" "),
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8_lossy(&output.stdout).into_owned()
}
