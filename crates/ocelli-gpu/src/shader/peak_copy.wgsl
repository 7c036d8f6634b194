// What the device moves at most: the first half of the arena, of `channels` blocks, to the second. An invocation copies
// one block; consecutive invocations consecutive blocks.

#import shared

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> arena: array<E4>;

@compute @workgroup_size(64, 1, 1)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let ix = id.y * params.input.width + id.x;
    if ix < params.channels {
        arena[params.channels + ix] = arena[ix];
    }
}
