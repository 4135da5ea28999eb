use proptest::prelude::*;

use super::*;

fn parse(text: &str) -> Pattern {
    text.parse().unwrap()
}

fn takes(pattern: &str, registry: &str, repository: &str, tag: &str) -> bool {
    parse(pattern).matches(&Name { registry: Some(registry), repository, tag: Some(tag), digest: None })
}

#[test]
fn a_plain_reference_is_what_it_was() {
    let digest = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    for text in [
        "localhost:5000/a/b:v1".to_owned(),
        "r.example/a".to_owned(),
        "team/app:1.x".to_owned(),
        "app:5000".to_owned(),
        "[::1]:5000/app:3".to_owned(),
        format!("r.example/a:t@{digest}"),
    ] {
        let pattern = parse(&text);
        assert_eq!(pattern.as_reference().unwrap(), text.parse::<Reference>().unwrap());
        assert_eq!(pattern.to_string(), text);
    }
}

#[test]
fn patterns_of_tags_take_whole_tags() {
    assert!(takes("r.io/app:v1.*", "r.io", "app", "v1.2"));
    assert!(!takes("r.io/app:v1.*", "r.io", "app", "v2.1"));
    assert!(!takes("r.io/app:v1.*", "other.io", "app", "v1.2"));
    assert!(takes("app:{1.2,1.3}*", "r.io", "app", "1.3.9-alpine"));
    assert!(!takes("app:{1.2,1.3}*", "r.io", "app", "1.4"));
    assert!(takes("app:/v[0-9]+\\.(0|1)/", "r.io", "app", "v12.1"));
    assert!(!takes("app:/v[0-9]+/", "r.io", "app", "v12.1"), "the whole tag");
    assert!(takes("localhost:5000/app:^1.4", "localhost:5000", "app", "v1.5.0"));
    assert!(takes("host:5000/a/b:>=1.2 <2", "host:5000", "a/b", "1.9.9"));
    assert!(!parse("r.io/app:^1").as_reference().is_some_and(|_| true));
}

#[test]
fn patterns_of_repositories_stop_at_slashes_unless_doubled() {
    assert!(takes("r.io/team/*", "r.io", "team/app", "v1"));
    assert!(!takes("r.io/team/*", "r.io", "team/app/sub", "v1"));
    assert!(takes("r.io/**", "r.io", "team/app/sub", "v1"));
    assert!(takes("r.io/team/**:v1", "r.io", "team/app/sub", "v1"));
    assert!(!takes("r.io/team/**:v1", "r.io", "team/app/sub", "v2"));
    assert!(takes("*/app:v1", "r.io", "team/app", "v1"));
    assert!(takes("**/app", "r.io", "a/b/app", "v1"));
    assert!(takes(":*-rc*", "r.io", "any/thing", "1.0-rc1"), "in every repository");
    assert_eq!(parse("r.io/**").repository(), None);
    assert_eq!(parse("r.io/app:v*").repository(), Some("app"));
}

#[test]
fn ports_and_expressions_are_told_apart() {
    assert_eq!(parse("host:5000/app:v*").registry(), Some("host:5000"));
    assert_eq!(parse("app:/v1.*/").registry(), None);
    assert_eq!(parse("app:/a/b/").repository(), Some("app"), "an expression may have slashes");
    assert_eq!(parse("[::1]:5000/app:v*").registry(), Some("[::1]:5000"));
    assert_eq!(parse("R.io/app:v*").registry(), Some("r.io"));
}

#[test]
fn a_registry_is_added_where_none_is_named() {
    let pattern = parse("team/*:v1").with_registry("r.io");
    assert_eq!((pattern.registry(), pattern.to_string().as_str()), (Some("r.io"), "r.io/team/*:v1"));
    let pattern = parse("a.io/team/*").with_registry("r.io");
    assert_eq!(pattern.registry(), Some("a.io"));
    assert_eq!(parse("nginx:^1").with_registry("docker.io").repository(), Some("library/nginx"));
    assert_eq!(parse("nginx:1").with_registry("docker.io").to_string(), "docker.io/library/nginx:1");
}

#[test]
fn says_what_is_wrong_with_a_pattern() {
    for (text, word) in [
        ("*.example/app:v1", "named plainly"),
        ("r.io/app:/v1", "ends with '/'"),
        ("app:/v1", "ends with '/'"),
        ("r.io/app:/(/", "regular expression"),
        ("r.io/app:^x", "no version"),
        ("r.io/App*", "lower case"),
        ("r.io/app:[v", "not a pattern"),
        ("https://r.io/*", "scheme"),
        ("r.io/app*@sha256:12", "digest"),
        ("r.io/App:1", "lower case"),
        ("r.io/a b", "white space"),
    ] {
        let message = text.parse::<Pattern>().unwrap_err().to_string();
        assert!(message.contains(word), "{text}: {message}");
    }
}

#[test]
fn a_digest_is_matched_by_the_digest_alone() {
    let digest = Digest::sha256(b"x");
    let name = Name { registry: None, repository: "app", tag: Some("v1"), digest: Some(&digest) };
    assert!(parse(&format!("app@{digest}")).matches(&name));
    assert!(!parse(&format!("app@{}", Digest::sha256(b"y"))).matches(&name));
    assert!(parse("app").matches(&name));
}

proptest! {
    #[test]
    fn no_text_is_too_odd(text in "\\PC{0,40}") {
        let _ = text.parse::<Pattern>();
    }

    #[test]
    fn whatever_is_a_reference_stays_one(text in "([a-z]{1,5}(\\.[a-z]{1,3}|:[0-9]{2,4})?/)?[a-z]{1,6}(/[a-z0-9]{1,6})?(:[A-Za-z0-9_][A-Za-z0-9_.-]{0,8})?") {
        if let Ok(reference) = text.parse::<Reference>() {
            let pattern = parse(&text);
            prop_assert_eq!(pattern.as_reference(), Some(reference));
        }
    }

    #[test]
    fn a_range_never_takes_what_is_below_its_bound(major in 0u64..50, minor in 0u64..50, patch in 0u64..50) {
        let pattern = parse("a:>=10.10");
        let tag = format!("v{major}.{minor}.{patch}");
        prop_assert_eq!(pattern.takes_tag(&tag), (major, minor) >= (10, 10));
    }
}
