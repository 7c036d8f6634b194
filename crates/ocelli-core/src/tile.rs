//! Tiles: how the scan of a huge view is cut into bands, so that the view never exists as a whole.

use crate::{Cost, ImageInfo, Input, PixelRegion, Request, Result, Size, ViewSpec};

/// What an algorithm must be handed around a tile, so that the tile's answers are those of the whole view.
///
/// Both in pixels of the view that is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tiling {
    /// How far an answer looks: the receptive field's radius, or the largest object.
    pub halo: u32,
    /// Tiles begin at multiples of this: the network's total stride, so that the grids of all tiles coincide.
    pub alignment: u32,
}

/// One part of a view that is scanned on its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tile {
    /// Which of the algorithm's needs is cut, as an index into [`Needs::views`](crate::Needs::views).
    pub need: usize,
    /// The view to read: its [`ViewScale::Part`](crate::ViewScale::Part), or the whole of a view that is not cut.
    pub view: ViewSpec,
    /// The part that this tile answers for, in pixels of the whole view: the tile without its halo. The cores of all
    /// tiles cover the view and do not overlap.
    pub core: PixelRegion,
}

impl Tile {
    /// The whole of a view as one tile.
    pub fn whole(need: usize, view: ViewSpec, image: Size) -> Self {
        Self { need, view, core: PixelRegion::whole(view.size(image)) }
    }

    /// Where the tile's view lies in the whole one, in pixels of the whole one.
    pub fn part(&self, image: Size) -> PixelRegion {
        self.view.scale.part().unwrap_or(PixelRegion::whole(self.view.size(image)))
    }

    /// Whether the tile answers for what begins at (`x`, `y`), in pixels of the tile's view.
    pub fn answers_for(&self, x: u32, y: u32, image: Size) -> bool {
        let part = self.part(image);
        let inside = |at: u32, from: u32, length: u32| at >= from && at - from < length;
        inside(part.x + x, self.core.x, self.core.width) && inside(part.y + y, self.core.y, self.core.height)
    }
}

/// An algorithm that can scan its views tile by tile.
///
/// ```text
/// journey := needs requires scan+ merge       in the place of run; every tile of every view is scanned once
/// ```
///
/// The union must equal what [`Algorithm::run`](crate::Algorithm::run) answers, whatever the size of the tiles.
pub trait TileScan<R: Request>: Send + Sync {
    /// What a tile needs around it; `None` where this request cannot be scanned so.
    fn tiling(&self, request: &R) -> Option<Tiling>;

    /// What scanning one view of each of these sizes at a time takes.
    ///
    /// # Errors
    /// As [`Algorithm::cost`](crate::Algorithm::cost).
    fn scan_cost(&self, request: &R, sizes: &[Size]) -> Result<Cost>;

    /// Candidates for which these tiles answer; `input` holds the tiles' views and no others.
    ///
    /// # Errors
    /// As [`Algorithm::run`](crate::Algorithm::run).
    fn scan(&self, request: &R, input: &Input<'_>, tiles: &[Tile]) -> Result<Vec<R::Out>>;

    /// Answers from the candidates of all tiles: what several tiles or levels saw becomes one.
    fn merge(&self, request: &R, image: &ImageInfo, found: Vec<R::Out>) -> Vec<R::Out>;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ViewKind, ViewScale};

    #[test]
    fn a_tile_answers_for_its_core_alone() {
        let image = Size::new(100, 400);
        let part = PixelRegion { x: 0, y: 64, width: 50, height: 96 };
        let view = ViewSpec { kind: ViewKind::Rgb8, scale: ViewScale::Part { longer: 200, part }, region: None };
        let tile = Tile { need: 0, view, core: PixelRegion { x: 0, y: 96, width: 50, height: 32 } };
        assert!(!tile.answers_for(8, 24, image) && tile.answers_for(8, 32, image));
        assert!(tile.answers_for(8, 56, image) && !tile.answers_for(8, 64, image));
        let whole = Tile::whole(0, ViewSpec::scaled(ViewKind::Rgb8, 200), image);
        assert!(whole.answers_for(49, 199, image) && !whole.answers_for(50, 0, image));
    }
}
