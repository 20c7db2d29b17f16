//! Tables of the language, of records and of what they make undecidable; the vectors, where they are present.

mod vectors;
