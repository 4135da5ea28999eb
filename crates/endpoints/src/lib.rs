//! From a resource and an identity to an open registry or store.
