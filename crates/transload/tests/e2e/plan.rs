//! Plans that are approved and exported just so, and differences.

use serde_json::Value;
use transload_testkit::images::{cosign_signature, image, layer, multi_arch};
use transload_testkit::peers::DockerRegistry;

use crate::support::{Said, assert_whole, folder, names, only, path, push, push_one, read_json, transload};

#[test]
fn a_plan_is_exported_just_so_whatever_became_of_the_tags() {
    let (source, target) = (DockerRegistry::start(), DockerRegistry::start());
    let mut corpus = only("team/web", "v1", image(&[layer(991, 300_000), layer(992, 90_000)]));
    corpus.add("team/db", "v1", multi_arch(993, 70_000));
    push(&source.host(), &corpus);
    let folder = folder();
    let plan = path(&folder, "plan.json");
    let asked = [format!("{}/team/web", source.host()), format!("{}/team/db:v1", source.host())];
    let said = transload().run(["plan", &asked[0], &asked[1]]).ok();
    std::fs::write(&plan, &said.stdout).unwrap();
    let made = read_json(&plan);
    assert_eq!(made["kind"], "transload.plan");
    assert_eq!(made["artifacts"].as_array().unwrap().len(), 2, "{made}");
    let shown = transload().run(["plan", "--show", &plan]).ok().stdout;
    for part in ["team/web:v1", "team/db:v1", "linux/arm64", made["plan_id"].as_str().unwrap()] {
        assert!(shown.contains(part), "no '{part}' in {shown}");
    }

    // the tag moves; what was approved still goes
    push_one(&source.host(), "team/web:v1", &image(&[layer(994, 50_000)]));
    let to = path(&folder, "approved.tar");
    let report = transload().run(["export", "--plan", &plan, "--to", &to, "--json"]).ok().report();
    assert_eq!(report["plan_id"], made["plan_id"]);
    transload().run(["import", &to, "--to", &target.host()]).ok();
    assert_whole(&target.host(), &corpus, "");
}

#[test]
fn what_is_not_as_planned_is_refused_and_named() {
    let source = DockerRegistry::start();
    let web = image(&[layer(995, 60_000)]);
    push_one(&source.host(), "team/web:v1", &web);
    let folder = folder();
    let (plan, to) = (path(&folder, "plan.json"), path(&folder, "out.tar"));
    transload().run(["plan", &format!("{}/team/web:v1", source.host()), "--save", &plan]).ok();
    // somebody signs it after it was approved
    let tag = format!("{}.sig", web.manifest.digest.to_string().replace(':', "-"));
    push_one(&source.host(), &format!("team/web:{tag}"), &cosign_signature(&web));
    let refused = transload().run(["export", "--plan", &plan, "--to", &to]);
    assert_eq!(refused.code(), 6, "{}", refused.all());
    for part in ["[PlanDiffers]", "new referrer", "team/web:v1"] {
        assert!(refused.stderr.contains(part), "no '{part}' in {}", refused.stderr);
    }
    assert_eq!(names(&folder), ["plan.json"]);

    for (content, part) in [("{}", "missing field"), ("not json", "expected"), (r#"{"kind":"x"}"#, "missing")]
    {
        std::fs::write(&plan, content).unwrap();
        let invalid = transload().run(["export", "--plan", &plan, "--to", &to]);
        assert_eq!(invalid.code(), 2, "{}", invalid.all());
        assert!(
            invalid.stderr.contains(part) && invalid.stderr.contains("[PlanInvalid]"),
            "{}",
            invalid.stderr
        );
    }
    let both = transload().run(["export", "--plan", &plan, "r.example/a:1", "--to", &to]);
    assert_eq!(both.code(), 2, "{}", both.all());
}

fn kinds(diff: &Value) -> [usize; 4] {
    ["new", "gone", "moved", "same"].map(|kind| diff[kind].as_array().unwrap().len())
}

#[test]
fn differences_are_told_between_bundles_plans_and_registries() {
    let (source, target) = (DockerRegistry::start(), DockerRegistry::start());
    let corpus = {
        let mut corpus = only("team/web", "v1", image(&[layer(996, 80_000)]));
        corpus.add("team/db", "v1", image(&[layer(997, 40_000)]));
        corpus
    };
    push(&source.host(), &corpus);
    let folder = folder();
    let [old, new, plan] = ["old.tar", "new.tar", "plan.json"].map(|name| path(&folder, name));
    let all = [format!("{}/team/web", source.host()), format!("{}/team/db", source.host())];
    transload().run(["export", &all[0], &all[1], "--to", &old]).ok();
    transload().run(["import", &old, "--to", &format!("{}/mirror", target.host())]).ok();
    let same = transload()
        .run(["diff", &old, &format!("{}/mirror", target.host()), "--exit-code", "-o", "json"])
        .ok();
    assert_eq!(kinds(&serde_json::from_str(&same.stdout).unwrap()), [0, 0, 0, 2], "{}", same.stdout);

    push_one(&source.host(), "team/web:v1", &image(&[layer(996, 80_000), layer(998, 30_000)]));
    push_one(&source.host(), "team/web:v2", &image(&[layer(999, 20_000)]));
    transload().run(["export", &all[0], "--to", &new]).ok();
    transload().run(["plan", &all[0], "--save", &plan]).ok();
    for after in [&new, &plan] {
        let diff = transload().run(["diff", &old, after, "-o", "json"]).ok();
        let diff: Value = serde_json::from_str(&diff.stdout).unwrap();
        assert_eq!(kinds(&diff), [1, 1, 1, 0], "{diff}");
        let moved = &diff["moved"][0];
        assert_eq!(moved["name"], "team/web:v1");
        // the shared layer is not new
        let (bytes, bytes_new) = (moved["bytes"].as_u64().unwrap(), moved["bytes_new"].as_u64().unwrap());
        assert!(bytes_new < bytes - 75_000 && bytes_new >= 30_000, "{moved}");
    }
    let far = transload().run(["diff", &format!("{}/mirror", target.host()), &new, "--exit-code"]);
    assert_eq!(far.code(), 6, "{}", far.all());
    for part in ["new", "moved", "team/web:v2"] {
        assert!(far.stdout.contains(part), "{}", far.stdout);
    }
    let nothing = transload().run(["diff", &source.host(), &target.host()]);
    assert_eq!(nothing.code(), 2, "{}", nothing.all());
    let typo = transload().run(["diff", &path(&folder, "odl.tar"), &new]);
    assert!(typo.code() == 4 && typo.stderr.contains("old.tar"), "{}", typo.all());
}
