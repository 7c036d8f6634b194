// Sum of two values, then the activation. An invocation computes one block of four channels of one pixel; the output
// may lie where an input lies.

#import shared

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> arena: array<E4>;

@compute @workgroup_size(64, 1, 1)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let n_blocks = params.output.pixel;
    let x = id.x / n_blocks;
    let c = id.x % n_blocks;
    let y = params.row + id.y;
    if y >= params.row_end || x >= params.output.width {
        return;
    }
    let a = vec4<f32>(arena[block_at(params.input, y, x) + c]);
    let b = vec4<f32>(arena[block_at(params.other, y, x) + c]);
    arena[block_at(params.output, y, x) + c] = stored(activated(a + b, params.activation));
}
