// Reads one output at every cell that `select` found on this level: channels `first ..` of the input go to words
// `plane ..` of its records. An invocation serves one record; `weights` is the number of channels read.

#import shared
#import found

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> arena: array<E4>;
@group(0) @binding(6) var<storage, read_write> found: Found;

@compute @workgroup_size(64, 1, 1)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    // Records are counted over a grid as wide and high as the level, so that every record has an invocation.
    let record = (params.row + id.y) * params.input.width + id.x;
    if params.row + id.y >= params.row_end || id.x >= params.input.width {
        return;
    }
    // Earlier levels' records come first in the list.
    for (var ix = record; ix < atomicLoad(&found.count); ix += params.spare) {
        let at = ix * params.channels;
        if at + params.channels > arrayLength(&found.words) {
            return;
        }
        if found.words[at] == params.level {
            let source = block_at(params.input, found.words[at + 1u], found.words[at + 2u]);
            for (var c = 0u; c < params.weights; c++) {
                let channel = params.first + c;
                found.words[at + params.plane + c] = bitcast<u32>(f32(arena[source + channel / 4u][channel % 4u]));
            }
        }
    }
}
