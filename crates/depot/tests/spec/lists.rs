//! § Listing Tags, and the catalog that older clients know

use std::sync::atomic::{AtomicBool, Ordering};

use crate::support::{Registry, expect, json_of, refused};
use serde_json::{Value, json};
use transload_depot::Limits;
use transload_testkit::peers::Answer;

fn tags(answer: &Answer) -> Vec<String> {
    expect(answer, 200);
    let body = json_of(answer);
    body["tags"].as_array().unwrap().iter().map(|tag| tag.as_str().unwrap().to_owned()).collect()
}

/// Where `Link` leads: it has to be of the form `<path>; rel="next"`.
fn next(answer: &Answer) -> Option<String> {
    let link = answer.header("link")?;
    let path = link.strip_prefix('<').and_then(|link| link.strip_suffix(">; rel=\"next\""));
    Some(path.unwrap_or_else(|| panic!("{link}")).to_owned())
}

fn tagged(r: &Registry, repository: &str, names: &[&str]) {
    let image = r.image(repository, names[0]);
    for name in names {
        expect(&r.put(repository, name, &image), 201);
    }
}

#[test]
fn tags_are_listed_in_order() {
    let r = Registry::new();
    tagged(&r, "a/b", &["v2", "v10", "V1", "_x", "v1", "0", "v1.0"]);
    let answer = r.get("/v2/a/b/tags/list");
    assert_eq!(tags(&answer), ["0", "V1", "_x", "v1", "v1.0", "v10", "v2"]);
    assert_eq!(json_of(&answer)["name"], "a/b");
    assert_eq!(answer.header("content-type"), Some("application/json"));
    assert_eq!(next(&answer), None);
    let head = r.ask("HEAD", "/v2/a/b/tags/list");
    expect(&head, 200);
    assert!(head.body.is_empty());
}

#[test]
fn a_page_has_as_many_tags_as_are_asked_for() {
    let r = Registry::new();
    tagged(&r, "a", &["a", "b", "c", "d", "e"]);
    let page = |query: &str| {
        let answer = r.get(&format!("/v2/a/tags/list?{query}"));
        (tags(&answer).concat(), next(&answer))
    };
    assert_eq!(page("n=2"), ("ab".to_owned(), Some("/v2/a/tags/list?n=2&last=b".to_owned())));
    assert_eq!(page("n=2&last=b"), ("cd".to_owned(), Some("/v2/a/tags/list?n=2&last=d".to_owned())));
    assert_eq!(page("n=2&last=d"), ("e".to_owned(), None));
    assert_eq!(page("n=5"), ("abcde".to_owned(), None));
    assert_eq!(page("n=100"), ("abcde".to_owned(), None));
    assert_eq!(page("n=0"), (String::new(), None));
    assert_eq!(page("n=0&last=a"), (String::new(), None));
    // `last` goes without `n`, and need not be there
    assert_eq!(page("last=c"), ("de".to_owned(), None));
    assert_eq!(page("last=bb"), ("cde".to_owned(), None));
    assert_eq!(page("last=z"), (String::new(), None));
    assert_eq!(page("n=&last=a").0, "bcde");
    for n in ["x", "-1", "1.5", "99999999999999999999999999"] {
        refused(&r.get(&format!("/v2/a/tags/list?n={n}")), 400, "PAGINATION_NUMBER_INVALID");
    }
}

/// The registry may give fewer than were asked for if it links to the rest
#[test]
fn links_lead_through_everything() {
    let r = Registry::with(Limits { page_entries_max: 3, ..Limits::default() });
    let names: Vec<String> = (10..30).map(|n| format!("t{n}")).collect();
    tagged(&r, "a", &names.iter().map(String::as_str).collect::<Vec<_>>());
    for query in ["", "?n=2", "?n=1000"] {
        let (mut seen, mut path) = (Vec::new(), Some(format!("/v2/a/tags/list{query}")));
        while let Some(at) = path {
            let answer = r.get(&at);
            seen.extend(tags(&answer));
            path = next(&answer);
        }
        assert_eq!(seen, names, "{query}");
    }
}

#[test]
fn a_repository_may_have_no_tags_and_may_not_be_there() {
    let r = Registry::new();
    refused(&r.get("/v2/none/tags/list"), 404, "NAME_UNKNOWN");
    r.image("a", "v1");
    expect(&r.ask("DELETE", "/v2/a/manifests/v1"), 202);
    assert!(tags(&r.get("/v2/a/tags/list")).is_empty());
    // a list, not null
    assert_eq!(json_of(&r.get("/v2/a/tags/list")), json!({ "name": "a", "tags": [] }));
    r.blob("blobs/only", b"x");
    assert!(tags(&r.get("/v2/blobs/only/tags/list")).is_empty());
    // an upload that was only begun makes no repository
    r.session("begun");
    refused(&r.get("/v2/begun/tags/list"), 404, "NAME_UNKNOWN");
}

/// Tags that are there throughout are in every list, and no list is out of order
#[test]
fn lists_hold_while_tags_come_and_go() {
    let r = Registry::new();
    let kept: Vec<String> = (0..20).map(|n| format!("kept-{n:02}")).collect();
    tagged(&r, "a", &kept.iter().map(String::as_str).collect::<Vec<_>>());
    let image = r.image("a", "moving");
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let writers: Vec<_> = (0..2)
            .map(|writer| {
                let (r, image) = (&r, &image);
                scope.spawn(move || {
                    for n in 0..60 {
                        let tag = format!("t{writer}-{n}");
                        expect(&r.put("a", &tag, image), 201);
                        if n % 3 == 0 {
                            expect(&r.ask("DELETE", &format!("/v2/a/manifests/{tag}")), 202);
                        }
                    }
                })
            })
            .collect();
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                let list = tags(&r.get("/v2/a/tags/list"));
                assert!(list.is_sorted(), "{list:?}");
                assert!(kept.iter().all(|tag| list.contains(tag)), "{list:?}");
                let pages = [r.get("/v2/a/tags/list?n=7"), r.get("/v2/a/tags/list?n=7&last=kept-05")];
                assert_eq!(pages.map(|page| tags(&page).len()), [7, 7]);
            }
        });
        for writer in writers {
            writer.join().unwrap();
        }
        done.store(true, Ordering::Relaxed);
    });
    // what was pushed is listed, what was deleted is not
    let list = tags(&r.get("/v2/a/tags/list"));
    assert_eq!(list.len(), 20 + 1 + 2 * 40);
}

#[test]
fn the_catalog_lists_repositories_in_pages() {
    let r = Registry::with(Limits { page_entries_max: 4, ..Limits::default() });
    let names = |answer: &Answer| -> Value { json_of(answer)["repositories"].clone() };
    assert_eq!(names(&r.get("/v2/_catalog")), json!([]));
    for name in ["b", "a/x", "a", "a-b", "a/x/y", "c"] {
        r.image(name, "v1");
    }
    let first = r.get("/v2/_catalog?n=3");
    assert_eq!(names(&first), json!(["a", "a-b", "a/x"]));
    let (mut seen, mut path) = (Vec::new(), Some("/v2/_catalog".to_owned()));
    while let Some(at) = path {
        let answer = r.get(&at);
        seen.extend(names(&answer).as_array().unwrap().iter().map(|name| name.as_str().unwrap().to_owned()));
        path = next(&answer);
    }
    assert_eq!(seen, ["a", "a-b", "a/x", "a/x/y", "b", "c"]);
    assert_eq!(names(&r.get("/v2/_catalog?n=0")), json!([]));
    refused(&r.get("/v2/_catalog?n=x"), 400, "PAGINATION_NUMBER_INVALID");
}
