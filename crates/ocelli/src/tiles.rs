//! Cutting the scan of huge views into bands, and running it band by band.
//!
//! A band is a stretch of a view along the rows of the file, with a halo on both sides. Neighbouring bands overlap by two
//! halos, so that every place is seen once with everything around it that its answer depends on. One pass over the file
//! serves all bands of all views that are read from it in the same way; a band is gone before the next but one begins.

use crate::graph::Node;
use ocelli_core::{
    AnyObservations, Control, Error, Input, PixelRegion, Result, Size, Tile, Tiling, View, ViewScale, ViewSpec, Views,
};
use ocelli_image::{Picture, ViewCache};
use std::sync::Arc;

/// How one node's views are cut.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Cut {
    /// Bands of the views that are too large, in the order of the picture.
    pub(crate) bands: Vec<Tile>,
    /// The views that are read whole.
    pub(crate) whole: Vec<Tile>,
}

impl Cut {
    /// Cuts those of `needs` that are named in `cut` into bands of about `rows` pixels; `None` where nothing is cut.
    pub(crate) fn new(needs: &[ViewSpec], cut: &[usize], picture: &Picture, tiling: Tiling, rows: u32) -> Option<Self> {
        let image = picture.info().size;
        let (mut bands, mut whole) = (Vec::new(), Vec::new());
        for (need, &view) in needs.iter().enumerate() {
            if cut.contains(&need) {
                bands.extend(bands_of(need, view, image, tiling, rows, picture.is_stored_turned()));
            } else {
                whole.push(Tile::whole(need, view, image));
            }
        }
        (!bands.is_empty()).then_some(Self { bands, whole })
    }

    /// The views that are read whole.
    pub(crate) fn whole_views(&self) -> Vec<ViewSpec> {
        self.whole.iter().map(|tile| tile.view).collect()
    }

    /// The bands, as views.
    pub(crate) fn band_views(&self) -> Vec<ViewSpec> {
        self.bands.iter().map(|tile| tile.view).collect()
    }
}

/// Whether a view can be cut, and how many bytes it has.
pub(crate) fn cuttable(view: &ViewSpec, image: Size) -> Option<u64> {
    matches!(view.scale, ViewScale::LongerSide(_)).then(|| view.bytes(image))
}

/// The bands of one view: along `y`, or along `x` where rows of the file are columns of the picture.
fn bands_of(need: usize, view: ViewSpec, image: Size, tiling: Tiling, rows: u32, along_x: bool) -> Vec<Tile> {
    let size = view.whole_size(image);
    let length = if along_x { size.width } else { size.height };
    let alignment = tiling.alignment.max(1);
    let halo = tiling.halo.next_multiple_of(alignment);
    let rows = rows.max(1).next_multiple_of(alignment);
    let part = |from: u32, to: u32| {
        if along_x {
            PixelRegion { x: from, y: 0, width: to - from, height: size.height }
        } else {
            PixelRegion { x: 0, y: from, width: size.width, height: to - from }
        }
    };
    let starts = (0..length).step_by(rows as usize);
    starts
        .map(|start| {
            let end = start.saturating_add(rows).min(length);
            let seen = part(start.saturating_sub(halo), end.saturating_add(halo).min(length));
            Tile { need, view: view.cut(seen), core: part(start, end) }
        })
        .collect()
}

/// What a scan needs of the call that it is part of.
pub(crate) struct Scan<'a> {
    pub(crate) picture: &'a Picture,
    pub(crate) cache: &'a ViewCache,
    pub(crate) node: &'a Node,
    pub(crate) control: &'a Control,
    /// Every view that some node of the batch reads whole.
    pub(crate) union: &'a [ViewSpec],
}

impl Scan<'_> {
    /// Runs the algorithm over all bands and whole views, and merges what it found. `input` lends everything but views.
    pub(crate) fn run(&self, cut: &Cut, input: &Input<'_>) -> Result<AnyObservations> {
        let n_tiles = cut.bands.len() + 1;
        let mut found = Vec::with_capacity(n_tiles);
        let mut take = |view: View| {
            let tile = cut.bands.iter().find(|tile| tile.view == *view.spec());
            let tile = *tile.ok_or_else(|| broken("a band that nobody asked for"))?;
            found.push(self.scan(&[tile], [Arc::new(view)].into_iter().collect(), input)?);
            self.control.progress(found.len() as f32 / n_tiles as f32);
            Ok(())
        };
        self.picture.stream(&cut.band_views(), self.cache, self.control, &mut take)?;
        if !cut.whole.is_empty() {
            let views = self.picture.views(&cut.whole_views(), self.union, self.cache, self.control)?;
            found.push(self.scan(&cut.whole, views, input)?);
        }
        self.node.algorithm.merge(&self.node.request, input, &found)
    }

    fn scan(&self, tiles: &[Tile], views: Views, input: &Input<'_>) -> Result<AnyObservations> {
        self.control.checkpoint()?;
        let input = Input { views: &views, ..*input };
        self.node.algorithm.scan(&self.node.request, &input, tiles)
    }
}

fn broken(reason: &str) -> Error {
    Error::Contract { algorithm: String::new(), reason: reason.into() }
}

#[cfg(test)]
mod tests;
