//! Listings that do not end, or lead elsewhere.

use transload_oci::{Digest, media_type};
use transload_registry::{ErrorKind, Source};

use crate::scripted::{Scripted, answer, refusal};
use crate::support::client;

#[tokio::test]
async fn pages_are_followed_by_relative_and_absolute_links() {
    let server = Scripted::start(|seen| {
        let host = seen.header("host").unwrap();
        let (link, tags) = match seen.path.split_once("last=").map(|(_, last)| last) {
            None => ("</v2/a/tags/list?n=3&last=b>; rel=\"next\"".to_owned(), r#"["a","b"]"#),
            Some("b") => (format!("<http://{host}/v2/a/tags/list?n=3&last=c>; rel=\"next\""), r#"["c"]"#),
            _ => (String::new(), "null"),
        };
        answer(200, &[("link", &link)], format!(r#"{{"name":"a","tags":{tags}}}"#))
    })
    .await;
    assert_eq!(client(&server.host()).tags("a").await.unwrap(), ["a", "b", "c"]);
    assert_eq!(server.count("GET", "/tags/list"), 3);
}

#[tokio::test]
async fn a_listing_neither_loops_nor_leaves_the_registry() {
    for (link, word) in [
        ("</v2/a/tags/list?n=3>; rel=\"next\"", "never end"),
        ("<http://elsewhere.test/v2/a/tags/list>; rel=\"next\"", "another host"),
    ] {
        let server = Scripted::start(move |_| answer(200, &[("link", link)], r#"{"tags":["a"]}"#)).await;
        let error = client(&server.host()).tags("a").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Failed);
        assert!(error.detail().contains(word), "{error:?}");
    }
}

#[tokio::test]
async fn names_that_are_none_are_not_handed_on() {
    let server =
        Scripted::start(|_| answer(200, &[], r#"{"tags":["../../etc\u001b[2J"],"repositories":["UP"]}"#))
            .await;
    let client = client(&server.host());
    for error in [client.tags("a").await.unwrap_err(), client.repositories(10).await.unwrap_err()] {
        assert_eq!(error.kind(), ErrorKind::Failed);
        assert!(!error.to_string().contains('\u{1b}'), "{error:?}");
    }
    let error = client.manifest("../x", "v1").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::RepositoryNotFound, "{error:?}");
    assert_eq!(server.count("GET", "/x/"), 0);
}

#[tokio::test]
async fn a_missing_catalog_is_unsupported() {
    for response in [|| answer(404, &[], ""), || refusal(405, "UNSUPPORTED", "no")] {
        let server = Scripted::start(move |_| response()).await;
        let error = client(&server.host()).repositories(10).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported, "{error:?}");
    }
}

#[tokio::test]
async fn referrers_come_by_pages_and_each_once() {
    let (one, two) = (Digest::sha256(b"1"), Digest::sha256(b"2"));
    let subject = Digest::sha256(b"subject");
    let server = Scripted::start(move |seen| {
        let entry =
            |d: &Digest| format!(r#"{{"mediaType":"{}","digest":"{d}","size":3}}"#, media_type::OCI_MANIFEST);
        let (link, entries) = match seen.path.contains("page=2") {
            false => ("<?page=2>; rel=\"next\"", entry(&one)),
            true => ("", format!("{},{}", entry(&one), entry(&two))),
        };
        let body = format!(r#"{{"schemaVersion":2,"manifests":[{entries}]}}"#);
        answer(200, &[("link", link), ("content-type", media_type::OCI_INDEX)], body)
    })
    .await;
    let found = client(&server.host()).referrers("a", &subject).await.unwrap();
    assert_eq!(found.iter().map(|d| d.digest).collect::<Vec<_>>(), [one, two]);
}
