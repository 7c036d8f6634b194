//! Any picture source to the canonical picture and its shared views.
