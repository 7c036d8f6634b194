// Compaction: every cell whose score reaches the least one (`mean.x`) appends a record. An invocation looks at one
// cell. Records are `[level, y, x, score, values…]` of `channels` words; their order is no matter, the host sorts.

#import shared
#import found

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> arena: array<E4>;
@group(0) @binding(6) var<storage, read_write> found: Found;

@compute @workgroup_size(64, 1, 1)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let y = params.row + id.y;
    if y >= params.row_end || id.x >= params.input.width {
        return;
    }
    let score = f32(arena[block_at(params.input, y, id.x) + params.first / 4u][params.first % 4u]);
    if !(score >= params.mean.x) {
        return;
    }
    let at = atomicAdd(&found.count, 1u) * params.channels;
    if at + params.channels > arrayLength(&found.words) {
        return;
    }
    found.words[at] = params.level;
    found.words[at + 1u] = y;
    found.words[at + 2u] = id.x;
    found.words[at + 3u] = bitcast<u32>(score);
}
