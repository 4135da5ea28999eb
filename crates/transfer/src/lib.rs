//! The engine: export, import and copy as plan, then act.
