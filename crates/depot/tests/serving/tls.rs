//! TLS, as curl, openssl and skopeo see it.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;

use tempfile::TempDir;
use transload_depot::{Error, Limits, Metrics, Tls};
use transload_testkit::peers::{Identity, Pki, skopeo};

use super::support::{ANY_PORT, Fixture, connect, eventually, rest};

/// A certificate and its key as files.
struct Files(TempDir);

impl Files {
    fn new(identity: &Identity) -> Self {
        let files = Self(TempDir::new().unwrap());
        files.put(identity);
        files
    }

    fn put(&self, identity: &Identity) {
        fs::write(self.cert(), &identity.cert_pem).unwrap();
        fs::write(self.key(), &identity.key_pem).unwrap();
    }

    fn cert(&self) -> PathBuf {
        self.0.path().join("tls.crt")
    }

    fn key(&self) -> PathBuf {
        self.0.path().join("tls.key")
    }

    fn tls(&self) -> Tls {
        Tls::from_files(self.cert(), self.key()).unwrap()
    }
}

fn run(program: &str, arguments: &[&str]) -> Output {
    Command::new(program).args(arguments).stdin(std::process::Stdio::null()).output().unwrap()
}

fn curl(ca: &Path, more: &[&str], url: &str) -> Output {
    let common = ["--silent", "--show-error", "--noproxy", "*", "--max-time", "20", "--cacert"];
    let arguments: Vec<&str> =
        common.into_iter().chain([ca.to_str().unwrap()]).chain(more.iter().copied()).chain([url]).collect();
    run("curl", &arguments)
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

fn fixture(tls: Tls) -> Fixture {
    let limits = Limits { certificate_reread: Duration::from_millis(20), ..Limits::default() };
    Fixture::with(
        limits,
        |serving| serving.tls(tls).metrics(Metrics::new()).metrics_on(ANY_PORT.into()),
        None,
    )
}

#[test]
fn a_generated_certificate_is_believed_by_whoever_trusts_its_authority() {
    let folder = TempDir::new().unwrap();
    let tls = Tls::generated(&folder.path().join("tls"), &["Depot.Example".to_owned()], None).unwrap();
    let ca = tls.authority().unwrap().to_owned();
    let fixture = fixture(tls);
    let port = fixture.addr().port();
    for more in [&["--tlsv1.3"][..], &["--tls-max", "1.2"]] {
        let url = format!("https://127.0.0.1:{port}/v2/");
        let output = curl(&ca, more, &url);
        assert!(output.status.success() && said(&output) == "{}", "{}", said(&output));
    }
    let name = format!("depot.example:{port}:127.0.0.1");
    let url = format!("https://depot.example:{port}/v2/");
    let output = curl(&ca, &["--resolve", &name], &url);
    assert!(output.status.success(), "{}", said(&output));
    let old = curl(&ca, &["--tls-max", "1.1"], &format!("https://localhost:{port}/v2/"));
    assert!(!old.status.success(), "TLS 1.1 is not spoken");

    // the chain is one that openssl follows, purpose and names included
    let to = format!("127.0.0.1:{port}");
    let arguments = ["s_client", "-connect", &to, "-CAfile", ca.to_str().unwrap(), "-verify_return_error"];
    let arguments =
        [&arguments[..], &["-verify_ip", "127.0.0.1", "-x509_strict", "-purpose", "sslserver"]].concat();
    let output = run("openssl", &arguments);
    assert!(output.status.success() && said(&output).contains("Verify return code: 0"), "{}", said(&output));

    // skopeo wants a folder with the authority in it
    let layout = format!("docker://localhost:{port}/a/none");
    let certs = ca.parent().unwrap();
    let output = skopeo(&["list-tags", "--cert-dir", certs.to_str().unwrap(), &layout]);
    assert!(said(&output).contains("404 (Not Found)"), "{}", said(&output));
}

#[test]
fn an_authority_is_made_once_and_for_its_names_alone() {
    let folder = TempDir::new().unwrap();
    let at = folder.path().join("tls");
    let make = |names: &[&str]| {
        let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
        Tls::generated(&at, &names, Some("first"))
    };
    make(&["*.depot.example", "10.0.0.7"]).unwrap();
    let first = fs::read(at.join("ca.crt")).unwrap();
    make(&["a.depot.example", "[::1]"]).unwrap();
    assert_eq!(fs::read(at.join("ca.crt")).unwrap(), first);
    // a machine that has got another name still starts
    Tls::generated(&at, &[], Some("second")).unwrap();
    let other = make(&["other.example", "10.0.0.8"]).unwrap_err().to_string();
    assert!(other.contains("may not issue for other.example, 10.0.0.8"), "{other}");
    let port = make(&["depot.example:5000"]).unwrap_err().to_string();
    assert!(port.contains("a port does not belong to it"), "{port}");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&at), mode(&at.join("ca-key.pem"))), (0o700, 0o600));
    }
    fs::write(at.join("ca-key.pem"), "nothing").unwrap();
    let error = make(&[]).unwrap_err();
    assert!(matches!(&error, Error::Certificate { path, .. } if path.ends_with("ca-key.pem")), "{error}");
}

#[test]
fn a_certificate_that_is_replaced_is_shown_and_a_bad_one_is_not() {
    let (old, new) = (Pki::new(), Pki::new());
    let files = Files::new(&old.loopback());
    let mut fixture = fixture(files.tls());
    let trusting = |fixture: &mut Fixture, pki: &Pki| {
        fixture.endpoint.ca_pem = Some(pki.ca_pem());
        fixture.endpoint.request("GET", "/v2/", &[], b"").map(|answer| answer.status).ok()
    };
    assert_eq!(trusting(&mut fixture, &old), Some(200));
    // halfway: the new certificate with the old key
    fs::write(files.cert(), new.loopback().cert_pem).unwrap();
    std::thread::sleep(Duration::from_millis(200));
    assert_eq!(trusting(&mut fixture, &old), Some(200), "the last good one stays");
    files.put(&new.loopback());
    eventually("the new certificate", || trusting(&mut fixture, &new));
    assert_eq!(trusting(&mut fixture, &old), None);
    fs::remove_file(files.cert()).unwrap();
    std::thread::sleep(Duration::from_millis(200));
    assert_eq!(trusting(&mut fixture, &new), Some(200));
}

#[test]
fn files_that_are_not_what_they_should_be_are_named() {
    let pki = Pki::new();
    let identity = pki.loopback();
    let files = Files::new(&identity);
    let fails = |cert: &str, key: &str| {
        fs::write(files.cert(), cert).unwrap();
        fs::write(files.key(), key).unwrap();
        Tls::from_files(files.cert(), files.key()).unwrap_err().to_string()
    };
    let (cert, key) = (&*identity.cert_pem, &*identity.key_pem);
    let other = pki.loopback().key_pem;
    for (cert, key, file, problem) in [
        (key, key, "tls.crt", "has no certificate in it"),
        ("", key, "tls.crt", "has no certificate in it"),
        (cert, cert, "tls.key", "has no private key in it"),
        (cert, &other, "tls.key", "is the private key of another certificate"),
        ("-----BEGIN CERTIFICATE-----\n!!", key, "tls.crt", "is not PEM"),
        (
            cert,
            "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n",
            "tls.key",
            "has a private key under a passphrase",
        ),
    ] {
        let error = fails(cert, key);
        assert!(error.contains(&format!("{file}: {problem}")), "{error}");
        assert!(!error.contains(&other.lines().nth(1).unwrap()[..20]), "{error}");
    }
    let absent = Tls::from_files("/nowhere/tls.crt", files.key()).unwrap_err().to_string();
    assert!(absent.contains("/nowhere/tls.crt: cannot be read"), "{absent}");
    // clients decide about one that has ended
    files.put(&pki.expired());
    files.tls();
}

#[test]
fn who_speaks_the_wrong_one_is_told_so() {
    let fixture = fixture(Files::new(&Pki::new().loopback()).tls());
    let mut stream = connect(fixture.addr());
    stream.write_all(b"GET /v2/ HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
    let answer = rest(&mut stream);
    assert!(answer.starts_with("HTTP/1.1 400 ") && answer.contains("https://"), "{answer}");
    let failures = "transload_depot_tls_handshake_failures_total 1\n";
    eventually("a failure that is counted", || Some(()).filter(|()| fixture.metrics().contains(failures)));

    // clients see by the first letters of the answer that this is HTTP, and some go on with it
    let plain = Fixture::new(Limits::default());
    let mut stream = connect(plain.addr());
    stream.write_all(b"\x16\x03\x01\x00\x05hello").unwrap();
    let answer = rest(&mut stream);
    assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
}

#[test]
fn a_handshake_that_does_not_go_on_ends_the_connection() {
    let limits = Limits { handshake_wait: Duration::from_millis(200), ..Limits::default() };
    let tls = Files::new(&Pki::new().loopback()).tls();
    let fixture = Fixture::with(limits, |serving| serving.tls(tls), None);
    let mut stream = connect(fixture.addr());
    stream.write_all(b"\x16\x03\x01").unwrap();
    assert_eq!(rest(&mut stream), "");
}

#[test]
fn clients_may_have_to_show_a_certificate() {
    let (pki, clients) = (Pki::new(), Pki::new());
    let files = Files::new(&pki.loopback());
    let ca = files.0.path().join("ca.crt");
    fs::write(&ca, pki.ca_pem()).unwrap();
    let clients_ca = files.0.path().join("clients.crt");
    fs::write(&clients_ca, clients.ca_pem()).unwrap();
    let fixture = fixture(files.tls().asking_clients(&clients_ca).unwrap());
    let url = format!("https://127.0.0.1:{}/v2/", fixture.addr().port());
    assert!(!curl(&ca, &[], &url).status.success());
    let with = |identity: &Identity| {
        let own = Files::new(identity);
        let (cert, key) = (own.cert(), own.key());
        curl(&ca, &["--cert", cert.to_str().unwrap(), "--key", key.to_str().unwrap()], &url)
    };
    let known = with(&clients.client("ci"));
    assert!(known.status.success(), "{}", said(&known));
    assert!(!with(&pki.client("ci")).status.success(), "of another authority");
    let empty = files.tls().asking_clients(&files.key()).unwrap_err().to_string();
    assert!(empty.contains("has no certificate in it"), "{empty}");
}
