//! Moto: an emulator of Amazon's services, of which S3 is one.

use std::ffi::OsString;
use std::net::SocketAddr;

use tempfile::TempDir;

use super::http::{Answer, Endpoint};
use super::process::{NotReady, Process, peer_folders, require_program};
use crate::hog::free_port;

const STARTS_MAX: usize = 4;
/// The region that requests without one count for.
pub const REGION: &str = "us-east-1";

/// A running emulator, everything in its memory.
#[derive(Debug)]
pub struct Moto {
    process: Process,
    endpoint: Endpoint,
    _folder: TempDir,
}

/// A key pair that the emulator knows.
#[derive(Debug, Clone)]
pub struct MotoKey {
    /// Access key id.
    pub id: String,
    /// Secret access key.
    pub secret: String,
}

impl Moto {
    /// An emulator that lets everybody do everything.
    pub fn start() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mut failed = String::new();
        for _ in 0..STARTS_MAX {
            let endpoint = Endpoint { addr: SocketAddr::from(([127, 0, 0, 1], free_port())), ca_pem: None };
            match launch(&folder, &endpoint) {
                Ok(process) => return Self { process, endpoint, _folder: folder },
                Err(NotReady(why)) if why.contains("in use") => failed = why,
                Err(NotReady(why)) => panic!("{why}"),
            }
        }
        panic!("{failed}");
    }

    /// From here on every request has to be signed by a key of this user, who may do everything that `actions` name
    /// (`s3:*`, for example).
    pub fn lock(&self, actions: &[&str]) -> MotoKey {
        self.iam("Action=CreateUser&UserName=tester");
        let quoted: Vec<String> = actions.iter().map(|a| format!("\"{a}\"")).collect();
        let policy = format!(
            r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Action":[{}],"Resource":"*"}}]}}"#,
            quoted.join(",")
        );
        let policy = percent_encoding::utf8_percent_encode(&policy, percent_encoding::NON_ALPHANUMERIC);
        self.iam(&format!("Action=PutUserPolicy&UserName=tester&PolicyName=p&PolicyDocument={policy}"));
        let made = self.iam("Action=CreateAccessKey&UserName=tester");
        let element = |name: &str| {
            let (_, rest) = made.split_once(&format!("<{name}>")).expect("the answer has the key");
            rest.split_once('<').expect("the answer is XML").0.to_owned()
        };
        let key = MotoKey { id: element("AccessKeyId"), secret: element("SecretAccessKey") };
        let locked = self
            .endpoint
            .request("POST", "/moto-api/reset-auth", &[("content-type", "text/plain")], b"0")
            .expect("moto answers");
        assert_eq!(locked.status, 200, "locking moto: {}", locked.text());
        key
    }

    fn iam(&self, form: &str) -> String {
        let scope = "AWS4-HMAC-SHA256 Credential=x/20260101/us-east-1/iam/aws4_request, SignedHeaders=host, Signature=x";
        let headers = [("authorization", scope), ("content-type", "application/x-www-form-urlencoded")];
        let form = format!("{form}&Version=2010-05-08");
        let answer = self.endpoint.request("POST", "/", &headers, form.as_bytes()).expect("moto answers");
        assert_eq!(answer.status, 200, "{form}: {}", answer.text());
        answer.text()
    }

    /// `http://127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        self.endpoint.url()
    }

    /// Address it listens on.
    pub fn addr(&self) -> SocketAddr {
        self.endpoint.addr
    }

    /// The end of what it logged.
    pub fn log(&self) -> String {
        self.process.log()
    }

    /// Makes a bucket; panics when that fails.
    pub fn create_bucket(&self, name: &str) {
        let answer = self.request("PUT", name, &[], b"");
        assert_eq!(answer.status, 200, "creating bucket '{name}': {}", answer.text());
    }

    /// Makes a bucket in another region than the first; panics when that fails.
    pub fn create_bucket_in(&self, name: &str, region: &str) {
        let body = format!(
            "<CreateBucketConfiguration><LocationConstraint>{region}</LocationConstraint></CreateBucketConfiguration>"
        );
        let scope = format!(
            "AWS4-HMAC-SHA256 Credential=x/20260101/{region}/s3/aws4_request, SignedHeaders=host, Signature=x"
        );
        let answer = self.request("PUT", name, &[("authorization", &scope)], body.as_bytes());
        assert_eq!(answer.status, 200, "creating bucket '{name}': {}", answer.text());
    }

    /// An object's bytes; `None` when there is none.
    pub fn get_object(&self, bucket: &str, key: &str) -> Option<Vec<u8>> {
        let answer = self.request("GET", &format!("{bucket}/{key}"), &[], b"");
        match answer.status {
            200 => Some(answer.body),
            404 => None,
            status => panic!("getting '{bucket}/{key}': {status} {}", answer.text()),
        }
    }

    /// Puts an object in one request; panics when that fails.
    pub fn put_object(&self, bucket: &str, key: &str, bytes: &[u8]) {
        let answer = self.request("PUT", &format!("{bucket}/{key}"), &[], bytes);
        assert_eq!(answer.status, 200, "putting '{bucket}/{key}': {}", answer.text());
    }

    /// How many uploads of the bucket are unfinished.
    pub fn uploads(&self, bucket: &str) -> usize {
        let answer = self.request("GET", &format!("{bucket}?uploads="), &[], b"");
        assert_eq!(answer.status, 200, "listing uploads of '{bucket}': {}", answer.text());
        answer.text().matches("<UploadId>").count()
    }

    /// Asks the emulator, with a signature that it looks at only when it is locked. `path` is `bucket/key`, with a query
    /// perhaps.
    pub fn request(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        let scope = "AWS4-HMAC-SHA256 Credential=x/20260101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=x";
        let mut headers = headers.to_vec();
        if headers.iter().all(|(name, _)| *name != "authorization") {
            headers.push(("authorization", scope));
        }
        let headers = &headers;
        self.endpoint.request(method, &format!("/{path}"), headers, body).expect("moto answers")
    }
}

fn launch(folder: &TempDir, endpoint: &Endpoint) -> Result<Process, NotReady> {
    let how = "run dev/peers, or install it with 'pip install moto[server,s3]'";
    let program = require_program("moto_server", &peer_folders(), how);
    let log = folder.path().join("log");
    let _ = std::fs::remove_file(&log);
    let port = endpoint.addr.port().to_string();
    let arguments: Vec<OsString> = ["-H", "127.0.0.1", "-p", &port].map(OsString::from).to_vec();
    Process::start("moto_server", &program, &arguments, &log, || {
        endpoint.request("GET", "/moto-api/", &[], &[]).is_ok()
    })
}
