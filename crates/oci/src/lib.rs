//! OCI digests, descriptors, references and manifests: values only, no I/O.
//!
//! Everything here is a plain value with a parser and a printer. A manifest keeps its **raw bytes** and
//! offers a parsed view beside them: bytes are what is signed, so bytes are what travels.
//!
//! The views are our own rather than a crate's: registries hold manifests with `null` where the
//! specification wants a list, with unknown media types and with platforms nobody listed, and a transfer
//! tool has to carry those unchanged instead of refusing them.

mod descriptor;
mod digest;
mod hash;
mod manifest;
pub mod media_type;
mod pattern;
mod platform;
mod reference;
mod rename;

pub use descriptor::{Descriptor, Platform};
pub use digest::{Algorithm, Digest, DigestError};
pub use hash::{Hasher, Midstate, Mismatch, Verifier};
pub use manifest::{Children, Manifest, ManifestError, View};
pub use pattern::{Name, Pattern, newest};
pub use platform::{PlatformError, PlatformPattern};
pub use reference::{Reference, ReferenceError, Selector, is_repository, is_tag};
pub use rename::{Rename, RenameError};
