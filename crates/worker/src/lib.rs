//! Claims runs, performs them, and watches containers for bundles that arrive.
