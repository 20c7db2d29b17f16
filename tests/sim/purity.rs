//! Purity.
