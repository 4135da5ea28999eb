//! What stands under a name: a file, the parts of one, or a folder that is an image layout.

use std::sync::Arc;

use futures_util::{StreamExt, TryStreamExt};
use transload_blobstore::{BlobStat, BlobStore};
use transload_bundle as bundle;

use super::pieces::{Pieces, Shape};
use super::{Glance, glance, parts};
use crate::code::Code;
use crate::engine::Engine;
use crate::error::Error;

/// The files of a layout that are no blobs.
const DOCUMENTS: [&str; 3] = ["oci-layout", "index.json", "manifest.json"];

/// Finds a bundle, or says what there is instead.
pub(crate) async fn find(engine: &Engine, store: &Arc<dyn BlobStore>, name: &str) -> Result<Pieces, Error> {
    let stat = if name.is_empty() { None } else { engine.request(store.stat(name)).await? };
    if let Some(stat) = stat.as_ref().filter(|_| parts::is_part_name(name)) {
        // two bundles may be called NAME.001 and NAME.002, and each be whole
        let alone = Pieces::new(store, vec![stat.clone()], Shape::Whole);
        if let Ok(Glance::Open(_)) = glance(engine, alone.clone(), store.describe(name)).await {
            return Ok(alone);
        }
    }
    if let Some(found) = parts::find(engine, store, name, stat.as_ref()).await? {
        return Ok(Pieces::new(store, found, Shape::Parts));
    }
    if let Some(stat) = stat {
        return Ok(Pieces::new(store, vec![stat], Shape::Whole));
    }
    let folder = if name.is_empty() { String::new() } else { format!("{}/", name.trim_end_matches('/')) };
    match folder_files(engine, store, &folder).await? {
        files if files.is_empty() => Err(missing(store, name).await),
        files => Ok(Pieces::new(store, files, Shape::Folder(folder))),
    }
}

/// The files of an image layout in a folder; none if there is no `oci-layout`.
async fn folder_files(
    engine: &Engine,
    store: &Arc<dyn BlobStore>,
    folder: &str,
) -> Result<Vec<BlobStat>, Error> {
    let mut files = Vec::new();
    for document in DOCUMENTS {
        let found = engine.request(store.stat(&format!("{folder}{document}"))).await;
        match found {
            Ok(Some(stat)) => files.push(stat),
            // a place that does not exist is told of as a name that does not
            Err(error) if files.is_empty() && !folder.is_empty() && !error.is_transient() => {
                return Ok(files);
            }
            Ok(None) if files.is_empty() => return Ok(files),
            Ok(None) => {}
            Err(error) => return Err(error.into()),
        }
    }
    let most = bundle::Limits::default().entries_max;
    let mut blobs = store.list(&format!("{folder}blobs/")).await?.take(most + 1);
    while let Some(stat) = blobs.try_next().await? {
        files.push(stat);
    }
    Ok(files)
}

async fn missing(store: &Arc<dyn BlobStore>, name: &str) -> Error {
    const NAMES_MAX: usize = 1_000;
    let error = Error::new(Code::BundleNotFound, store.describe(name), "there is no such bundle");
    let Ok(listed) = store.list("").await else { return error };
    let names: Vec<String> =
        listed.take(NAMES_MAX).filter_map(|blob| async { Some(blob.ok()?.name) }).collect().await;
    match crate::nearest::nearest(name, names.iter().map(String::as_str)) {
        Some(near) => error.with_next(format!("did you mean {}?", store.describe(near))),
        None => error,
    }
}

/// Everything in a list of blobs that may be a bundle, with its name: files, rows of parts, folders that are layouts.
pub(crate) fn among(store: &Arc<dyn BlobStore>, all: Vec<BlobStat>) -> Vec<(String, Pieces)> {
    let folders: Vec<String> =
        all.iter().filter_map(|stat| stat.name.strip_suffix("oci-layout")).map(str::to_owned).collect();
    let folders: Vec<&String> =
        folders.iter().filter(|name| name.is_empty() || name.ends_with('/')).collect();
    let (mut found, mut rest) = (Vec::new(), Vec::new());
    let mut layouts: Vec<Vec<BlobStat>> = vec![Vec::new(); folders.len()];
    for stat in all {
        // of a layout within a layout's folder nobody knows whose its files are: the outer one has them
        match folders.iter().position(|folder| stat.name.starts_with(folder.as_str())) {
            Some(index) => layouts[index].push(stat),
            None => rest.push(stat),
        }
    }
    for (folder, files) in folders.iter().zip(layouts).filter(|(_, files)| !files.is_empty()) {
        let shape = Shape::Folder((*folder).clone());
        found.push(((*folder).clone(), Pieces::new(store, files, shape)));
    }
    for (name, row) in parts::rows(rest) {
        let shape = if row.len() > 1 { Shape::Parts } else { Shape::Whole };
        found.push((name, Pieces::new(store, row, shape)));
    }
    found.sort_by(|(one, _), (other, _)| one.cmp(other));
    found
}
