//! The folder store: the suite, and what only files do.

use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::StreamExt;
use tempfile::tempdir;
use transload_blobstore::file::FileStore;
use transload_blobstore::{BlobStore, ErrorKind, StageOptions, conformance};

#[tokio::test(flavor = "multi_thread")]
async fn files_conform() {
    let folder = tempdir().unwrap();
    conformance::run(async || Arc::new(FileStore::new(folder.path())) as Arc<dyn BlobStore>).await;
}

#[tokio::test]
async fn a_missing_folder_is_made_only_at_the_last_level() {
    let folder = tempdir().unwrap();
    let near = FileStore::new(folder.path().join("exports/"));
    assert_eq!(near.stat("b.tar").await.unwrap(), None);
    near.stage("b.tar", StageOptions::default()).await.unwrap().commit(&[]).await.unwrap();
    assert!(folder.path().join("exports/b.tar").exists());

    let far = FileStore::new(folder.path().join("no/such"));
    let nearest = folder.path().display().to_string();
    for error in [
        far.stage("b.tar", StageOptions::default()).await.map(|_| ()).unwrap_err(),
        far.stat("b.tar").await.map(|_| ()).unwrap_err(),
        far.read("b.tar", 0..1, None).await.map(|_| ()).unwrap_err(),
        far.list("").await.map(|_| ()).unwrap_err(),
        far.delete("b.tar", None).await.unwrap_err(),
    ] {
        assert_eq!(error.kind(), ErrorKind::ContainerNotFound, "{error:?}");
        assert!(error.detail().contains(&nearest), "{error}");
    }
}

#[tokio::test]
async fn a_folder_that_may_not_be_written_is_denied() {
    let folder = tempdir().unwrap();
    std::fs::set_permissions(folder.path(), PermissionsExt::from_mode(0o555)).unwrap();
    let result = FileStore::new(folder.path()).stage("b.tar", StageOptions::default()).await;
    // whoever may write everywhere is not denied
    if let Err(error) = result {
        assert_eq!(error.kind(), ErrorKind::Denied, "{error:?}");
    }
}

#[tokio::test]
async fn names_of_files_being_written_are_refused_and_never_listed() {
    let folder = tempdir().unwrap();
    let store = FileStore::new(folder.path());
    for name in ["b.partial", "a/b.partial.blocks"] {
        let error = store.stage(name, StageOptions::default()).await.map(|_| ()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::LocationInvalid);
    }
    let stage = store.stage("b", StageOptions::default()).await.unwrap();
    let content = Bytes::from_static(b"x");
    stage.put(&conformance::block(0, &content), content).await.unwrap();
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2);
    assert_eq!(store.list("").await.unwrap().count().await, 0);
}

#[tokio::test]
async fn a_file_changed_while_it_is_read_is_noticed() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("big");
    std::fs::write(&path, vec![7; 8 << 20]).unwrap();
    let store = FileStore::new(folder.path());
    let stat = store.stat("big").await.unwrap().unwrap();
    let mut stream = store.read("big", 0..stat.size, stat.etag.as_deref()).await.unwrap();
    stream.next().await.unwrap().unwrap();
    let file = std::fs::OpenOptions::new().append(true).open(&path).unwrap();
    std::io::Write::write_all(&mut &file, b"more").unwrap();
    let last = stream.fold(Ok(()), async |_, piece| piece.map(|_| ())).await;
    assert_eq!(last.unwrap_err().kind(), ErrorKind::Changed);
}
