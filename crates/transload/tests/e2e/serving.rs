//! `registry serve`: listening, TLS, logs, figures, and ending.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;
use transload_testkit::cli::Running;
use transload_testkit::peers::Endpoint;

use crate::support::{folder, path, transload};

/// A registry that is ready.
struct Serving {
    running: Running,
    greeting: Value,
    _data: TempDir,
}

impl Serving {
    /// With these options besides a folder and a free port.
    fn new(options: &[&str]) -> Self {
        Self::by(transload, options)
    }

    fn by(program: impl FnOnce() -> transload_testkit::cli::Cli, options: &[&str]) -> Self {
        let data = folder();
        let store = path(&data, "registry");
        let common = ["registry", "serve", "--json", "--data", &store];
        let listen: &[&str] = if options.contains(&"--listen") { &[] } else { &["--listen", "127.0.0.1:0"] };
        let mut running = program().spawn([&common, listen, options].concat());
        // a line may be half written
        let said = |running: &Running| {
            running
                .stdout()
                .split_inclusive('\n')
                .any(|line| line.contains("\"serving\"") && line.ends_with('\n'))
        };
        running.wait_until(said);
        let said = running.stdout();
        let greeting = said.lines().find(|line| line.contains("\"serving\"")).unwrap();
        let greeting = serde_json::from_str(greeting).unwrap();
        Self { running, greeting, _data: data }
    }

    fn urls(&self) -> Vec<&str> {
        self.greeting["urls"].as_array().unwrap().iter().map(|url| url.as_str().unwrap()).collect()
    }

    fn endpoint(&self) -> Endpoint {
        at(self.urls()[0])
    }

    fn status(&self, target: &str) -> u16 {
        self.endpoint().request("GET", target, &[], b"").unwrap().status
    }

    fn stop(self) -> transload_testkit::cli::Finished {
        self.running.terminate();
        self.running.wait()
    }
}

fn at(url: &str) -> Endpoint {
    let (scheme, rest) = url.split_once("://").unwrap();
    let addr = rest.split('/').next().unwrap().parse().unwrap();
    assert_eq!(scheme, "http");
    Endpoint { addr, ca_pem: None }
}

fn lines(path: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    text.lines().map(str::to_owned).collect()
}

/// Sends half of an upload of ten bytes.
fn half_an_upload(endpoint: &Endpoint) -> TcpStream {
    let opened = endpoint.request("POST", "/v2/a/blobs/uploads/", &[], b"").unwrap();
    let session = opened.header("location").unwrap();
    let mut stream = TcpStream::connect(endpoint.addr).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    write!(stream, "PATCH {session} HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n01234").unwrap();
    stream
}

fn has_figure(metrics: &Endpoint, line: &str) -> bool {
    metrics.request("GET", "/metrics", &[], b"").unwrap().text().lines().any(|found| found == line)
}

#[test]
fn it_listens_on_every_address_and_shows_figures_on_another() {
    let mut serving = Serving::new(&[
        "--listen",
        "127.0.0.1:0",
        "--listen",
        "127.0.0.1:0",
        "--metrics-listen",
        "127.0.0.1:0",
    ]);
    let urls: Vec<String> = serving.urls().into_iter().map(str::to_owned).collect();
    assert_eq!(urls.len(), 2);
    for url in &urls {
        assert_eq!(at(url).request("GET", "/v2/", &[], b"").unwrap().status, 200);
    }
    let metrics = at(serving.greeting["metrics"].as_str().unwrap());
    assert_eq!(metrics.request("GET", "/healthz", &[], b"").unwrap().text(), "ok\n");
    let line = r#"transload_depot_requests_total{method="GET",route="base",status="200"} 2"#;
    serving.running.wait_until(|_| has_figure(&metrics, line));
    assert!(has_figure(&metrics, "transload_depot_uploads_open 0"));
    serving.stop().ok();
}

#[test]
fn an_address_that_is_taken_is_a_clear_error() {
    let serving = Serving::new(&[]);
    let taken = serving.endpoint().addr.to_string();
    let data = folder();
    let said = transload().run(["registry", "serve", "--data", &path(&data, "x"), "--listen", &taken]);
    assert!(
        said.stderr.contains("[ListenFailed]") && said.stderr.contains("another port"),
        "{}",
        said.stderr
    );
    assert!(said.stderr.contains(&format!("error: {taken}: cannot be listened on")), "{}", said.stderr);
    let store = path(&serving._data, "registry");
    let said = transload().run(["registry", "serve", "--data", &store, "--listen", "127.0.0.1:0"]);
    assert!(said.stderr.contains("[RegistryFolderBusy]"), "{}", said.stderr);
}

#[test]
fn a_person_is_told_where_it_is_and_how_it_ends() {
    let data = folder();
    let store = path(&data, "registry");
    let mut running = transload().spawn([
        "registry",
        "serve",
        "--data",
        &store,
        "--listen",
        "127.0.0.1:0",
        "--tls-generate=depot.example",
    ]);
    running.wait_until(|running| running.stdout().contains("  stop "));
    let said = running.stdout();
    let ca = format!("{store}/tls/ca.crt");
    assert!(said.starts_with("registry at https://127.0.0.1:"), "{said}");
    for part in [
        "/etc/docker/certs.d/127.0.0.1:".to_owned(),
        format!("--cert-dir {store}/tls"),
        format!("--ca-file {ca}"),
        "docker push 127.0.0.1:".to_owned(),
    ] {
        assert!(said.contains(&part), "no {part} in {said}");
    }
    let addr = said.split("https://").nth(1).unwrap().lines().next().unwrap().parse().unwrap();
    let endpoint = Endpoint { addr, ca_pem: Some(std::fs::read_to_string(&ca).unwrap()) };
    assert_eq!(endpoint.request("GET", "/v2/", &[], b"").unwrap().status, 200);
    running.terminate();
    running.wait().ok();
}

#[test]
fn the_access_log_goes_on_in_a_new_file_after_a_hang_up() {
    let logs = folder();
    let log = logs.path().join("access.log");
    let mut serving = Serving::new(&["--access-log", log.to_str().unwrap(), "--access-log-format", "json"]);
    assert_eq!(serving.status("/v2/?token=s3cret&n=1"), 200);
    serving.running.wait_until(|_| lines(&log).len() == 1);
    let moved = logs.path().join("access.log.1");
    std::fs::rename(&log, &moved).unwrap();
    serving.running.hang_up();
    // how soon the signal comes is the system's affair
    let endpoint = serving.endpoint();
    serving.running.wait_until(|_| {
        assert_eq!(endpoint.request("GET", "/v2/a/tags/list", &[], b"").unwrap().status, 404);
        !lines(&log).is_empty()
    });
    serving.stop().ok();
    let first: Value = serde_json::from_str(&lines(&moved)[0]).unwrap();
    assert_eq!((&first["target"], &first["status"]), (&"/v2/?n=1".into(), &200.into()), "{first}");
    let last: Value = serde_json::from_str(lines(&log).last().unwrap()).unwrap();
    assert_eq!((&last["target"], &last["status"]), (&"/v2/a/tags/list".into(), &404.into()), "{last}");
}

#[test]
fn lines_of_text_go_to_standard_output_too() {
    let serving = Serving::new(&["--access-log", "-"]);
    serving.status("/v2/_catalog?n=5");
    let said = serving.stop().ok();
    assert!(said.stdout.contains("\"GET /v2/_catalog?n=5\" 200 "), "{}", said.stdout);
}

#[test]
fn what_runs_when_it_is_stopped_is_brought_to_its_end() {
    let mut serving = Serving::new(&["--metrics-listen", "127.0.0.1:0", "--drain", "5m"]);
    let metrics = at(serving.greeting["metrics"].as_str().unwrap());
    let endpoint = serving.endpoint();
    let mut upload = half_an_upload(&endpoint);
    serving.running.wait_until(|_| has_figure(&metrics, "transload_depot_requests_in_flight 1"));
    serving.running.terminate();
    serving.running.wait_until(|_| TcpStream::connect(endpoint.addr).is_err());
    upload.write_all(b"56789").unwrap();
    let mut answer = String::new();
    upload.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 202 "), "{answer}");
    serving.running.wait().ok();
}

#[test]
fn a_second_signal_does_not_wait() {
    let mut serving = Serving::new(&["--metrics-listen", "127.0.0.1:0", "--drain", "1h"]);
    let metrics = at(serving.greeting["metrics"].as_str().unwrap());
    let endpoint = serving.endpoint();
    let upload = half_an_upload(&endpoint);
    serving.running.wait_until(|_| has_figure(&metrics, "transload_depot_requests_in_flight 1"));
    serving.running.terminate();
    serving.running.wait_until(|_| TcpStream::connect(endpoint.addr).is_err());
    // within the test's limit, which is far below the hour
    serving.running.terminate();
    serving.running.wait().ok();
    drop(upload);
}

#[test]
fn a_service_manager_is_told() {
    let place = folder();
    let socket = place.path().join("notify");
    let manager = UnixDatagram::bind(&socket).unwrap();
    manager.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    let told = || {
        let mut text = [0; 64];
        let len = manager.recv(&mut text).unwrap();
        String::from_utf8_lossy(&text[..len]).into_owned()
    };
    let serving = Serving::by(|| transload().env("NOTIFY_SOCKET", &socket), &[]);
    assert_eq!(told(), "READY=1");
    serving.stop().ok();
    assert_eq!(told(), "STOPPING=1");
}

#[test]
fn certificates_that_cannot_be_used_end_it_before_it_listens() {
    let place = folder();
    let (cert, key) = (path(&place, "tls.crt"), path(&place, "tls.key"));
    std::fs::write(&cert, "nothing").unwrap();
    std::fs::write(&key, "nothing").unwrap();
    let data = path(&place, "registry");
    let common = ["registry", "serve", "--data", &data, "--listen", "127.0.0.1:0"];
    let run = |options: &[&str]| transload().run([&common, options].concat());
    let said = run(&["--tls-cert", &cert, "--tls-key", &key]);
    assert!(
        said.stderr.contains("tls.crt: has no certificate in it [CertificateInvalid]"),
        "{}",
        said.stderr
    );
    let said = run(&["--tls-cert", &cert]);
    assert!(said.code() == 2 && said.stderr.contains("--tls-key"), "{}", said.stderr);
    let said = run(&["--tls-client-ca", &cert]);
    assert!(said.code() == 2 && said.stderr.contains("over TLS only"), "{}", said.stderr);
    let said = run(&["--tls-generate=a.example:5000"]);
    assert!(said.stderr.contains("a port does not belong to it"), "{}", said.stderr);
}
