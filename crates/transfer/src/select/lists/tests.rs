use proptest::prelude::*;

use super::*;

const DIGEST: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

fn texts(text: &str) -> Vec<String> {
    find_references(text).unwrap().listed.into_iter().map(|found| found.text).collect()
}

fn refused(text: &str) -> ListError {
    find_references(text).unwrap_err()
}

#[test]
fn a_list_is_lines() {
    let list = find_references("# why\n\nr.io/a:1  # one\n! r.io/b:*\r\nr.io/c:>=1.2 <2\n").unwrap();
    assert_eq!(list.documents, 0);
    let found: Vec<_> = list.listed.iter().map(|l| (l.text.as_str(), l.line, l.excluded)).collect();
    assert_eq!(
        found,
        [("r.io/a:1", Some(3), false), ("r.io/b:*", Some(4), true), ("r.io/c:>=1.2 <2", Some(5), false)]
    );
    assert!(!list.listed[0].of_docker);
}

#[test]
fn kubernetes_objects_of_every_kind() {
    let text = format!(
        r#"# Source: chart/templates/x.yaml
apiVersion: apps/v1
kind: Deployment
spec:
  template:
    spec:
      initContainers:
        - {{name: init, image: "busybox:1.36"}}
      containers:
        - name: web
          image: nginx
          env:
            - {{name: RELATED_IMAGE_PROXY, value: quay.io/team/proxy:v3}}
      ephemeralContainers:
        - image: r.example/debug@{DIGEST}
      volumes:
        - image: {{reference: quay.io/data/model:v2}}
---
apiVersion: batch/v1
kind: CronJob
spec: {{jobTemplate: {{spec: {{template: {{spec: {{containers: [{{image: team/job:2}}]}}}}}}}}}}
---
apiVersion: v1
kind: List
items:
  - apiVersion: v1
    kind: Pod
    spec: {{containers: [{{image: "localhost:5000/x:1"}}, {{image: nginx}}]}}
    status: {{containerStatuses: [{{image: "sha256:123"}}]}}
---
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
spec: {{properties: {{image: {{type: string}}}}, image: "NOT AN IMAGE"}}
---
apiVersion: postgresql.cnpg.io/v1
kind: Cluster
spec: {{imageName: "ghcr.io/cnpg/postgresql:16.2", logoImage: logo.png, proxyImage: "envoy:v1.30"}}
---
apiVersion: x/v1
kind: Thing
spec: {{image: {{repository: ghcr.io/a/b, tag: "1.0"}}, image2: 1}}
"#
    );
    let list = find_references(&text).unwrap();
    assert_eq!(list.documents, 6);
    let found: Vec<_> = list.listed.iter().map(|l| l.text.clone()).collect();
    let expected = [
        "busybox:1.36",
        "nginx:latest",
        "quay.io/team/proxy:v3",
        &format!("r.example/debug@{DIGEST}"),
        "quay.io/data/model:v2",
        "team/job:2",
        "localhost:5000/x:1",
        "ghcr.io/cnpg/postgresql:16.2",
        "envoy:v1.30",
        "ghcr.io/a/b:1.0",
    ];
    assert_eq!(found, expected);
    assert_eq!(list.listed[1].line, Some(11));
    assert!(list.listed.iter().all(|found| found.of_docker));
}

#[test]
fn compose_kustomize_images_lock_and_other_lists() {
    let compose = "x-base: &base\n  image: redis:7\nservices:\n  web:\n    image: \"nginx:${TAG:-1.25}\"\n  cache:\n    \
                   <<: *base\n  own:\n    build: .\n";
    assert_eq!(texts(compose), ["nginx:1.25", "redis:7"]);
    let kustomize = format!(
        "images:\n- name: app\n  newName: r.io/team/app\n  newTag: v2\n- name: db\n  digest: {DIGEST}\n- name: x\n  newName: y\n"
    );
    assert_eq!(texts(&kustomize), ["r.io/team/app:v2".to_owned(), format!("db@{DIGEST}")]);
    let lock = format!(
        "apiVersion: imgpkg.carvel.dev/v1alpha1\nkind: ImagesLock\nimages:\n- image: r.io/a@{DIGEST}\n  annotations:\n    \
         kbld.carvel.dev/id: a:1\n"
    );
    assert_eq!(texts(&lock), [format!("r.io/a@{DIGEST}")]);
    assert_eq!(
        texts("components:\n  - name: x\n    images:\n      - ghcr.io/a/b:1\n      - name: r.io/c:2\n"),
        ["ghcr.io/a/b:1", "r.io/c:2"]
    );
    assert_eq!(
        texts("image:\n  registry: docker.io\n  repository: bitnami/redis\n  tag: 7.2\n"),
        ["docker.io/bitnami/redis:7.2"]
    );
}

#[test]
fn reports_and_streams_of_events() {
    let report =
        r#"{"schema":1,"operation":"export","artifacts":[{"source":"r.io/a:1"},{"source":"r.io/b:2"}]}"#;
    assert_eq!(texts(report), ["r.io/a:1", "r.io/b:2"]);
    let stream = format!("{{\"event\":\"planned\"}}\n{{\"event\":\"report\",{}\n", &report[1..]);
    assert_eq!(texts(&stream), ["r.io/a:1", "r.io/b:2"]);
    assert_eq!(texts("location: x.tar\nartifacts:\n- source: team/web:v1\n"), ["team/web:v1"]);
    assert!(!find_references(report).unwrap().listed[0].of_docker);
    let pods = r#"{"apiVersion":"v1","kind":"List","items":[{"kind":"Pod","apiVersion":"v1","spec":{"containers":[{"image":"a/b:1"}]}}]}"#;
    assert_eq!(texts(pods), ["a/b:1"]);
}

#[test]
fn what_is_wrong_is_told_with_its_line() {
    let error = refused("apiVersion: v1\nkind: Pod\nspec:\n  containers:\n  - image: Nginx:1\n");
    assert_eq!(error.line, Some(5));
    assert!(error.detail.contains("lower case"), "{error:?}");
    let error = refused("kind: Pod\nspec:\n  - a\n b: c\n");
    assert!(error.line.is_some() && error.detail.contains("no YAML"), "{error:?}");
    for template in ["image: {{ .Values.image }}\n", "image: \"{{ .Values.image }}:1\"\n"] {
        let error = refused(template);
        assert!(error.next.as_deref().is_some_and(|next| next.contains("helm template")), "{error:?}");
    }
    let error = refused("services:\n  a:\n    image: x:${TAG}\n");
    assert!(error.next.as_deref().is_some_and(|next| next.contains("compose config")), "{error:?}");
    assert!(refused("{\"a\": ").detail.contains("no JSON"));
}

#[test]
fn aliases_that_multiply_end() {
    let mut text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..9 {
        let alias = format!("*a{}", level - 1);
        text.push_str(&format!("a{level}: &a{level} [{}]\n", [alias.as_str(); 10].join(", ")));
    }
    assert!(refused(&text).detail.contains("more than"));
    let deep = format!("a: {}{}", "[".repeat(5_000), "]".repeat(5_000));
    assert!(refused(&deep).detail.contains("deep") || refused(&deep).detail.contains("YAML"));
}

proptest! {
    #[test]
    fn no_text_is_too_odd(text in "([a-z:\\-\\[\\]{}&*# \n\"'|>?!%@]|image: )*") {
        let _ = find_references(&text);
    }
}
