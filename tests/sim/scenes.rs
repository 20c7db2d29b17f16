//! Hand-made lives.
