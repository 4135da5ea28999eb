//! Secrets: the seam, the embedded encrypted vault, Azure Key Vault, environment and files.
