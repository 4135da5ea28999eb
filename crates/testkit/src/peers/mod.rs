//! Real programs that the tests talk to, each on a free loopback port with its own temporary folder.
//!
//! A peer is killed when its value is dropped, so do not put one into a `static`: statics are never dropped.

mod az;
mod azurite;
mod docker_registry;
mod gcs;
mod gcs_guard;
mod http;
mod moto;
mod names;
mod pki;
mod postgres;
mod process;
mod python;
pub mod sas;
mod skopeo;
mod tls_front;

pub use az::{Az, AzLogin};
pub use azurite::{ACCOUNT, ACCOUNT_KEY, Azurite, AzuriteOptions};
pub use docker_registry::{DockerRegistry, DockerRegistryOptions, PASSWORD, TokenService, USER};
pub use gcs::FakeGcs;
pub use http::{Answer, Endpoint};
pub use moto::{Moto, MotoKey, REGION};
pub use names::NameProxy;
pub use pki::{Identity, Pki};
pub use postgres::Postgres;
pub(crate) use process::environment;
pub use process::{find_program, search_path};
pub use python::Venv;
pub use skopeo::{skopeo, skopeo_ok};
pub use tls_front::TlsFront;
