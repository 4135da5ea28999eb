//! The store seam (stage blocks, commit, ranged read) and its adapters.
