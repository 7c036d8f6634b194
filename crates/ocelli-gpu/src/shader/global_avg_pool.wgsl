// Mean of all pixels. A workgroup sums one block of four channels: every invocation its share of the pixels, then
// halves of the invocations add up. Twin order differs, so sums agree within rounding.

#import shared

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> arena: array<E4>;

const WG_SIZE = 64u;
var<workgroup> sums: array<vec4<f32>, WG_SIZE>;

@compute @workgroup_size(64, 1, 1)
fn main(@builtin(local_invocation_index) me: u32, @builtin(workgroup_id) group: vec3<u32>) {
    let c = group.x;
    let width = params.input.width;
    let n = params.input.height * width;
    var sum = vec4<f32>();
    for (var ix = me; ix < n; ix += WG_SIZE) {
        sum += vec4<f32>(arena[block_at(params.input, ix / width, ix % width) + c]);
    }
    sums[me] = sum;
    workgroupBarrier();
    for (var half = WG_SIZE / 2u; half > 0u; half /= 2u) {
        if me < half {
            sums[me] += sums[me + half];
        }
        workgroupBarrier();
    }
    if me == 0u {
        arena[block_at(params.output, 0u, 0u) + c] = stored(sums[0] / f32(n));
    }
}
