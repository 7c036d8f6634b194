// What the device computes at most: chains of fused multiplications and additions that no memory slows down. An
// invocation runs four chains of four numbers, `channels` steps each; the result is written so that nothing is left out.

#import shared

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> arena: array<E4>;

@compute @workgroup_size(64, 1, 1)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let factor = E4(params.scale);
    let term = E4(params.mean);
    var a = E4(E(id.x % 7u));
    var b = a + term;
    var c = b + term;
    var d = c + term;
    for (var n = 0u; n < params.channels; n++) {
        a = fma(a, factor, term);
        b = fma(b, factor, term);
        c = fma(c, factor, term);
        d = fma(d, factor, term);
    }
    arena[id.x] = a + b + c + d;
}
