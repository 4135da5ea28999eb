//! Image references in files that others wrote.

use transload_testkit::images::{Corpus, image, layer};
use transload_testkit::peers::DockerRegistry;

use crate::support::{Said, assert_whole, folder, path, push, transload};

/// Four images, as manifests name them.
fn images() -> Corpus {
    let mut corpus = Corpus::default();
    for (seed, (repository, tag)) in (1..).zip([
        ("library/nginx", "1.25"),
        ("team/app", "v2"),
        ("library/redis", "latest"),
        ("team/job", "7"),
    ]) {
        corpus.add(repository, tag, image(&[layer(seed, 2_000)]));
    }
    corpus
}

fn sources(report: &serde_json::Value) -> Vec<String> {
    let artifacts = report["artifacts"].as_array().unwrap();
    artifacts.iter().map(|a| a["source"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn manifests_folders_and_reports_name_what_is_exported() {
    let (source, target) = (DockerRegistry::start(), DockerRegistry::start());
    let corpus = images();
    push(&source.host(), &corpus);
    let (folder, host) = (folder(), source.host());
    let app = format!(
        "apiVersion: apps/v1\nkind: Deployment\nspec:\n  template:\n    spec:\n      initContainers:\n      - image: \
         library/redis\n      containers:\n      - image: {host}/library/nginx:1.25\n      - image: team/app:v2\n---\n\
         apiVersion: batch/v1\nkind: CronJob\nspec:\n  jobTemplate:\n    spec:\n      template:\n        spec:\n          \
         containers:\n          - image: team/job:7\n"
    );
    std::fs::create_dir_all(folder.path().join("k8s/more")).unwrap();
    std::fs::write(folder.path().join("k8s/app.yaml"), app).unwrap();
    std::fs::write(folder.path().join("k8s/README.md"), "image: none:1\n").unwrap();
    let lock = "kind: ImagesLock\nimages:\n- image: team/app:v2\n";
    std::fs::write(folder.path().join("k8s/more/lock.yml"), lock).unwrap();
    let (manifests, bundle) = (path(&folder, "k8s"), path(&folder, "all.tar"));
    let report = path(&folder, "report.json");
    let arguments = ["export", "--from", &host, "--artifacts-file", &manifests, "--to", &bundle];
    let plan = transload().run([&arguments[..], &["--dry-run"]].concat()).ok();
    assert!(plan.stdout.contains("app.yaml names 4 artifacts"), "{}", plan.stdout);
    transload().run([&arguments[..], &["--report", &report]].concat()).ok();
    transload().run(["import", &bundle, "--to", &target.host()]).ok();
    assert_whole(&target.host(), &corpus, "");

    // what was exported once can be named by its report
    let again = path(&folder, "again.tar");
    let said = transload().run(["export", "--artifacts-file", &report, "--json", "--to", &again]).ok();
    assert_eq!(sources(&said.report()).len(), 4, "{}", said.stdout);
    assert_eq!(said.report()["selection"].as_array().unwrap().len(), 4);
    let stream = said.stdout.clone();
    let to = path(&folder, "third.tar");
    let arguments = ["export", "--artifacts-file", "-", "--json", "--dry-run", "--to", &to];
    let third = transload().run_with_input(arguments, stream.as_bytes()).ok();
    assert_eq!(sources(&third.report()), sources(&said.report()));
}

#[test]
fn what_cannot_be_read_is_named_with_its_line() {
    let folder = folder();
    let to = path(&folder, "never.tar");
    let run = |text: &str| {
        let arguments = ["export", "--from", "127.0.0.1:9", "--artifacts-file", "-", "--to", &to];
        transload().run_with_input(arguments, text.as_bytes())
    };
    let wrong = run("apiVersion: v1\nkind: Pod\nspec:\n  containers:\n  - image: Nginx:1\n");
    wrong.refused(2, "Usage");
    assert!(wrong.stderr.contains("standard input, line 5"), "{}", wrong.stderr);
    let template = run("kind: Pod\nspec:\n  containers:\n  - image: {{ .Values.image }}\n");
    assert!(template.refused(2, "Usage").contains("helm template"), "{}", template.all());
    let broken = run("kind: Pod\nspec:\n  - a\n b: c\n");
    broken.refused(2, "Usage");
    assert!(broken.stderr.contains("line "), "{}", broken.stderr);
    let source = DockerRegistry::start();
    push(&source.host(), &images());
    let text = format!("kind: Pod\nspec:\n  containers:\n  - image: {}/team/app:v3\n", source.host());
    let missing = run(&text);
    missing.refused(4, "TagNotFound");
    assert!(missing.stderr.contains("named in standard input, line 4"), "{}", missing.stderr);
    let empty = run("kind: Service\nspec: {}\n");
    assert!(empty.refused(2, "Usage").contains("docs/selection.md"), "{}", empty.all());
}

#[test]
fn names_without_a_registry_are_docker_hubs_in_manifests_and_nobodys_in_lists() {
    let folder = folder();
    let to = path(&folder, "never.tar");
    // a proxy that is not there: nobody is asked, and the error names the registry that would have been
    let hub = transload().env("HTTPS_PROXY", "http://127.0.0.1:9");
    let said = hub.run_with_input(
        ["export", "--artifacts-file", "-", "--dry-run", "--json", "--to", &to],
        b"kind: Pod\nspec:\n  containers:\n  - image: nginx:1.25\n",
    );
    assert!(said.stdout.contains("docker.io/library/nginx:1.25"), "{}", said.all());
    let nameless =
        transload().run_with_input(["export", "--artifacts-file", "-", "--to", &to], b"nginx:1.25\n");
    nameless.refused(2, "ReferenceInvalid");
}
