//! The legacy face detector of Viola and Jones: an attentional cascade on integral images.
