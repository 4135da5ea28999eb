//! No log has a SAS token in it, at any level. Alone in its program: what is logged is decided for the whole of one.

use std::io::Write;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use transload_blobstore::conformance::block;
use transload_blobstore::{Credential, Location, RetryLimits, StageOptions, StoreOptions, open};
use transload_testkit::peers::Azurite;
use transload_testkit::peers::sas::Sas;

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("nobody panics while writing").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn no_log_has_the_token() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(move || writer.clone())
        .finish();
    tracing::subscriber::set_global_default(subscriber).unwrap();
    let azurite = Azurite::start();
    azurite.create_container("transfer");
    let good = Sas::container("transfer").permissions("racwdl");
    let wrong = good.clone().wrong_key();
    let retry =
        RetryLimits { attempts_max: 2, delay_first: Duration::from_millis(1), ..RetryLimits::default() };
    let options = StoreOptions { retry, ..StoreOptions::default() };
    let store = |token: &Sas| {
        let location = Location::parse(&azurite.url_with("transfer", token)).unwrap();
        open(&location, Credential::None, &options).unwrap().0
    };
    let (allowed, refused) = (store(&good), store(&wrong));
    let stage = allowed.stage("new", StageOptions::default()).await.unwrap();
    let content = Bytes::from_static(b"x");
    let list = [block(0, &content)];
    stage.put(&list[0], content).await.unwrap();
    stage.commit(&list).await.unwrap();
    drop(allowed.read("new", 0..1, None).await.unwrap());
    drop(allowed.list("").await.unwrap());
    refused.stage("other", StageOptions::default()).await.unwrap_err();
    refused.delete("new", None).await.unwrap_err();
    drop(azurite);
    allowed.stat("new").await.unwrap_err();

    let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert!(log.contains("transfer/new"), "requests are logged: {log}");
    for token in [good, wrong] {
        let encoded: String = url::form_urlencoded::byte_serialize(token.signature().as_bytes()).collect();
        assert!(!log.contains(&token.signature()) && !log.contains(&encoded), "{log}");
    }
}
