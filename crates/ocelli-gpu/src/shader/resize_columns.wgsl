// The vertical pass of the antialiased resize, which comes first: each pixel of the target is a weighted sum down a
// column of the source, in whole numbers, rounded to bytes: bit for bit what the CPU does. An invocation makes one
// pixel. Table: `[n_outputs]` pairs of first source row and count, then `[n_outputs][window]` coefficients.

#import planes

@group(0) @binding(0) var<uniform> params: PlaneParams;
@group(0) @binding(3) var<storage, read_write> planes: array<u32>;
@group(0) @binding(5) var<storage, read> tables: array<i32>;

@compute @workgroup_size(64, 1, 1)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let y = params.row + id.y;
    if y >= params.row_end || id.x >= params.target_width {
        return;
    }
    let first = u32(tables[params.table + y * 2u]);
    let n = u32(tables[params.table + y * 2u + 1u]);
    let coefficients = params.table + params.n_outputs * 2u + y * params.window;
    var sums = vec3<i32>(1i << (params.digits - 1u));
    for (var k = 0u; k < n; k++) {
        let rgbx = planes[params.source + (first + k) * params.source_width + id.x];
        sums += channels_of(rgbx) * tables[coefficients + k];
    }
    planes[params.target_plane + y * params.target_width + id.x] = rounded(sums, params.digits);
}
