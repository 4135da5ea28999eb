//! The registry seam (Source, Target) and the distribution client.
