//! A Vision-style framework: batched vision requests over any picture source.
