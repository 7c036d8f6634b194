// One filter a channel, with bias and activation; a 1 x 1 window is a scale and a shift. An invocation computes one
// block of four channels of one pixel. Weights: `[kernel_h][kernel_w][channels / 4]`.

#import shared

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> arena: array<E4>;
@group(0) @binding(2) var<storage, read> weights: array<E4>;

@compute @workgroup_size(64, 1, 1)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let n_blocks = params.output.pixel;
    let x = id.x / n_blocks;
    let c = id.x % n_blocks;
    let y = params.row + id.y;
    if y >= params.row_end || x >= params.output.width {
        return;
    }
    var sum = vec4<f32>(weights[params.bias + c]);
    for (var ky = 0u; ky < params.kernel.x; ky++) {
        let sy = i32(y * params.stride.x + ky) - i32(params.padding.x);
        for (var kx = 0u; kx < params.kernel.y; kx++) {
            let sx = i32(x * params.stride.y + kx) - i32(params.padding.y);
            if sy >= 0 && sy < i32(params.input.height) && sx >= 0 && sx < i32(params.input.width) {
                let w = weights[params.weights + (ky * params.kernel.y + kx) * n_blocks + c];
                sum += vec4<f32>(w * arena[block_at(params.input, u32(sy), u32(sx)) + c]);
            }
        }
    }
    arena[block_at(params.output, y, x) + c] = stored(activated(sum, params.activation));
}
