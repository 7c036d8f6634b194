//! Scanning one level: every window of a grid through the cascade, neighbours together.

mod kernel;
mod program;
mod sums;

pub use kernel::Isa;
pub(crate) use program::Program;
pub(crate) use sums::LevelSums;

/// A window that passed every stage.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Hit {
    /// Left edge in the level, in pixels.
    pub x: u32,
    /// Top edge in the level, in pixels.
    pub y: u32,
    /// Sum of the last stage's votes above its threshold.
    pub margin: f32,
}

/// Which windows of a level are visited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grid {
    /// Distance of windows in both directions, 1 or 2 pixels.
    pub step: u32,
    /// Whether a window that the first stage rejects lets the next of its row be skipped, as OpenCV does.
    pub skip: bool,
}

#[cfg(test)]
mod tests;
