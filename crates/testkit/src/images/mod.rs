//! Sample artifacts.
