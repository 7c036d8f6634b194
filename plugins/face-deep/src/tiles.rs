//! The scan band by band: what makes pictures of any size fit in the memory that is allowed.
//!
//! A cell of the network sees a fixed surrounding, so that a band with that much around it gives its cells the very
//! numbers that the whole level would; candidates of all bands and levels are merged as those of whole levels are.

use crate::merge::{Candidate, non_max_suppression};
use crate::{DeepFaces, is_wanted};
use ocelli_core::{Cost, DetectFaces, Device, FaceObservation, ImageInfo, Input, Result, Size, Tile, TileScan, Tiling};
use std::sync::Arc;

impl DeepFaces {
    /// Surrounding of a cell and step of the coarsest grid; `None` for a network that sees the whole picture at once.
    fn surrounding(&self) -> Option<Tiling> {
        let reach = self.network.graph().reach()?;
        let pixels = |v: usize| u32::try_from(v).ok();
        Some(Tiling { halo: pixels(reach.radius)?, alignment: pixels(reach.alignment)? })
    }

    /// What a scan of levels of these sizes takes.
    pub(crate) fn cost_of(&self, sizes: &[Size]) -> Result<Cost> {
        let plan = self.plan(sizes.iter().copied(), 0)?;
        Ok(Cost::on_cpu(plan.arena_bytes() as u64, plan.operations()))
    }
}

impl TileScan<DetectFaces> for DeepFaces {
    fn tiling(&self, request: &DetectFaces) -> Option<Tiling> {
        // Another device makes the levels from the largest one by itself, so it has to have that whole; a caller who
        // leaves the choice open gets the bands on the processor.
        let here = self.backend.is_none() || request.options.device != Device::Gpu;
        // Turned pictures would need other bands.
        self.surrounding().filter(|_| here && !request.any_orientation)
    }

    fn scan_cost(&self, _: &DetectFaces, sizes: &[Size]) -> Result<Cost> {
        self.cost_of(sizes)
    }

    fn scan(&self, request: &DetectFaces, input: &Input<'_>, tiles: &[Tile]) -> Result<Vec<FaceObservation>> {
        let image = input.image.size;
        let views = tiles.iter().map(|tile| input.views.get(&tile.view).cloned()).collect::<Result<Vec<_>>>()?;
        let threshold = request.options.threshold.unwrap_or(self.settings.threshold);
        let mut candidates = self.scan_here(&views, image, threshold, input.control)?;
        let n_levels = self.levels(request, image).len();
        let part = request.options.region.map_or(image, |r| r.to_pixels(image).size());
        candidates.retain_mut(|candidate| {
            let tile = &tiles[candidate.level];
            candidate.level = tile.need;
            let [x, y] = candidate.cell.map(|cell| (cell as f32 * self.settings.stride) as u32);
            tile.answers_for(x, y, image) && is_wanted(candidate, request, part, n_levels)
        });
        let observe = |c: Candidate| FaceObservation::new(c.rect, c.confidence, input.provenance.clone());
        Ok(candidates.into_iter().map(observe).collect())
    }

    fn merge(&self, _: &DetectFaces, _: &ImageInfo, found: Vec<FaceObservation>) -> Vec<FaceObservation> {
        let Some(provenance) = found.first().map(|face| face.provenance.clone()) else { return found };
        let candidate =
            |face: &FaceObservation| Candidate { rect: face.rect, confidence: face.confidence, level: 0, cell: [0; 2] };
        let kept = non_max_suppression(found.iter().map(candidate).collect(), self.settings.nms_iou);
        kept.into_iter().map(|c| FaceObservation::new(c.rect, c.confidence, Arc::clone(&provenance))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_network_sees_a_bounded_surrounding() {
        let tiling = DeepFaces::new().unwrap().surrounding().unwrap();
        assert!(tiling.alignment.is_power_of_two() && (8..=64).contains(&tiling.alignment), "{tiling:?}");
        assert!((40..400).contains(&tiling.halo), "{tiling:?}");
    }

    #[test]
    fn a_run_costs_its_arena() {
        let cost = DeepFaces::new().unwrap().cost_of(&[Size::new(640, 480), Size::new(320, 240)]).unwrap();
        assert!(cost.bytes > 100_000 && cost.operations > 100_000_000, "{cost:?}");
    }
}
