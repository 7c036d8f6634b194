//! Shape inference: heights and widths of every value for one size of picture.

use super::{Graph, Node, Op, Window};
use crate::Error;

/// Height and width of a picture or tensor, in pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ImageShape {
    /// Rows.
    pub height: usize,
    /// Columns.
    pub width: usize,
}

impl ImageShape {
    /// The longest side this engine plans for.
    pub const MAX_SIDE: usize = 1 << 16;

    /// A shape of `height` rows and `width` columns.
    #[must_use]
    pub const fn new(height: usize, width: usize) -> Self {
        Self { height, width }
    }

    /// Pixels in all.
    pub(crate) fn area(self) -> u64 {
        self.height as u64 * self.width as u64
    }
}

/// Rows or columns a window makes of `n`: `floor((n + padding - kernel) / stride) + 1`.
fn window_out(n: usize, pads: usize, kernel: usize, stride: usize) -> Option<usize> {
    Some((n + pads).checked_sub(kernel)? / stride + 1)
}

impl Window {
    /// The output's shape, or `None` where the window is larger than the padded input.
    pub(crate) fn output(&self, input: ImageShape) -> Option<ImageShape> {
        let [top, left, bottom, right] = self.padding;
        let height = window_out(input.height, top + bottom, self.kernel[0], self.stride[0])?;
        let width = window_out(input.width, left + right, self.kernel[1], self.stride[1])?;
        Some(ImageShape { height, width })
    }
}

/// The shape of every value of `graph` for a picture of `picture`, indexed by value.
///
/// # Errors
/// [`Error::Shape`] where a side is zero, beyond [`ImageShape::MAX_SIDE`], or a layer has nothing to do.
pub(crate) fn infer(graph: &Graph, picture: ImageShape) -> Result<Vec<ImageShape>, Error> {
    let refuse = |reason: String| {
        let ImageShape { height, width } = picture;
        Error::Shape { height, width, reason }
    };
    let sides = 1..=ImageShape::MAX_SIDE;
    if !sides.contains(&picture.height) || !sides.contains(&picture.width) {
        return Err(refuse(format!("sides must be 1 to {}", ImageShape::MAX_SIDE)));
    }
    let mut shapes = vec![picture; graph.values.len()];
    for node in &graph.nodes {
        let inputs = node.inputs.iter().map(|&v| shapes[v]);
        let shape = node_output(node, &inputs.collect::<Vec<_>>())
            .map_err(|reason| refuse(format!("layer `{}`: {reason}", node.name)))?;
        shapes[node.output] = shape;
    }
    Ok(shapes)
}

fn node_output(node: &Node, inputs: &[ImageShape]) -> Result<ImageShape, String> {
    let first = inputs[0];
    match &node.op {
        Op::Conv(conv) => conv.window.output(first).ok_or_else(too_small),
        Op::MaxPool(window) => window.output(first).ok_or_else(too_small),
        Op::Affine { .. } | Op::Relu | Op::Sigmoid => Ok(first),
        Op::GlobalAvgPool => Ok(ImageShape::new(1, 1)),
        Op::Add(_) | Op::Concat => match inputs.iter().find(|&&shape| shape != first) {
            Some(other) => Err(format!("joins {first:?} and {other:?}")),
            None => Ok(first),
        },
        Op::Upsample2 => {
            let like = inputs[1];
            match like.height <= first.height * 2 && like.width <= first.width * 2 {
                true => Ok(like),
                false => Err(format!("doubles {first:?} to less than {like:?}")),
            }
        }
    }
}

fn too_small() -> String {
    "window is larger than its padded input".to_owned()
}
