//! Every bound of this crate.

/// Bounds on secrets; the defaults are those of Azure Key Vault
/// (<https://learn.microsoft.com/azure/key-vault/secrets/about-secrets>).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Longest value, in bytes.
    pub value_bytes_max: usize,
    /// Longest name, in characters.
    pub name_chars_max: usize,
    /// Most tags of a secret.
    pub tags_max: usize,
    /// Longest key or value of a tag, in characters.
    pub tag_chars_max: usize,
    /// Longest content type, in characters.
    pub content_type_chars_max: usize,
    /// Most rows that are read at a time.
    pub page_rows_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            value_bytes_max: 25 * 1024,
            name_chars_max: 127,
            tags_max: 15,
            tag_chars_max: 256,
            content_type_chars_max: 255,
            page_rows_max: 100,
        }
    }
}
