//! The bounds of the control plane.

/// Bounds of resources and requests. Each is a setting of the operator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Artifacts of one run. 50 is what Azure documents.
    pub artifacts_per_run_max: usize,
    /// Resources of one answer to LIST; the rest is behind `nextLink`.
    pub page_items_max: usize,
    /// Access policies of one vault.
    pub policies_per_vault_max: usize,
    /// User-assigned identities of one resource.
    pub identities_per_resource_max: usize,
    /// Tags of one resource (Azure: 50).
    pub tags_per_resource_max: usize,
    /// Characters of any text member.
    pub text_chars_max: usize,
    /// Failed sign-ins of one client before it has to wait.
    pub sign_in_failures_max: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            artifacts_per_run_max: 50,
            page_items_max: 100,
            policies_per_vault_max: 1024,
            identities_per_resource_max: 20,
            tags_per_resource_max: 50,
            text_chars_max: 4096,
            sign_in_failures_max: 10,
        }
    }
}
