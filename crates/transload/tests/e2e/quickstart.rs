//! The whole way on a bare machine.

use crate::support::{Said, folder, names, path, transload};

#[test]
fn the_tour_ends_with_both_sides_the_same() {
    let program = transload();
    let said = program.run(["quickstart"]).ok();
    for part in ["transload export", "transload inspect", "transload verify", "transload import"] {
        assert!(said.stdout.contains(part), "no '{part}' in {}", said.stdout);
    }
    assert!(said.stdout.contains("compared"), "{}", said.stdout);
    assert!(said.stdout.contains("A second import moved nothing"), "{}", said.stdout);
    assert!(!said.stdout.contains("differs"), "{}", said.stdout);
    let left = std::fs::read_dir(program.home()).unwrap().count();
    assert_eq!(left, 0, "nothing is left in the working folder");
}

#[test]
fn the_tour_tells_programs_too() {
    let said = transload().run(["quickstart", "--json"]).ok();
    let reports: Vec<_> = said.events().into_iter().filter(|event| event["event"] == "report").collect();
    let operations: Vec<_> = reports.iter().map(|report| report["operation"].as_str().unwrap()).collect();
    assert_eq!(operations, ["export", "import"], "{}", said.stdout);
    assert!(reports.iter().all(|report| report["outcome"] == "succeeded"), "{}", said.stdout);
}

#[test]
fn what_the_tour_keeps_can_be_used() {
    let folder = folder();
    let keep = path(&folder, "kept");
    let said = transload().run(["quickstart", "--keep", &keep]).ok();
    let kept = names_in(&keep);
    let bundle = kept.iter().find(|name| name.ends_with(".tar")).unwrap();
    assert!(said.stdout.contains(bundle), "{}", said.stdout);
    let bundle = format!("{keep}/{bundle}");
    transload().run(["verify", &bundle]).ok();
    transload().run(["inspect", &bundle, "--blobs"]).ok();
    // once more into the same folder
    transload().run(["quickstart", "--keep", &keep]).ok();
    assert_eq!(names_in(&keep), kept);
    assert_eq!(names(&folder), ["kept"]);
    let file = path(&folder, "file");
    std::fs::write(&file, "x").unwrap();
    let refused = transload().run(["quickstart", "--keep", &file]);
    assert!(!refused.status.success() && refused.stderr.contains("next: "), "{}", refused.all());
}

fn names_in(folder: &str) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    let mut names: Vec<_> = entries.map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}
