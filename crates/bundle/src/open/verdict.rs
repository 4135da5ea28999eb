//! What a walked tar is, judged by the files found in it.

use bytes::Bytes;

use super::walk::Found;
use crate::error::{Error, ErrorKind};
use crate::head::LAYOUT_NAME;
use crate::index;

impl Found {
    /// What the walk came to: `index.json`, once it is sure that this is an image layout.
    pub(super) fn verdict(mut self) -> Result<Bytes, Error> {
        let not =
            |detail: String, hint: &str| Err(Error::new(ErrorKind::NotABundle, "", detail).with_hint(hint));
        match (&self.layout, &self.index) {
            (Some(_), Some(_)) => {}
            _ if self.docker_manifest => {
                return not(
                    "it is a docker-archive (docker save), not an OCI image layout".to_owned(),
                    "convert it: skopeo copy docker-archive:FILE oci-archive:NEW.tar:repository:tag",
                );
            }
            (None, None) => {
                let Some(folder) = &self.nested_layout else {
                    let detail = "it is a tar, but not an OCI image layout: there is no oci-layout and no index.json in it";
                    return not(
                        detail.to_owned(),
                        "a bundle is made by 'transload export', or by 'skopeo copy … oci-archive:FILE'",
                    );
                };
                let detail = format!("the image layout in it is in the folder '{folder}', not at the top");
                return not(
                    detail,
                    "pack what is in the folder: tar -C FOLDER -cf FILE oci-layout index.json blobs",
                );
            }
            (None, Some(_)) => return Err(missing(LAYOUT_NAME)),
            (Some(_), None) => return Err(missing(index::NAME)),
        }
        if let Some(error) = self.hostile.take() {
            return Err(error);
        }
        check_layout(self.layout.as_deref().unwrap_or_default())?;
        self.index.take().ok_or_else(|| missing(index::NAME))
    }
}

fn missing(name: &str) -> Error {
    Error::new(ErrorKind::Damaged, name, "it is missing from the image layout")
}

/// Checks the version in `oci-layout` (image-spec, "oci-layout file").
fn check_layout(bytes: &[u8]) -> Result<(), Error> {
    #[derive(serde::Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Layout {
        image_layout_version: String,
    }
    let subject = LAYOUT_NAME;
    let layout: Layout = serde_json::from_slice(bytes)
        .map_err(|e| Error::new(ErrorKind::Damaged, subject, format!("it cannot be read: {e}")))?;
    if layout.image_layout_version.starts_with("1.") {
        return Ok(());
    }
    let version: String = layout.image_layout_version.chars().filter(|c| !c.is_control()).take(20).collect();
    let detail = format!("the image layout has version '{version}', this program reads version 1");
    Err(Error::new(ErrorKind::TooNew, subject, detail))
}
