//! What the tree of dependencies never has. `deny.toml` says the same to `cargo deny`, which not every machine has.

use std::collections::BTreeSet;
use std::process::Command;

use crate::house::{read, root};

/// The crates that `deny.toml` bans.
fn banned() -> BTreeSet<String> {
    let deny = read("deny.toml");
    // exceptions of licences have the same form in another table
    let (_, bans) = deny.split_once("\n[bans]").expect("deny.toml has bans");
    let names = bans.lines().filter_map(|line| line.trim().strip_prefix("{ crate = \"")?.split('"').next());
    names.map(str::to_owned).collect()
}

/// The crates of the tree, on every platform and with every feature: the first word of each line of `cargo tree`.
fn of_tree(tree: &str) -> BTreeSet<String> {
    tree.lines().filter_map(|line| line.split_whitespace().next()).map(str::to_owned).collect()
}

#[test]
fn nothing_banned_is_in_the_tree() {
    let banned = banned();
    assert!(banned.contains("ring") && banned.contains("openssl-sys"), "deny.toml is not understood");
    let output = Command::new(env!("CARGO"))
        .args(["tree", "--workspace", "--all-features", "--target", "all", "--edges", "all"])
        .args(["--prefix", "none", "--format", "{p}"])
        .current_dir(root())
        .output()
        .expect("cargo starts");
    assert!(output.status.success(), "cargo tree failed: {}", String::from_utf8_lossy(&output.stderr));
    let tree = of_tree(&String::from_utf8_lossy(&output.stdout));
    assert!(tree.contains("rustls"), "cargo tree is not understood");
    assert_eq!(tree.intersection(&banned).collect::<Vec<_>>(), [""; 0]);
}

#[test]
fn a_tree_with_a_banned_crate_is_seen() {
    let tree = of_tree("transload v0.1.0 (/r/crates/transload)\nring v0.17.14\nring v0.17.14 (*)\n");
    assert_eq!(tree.intersection(&banned()).collect::<Vec<_>>(), ["ring"]);
}
