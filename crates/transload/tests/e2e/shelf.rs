//! Bundles served as a registry, to real clients.
