// The horizontal pass of the antialiased resize, after the vertical one: weighted sums along rows, in whole numbers,
// rounded to bytes: bit for bit what the CPU does. An invocation makes one pixel. Tables as in `resize_columns.wgsl`.

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
    let first = u32(tables[params.table + id.x * 2u]);
    let n = u32(tables[params.table + id.x * 2u + 1u]);
    let coefficients = params.table + params.n_outputs * 2u + id.x * params.window;
    var sums = vec3<i32>(1i << (params.digits - 1u));
    for (var k = 0u; k < n; k++) {
        let rgbx = planes[params.source + y * params.source_width + first + k];
        sums += channels_of(rgbx) * tables[coefficients + k];
    }
    planes[params.target_plane + y * params.target_width + id.x] = rounded(sums, params.digits);
}
