// Pixels doubled in both directions, cut to the output's size. An invocation copies one block of four channels.

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
    arena[block_at(params.output, y, x) + c] = arena[block_at(params.input, y / 2u, x / 2u) + c];
}
