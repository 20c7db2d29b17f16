//! Streams' lives made by hand, for what must hold in so many words.
