//! Lowering of 3×3 convolutions of stride 1 to tiles and sums of tiles.

use super::step::{Slot, Step, StepKind, Tiles, WinogradStep};
use crate::graph::{Conv, Node, Window};
use crate::kernels::winograd::{POINTS, transform_weights};
use crate::kernels::{CHANNEL_BLOCK, conv_f32, isa::Isa};

/// Fewer channels in or out than this do not pay for the transforms.
const LEAST_CHANNELS: usize = 16;

/// Whether the halved multiplications outweigh the transforms.
pub(super) fn pays(conv: &Conv, source: Slot) -> bool {
    let shape = &conv.weight.shape;
    let fits = conv.window.kernel == [3, 3] && conv.window.stride == [1, 1] && conv.groups == 1;
    fits && shape[0] >= LEAST_CHANNELS
        && source.channels >= LEAST_CHANNELS
        && source.pixel.is_multiple_of(CHANNEL_BLOCK)
}

/// Two steps, and a slot for the tiles between them.
pub(super) fn lower(node: &Node, conv: &Conv, slots: &mut Vec<Slot>, isa: Isa) -> [Step; 2] {
    let input = node.inputs[0];
    let (source, between) = (slots[input], slots.len());
    let pixel = POINTS * source.pixel;
    slots.push(Slot { pixel, channels: pixel, left: 0, right: 0, ..source });
    let [top, left, bottom, right] = conv.window.padding;
    let tiles = Step {
        name: format!("{}.tiles", node.name),
        kind: StepKind::Tiles(Tiles { left, right, isa }),
        inputs: vec![input],
        output: between,
    };
    let padded = conv.weight.shape[0].next_multiple_of(CHANNEL_BLOCK);
    let blocks = conv_f32::blocks(isa, padded);
    let mut bias = conv.bias.as_ref().map_or_else(Vec::new, |bias| bias.data.to_vec());
    bias.resize(padded, 0.0);
    let step = WinogradStep {
        window: Window { kernel: [3, 1], stride: [1, 1], padding: [top, 0, bottom, 0] },
        activation: conv.activation,
        weights: pack(conv, source.pixel, &blocks),
        zeros: vec![0.0; padded],
        bias,
        blocks,
        macs: conv.weight.data.len() as u64,
        isa,
    };
    let kind = StepKind::Winograd(step);
    [tiles, Step { name: node.name.clone(), kind, inputs: vec![between], output: node.output }]
}

/// OIHW to blocks of `[6][3][pixel][width]`.
fn pack(conv: &Conv, pixel: usize, blocks: &[conv_f32::Block]) -> Vec<f32> {
    let (n_out, channels) = (conv.weight.shape[0], conv.weight.shape[1]);
    let mut packed = Vec::new();
    for block in blocks {
        for point in 0..POINTS {
            for ky in 0..3 {
                for c in 0..pixel {
                    packed.extend((block.first..block.first + block.width).map(|o| {
                        if o >= n_out || c >= channels {
                            return 0.0;
                        }
                        let taps = &conv.weight.data[((o * channels + c) * 3 + ky) * 3..][..3];
                        transform_weights([taps[0], taps[1], taps[2]])[point]
                    }));
                }
            }
        }
    }
    packed
}
