//! Ids of resources, and the api-versions under which they are asked for.

use transload_api::ResourceId;

/// The api-version of routes that are this project's own.
pub(crate) const OWN_VERSION: &str = "2025-06-01-preview";
/// The api-version of the secret data plane.
pub(crate) const SECRETS_VERSION: &str = "7.4";
/// The api-version of subscriptions.
pub(crate) const SUBSCRIPTIONS_VERSION: &str = "2022-12-01";

/// Direction of a pipeline.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Direction {
    /// Registry to container.
    Export,
    /// Container to registry.
    Import,
}

impl Direction {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Export, Self::Import];

    /// The segment of a path.
    pub fn segment(self) -> &'static str {
        match self {
            Self::Export => "exportPipelines",
            Self::Import => "importPipelines",
        }
    }

    /// The direction of a pipeline's id.
    pub fn of(id: &ResourceId) -> Option<Self> {
        let kind = id.kind();
        Self::ALL.into_iter().find(|direction| {
            kind.rsplit('/').next().is_some_and(|last| last.eq_ignore_ascii_case(direction.segment()))
        })
    }
}

/// An id that knows its api-version.
pub trait Versioned {
    /// The api-version.
    fn api_version(&self) -> &'static str;

    /// The path, with the api-version in its query.
    fn path(&self) -> String;
}

impl Versioned for ResourceId {
    fn api_version(&self) -> &'static str {
        let kind = self.kind().to_ascii_lowercase();
        match kind.split('/').next().unwrap_or_default() {
            "microsoft.containerregistry" => "2025-06-01-preview",
            "microsoft.keyvault" => "2023-07-01",
            "microsoft.managedidentity" => "2023-01-31",
            "microsoft.storage" => "2023-01-01",
            _ => "2021-04-01",
        }
    }

    fn path(&self) -> String {
        format!("{}?api-version={}", self.as_str(), self.api_version())
    }
}
