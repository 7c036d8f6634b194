//! The weights of a network as the kernels read them: packed once, shared by all levels and jobs.

use ocelli_nn::backend::{DeviceNetwork, Operation};

use crate::shader::Element;

/// Where a step's weights and bias start, in blocks of four numbers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) weights: u32,
    pub(crate) bias: u32,
}

/// All weights as bytes of one kind of numbers.
#[derive(Debug)]
pub(crate) struct PackedWeights {
    pub(crate) bytes: Vec<u8>,
    /// By step.
    pub(crate) places: Vec<Place>,
}

impl PackedWeights {
    /// Packs the weights of all steps.
    pub(crate) fn new(network: &DeviceNetwork, element: Element) -> Self {
        let mut numbers: Vec<f32> = Vec::new();
        let mut places = Vec::new();
        for step_ix in 0..network.n_steps() {
            let weights = (numbers.len() / 4) as u32;
            let bias = match network.operation(step_ix) {
                Operation::Conv { window, shape, weights, bias, .. } => {
                    pack_conv(weights, shape, window.kernel, &mut numbers);
                    Some((bias, shape[0]))
                }
                Operation::Depthwise { window, weights, bias, .. } => {
                    let area = window.kernel[0] * window.kernel[1];
                    pack_depthwise(weights, area, &mut numbers);
                    Some((bias, weights.len() / area))
                }
                _ => None,
            };
            places.push(Place { weights, bias: (numbers.len() / 4) as u32 });
            if let Some((bias, channels)) = bias {
                numbers.extend_from_slice(bias);
                numbers.resize(numbers.len() - bias.len() + channels.next_multiple_of(4), 0.0);
            }
        }
        // A network without weights still binds a buffer.
        numbers.resize(numbers.len().max(4), 0.0);
        let mut bytes = Vec::new();
        element.encode(&numbers, &mut bytes);
        Self { bytes, places }
    }
}

/// `[out, in, h, w]` to `[out / 4][h][w][in]` columns of four output channels, zeros where channels are padding.
fn pack_conv(weights: &[f32], [n_out, n_in]: [usize; 2], [height, width]: [usize; 2], numbers: &mut Vec<f32>) {
    for block in 0..n_out.div_ceil(4) {
        for at in 0..height * width {
            for i in 0..n_in.next_multiple_of(4) {
                numbers.extend((block * 4..block * 4 + 4).map(|o| {
                    let inside = o < n_out && i < n_in;
                    if inside { weights[(o * n_in + i) * height * width + at] } else { 0.0 }
                }));
            }
        }
    }
}

/// `[channels, h, w]` to `[h][w][channels]`, channels padded to a multiple of four.
fn pack_depthwise(weights: &[f32], area: usize, numbers: &mut Vec<f32>) {
    let channels = weights.len() / area;
    for at in 0..area {
        let padded = 0..channels.next_multiple_of(4);
        numbers.extend(padded.map(|c| if c < channels { weights[c * area + at] } else { 0.0 }));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn test_columns_are_output_channels() {
        let mut numbers = Vec::new();
        // Two outputs, three inputs, a window of one row and two columns: 100 o + 10 i + column.
        let weights: Vec<f32> =
            (0..2).flat_map(|o| (0..3).flat_map(move |i| (0..2).map(move |x| (100 * o + 10 * i + x) as f32))).collect();
        pack_conv(&weights, [2, 3], [1, 2], &mut numbers);
        assert_eq!(numbers.len(), 2 * 4 * 4);
        assert_eq!(numbers[..16], [0., 100., 0., 0., 10., 110., 0., 0., 20., 120., 0., 0., 0., 0., 0., 0.]);
        assert_eq!(numbers[16..20], [1., 101., 0., 0.]);
    }

    #[test]
    fn test_depthwise_is_turned_to_channels_last() {
        let mut numbers = Vec::new();
        pack_depthwise(&[1., 2., 3., 4., 5., 6.], 2, &mut numbers);
        assert_eq!(numbers, [1., 3., 5., 0., 2., 4., 6., 0.]);
    }
}
