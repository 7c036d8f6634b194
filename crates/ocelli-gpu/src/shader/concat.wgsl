// Copies the channels of one input to channels `first ..` of the output: one call for each input, in order. An
// invocation writes one block of four channels of one pixel; lanes of earlier inputs stay, lanes past the last
// channel become zero.

#import shared

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> arena: array<E4>;

@compute @workgroup_size(64, 1, 1)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let first_block = params.first / 4u;
    let n_blocks = (params.first + params.channels - 1u) / 4u + 1u - first_block;
    let x = id.x / n_blocks;
    let c = first_block + id.x % n_blocks;
    let y = params.row + id.y;
    if y >= params.row_end || x >= params.output.width {
        return;
    }
    let source = block_at(params.input, y, x);
    let target_ix = block_at(params.output, y, x) + c;
    var block = arena[target_ix];
    for (var lane = 0u; lane < 4u; lane++) {
        let channel = c * 4u + lane;
        if channel >= params.first && channel < params.first + params.channels {
            let channel_in = channel - params.first;
            block[lane] = arena[source + channel_in / 4u][channel_in % 4u];
        } else if channel >= params.output.channels {
            block[lane] = E();
        }
    }
    arena[target_ix] = block;
}
