//! Writing artifacts as an OCI image layout (image-spec, "Image Layout"), without the code under test.

use std::fs;
use std::io;
use std::path::Path;

use serde_json::json;
use transload_oci::media_type;

use super::artifact::Artifact;

/// Writes a layout into `folder`, which is made. Each artifact goes in with everything that belongs to it; only the
/// ones named here are in `index.json`, with their `org.opencontainers.image.ref.name`.
///
/// # Errors
/// What the file system says.
pub fn write_layout(folder: &Path, artifacts: &[(&str, &Artifact)]) -> io::Result<()> {
    let mut manifests = Vec::new();
    for (name, artifact) in artifacts {
        for blob in artifact.all_blobs() {
            let path = folder.join(blob.descriptor.digest.layout_path());
            if let Some(parent) = path.parent() {
                fs::create_dir_all(parent)?;
            }
            blob.write_to(&mut fs::File::create(path)?)?;
        }
        for (artifact, _) in artifact.in_push_order() {
            let path = folder.join(artifact.digest().layout_path());
            if let Some(parent) = path.parent() {
                fs::create_dir_all(parent)?;
            }
            fs::write(path, &artifact.manifest.bytes)?;
        }
        let mut descriptor = artifact.manifest.descriptor();
        descriptor.annotations.insert("org.opencontainers.image.ref.name".to_owned(), (*name).to_owned());
        manifests.push(descriptor);
    }
    let index = json!({ "schemaVersion": 2, "mediaType": media_type::OCI_INDEX, "manifests": manifests });
    fs::write(folder.join("index.json"), index.to_string())?;
    fs::write(folder.join("oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#)
}
