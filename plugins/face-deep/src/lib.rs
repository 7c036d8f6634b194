//! The deep face detector: a small network scanned over a pyramid.
