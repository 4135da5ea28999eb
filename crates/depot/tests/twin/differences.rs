//! What the depot answers otherwise than the distribution project's registry, and why.

/// Differences that have one reason.
pub(crate) struct Difference {
    pub(crate) title: &'static str,
    pub(crate) why: &'static str,
    /// As the comparison words them.
    pub(crate) cases: &'static [&'static str],
}

pub(crate) const DIFFERENCES: &[Difference] = &[
    Difference {
        title: "Chunks have to follow each other",
        why: "The specification wants 416 for a chunk that does not start where the last one ended, and a `Content-Range` has to fit its body. `docker-registry` 2.8 does not read the header and takes the bytes in the order in which they come.",
        cases: &[
            "a blob in chunks 5, PATCH {session}: status: 202 | 416",
            "a blob in chunks 6, PATCH {session}: status: 202 | 416",
            "a blob in chunks 7, PATCH {session}: status: 202 | 400",
            "a blob in chunks 8, PATCH {session}: status: 202 | 400",
        ],
    },
    Difference {
        title: "A session's state has a length",
        why: "HEAD of an upload session says that it has no body.",
        cases: &["a blob in chunks 4, HEAD {session}: content-length: none | 0"],
    },
    Difference {
        title: "SHA-512 is kept",
        why: "What is pushed under a SHA-512 digest is found under it, blobs and manifests. `docker-registry` files blobs under SHA-256 whatever they were pushed under, and refuses such manifests.",
        cases: &[
            "a blob, whole 14, PUT {session}?digest={other-512}: docker-content-digest: {other} | {other-512}",
            "a blob, whole 14, PUT {session}?digest={other-512}: location: /v2/a/blobs/{other} | /v2/a/blobs/{other-512}",
            "a blob, whole 15, GET /v2/a/blobs/{other-512}: docker-content-digest: {other} | {other-512}",
            "manifests 9, PUT /v2/a/manifests/{image-512}: status: 400 | 201",
        ],
    },
    Difference {
        title: "A session that is over is unknown",
        why: "`BLOB_UPLOAD_UNKNOWN` says that an upload has to begin anew; `docker-registry` has `BLOB_UPLOAD_INVALID` after a digest that did not hold.",
        cases: &["a blob, whole 20, GET {session}: code: BLOB_UPLOAD_INVALID | BLOB_UPLOAD_UNKNOWN"],
    },
    Difference {
        title: "One request is enough for a blob",
        why: "`POST` with `digest` takes the blob at once, which the specification allows; `docker-registry` opens a session.",
        cases: &["a blob, whole 7, POST /v2/a/blobs/uploads/?digest={empty}: status: 202 | 201"],
    },
    Difference {
        title: "Media types have no parameters",
        why: "`application/json` is UTF-8 by definition.",
        cases: &[
            "an empty registry 1, GET /v2/_catalog: content-type: application/json; charset=utf-8 | application/json",
            "lists 10, GET /v2/c/tags/list?n=2&last=V1: content-type: application/json; charset=utf-8 | application/json",
            "lists 11, GET /v2/c/tags/list?n=0: content-type: application/json; charset=utf-8 | application/json",
            "lists 12, GET /v2/c/tags/list?last=v10: content-type: application/json; charset=utf-8 | application/json",
            "lists 14, GET /v2/_catalog: content-type: application/json; charset=utf-8 | application/json",
            "lists 15, GET /v2/_catalog?n=1: content-type: application/json; charset=utf-8 | application/json",
            "lists 16, GET /v2/_catalog?n=1&last=a: content-type: application/json; charset=utf-8 | application/json",
            "lists 17, GET /v2/_catalog?n=0: content-type: application/json; charset=utf-8 | application/json",
            "lists 7, GET /v2/c/tags/list: content-type: application/json; charset=utf-8 | application/json",
            "lists 9, GET /v2/c/tags/list?n=1: content-type: application/json; charset=utf-8 | application/json",
            "the base and what is no endpoint 1, GET /v2/: content-type: application/json; charset=utf-8 | application/json",
            "the base and what is no endpoint 2, HEAD /v2/: content-type: application/json; charset=utf-8 | application/json",
        ],
    },
    Difference {
        title: "A repository that is not there is named as the reason",
        why: "`NAME_UNKNOWN` where nothing was ever pushed under that name, whatever is asked for.",
        cases: &[
            "an empty registry 3, GET /v2/a/manifests/v1: code: MANIFEST_UNKNOWN | NAME_UNKNOWN",
            "an empty registry 5, GET /v2/a/manifests/{image}: code: MANIFEST_UNKNOWN | NAME_UNKNOWN",
            "an empty registry 6, GET /v2/a/blobs/{layer}: code: BLOB_UNKNOWN | NAME_UNKNOWN",
            "an empty registry 8, DELETE /v2/a/blobs/{layer}: code: BLOB_UNKNOWN | NAME_UNKNOWN",
            "an empty registry 9, DELETE /v2/a/manifests/{image}: code: MANIFEST_UNKNOWN | NAME_UNKNOWN",
        ],
    },
    Difference {
        title: "Tags can be deleted",
        why: "A tag goes and its manifest stays: 202, and 404 for one that is not there. `docker-registry` 2.8 deletes manifests only, and answers 400.",
        cases: &[
            "an empty registry 10, DELETE /v2/a/manifests/v1: status: 400 | 404",
            "deleting 1, DELETE /v2/a/manifests/v1: status: 400 | 202",
            "deleting 3, DELETE /v2/a/manifests/v1: status: 400 | 404",
        ],
    },
    Difference {
        title: "Every refusal has a code",
        why: "Where `docker-registry` answers 404, 405 or 416 in plain text, the answer is JSON with a code, as the specification has it.",
        cases: &[
            "deleting 17, DELETE /v2/a/tags/list: code: none | UNSUPPORTED",
            "deleting 18, DELETE /v2/_catalog: code: none | UNSUPPORTED",
            "manifests 20, POST /v2/a/manifests/v1: code: none | UNSUPPORTED",
            "ranges of a blob 5, GET /v2/a/blobs/{layer}: code: none | RANGE_INVALID",
            "ranges of a blob 6, GET /v2/a/blobs/{layer}: code: none | RANGE_INVALID",
            "the base and what is no endpoint 4, GET /v2/a/nothing/x: code: none | NOT_FOUND",
            "the base and what is no endpoint 5, GET /other: code: none | NOT_FOUND",
        ],
    },
    Difference {
        title: "Referrers are served",
        why: "The referrers API, `OCI-Subject` and the filter by artifact type are of version 1.1 of the specification, which `docker-registry` 2.8 does not know.",
        cases: &[
            "an empty registry 11, GET /v2/a/referrers/{image}: status: 404 | 200",
            "indexes and artifacts 6, PUT /v2/a/manifests/{artifact}: oci-subject: none | {image}",
            "indexes and artifacts 7, GET /v2/a/referrers/{image}: status: 404 | 200",
            "indexes and artifacts 8, GET /v2/a/referrers/{image}?artifactType=application/vnd.example.sbom: status: 404 | 200",
            "indexes and artifacts 9, GET /v2/a/referrers/v1: status: 404 | 400",
        ],
    },
    Difference {
        title: "Indexes may be sparse",
        why: "An index is taken although some of its manifests are not there: mirrors keep some platforms of many. Blobs of an image have to be there. `docker-registry` wants all of both.",
        cases: &["indexes and artifacts 5, PUT /v2/a/manifests/sparse: status: 400 | 201"],
    },
    Difference {
        title: "A repository may have blobs and no tags",
        why: "Its list of tags is empty; `docker-registry` knows no repository without manifests.",
        cases: &["lists 1, GET /v2/b/tags/list: status: 404 | 200"],
    },
    Difference {
        title: "Tags are listed in order and in pages",
        why: "In lexical order, with `n`, `last` and `Link`, as the specification wants. `docker-registry` 2.8 gives all of them in the order of its file system.",
        cases: &[
            "lists 10, GET /v2/c/tags/list?n=2&last=V1: body: {\"name\":\"c\",\"tags\":[\"V1\",\"v10\",\"v2\"]} | {\"name\":\"c\",\"tags\":[\"v10\",\"v2\"]}",
            "lists 11, GET /v2/c/tags/list?n=0: body: {\"name\":\"c\",\"tags\":[\"V1\",\"v10\",\"v2\"]} | {\"name\":\"c\",\"tags\":[]}",
            "lists 12, GET /v2/c/tags/list?last=v10: body: {\"name\":\"c\",\"tags\":[\"V1\",\"v10\",\"v2\"]} | {\"name\":\"c\",\"tags\":[\"v2\"]}",
            "lists 9, GET /v2/c/tags/list?n=1: body: {\"name\":\"c\",\"tags\":[\"V1\",\"v10\",\"v2\"]} | {\"name\":\"c\",\"tags\":[\"V1\"]}",
            "lists 9, GET /v2/c/tags/list?n=1: link: none | </v2/c/tags/list?n=1&last=V1>; rel=\"next\"",
        ],
    },
    Difference {
        title: "A number that is none is refused",
        why: "`n=x` is 400 `PAGINATION_NUMBER_INVALID`; `docker-registry` passes over it.",
        cases: &[
            "lists 13, GET /v2/c/tags/list?n=x: status: 200 | 400",
            "lists 18, GET /v2/_catalog?n=x: status: 200 | 400",
        ],
    },
    Difference {
        title: "HEAD goes wherever GET does",
        why: "Also of lists.",
        cases: &["lists 8, HEAD /v2/c/tags/list: status: 405 | 200"],
    },
    Difference {
        title: "`Link` has its parameters in another order",
        why: "Clients follow it as it is.",
        cases: &[
            "lists 15, GET /v2/_catalog?n=1: link: </v2/_catalog?last=a&n=1>; rel=\"next\" | </v2/_catalog?n=1&last=a>; rel=\"next\"",
            "lists 16, GET /v2/_catalog?n=1&last=a: link: </v2/_catalog?last=b&n=1>; rel=\"next\" | </v2/_catalog?n=1&last=b>; rel=\"next\"",
        ],
    },
    Difference {
        title: "Tags may come with a manifest that is put by its digest",
        why: "`?tag=` puts them, and `OCI-Tag` says so: a draft of the specification, which clients that do not know it never ask for.",
        cases: &["manifests 10, PUT /v2/a/manifests/{image}?tag=with-digest: oci-tag: none | with-digest"],
    },
    Difference {
        title: "A foreign layer needs no URL",
        why: "A layer that may not be distributed may be missing, whether or not it says where it is.",
        cases: &["manifests 13, PUT /v2/a/manifests/foreign: status: 400 | 201"],
    },
    Difference {
        title: "What was pushed is what is served",
        why: "A manifest is never converted and `Accept` is not held against it: by tag, by digest, as OCI or as Docker's. `docker-registry` answers 404 where `Accept` does not name the OCI type, and takes nothing of Docker's in the other's place.",
        cases: &[
            "deleting 10, GET /v2/a/manifests/v1: status: 404 | 200",
            "manifests 15, GET /v2/a/manifests/docker: status: 400 | 200",
            "manifests 2, GET /v2/a/manifests/v1: status: 404 | 200",
            "manifests 3, HEAD /v2/a/manifests/v1: status: 404 | 200",
            "manifests 6, GET /v2/a/manifests/{image}: status: 404 | 200",
        ],
    },
    Difference {
        title: "The document knows its media type",
        why: "A `Content-Type` that is no manifest's gives way to the document's `mediaType`.",
        cases: &["manifests 18, PUT /v2/a/manifests/type: status: 400 | 201"],
    },
    Difference {
        title: "Names that break their grammar are refused",
        why: "400 with `NAME_INVALID` or `TAG_INVALID`; `docker-registry` has no route for them, and answers 404.",
        cases: &[
            "manifests 19, PUT /v2/a/manifests/.x: status: 404 | 400",
            "names that break their grammar 1, GET /v2/A/tags/list: status: 404 | 400",
            "names that break their grammar 2, POST /v2/a..b/blobs/uploads/: status: 404 | 400",
            "names that break their grammar 3, GET /v2/a/manifests/.x: status: 404 | 400",
        ],
    },
    Difference {
        title: "A digest that is none is refused before anything else",
        why: "`DIGEST_INVALID`, before blobs are looked for.",
        cases: &[
            "names that break their grammar 6, PUT /v2/a/manifests/sha256:12: code: MANIFEST_BLOB_UNKNOWN | DIGEST_INVALID",
        ],
    },
    Difference {
        title: "A mount does without `from`",
        why: "The blob is found wherever it is, if the caller may read everything.",
        cases: &["mounting 6, POST /v2/b/blobs/uploads/?mount={config}: status: 202 | 201"],
    },
    Difference {
        title: "A mount of what is no digest is refused",
        why: "It can never succeed; `docker-registry` opens a session.",
        cases: &["mounting 7, POST /v2/b/blobs/uploads/?mount=sha256:12&from=a: status: 202 | 400"],
    },
    Difference {
        title: "A range that ends before it starts has its own words",
        why: "Both answer 416; the depot says how long the blob is.",
        cases: &["ranges of a blob 6, GET /v2/a/blobs/{layer}: content-range: none | bytes */20"],
    },
    Difference {
        title: "Ranges are read as RFC 9110 has them",
        why: "What cannot be read is passed over, nothing of the end is nothing, and a range counts for GET alone.",
        cases: &[
            "ranges of a blob 7, GET /v2/a/blobs/{layer}: status: 416 | 200",
            "ranges of a blob 8, GET /v2/a/blobs/{layer}: status: 206 | 416",
            "ranges of a blob 9, HEAD /v2/a/blobs/{layer}: status: 206 | 200",
        ],
    },
    Difference {
        title: "Only GET and HEAD ask for the base",
        why: "Anything else is 405.",
        cases: &["the base and what is no endpoint 3, POST /v2/: status: 200 | 405"],
    },
];

const TITLE: &str = "\
# The registry and the specification

`transload registry serve` is a registry of the [distribution specification](https://github.com/opencontainers/distribution-spec),
1.1, in all four of its categories: pull, push, content discovery, content management. The tests in
`crates/depot/tests/spec/` go through it clause by clause. The specification's own suite of tests, run by hand, passes
with nothing skipped: all of its requests and all of its kinds of data, SHA-512, sparse indexes and tags that come with a
digest among them.

## What the specification leaves open

- **Blobs come before manifests.** A manifest whose config or layers are not in the repository is refused: 400
  `MANIFEST_BLOB_UNKNOWN`. So no push leaves a tag that cannot be pulled. Layers with `urls` or of a non-distributable type may be
  elsewhere, a subject may come later or never, and the manifests of an index may be missing (a sparse index).
- **Deleting a manifest** deletes the tags that point at it, and leaves its blobs, its children and what refers to it.
  **Deleting a tag** leaves the manifest. **Deleting a blob** does not ask who needs it.
- **A mount without `from`** takes the blob wherever it is, if the caller may read every repository. That may be what a
  repository has let go of and no collection of garbage has taken away yet.
- **A digest that does not hold** when an upload is closed ends the session: its bytes are not what anybody wanted.
- **Chunks** may have any size. One out of order is 416 with `Range` and `Location`, and the session goes on.
- **A manifest's media type** is the `Content-Type` it was pushed with; a document that says another one is refused. It is
  served with that type whatever `Accept` says.
- **Names in lists** are in the order of their bytes. A page has at most 10,000 names; `Link` leads to the next.
- **Referrers** come in one answer, and for a repository that is not there the answer is an empty index.

## Differences from the distribution registry

What is answered otherwise than by the registry of the distribution project (Debian's `docker-registry` 2.8), and why. A
test sends one sequence of requests to both and compares the answers. This list is written from the test's own, so a
difference that is not in it fails the test, and so does an entry that is none any more. A folder that one of them has
written is served by the other.

";

/// The page that lists them.
pub(crate) fn page() -> String {
    let mut page = String::from(TITLE);
    for difference in DIFFERENCES {
        page.push_str(&format!("- **{}.** {}\n", difference.title, difference.why));
    }
    page
}
