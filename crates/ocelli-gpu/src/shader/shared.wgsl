// What every kernel shares. The generated lines before it name the element: E, and LARGEST, its largest number.
// Twin: `params.rs`; a test compares sizes and offsets.

alias E4 = vec4<E>;

// Row y at `offset + (y % rows) * row_pitch`, pixels of `pixel` blocks; all in blocks of four channels.
struct Tensor {
    offset: u32,
    rows: u32,
    row_pitch: u32,
    pixel: u32,
    height: u32,
    width: u32,
    channels: u32,
    spare: u32,
}

// One call of one kernel; what a kernel does not read is zero. Pairs are vertical, horizontal.
struct Params {
    input: Tensor,
    other: Tensor,
    output: Tensor,
    kernel: vec2<u32>,
    stride: vec2<u32>,
    padding: vec2<u32>,
    row: u32,
    row_end: u32,
    weights: u32,
    bias: u32,
    activation: u32,
    level: u32,
    first: u32,
    channels: u32,
    plane: u32,
    spare: u32,
    mean: vec4<f32>,
    scale: vec4<f32>,
}

const RELU = 1u;
const SIGMOID = 2u;
// Beyond it exp() only leaves the range of numbers.
const STEEP = 80.0;

// First block of pixel (y, x).
fn block_at(tensor: Tensor, y: u32, x: u32) -> u32 {
    return tensor.offset + (y % tensor.rows) * tensor.row_pitch + x * tensor.pixel;
}

fn activated(sum: vec4<f32>, activation: u32) -> vec4<f32> {
    if activation == RELU {
        return max(sum, vec4<f32>(0.0));
    }
    if activation == SIGMOID {
        return 1.0 / (1.0 + exp(-clamp(sum, vec4<f32>(-STEEP), vec4<f32>(STEEP))));
    }
    return sum;
}

fn stored(value: vec4<f32>) -> E4 {
    return E4(clamp(value, vec4<f32>(-LARGEST), vec4<f32>(LARGEST)));
}
