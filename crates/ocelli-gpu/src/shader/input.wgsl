// Colour to tensor: a level's bytes, normalized. An invocation makes one pixel, its fourth channel zero. The level's
// plane must have been made.

#import shared

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> arena: array<E4>;
@group(0) @binding(3) var<storage, read_write> planes: array<u32>;

@compute @workgroup_size(64, 1, 1)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let y = params.row + id.y;
    if y >= params.row_end || id.x >= params.output.width {
        return;
    }
    let rgbx = planes[params.plane + y * params.output.width + id.x];
    let bytes = vec4<f32>(vec4<u32>(rgbx, rgbx >> 8u, rgbx >> 16u, 0u) & vec4<u32>(255u));
    arena[block_at(params.output, y, id.x)] = stored((bytes - params.mean) * params.scale);
}
