//! How far an output looks, and which grid its pixels lie on: what cutting a picture into tiles has to respect.

use super::{Graph, Op, Window};

/// The receptive field of a network, in pixels of the picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Reach {
    /// How far an output looks beyond the pixels that it stands for, to any side.
    pub radius: usize,
    /// The coarsest step between neighbouring values: pictures cut at its multiples share their grids.
    pub alignment: usize,
}

/// Step and reach of one value.
#[derive(Clone, Copy)]
struct Grid {
    step: usize,
    radius: usize,
}

impl Grid {
    fn windowed(self, window: &Window) -> Self {
        let side = |axis: usize| {
            let (kernel, stride) = (window.kernel[axis], window.stride[axis]);
            let before = window.padding[axis];
            before.max((kernel - 1).saturating_sub(before).saturating_sub(stride - 1))
        };
        // Anisotropic windows count with their larger side.
        let stride = window.stride[0].max(window.stride[1]);
        Self { step: self.step * stride, radius: self.radius + self.step * side(0).max(side(1)) }
    }
}

impl Graph {
    /// The receptive field of the outputs; `None` where an output looks at the whole picture, or at a grid that is no
    /// whole number of pixels.
    #[must_use]
    pub fn reach(&self) -> Option<Reach> {
        let mut grids: Vec<Option<Grid>> = vec![None; self.values.len()];
        grids[self.input.value] = Some(Grid { step: 1, radius: 0 });
        let mut alignment = 1;
        for node in &self.nodes {
            // The second operand of an upsampling lends its shape alone, which the first one's grid implies.
            let read = if matches!(node.op, Op::Upsample2) { &node.inputs[..1] } else { &node.inputs[..] };
            let mut inputs = read.iter().map(|&value| grids[value]);
            let first = inputs.next()??;
            let joined = inputs.try_fold(first, |all, next| {
                let next = next.filter(|grid| grid.step == all.step)?;
                Some(Grid { radius: all.radius.max(next.radius), ..all })
            })?;
            let grid = match &node.op {
                Op::Conv(conv) => joined.windowed(&conv.window),
                Op::MaxPool(window) => joined.windowed(window),
                Op::Upsample2 if joined.step.is_multiple_of(2) => {
                    Grid { step: joined.step / 2, radius: joined.radius + joined.step / 2 }
                }
                Op::Upsample2 | Op::GlobalAvgPool => return None,
                _ => joined,
            };
            alignment = alignment.max(grid.step);
            grids[node.output] = Some(grid);
        }
        let radius = self
            .outputs
            .iter()
            .map(|output| grids[output.value].map(|g| g.radius))
            .try_fold(0, |a, b| Some(a.max(b?)))?;
        Some(Reach { radius, alignment })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_add_up() {
        let three = |stride| Window { kernel: [3, 3], stride: [stride; 2], padding: [1; 4] };
        let start = Grid { step: 1, radius: 0 };
        let halved = start.windowed(&three(2));
        assert_eq!((halved.step, halved.radius), (2, 1));
        let again = halved.windowed(&three(1));
        assert_eq!((again.step, again.radius), (2, 3));
    }
}
