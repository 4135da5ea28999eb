//! Certificates for programs beside the server, by the server's own authority.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use serde_json::Value;
use tempfile::TempDir;
use transload_depot::Tls;
use transload_testkit::cli::{Cli, Finished};

use crate::support::{Said, folder, names, path, transload};

/// A server's folder with an authority for these names.
fn server(names: &[&str]) -> TempDir {
    let folder = folder();
    let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
    Tls::generated(&folder.path().join("tls"), &names, None).unwrap();
    folder
}

fn openssl(arguments: &[&str]) -> Finished {
    Cli::new("openssl").run(arguments)
}

#[test]
fn a_certificate_is_issued_that_clients_of_the_server_believe() {
    let (server, to) = (server(&["*.blob.lab.test"]), folder());
    let (data, out) = (path(&server, ""), path(&to, "tls"));
    let issue = ["ca", "issue", "*.blob.LAB.test", "127.0.0.1", "--data", &data, "--out", &out];
    let said = transload().run([&issue[..], &["--output", "json"]].concat()).ok();
    let told: Value = serde_json::from_str(&said.stdout).unwrap();
    assert_eq!(told["names"], serde_json::json!(["*.blob.lab.test", "127.0.0.1"]), "{told}");
    let (cert, key) = (format!("{out}/_.blob.lab.test.crt"), format!("{out}/_.blob.lab.test.key"));
    assert_eq!((told["certificate"].as_str(), told["key"].as_str()), (Some(&*cert), Some(&*key)));
    let mode = |path: &str| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&key), mode(&cert)), (0o600, 0o644));
    let secret = std::fs::read_to_string(&key).unwrap();
    said.keeps_secret(secret.lines().nth(1).unwrap());

    // key and certificate belong together, and the authority vouches for the names and no others
    Tls::from_files(Path::new(&cert), Path::new(&key)).unwrap();
    let ca = told["ca_file"].as_str().unwrap();
    let verify = |how: &str, name: &str| {
        openssl(&["verify", "-CAfile", ca, "-purpose", "sslserver", "-x509_strict", how, name, &cert])
    };
    verify("-verify_hostname", "acct.blob.lab.test").ok();
    verify("-verify_ip", "127.0.0.1").ok();
    assert_ne!(verify("-verify_hostname", "acct.blob.example.com").code(), 0);

    // what is there stays unless it is said
    transload().run(issue).refused(2, "Usage");
    assert_eq!(std::fs::read_to_string(&key).unwrap(), secret);
    transload().run([&issue[..], &["--force"]].concat()).ok();
    assert_ne!(std::fs::read_to_string(&key).unwrap(), secret);
}

#[test]
fn nothing_is_issued_for_what_the_authority_was_not_made_for() {
    let (server, to) = (server(&["lab.test"]), folder());
    let (data, out) = (path(&server, ""), path(&to, "tls"));
    let said = transload().run(["ca", "issue", "lab.test", "example.com", "--data", &data, "--out", &out]);
    let next = said.refused(5, "CertificateInvalid");
    assert!(said.stderr.contains("example.com") && next.contains("--tls-generate"), "{}", said.all());
    assert!(names(&to).is_empty());
    let port = transload().run(["ca", "issue", "lab.test:8443", "--data", &data]);
    port.refused(5, "CertificateInvalid");
    assert!(port.stderr.contains("a port does not belong to it"), "{}", port.all());
}

#[test]
fn the_authority_is_shown_as_it_is() {
    let server = server(&["lab.test"]);
    let data = path(&server, "");
    let pem = std::fs::read_to_string(server.path().join("tls/ca.crt")).unwrap();
    assert_eq!(transload().run(["ca", "show", "--data", &data]).ok().stdout, pem);
    let folder = path(&server, "tls");
    assert_eq!(transload().run(["ca", "show", "--tls-folder", &folder]).ok().stdout, pem);
    let none = self::folder();
    let next = transload().run(["ca", "show", "--data", &path(&none, "")]).refused(5, "CertificateInvalid");
    assert!(next.contains("--data") && next.contains("--tls-cert"), "{next}");
    assert!(names(&none).is_empty(), "asking makes nothing");
}
