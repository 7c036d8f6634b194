//! The reference evaluator: whole tensors, one loop an index, f64 sums, no layout tricks.

use crate::graph::shape::{self, ImageShape};
use crate::graph::{Activation, Conv, Graph, Op, Window};

/// A tensor `[height, width, channels]`.
#[derive(Debug, Clone)]
pub(crate) struct Tensor {
    pub(crate) shape: ImageShape,
    pub(crate) channels: usize,
    pub(crate) data: Vec<f64>,
}

impl Tensor {
    fn new(shape: ImageShape, channels: usize) -> Self {
        Self { shape, channels, data: vec![0.0; shape.height * shape.width * channels] }
    }

    pub(crate) fn at(&self, y: usize, x: usize, c: usize) -> f64 {
        self.data[(y * self.shape.width + x) * self.channels + c]
    }

    fn set(&mut self, y: usize, x: usize, c: usize, value: f64) {
        self.data[(y * self.shape.width + x) * self.channels + c] = value;
    }

    /// `None` in the padding.
    fn padded(&self, y: isize, x: isize, c: usize) -> Option<f64> {
        let inside = |at: isize, n: usize| usize::try_from(at).ok().filter(|&at| at < n);
        Some(self.at(inside(y, self.shape.height)?, inside(x, self.shape.width)?, c))
    }

    fn fill(&mut self, value: impl Fn(usize, usize, usize) -> f64) {
        for y in 0..self.shape.height {
            for x in 0..self.shape.width {
                for c in 0..self.channels {
                    self.set(y, x, c, value(y, x, c));
                }
            }
        }
    }
}

/// All values of `graph` for the packed RGB picture `pixels`, indexed by value.
pub(crate) fn evaluate(graph: &Graph, pixels: &[u8], picture: ImageShape) -> Vec<Tensor> {
    let shapes = shape::infer(graph, picture).unwrap();
    let mut values: Vec<Tensor> =
        shapes.iter().zip(&graph.values).map(|(&shape, value)| Tensor::new(shape, value.channels)).collect();
    let input = &graph.input;
    values[input.value].fill(|y, x, c| {
        let byte = pixels[(y * picture.width + x) * 3 + c];
        f64::from((f32::from(byte) - input.mean[c]) * input.scale[c])
    });
    for node in &graph.nodes {
        let inputs: Vec<Tensor> = node.inputs.iter().map(|&v| values[v].clone()).collect();
        let out = &mut values[node.output];
        match &node.op {
            Op::Conv(conv) => convolve(conv, &inputs[0], out),
            Op::Affine { scale, shift } => {
                out.fill(|y, x, c| inputs[0].at(y, x, c) * f64::from(scale.data[c]) + f64::from(shift.data[c]))
            }
            Op::Relu => out.fill(|y, x, c| inputs[0].at(y, x, c).max(0.0)),
            Op::Sigmoid => out.fill(|y, x, c| sigmoid(inputs[0].at(y, x, c))),
            Op::MaxPool(window) => max_pool(window, &inputs[0], out),
            Op::Add(activation) => {
                out.fill(|y, x, c| activate(*activation, inputs[0].at(y, x, c) + inputs[1].at(y, x, c)))
            }
            Op::Concat => out.fill(|y, x, c| {
                let mut c = c;
                let source = inputs.iter().find(|input| {
                    let here = c < input.channels;
                    c -= if here { 0 } else { input.channels };
                    here
                });
                source.unwrap().at(y, x, c)
            }),
            Op::Upsample2 => out.fill(|y, x, c| inputs[0].at(y / 2, x / 2, c)),
            Op::GlobalAvgPool => {
                let area = inputs[0].shape.area() as f64;
                out.fill(|_, _, c| {
                    let channel = inputs[0].data.iter().skip(c).step_by(inputs[0].channels);
                    channel.sum::<f64>() / area
                });
            }
        }
    }
    values
}

fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

fn activate(activation: Activation, x: f64) -> f64 {
    match activation {
        Activation::None => x,
        Activation::Relu => x.max(0.0),
        Activation::Sigmoid => sigmoid(x),
    }
}

/// Top left corner of the window for output `(y, x)`.
fn corner(window: &Window, y: usize, x: usize) -> (isize, isize) {
    let [top, left, ..] = window.padding;
    let at = |n: usize, stride: usize, pad: usize| (n * stride) as isize - pad as isize;
    (at(y, window.stride[0], top), at(x, window.stride[1], left))
}

fn convolve(conv: &Conv, input: &Tensor, out: &mut Tensor) {
    let [n_out, per_group, kernel_h, kernel_w] = conv.weight.shape[..] else { panic!("OIHW") };
    out.fill(|y, x, o| {
        let (top, left) = corner(&conv.window, y, x);
        let first = o / (n_out / conv.groups) * per_group;
        let mut sum = conv.bias.as_ref().map_or(0.0, |bias| f64::from(bias.data[o]));
        for i in 0..per_group {
            for ky in 0..kernel_h {
                for kx in 0..kernel_w {
                    let weight = conv.weight.data[((o * per_group + i) * kernel_h + ky) * kernel_w + kx];
                    let x = input.padded(top + ky as isize, left + kx as isize, first + i);
                    sum += x.unwrap_or(0.0) * f64::from(weight);
                }
            }
        }
        activate(conv.activation, sum)
    });
}

fn max_pool(window: &Window, input: &Tensor, out: &mut Tensor) {
    out.fill(|y, x, c| {
        let (top, left) = corner(window, y, x);
        let mut most = f64::NEG_INFINITY;
        for ky in 0..window.kernel[0] {
            for kx in 0..window.kernel[1] {
                if let Some(x) = input.padded(top + ky as isize, left + kx as isize, c) {
                    most = most.max(x);
                }
            }
        }
        most
    });
}
