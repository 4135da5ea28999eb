//! The house as its manifests describe it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// The crates of the repository. A crate goes by the name of its folder: `oci` for `crates/oci`.
#[derive(Debug, Clone, Default)]
pub(crate) struct House {
    pub(crate) crates: BTreeMap<String, Crate>,
}

/// What a manifest says that a crate needs: ours by folder, everybody else's by package.
#[derive(Debug, Clone, Default)]
pub(crate) struct Crate {
    /// Of ours, for building and running.
    pub(crate) ours: BTreeSet<String>,
    /// Of ours, for tests.
    pub(crate) ours_in_tests: BTreeSet<String>,
    /// Of others, for building and running.
    pub(crate) foreign: BTreeSet<String>,
    /// Of others, for tests.
    pub(crate) foreign_in_tests: BTreeSet<String>,
}

/// The repository's root.
pub(crate) fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).expect("crates/testkit is two folders below the root").to_owned()
}

/// A file of the repository, by its path from the root.
pub(crate) fn read(path: impl AsRef<Path>) -> String {
    let path = root().join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{} cannot be read: {e}", path.display()))
}

impl House {
    /// The house as it stands, from `cargo metadata`.
    pub(crate) fn read() -> Self {
        let output = Command::new(env!("CARGO"))
            .args(["metadata", "--format-version", "1", "--no-deps", "--offline"])
            .current_dir(root())
            .output()
            .expect("cargo starts");
        let complaint = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "cargo metadata failed: {complaint}");
        let house = Self::of(&serde_json::from_slice(&output.stdout).expect("cargo metadata prints JSON"));
        assert!(house.crates.len() > 5, "cargo metadata names too few crates: {:?}", house.crates.keys());
        house
    }

    /// The house that this output of `cargo metadata` describes.
    pub(crate) fn of(metadata: &Value) -> Self {
        let packages = metadata["packages"].as_array().expect("there are packages");
        let folders: BTreeMap<&str, String> =
            packages.iter().map(|package| (text(&package["name"]), folder(package))).collect();
        let crates = packages.iter().map(|package| {
            let mut all = Crate::default();
            for dependency in package["dependencies"].as_array().expect("there are dependencies") {
                let name = text(&dependency["name"]);
                let in_tests = dependency["kind"] == "dev";
                // of the workspace: by path, and known by its folder
                let (to, name) = match (dependency["path"].is_string(), folders.get(name)) {
                    (true, Some(folder)) => {
                        (if in_tests { &mut all.ours_in_tests } else { &mut all.ours }, folder.clone())
                    }
                    _ => {
                        (if in_tests { &mut all.foreign_in_tests } else { &mut all.foreign }, name.to_owned())
                    }
                };
                to.insert(name);
            }
            (folder(package), all)
        });
        Self { crates: crates.collect() }
    }

    /// Every crate of ours that this one needs for building and running, directly or not.
    pub(crate) fn reach(&self, name: &str) -> BTreeSet<String> {
        let mut reached = BTreeSet::new();
        let mut open = vec![name.to_owned()];
        while let Some(next) = open.pop() {
            let Some(found) = self.crates.get(&next) else { continue };
            open.extend(found.ours.iter().filter(|name| reached.insert((*name).clone())).cloned());
        }
        reached
    }

    /// A made-up house, to show that a rule can fail: `("transfer", "oci clap!")` is a crate that needs our `oci`
    /// and somebody's `clap`.
    pub(crate) fn made_up(crates: &[(&str, &str)]) -> Self {
        let parse = |(name, needs): &(&str, &str)| {
            let mut all = Crate::default();
            for need in needs.split_whitespace() {
                match need.strip_suffix('!') {
                    Some(foreign) => all.foreign.insert(foreign.to_owned()),
                    None => all.ours.insert(need.to_owned()),
                };
            }
            ((*name).to_owned(), all)
        };
        Self { crates: crates.iter().map(parse).collect() }
    }
}

fn text(value: &Value) -> &str {
    value.as_str().expect("cargo metadata has a text here")
}

/// The name of the folder that holds a package's manifest.
fn folder(package: &Value) -> String {
    let manifest = Path::new(text(&package["manifest_path"]));
    let folder = manifest.parent().and_then(Path::file_name).expect("a manifest lies in a folder");
    folder.to_string_lossy().into_owned()
}

#[test]
fn what_cargo_says_is_understood() {
    let metadata = serde_json::json!({"packages": [
        {"name": "transload-oci", "manifest_path": "/r/crates/oci/Cargo.toml", "dependencies": [
            {"name": "bytes", "kind": null}, {"name": "proptest", "kind": "dev"}]},
        {"name": "transload-bundle", "manifest_path": "/r/crates/bundle/Cargo.toml", "dependencies": [
            {"name": "transload-oci", "kind": null, "path": "/r/crates/oci"},
            {"name": "transload-testkit", "kind": "dev", "path": "/r/crates/testkit"}]},
        {"name": "transload-testkit", "manifest_path": "/r/crates/testkit/Cargo.toml", "dependencies": []},
        {"name": "transload", "manifest_path": "/r/crates/transload/Cargo.toml", "dependencies": [
            {"name": "transload-bundle", "kind": "build", "path": "/r/crates/bundle"}]},
    ]});
    let house = House::of(&metadata);
    let set = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<_>>();
    assert_eq!(house.crates["oci"].foreign, set(&["bytes"]));
    assert_eq!(house.crates["oci"].foreign_in_tests, set(&["proptest"]));
    assert_eq!(house.crates["bundle"].ours, set(&["oci"]));
    assert_eq!(house.crates["bundle"].ours_in_tests, set(&["testkit"]));
    assert_eq!(house.reach("transload"), set(&["bundle", "oci"]));
}
