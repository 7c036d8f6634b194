// Dense convolution with bias and activation. An invocation computes four neighbouring pixels of a row in one block
// of four output channels; a workgroup 32 x 8 pixels. z counts the blocks.
// Weights: `[out / 4][kernel_h][kernel_w][in / 4]` matrices, a column for each input channel.

#import shared

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> arena: array<E4>;
@group(0) @binding(2) var<storage, read> weights: array<E4>;

struct Source {
    row: u32,
    pixel: u32,
    width: i32,
}

// A block of the input, or zero in the padding.
fn pixel_at(source: Source, x: i32, c: u32) -> E4 {
    let inside = x >= 0 && x < source.width;
    let ix = source.row + u32(clamp(x, 0, source.width - 1)) * source.pixel + c;
    return select(E4(), arena[ix], inside);
}

@compute @workgroup_size(8, 8, 1)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let x = id.x * 4u;
    let y = params.row + id.y;
    if y >= params.row_end || x >= params.output.width {
        return;
    }
    let bias = vec4<f32>(weights[params.bias + id.z]);
    var s0 = bias;
    var s1 = bias;
    var s2 = bias;
    var s3 = bias;
    let n_blocks = params.input.pixel;
    let step = i32(params.stride.y);
    var w = params.weights + id.z * params.kernel.x * params.kernel.y * n_blocks * 4u;
    for (var ky = 0u; ky < params.kernel.x; ky++) {
        let sy = i32(y * params.stride.x + ky) - i32(params.padding.x);
        if sy < 0 || sy >= i32(params.input.height) {
            w += params.kernel.y * n_blocks * 4u;
            continue;
        }
        let source = Source(block_at(params.input, u32(sy), 0u), n_blocks, i32(params.input.width));
        for (var kx = 0u; kx < params.kernel.y; kx++) {
            let sx = i32(x * params.stride.y + kx) - i32(params.padding.y);
            for (var c = 0u; c < n_blocks; c++) {
                let m = mat4x4<E>(weights[w], weights[w + 1u], weights[w + 2u], weights[w + 3u]);
                s0 += vec4<f32>(m * pixel_at(source, sx, c));
                s1 += vec4<f32>(m * pixel_at(source, sx + step, c));
                s2 += vec4<f32>(m * pixel_at(source, sx + step * 2, c));
                s3 += vec4<f32>(m * pixel_at(source, sx + step * 3, c));
                w += 4u;
            }
        }
    }
    let out = block_at(params.output, y, x) + id.z;
    let pixel = params.output.pixel;
    let n = params.output.width - x;
    arena[out] = stored(activated(s0, params.activation));
    if n > 1u {
        arena[out + pixel] = stored(activated(s1, params.activation));
    }
    if n > 2u {
        arena[out + pixel * 2u] = stored(activated(s2, params.activation));
    }
    if n > 3u {
        arena[out + pixel * 3u] = stored(activated(s3, params.activation));
    }
}
