//! The network and its joint plan as a backend reads them: the same graph, the same planner, other memory.

use std::ops::Range;

use crate::graph::{Activation, Op, Window};
use crate::kernels::isa::Isa;
use crate::network::{Slot, Step, StepKind};
use crate::plan::{Buffer, Layout};
use crate::{Error, Execution, ImageShape, Network, PlanOptions};

/// Channels of a device's pixel are padded to this many: its unit of loading and storing.
const DEVICE_BLOCK: usize = 4;

/// Heights of the bands that are tried where whole tensors do not fit, in rows.
const BANDS: [usize; 6] = [512, 256, 128, 64, 32, 16];

/// What a call computes. Weights are in the order of the model: `[out, in, kernel_height, kernel_width]`.
#[derive(Debug, Clone, Copy)]
pub enum Operation<'a> {
    /// The level's bytes, normalized: `(u8 - mean) * scale`.
    Input {
        /// By channel.
        mean: [f32; 3],
        /// By channel.
        scale: [f32; 3],
    },
    /// Dense convolution; a grouped one is written out with its zeros, a linear layer has a 1×1 window.
    Conv {
        /// How it slides.
        window: Window,
        /// What is done to the sums.
        activation: Activation,
        /// Output and input channels.
        shape: [usize; 2],
        /// `[out, in, kernel_height, kernel_width]`.
        weights: &'a [f32],
        /// `[out]`, or empty for zeros.
        bias: &'a [f32],
    },
    /// One filter a channel.
    Depthwise {
        /// How it slides.
        window: Window,
        /// What is done to the sums.
        activation: Activation,
        /// `[channels, kernel_height, kernel_width]`.
        weights: &'a [f32],
        /// `[channels]`, or empty for zeros.
        bias: &'a [f32],
    },
    /// Maximum over a window; padding never wins.
    MaxPool(Window),
    /// Sum of two values, then the activation.
    Add(Activation),
    /// The activation alone.
    Activate(Activation),
    /// Inputs side by side along the channels.
    Concat,
    /// Pixels doubled, cut to the output's size.
    Upsample2,
    /// Mean of all pixels.
    GlobalAvgPool,
}

/// Where a value lies in the arena: row `y` at `offset + (y % rows) * row_pitch` bytes, pixels of `pixel` elements.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tensor {
    /// First byte.
    pub offset: usize,
    /// Rows that exist at a time.
    pub rows: usize,
    /// Bytes from row to row.
    pub row_pitch: usize,
    /// Rows in all.
    pub height: usize,
    /// Pixels of a row.
    pub width: usize,
    /// Channels that mean something.
    pub channels: usize,
    /// Elements of a pixel: the channels, padded to a multiple of four.
    pub pixel: usize,
}

/// Some rows of one step of one level.
#[derive(Debug, Clone)]
pub struct Call {
    /// Index of the level.
    pub level_ix: usize,
    /// Index of the step, for [`DeviceNetwork::operation`].
    pub step_ix: usize,
    /// What is read.
    pub inputs: Vec<Tensor>,
    /// What is written.
    pub output: Tensor,
    /// Which rows of it.
    pub rows: Range<usize>,
}

/// An output of the network in the arena.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeviceOutput {
    /// The value that holds it.
    pub tensor: Tensor,
    /// Its first channel there.
    pub first: usize,
    /// How many channels it has.
    pub channels: usize,
}

/// A timetable over one arena, for all levels together.
#[derive(Debug)]
pub struct DevicePlan {
    /// In the order to run.
    pub calls: Vec<Call>,
    /// Bytes of the arena.
    pub arena_bytes: usize,
    /// Most bytes alive at once: no arena can be smaller.
    pub bound_bytes: usize,
    outputs: Vec<Vec<(String, DeviceOutput)>>,
}

impl DevicePlan {
    /// Output `name` of level `level_ix`; its rows all exist once the last call has run.
    ///
    /// # Errors
    /// [`Error::UnknownOutput`].
    pub fn output(&self, level_ix: usize, name: &str) -> Result<DeviceOutput, Error> {
        let found = self.outputs.get(level_ix).and_then(|outputs| outputs.iter().find(|(n, _)| n == name));
        found.map(|&(_, output)| output).ok_or_else(|| Error::UnknownOutput { level_ix, name: name.to_owned() })
    }
}

/// A network as a backend sees it: steps in order, plans for elements of a given size.
#[derive(Debug)]
pub struct DeviceNetwork {
    /// Lowered step for node, without padding pixels; its kernels are never run.
    twin: Network,
    /// For each step the dense weights of a grouped convolution, empty for all others.
    dense: Vec<Vec<f32>>,
}

impl DeviceNetwork {
    /// Prepares `network` for elements of `element_bytes` (4 for f32, 2 for f16).
    ///
    /// # Errors
    /// [`Error::Unsupported`] for more groups than are worth writing out.
    pub fn new(network: &Network, element_bytes: usize) -> Result<Self, Error> {
        let mut twin = network.lowered_plainly(Isa::Scalar)?;
        for slot in &mut twin.slots {
            let pixel = slot.channels.next_multiple_of(DEVICE_BLOCK);
            *slot = Slot { pixel, channels: slot.channels, element: element_bytes, left: 0, right: 0, pad: 0 };
        }
        let dense = (0..twin.steps.len()).map(|ix| dense_weights(&twin, ix)).collect::<Result<_, _>>()?;
        Ok(Self { twin, dense })
    }

    /// How many steps there are; the first is the input.
    #[must_use]
    pub fn n_steps(&self) -> usize {
        self.twin.steps.len()
    }

    /// The name of step `step_ix`.
    ///
    /// # Panics
    /// Where there is no such step.
    #[must_use]
    pub fn step_name(&self, step_ix: usize) -> &str {
        &self.twin.steps[step_ix].name
    }

    /// Multiplications that step `step_ix` does for each pixel of its output.
    ///
    /// # Panics
    /// Where there is no such step.
    #[must_use]
    pub fn macs_per_pixel(&self, step_ix: usize) -> u64 {
        self.twin.steps[step_ix].kind.macs_per_pixel()
    }

    /// What step `step_ix` computes.
    ///
    /// # Panics
    /// Where there is no such step.
    #[must_use]
    pub fn operation(&self, step_ix: usize) -> Operation<'_> {
        let graph = self.twin.graph();
        let Some(node) = step_ix.checked_sub(1).map(|ix| &graph.nodes[ix]) else {
            return Operation::Input { mean: graph.input.mean, scale: graph.input.scale };
        };
        match (&node.op, &self.twin.steps[step_ix].kind) {
            (Op::Conv(conv), kind) => {
                let (window, activation) = (conv.window, conv.activation);
                let bias = conv.bias.as_ref().map_or(&[][..], |bias| &bias.data);
                match kind {
                    StepKind::Depthwise(_) => {
                        Operation::Depthwise { window, activation, weights: &conv.weight.data, bias }
                    }
                    _ => {
                        let shape = [conv.weight.shape[0], graph.values[node.inputs[0]].channels];
                        let dense = &self.dense[step_ix];
                        let weights = if conv.groups > 1 { dense } else { &*conv.weight.data };
                        Operation::Conv { window, activation, shape, weights, bias }
                    }
                }
            }
            (Op::Affine { scale, shift }, _) => {
                let window = Window { kernel: [1, 1], stride: [1, 1], padding: [0; 4] };
                Operation::Depthwise { window, activation: Activation::None, weights: &scale.data, bias: &shift.data }
            }
            (Op::Relu, _) => Operation::Activate(Activation::Relu),
            (Op::Sigmoid, _) => Operation::Activate(Activation::Sigmoid),
            (Op::MaxPool(window), _) => Operation::MaxPool(*window),
            (Op::Add(activation), _) => Operation::Add(*activation),
            (Op::Concat, _) => Operation::Concat,
            (Op::Upsample2, _) => Operation::Upsample2,
            (Op::GlobalAvgPool, _) => Operation::GlobalAvgPool,
        }
    }

    /// Plans all levels into one arena of at most `memory_limit` bytes: whole tensors where they fit, else rings of
    /// rows in bands that are as high as fits.
    ///
    /// # Errors
    /// [`Error::Shape`] for a size the network cannot take, [`Error::MemoryLimit`] where not even low bands fit.
    pub fn plan(&self, levels: &[ImageShape], memory_limit: u64) -> Result<DevicePlan, Error> {
        let networks = vec![&self.twin; levels.len()];
        let bands = BANDS.iter().map(|&band_rows| Execution::Streamed { band_rows });
        let mut refused = None;
        for execution in std::iter::once(Execution::Whole).chain(bands) {
            let options = PlanOptions::default().with_memory_limit(memory_limit).with_workers(1);
            match Layout::build(&networks, levels, &options.with_execution(execution)) {
                Ok(layout) => return Ok(self.device_plan(&layout)),
                Err(error @ Error::MemoryLimit { .. }) => refused = Some(error),
                Err(error) => return Err(error),
            }
        }
        Err(refused.unwrap_or(Error::MemoryLimit { needed: 0, limit: memory_limit }))
    }

    fn device_plan(&self, layout: &Layout) -> DevicePlan {
        let mut calls = Vec::new();
        for piece in layout.workers.iter().flatten() {
            let level = &layout.levels[piece.level_ix];
            let tensor = |value: usize| self.tensor(value, piece.buffers[value], level.shapes[value]);
            for entry in &piece.entries {
                let step_ix = entry.step_ix as usize;
                let step: &Step = &self.twin.steps[step_ix];
                calls.push(Call {
                    level_ix: piece.level_ix,
                    step_ix,
                    inputs: step.inputs.iter().map(|&value| tensor(value)).collect(),
                    output: tensor(step.output),
                    rows: entry.rows(),
                });
            }
        }
        let outputs = layout.levels.iter().map(|level| {
            let named = self.twin.graph().outputs.iter().map(|output| {
                let tensor = self.tensor(output.value, level.outputs[output.value], level.shapes[output.value]);
                (output.name.clone(), DeviceOutput { tensor, first: output.first, channels: output.channels })
            });
            named.collect()
        });
        let outputs = outputs.collect();
        DevicePlan { calls, arena_bytes: layout.arena_bytes, bound_bytes: layout.bound_bytes, outputs }
    }

    fn tensor(&self, value: usize, buffer: Buffer, shape: ImageShape) -> Tensor {
        let Slot { pixel, channels, .. } = self.twin.slots[value];
        let ImageShape { height, width } = shape;
        Tensor { offset: buffer.offset, rows: buffer.rows, row_pitch: buffer.pitch, height, width, channels, pixel }
    }
}

impl Network {
    /// Multiplications that all of `levels` ask for together: what a choice of device goes by.
    ///
    /// # Errors
    /// [`Error::Shape`] for a size the network cannot take.
    pub fn macs(&self, levels: &[ImageShape]) -> Result<u64, Error> {
        let mut macs = 0;
        for &level in levels {
            let shapes = self.shapes(level)?;
            macs += self.steps.iter().map(|s| s.kind.macs_per_pixel() * shapes[s.output].area()).sum::<u64>();
        }
        Ok(macs)
    }
}

/// The dense weights of a grouped convolution at `step_ix` that is not one filter a channel.
fn dense_weights(twin: &Network, step_ix: usize) -> Result<Vec<f32>, Error> {
    let graph = twin.graph();
    let node = step_ix.checked_sub(1).map(|ix| &graph.nodes[ix]);
    match (node.map(|node| &node.op), &twin.steps[step_ix].kind) {
        (Some(Op::Conv(conv)), StepKind::Conv(_)) if conv.groups > 1 => {
            let channels = node.map_or(0, |node| graph.values[node.inputs[0]].channels);
            Ok(crate::network::dense_weight(conv, channels)?.data.to_vec())
        }
        _ => Ok(Vec::new()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{FileBuilder, student};

    fn device_network(file: &FileBuilder) -> DeviceNetwork {
        DeviceNetwork::new(&Network::new(&file.model()).unwrap(), 4).unwrap()
    }

    /// Every row of every value that a call reads was made by a call before it, and is still in its ring.
    fn assert_complete(plan: &DevicePlan) {
        let mut made: Vec<(usize, Tensor, Range<usize>)> = Vec::new();
        for call in &plan.calls {
            for input in &call.inputs {
                let known =
                    |(level, tensor, _): &&(usize, Tensor, Range<usize>)| *level == call.level_ix && tensor == input;
                assert!(made.iter().any(|m| known(&m)), "step {} reads what nobody made", call.step_ix);
            }
            made.push((call.level_ix, call.output, call.rows.clone()));
            let end = call.output.offset + call.output.rows * call.output.row_pitch;
            assert!(end <= plan.arena_bytes && call.rows.len() <= call.output.rows);
        }
    }

    #[test]
    fn test_levels_share_one_arena_and_tight_ones_get_bands() {
        let network = device_network(&student(1, [16, 24, 32, 48]));
        let levels = [ImageShape::new(480, 640), ImageShape::new(240, 320)];
        let whole = network.plan(&levels, 1 << 30).unwrap();
        assert_complete(&whole);
        assert_eq!(whole.calls.len(), 2 * network.n_steps());
        let bands = network.plan(&levels, whole.arena_bytes as u64 / 2).unwrap();
        assert_complete(&bands);
        assert!(bands.arena_bytes <= whole.arena_bytes / 2 && bands.calls.len() > whole.calls.len());
        assert!(matches!(network.plan(&levels, 10_000), Err(Error::MemoryLimit { .. })));
        let score = whole.output(1, "score").unwrap();
        assert_eq!((score.tensor.height, score.tensor.width, score.channels), (30, 40, 1));
        assert!(matches!(whole.output(2, "score"), Err(Error::UnknownOutput { .. })));
    }

    #[test]
    fn test_grouped_convolutions_are_written_out_and_single_filters_are_not() {
        let mut file = FileBuilder::new(2);
        let a = file.conv("image", "a", [3, 8], 1, 1);
        let g = file.grouped(&a, "g", [8, 4], 3, 1, 4);
        let d = file.grouped(&g, "d", [4, 4], 3, 1, 4);
        file.outputs = vec![d];
        let network = device_network(&file);
        let kinds: Vec<_> = (0..network.n_steps()).map(|ix| network.operation(ix)).collect();
        assert!(matches!(kinds[0], Operation::Input { .. }));
        assert!(matches!(kinds[2], Operation::Conv { shape: [4, 8], weights, .. } if weights.len() == 4 * 8 * 9));
        assert!(matches!(kinds[3], Operation::Depthwise { weights, .. } if weights.len() == 4 * 9));
    }
}
