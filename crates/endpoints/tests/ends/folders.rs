//! Folders as containers, and the wrapper around every store.

use std::os::unix::fs::symlink;
use std::sync::Arc;

use transload_blobstore::{BlobStore, ErrorKind as StoreKind, conformance};
use transload_endpoints::{Access, ContainerAt, Endpoints, ErrorKind, Job, OpenContainer, Options};

use super::{names, options, read, write};

fn open(root: &std::path::Path, uri: &str) -> Result<OpenContainer, transload_endpoints::Error> {
    let endpoints = Endpoints::new(Options { folders: vec![root.to_owned()], ..options() });
    endpoints.open_container(&ContainerAt {
        uri: uri.to_owned(),
        endpoint: None,
        access: Access::Nobody,
        job: Job::Export,
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_conforms() {
    let root = tempfile::tempdir().unwrap();
    let uri = format!("file://{}/team/", root.path().display());
    std::fs::create_dir(root.path().join("team")).unwrap();
    conformance::run(async || open(root.path(), &uri).unwrap().store as Arc<dyn BlobStore>).await;
}

#[tokio::test]
async fn blobs_are_files_of_the_folder() {
    let root = tempfile::tempdir().unwrap();
    let real = root.path().canonicalize().unwrap();
    let opened = open(root.path(), &format!("file://{}/new", root.path().display())).unwrap();
    assert_eq!(opened.folder.as_deref(), Some(real.join("new").as_path()));
    assert_eq!(opened.place, format!("file://{}/new", real.display()));
    write(&opened.store, "a/b.tar", b"bundle").await.unwrap();
    assert_eq!(std::fs::read(real.join("new/a/b.tar")).unwrap(), b"bundle");
    assert_eq!(names(&opened.store).await.unwrap(), ["a/b.tar"]);
}

#[tokio::test]
async fn no_link_leads_out() {
    let place = tempfile::tempdir().unwrap();
    let (root, outside) = (place.path().join("root"), place.path().join("outside"));
    std::fs::create_dir(&root).unwrap();
    std::fs::create_dir(&outside).unwrap();
    std::fs::write(outside.join("there"), "OUTSIDE").unwrap();
    std::fs::write(root.join("plain"), "inside").unwrap();
    symlink(&outside, root.join("folder")).unwrap();
    symlink(outside.join("there"), root.join("file")).unwrap();
    symlink(root.join("plain"), root.join("within")).unwrap();
    let store = open(&root, &format!("file://{}", root.display())).unwrap().store;
    for name in ["folder/there", "file"] {
        assert_eq!(store.stat(name).await.unwrap_err().kind(), StoreKind::Denied, "{name}");
        assert_eq!(read(&store, name, 7).await.unwrap_err().kind(), StoreKind::Denied, "{name}");
        assert_eq!(write(&store, name, b"x").await.unwrap_err().kind(), StoreKind::Denied, "{name}");
        assert_eq!(store.delete(name, None).await.unwrap_err().kind(), StoreKind::Denied, "{name}");
    }
    assert_eq!(write(&store, "folder/new", b"x").await.unwrap_err().kind(), StoreKind::Denied);
    assert_eq!(read(&store, "within", 6).await.unwrap(), b"inside");
    assert_eq!(names(&store).await.unwrap(), ["plain", "within"]);
    assert_eq!(std::fs::read_to_string(outside.join("there")).unwrap(), "OUTSIDE");
    assert_eq!(std::fs::read_dir(&outside).unwrap().count(), 1);
}

#[tokio::test]
async fn other_folders_are_refused_and_the_setting_is_named() {
    let place = tempfile::tempdir().unwrap();
    let (root, outside) = (place.path().join("root"), place.path().join("outside"));
    std::fs::create_dir(&root).unwrap();
    std::fs::create_dir(&outside).unwrap();
    let error = open(&root, &format!("file://{}", outside.display())).unwrap_err();
    assert_eq!((error.kind(), error.code()), (ErrorKind::FolderNotAllowed, "FolderNotAllowed"));
    assert!(error.next_step().contains("--allow-folder"), "{error:?}");
    let none = Endpoints::new(options());
    let uri = format!("file://{}", root.display());
    let error = none
        .open_container(&ContainerAt {
            uri,
            endpoint: None,
            access: Access::Nobody,
            job: Job::Watch { delete: false },
        })
        .unwrap_err();
    assert!(error.detail().contains("no folder"), "{error:?}");
}
