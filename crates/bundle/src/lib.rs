//! The bundle format: layout plan, head, transfer manifest, reader.
