//! Sample artifacts of every kind, and pushing them through the registry seam.
//!
//! Everything is made from seeds: the same call gives the same digests on every machine. The bytes of layers are made
//! as they are read and never held, so a layer may be larger than the memory.
//!
//! ```no_run
//! # async fn push(target: &dyn transload_registry::Target) {
//! use transload_testkit::images::{image, layer, sbom};
//! let app = image(&[layer(1, 1 << 20), layer(2, 4_096)]);
//! let app = app.with_referrer(|subject| sbom(subject));
//! app.push(target, "team/app", Some("v1")).await.unwrap();
//! app.check(target, "team/app", Some("v1")).await.unwrap();
//! # }
//! ```

mod artifact;
mod blob;
mod corpus;
mod kinds;
mod layout;

pub use artifact::Artifact;
pub use blob::Blob;
pub use corpus::{Corpus, Entry, Shape};
pub use kinds::{
    attestation, cosign_signature, docker_image, docker_list, foreign_layer, gzip_like_layer, helm_chart,
    image, image_for, index, layer, multi_arch, platform, sbom, signature, zero_layer,
};
pub use layout::write_layout;
