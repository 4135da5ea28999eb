//! The CONNECT listener: clients that cannot resolve this server's names reach them, and nothing else.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use transload_testkit::cli::Cli;
use transload_testkit::peers::{Az, AzLogin};
use transload_testkit::site::{Site, SiteOptions};

use crate::support::site;

const VAULT: &str = "connectvault";

fn with_listener() -> Site {
    site(SiteOptions { workers: 0, connect: true, ..SiteOptions::default() })
}

/// What the listener answers to these bytes, to the end of the connection.
fn answer(site: &Site, request: &str) -> String {
    let addr = site.connect_url().replace("http://", "");
    let mut stream = TcpStream::connect(addr).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = Vec::new();
    // bytes that it did not read make the kernel reset the connection behind the answer
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8(answer).unwrap()
}

#[test]
fn what_is_not_this_servers_is_refused_in_one_line_that_says_what_is_taken() {
    let mut site = with_listener();
    for host in ["example.com:443", "169.254.169.254:80", "a.b.vault.transload.test:443", "10.0.0.1:22"] {
        let told = answer(&site, &format!("CONNECT {host} HTTP/1.1\r\nHost: {host}\r\n\r\n"));
        let first = told.lines().next().unwrap();
        assert!(first.starts_with("HTTP/1.1 403 Forbidden"), "{host}: {told}");
        for name in ["127.0.0.1", "*.vault.transload.test", "*.registry.transload.test"] {
            assert!(first.contains(name), "{host}: {told}");
        }
    }
    assert!(answer(&site, "GET http://example.com/ HTTP/1.1\r\n\r\n").starts_with("HTTP/1.1 405 "));
    assert!(answer(&site, "\x16\x03\x01 hello\r\n\r\n").starts_with("HTTP/1.1 400 "));
    let long = format!("CONNECT a.vault.transload.test:1 HTTP/1.1\r\nX: {}\r\n\r\n", "x".repeat(100_000));
    assert!(answer(&site, &long).starts_with("HTTP/1.1 431 "));
    site.stop();
    assert!(TcpStream::connect(site.connect_url().replace("http://", "")).is_err());
    let told = site.told();
    assert!(told.contains("10.0.0.1"), "it is not told of what was refused: {told}");
}

#[test]
fn a_tunnel_ends_at_the_server_whatever_port_is_named() {
    let site = with_listener();
    let ca = site.ca_file();
    let curl = Cli::new("curl");
    for port in ["443", "1", &site.host()["127.0.0.1:".len()..]] {
        let url = format!("https://{VAULT}.vault.transload.test:{port}/secrets/none?api-version=7.4");
        let asked = ["-sS", "-i", "--proxy", &site.connect_url(), "--cacert", ca.to_str().unwrap(), &url];
        let answer = curl.run(asked).ok().stdout;
        assert!(answer.contains("HTTP/1.1 401"), "{port}: {answer}");
    }
    let url = "https://example.com/";
    let refused = curl.run(["-sS", "-v", "--proxy", &site.connect_url(), url]);
    assert_eq!(refused.code(), 56, "{}", refused.stderr);
    assert!(refused.stderr.contains("this proxy leads to 127.0.0.1"), "{}", refused.stderr);
}

#[test]
fn az_keeps_a_secret_through_it() {
    let site = with_listener();
    let admin = site.admin();
    let login = AzLogin { tenant: &admin.tenant, client_id: &admin.client_id, secret: &admin.secret };
    let az = Az::sign_in(&site.url(), &site.connect_url(), &site.ca_file(), login);
    site.make_group("lab");
    site.make_vault("lab", VAULT);
    let me = site.get("/api/whoami")["principalId"].as_str().unwrap().to_owned();
    site.permit("lab", VAULT, &me, &["get", "set"]);
    az.ok(&["keyvault", "secret", "set", "--vault-name", VAULT, "-n", "sas1", "--value", "?sig=a%2Bb"]);
    let read = az.ok(&[
        "keyvault",
        "secret",
        "show",
        "--vault-name",
        VAULT,
        "-n",
        "sas1",
        "--query",
        "value",
        "-o",
        "tsv",
    ]);
    assert_eq!(read.trim(), "?sig=a%2Bb");
    // what is not ours is told of by the reason that stands behind the status
    let elsewhere =
        az.run(&["rest", "-m", "get", "-u", "https://example.com/", "--skip-authorization-header"]);
    assert_ne!(elsewhere.code(), 0);
    assert!(elsewhere.stderr.contains("this proxy leads to"), "{}", elsewhere.stderr);
}
