use super::*;

const SAS: &str = "sv=2024-11-04&se=2027-01-01&sp=rwl&sr=c&sig=SECRETsecret%3D";

fn container(text: &str) -> (String, String, Option<String>, Option<String>) {
    let location = Location::parse(text).unwrap();
    let url = location.container().unwrap();
    (
        url.describe(""),
        url.container().to_owned(),
        url.account().map(str::to_owned),
        location.name().map(str::to_owned),
    )
}

#[test]
fn host_style_has_the_account_in_the_host() {
    for (text, account, name) in [
        ("https://acct.blob.core.windows.net/transfer", "acct", None),
        ("https://acct.blob.core.windows.net/transfer/", "acct", None),
        ("HTTPS://Acct.blob.core.windows.net/transfer", "acct", None),
        ("https://acct.blob.core.usgovcloudapi.net/transfer/a/b.tar", "acct", Some("a/b.tar")),
        ("https://acct.blob.storage.azure.net/transfer/b", "acct", Some("b")),
        ("https://store.corp.example:8443/transfer/b%20c%23", "store", Some("b c#")),
        ("https://devstoreaccount1.blob.x.test:10000/transfer", "devstoreaccount1", None),
    ] {
        let (_, container, acct, blob) = container(text);
        assert_eq!(
            (container.as_str(), acct.as_deref(), blob.as_deref()),
            ("transfer", Some(account), name),
            "{text}"
        );
    }
}

#[test]
fn path_style_has_the_account_in_the_path() {
    for (text, url, name) in [
        (
            "http://127.0.0.1:10000/devstoreaccount1/transfer",
            "http://127.0.0.1:10000/devstoreaccount1/transfer",
            None,
        ),
        (
            "http://localhost:10000/devstoreaccount1/transfer/a/b",
            "http://localhost:10000/devstoreaccount1/transfer",
            Some("a/b"),
        ),
        ("http://[::1]:10000/acct/transfer/b", "http://[::1]:10000/acct/transfer", Some("b")),
        ("http://azurite:10000/acct/transfer/", "http://azurite:10000/acct/transfer", None),
        (
            "http://host.docker.internal:10000/devstoreaccount1/transfer",
            "http://host.docker.internal:10000/devstoreaccount1/transfer",
            None,
        ),
    ] {
        let (shown, container, _, blob) = container(text);
        assert_eq!((shown.as_str(), container.as_str(), blob.as_deref()), (url, "transfer", name), "{text}");
    }
}

#[test]
fn a_sas_is_taken_from_the_query_and_shown_nowhere() {
    let location =
        Location::parse(&format!("https://acct.blob.core.windows.net/transfer/b.tar?{SAS}")).unwrap();
    assert_eq!(location.sas().unwrap().expose(), SAS);
    let shown = format!("{location} {location:?} {:?} {:?}", location.sas(), location.container());
    assert!(!shown.contains("SECRET") && !shown.contains("sig"), "{shown}");
    assert_eq!(location.to_string(), "https://acct.blob.core.windows.net/transfer/b.tar");
    let url = location.container().unwrap().url("a b#/c", Some(SAS)).unwrap();
    assert_eq!(url.path(), "/transfer/a%20b%23/c");
    assert_eq!(url.query(), Some(SAS));
}

#[test]
fn no_error_shows_a_secret() {
    for text in [
        format!("https://acct.blob.core.windows.net?{SAS}"),
        format!("https://acct.blob.core.windows.net/Transfer?{SAS}"),
        format!("https://user:SECRETsecret@acct.blob.core.windows.net/transfer?{SAS}"),
        format!("https://acct.blob.core.windows.net/transfer&{SAS}"),
        format!("https://acct.blob.core.windows.net/transfer/b.tar&{SAS}"),
        format!("https://acct.blob.core.windows.net:port/transfer?{SAS}"),
        "https://acct.blob.core.windows.net/transfer?key=SECRETsecret".to_owned(),
        format!("https://acct.blob.core.windows.net/transfer?{SAS}#x"),
        format!("s3://bucket/key?{SAS}"),
        format!("ftp://user:SECRETsecret@host/x?{SAS}"),
        SAS.to_owned(),
        format!("?{SAS}"),
    ] {
        let error = Location::parse(&text).unwrap_err();
        let shown = format!("{error} {error:?} {:?}", error.hint());
        assert!(!shown.contains("SECRET"), "{shown}");
    }
}

#[test]
fn what_is_not_supported_is_said_so() {
    for (text, word) in [
        ("s3://", "no bucket in it"),
        ("s3:///key", "no bucket in it"),
        ("s3://user:pw@host/key", "no bucket in it"),
        ("s3://bucket/a//b", "'//'"),
        ("s3://bucket/folder/", "end with '/'"),
        ("-", "not supported yet by this version"),
        ("ftp://host/x", "'ftp' is no kind of location"),
        ("", "empty"),
        ("https://acct.blob.core.windows.net/", "names no container"),
        ("http://127.0.0.1:10000/devstoreaccount1", "names no container"),
        ("https://acct.blob.core.windows.net/Transfer", "cannot be a container"),
        ("https://acct.blob.core.windows.net/transfer/a//b", "'//'"),
        ("https://acct.blob.core.windows.net/transfer/a/b/", "end with '/'"),
        ("file://host/x", "three slashes"),
    ] {
        let error = Location::parse(text).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::LocationInvalid);
        assert!(error.to_string().contains(word), "{text}: {error}");
    }
}

#[test]
fn buckets_have_names_that_are_not_escaped() {
    let location = Location::parse("s3://bucket-1/folder/a b%20?+#.tar").unwrap();
    let bucket = location.bucket().unwrap();
    assert_eq!((bucket.provider, bucket.name.as_str()), (Provider::S3, "bucket-1"));
    assert_eq!(location.name(), Some("folder/a b%20?+#.tar"));
    assert_eq!(location.to_string(), "s3://bucket-1/folder/a b%20?+#.tar");
    for text in ["gs://bucket-1", "GS://bucket-1/"] {
        let location = Location::parse(text).unwrap();
        assert_eq!((location.bucket().unwrap().provider, location.name()), (Provider::Gcs, None));
        assert_eq!(location.with_name("x.tar").unwrap().to_string(), "gs://bucket-1/x.tar");
    }
}

#[test]
fn paths_are_folders_or_files() {
    let folder = tempfile::tempdir().unwrap();
    let base = folder.path().to_str().unwrap();
    let at = |text: &str| {
        let location = Location::parse(text).unwrap();
        (location.folder().unwrap().to_str().unwrap().to_owned(), location.name().map(str::to_owned))
    };
    assert_eq!(at(base), (base.to_owned(), None));
    assert_eq!(at(&format!("{base}/new/")), (format!("{base}/new/"), None));
    assert_eq!(at(&format!("{base}/b.tar")), (base.to_owned(), Some("b.tar".to_owned())));
    assert_eq!(at(&format!("file://{base}/b%20c.tar")), (base.to_owned(), Some("b c.tar".to_owned())));
    assert_eq!(at("b.tar"), (".".to_owned(), Some("b.tar".to_owned())));
    assert_eq!(at("./b.tar").1.as_deref(), Some("b.tar"));
    assert_eq!(at(".").1, None);
    assert_eq!(at("..").1, None);
    assert_eq!(at("/").1, None);
    assert_eq!(Location::parse("b.tar").unwrap().to_string(), "b.tar");
    let named = Location::parse(base).unwrap().with_name("x.tar").unwrap();
    assert_eq!(named.to_string(), format!("{base}/x.tar"));
    assert!(Location::parse(base).unwrap().with_name("../x").is_err());
}
