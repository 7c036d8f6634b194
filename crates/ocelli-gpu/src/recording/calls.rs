//! Calls of the network's kernels, and those that pick out what goes back.

use ocelli_nn::Error;
use ocelli_nn::backend::{self, DeviceOutput, Operation};

use super::{Call, RECORD_HEAD, Recording, Subject};
use crate::params::{Params, Tensor, Uniform};
use crate::shader::Kernel;
use crate::slices::Size;

/// Appends the kernel calls of one call of the plan.
pub(super) fn record(subject: &Subject<'_>, planes: &[u32], call: &backend::Call, recording: &mut Recording) {
    let bytes = subject.element.bytes();
    let place = subject.places[call.step_ix];
    let params = Params {
        input: call.inputs.first().map_or_else(Tensor::default, |t| Tensor::new(t, bytes)),
        other: call.inputs.get(1).map_or_else(Tensor::default, |t| Tensor::new(t, bytes)),
        output: Tensor::new(&call.output, bytes),
        weights: place.weights,
        bias: place.bias,
        level: call.level_ix as u32,
        ..Params::default()
    };
    let (width, blocks) = (call.output.width, call.output.pixel / 4);
    let elements = (width * call.output.pixel) as f64;
    let mut push = |kernel: Kernel, params: Params, extent: [usize; 2], units: f64| {
        let splits = kernel != Kernel::GlobalAvgPool;
        let rows = [call.rows.start as u32, call.rows.end as u32];
        let call = Call { kernel, uniform: Uniform::Tensors(params), extent: extent.map(|n| n as u32) };
        recording.push(call, Size { kernel, rows, units, splits });
    };
    match subject.network.operation(call.step_ix) {
        Operation::Input { mean, scale } => {
            let four = |[a, b, c]: [f32; 3]| [a, b, c, 0.0];
            let plane = planes[call.level_ix];
            push(Kernel::Input, Params { plane, mean: four(mean), scale: four(scale), ..params }, [width, 1], elements);
        }
        Operation::Conv { window, activation, .. } => {
            let macs = subject.network.macs_per_pixel(call.step_ix) as f64 * width as f64;
            let params = params.with_window(&window).with_activation(activation);
            push(Kernel::Conv, params, [width.div_ceil(4), blocks], macs);
        }
        Operation::Depthwise { window, activation, .. } => {
            let area = (window.kernel[0] * window.kernel[1]) as f64;
            let params = params.with_window(&window).with_activation(activation);
            push(Kernel::Depthwise, params, [width * blocks, 1], elements * area);
        }
        Operation::MaxPool(window) => {
            let area = (window.kernel[0] * window.kernel[1]) as f64;
            push(Kernel::MaxPool, params.with_window(&window), [width * blocks, 1], elements * area);
        }
        Operation::Add(activation) => {
            push(Kernel::Add, params.with_activation(activation), [width * blocks, 1], elements);
        }
        Operation::Activate(activation) => {
            push(Kernel::Activate, params.with_activation(activation), [width * blocks, 1], elements);
        }
        Operation::Concat => {
            let mut first = 0;
            for input in &call.inputs {
                let channels = input.channels as u32;
                let input = Tensor::new(input, bytes);
                let n_blocks = ((first + channels - 1) / 4 + 1 - first / 4) as usize;
                push(Kernel::Concat, Params { input, first, channels, ..params }, [width * n_blocks, 1], elements);
                first += channels;
            }
        }
        Operation::Upsample2 => push(Kernel::Upsample2, params, [width * blocks, 1], elements),
        Operation::GlobalAvgPool => {
            let read = call.inputs.first().map_or(0.0, |t| (t.height * t.width * t.pixel) as f64);
            push(Kernel::GlobalAvgPool, params, [blocks, 1], read);
        }
    }
}

/// Appends the calls that put a level's cells on the list.
///
/// # Errors
/// [`Error::Unsupported`] for a score of several channels, or outputs of another size than the score.
pub(super) fn record_cells(
    subject: &Subject<'_>,
    level_ix: usize,
    score: DeviceOutput,
    read: &[DeviceOutput],
    words: usize,
    recording: &mut Recording,
) -> Result<(), Error> {
    let size = |output: &DeviceOutput| (output.tensor.height, output.tensor.width);
    if score.channels != 1 || read.iter().any(|output| size(output) != size(&score)) {
        return Err(Error::Unsupported { what: "cells of a score that is no single channel of the grid".to_owned() });
    }
    let (height, width) = size(&score);
    let params = |output: &DeviceOutput| Params {
        input: Tensor::new(&output.tensor, subject.element.bytes()),
        level: level_ix as u32,
        first: output.first as u32,
        channels: words as u32,
        spare: (height * width) as u32,
        ..Params::default()
    };
    let mut push = |kernel: Kernel, params: Params, units: usize| {
        let call = Call { kernel, uniform: Uniform::Tensors(params), extent: [width as u32, 1] };
        let units = (width * units) as f64;
        recording.push(call, Size { kernel, rows: [0, height as u32], units, splits: true });
    };
    push(Kernel::Select, params(&score), 1);
    let mut word = RECORD_HEAD;
    for output in read {
        let params = Params { plane: word as u32, weights: output.channels as u32, ..params(output) };
        push(Kernel::Gather, params, output.channels);
        word += output.channels;
    }
    Ok(())
}
