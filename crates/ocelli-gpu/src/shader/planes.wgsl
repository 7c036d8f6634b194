// What kernels on planes share: pixels of a level as `0x00bbggrr` words, rows without gaps.
// Twin: `params.rs`; a test compares sizes and offsets.

// One pass over one plane; offsets are in words. Rows `row .. row_end` of the target are made.
struct PlaneParams {
    source: u32,
    source_width: u32,
    target_plane: u32,
    target_width: u32,
    row: u32,
    row_end: u32,
    // Where the pass's table starts, and the coefficients of an output pixel.
    table: u32,
    window: u32,
    // Binary digits after the point of a coefficient.
    digits: u32,
    n_outputs: u32,
    spare0: u32,
    spare1: u32,
}

fn rounded(sums: vec3<i32>, digits: u32) -> u32 {
    let bytes = vec3<u32>(clamp(sums >> vec3<u32>(digits), vec3<i32>(0), vec3<i32>(255)));
    return bytes.x | (bytes.y << 8u) | (bytes.z << 16u);
}

fn channels_of(rgbx: u32) -> vec3<i32> {
    return vec3<i32>(vec3<u32>(rgbx, rgbx >> 8u, rgbx >> 16u) & vec3<u32>(255u));
}
