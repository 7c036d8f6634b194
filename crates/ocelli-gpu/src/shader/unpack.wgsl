// The picture as it came up, three bytes a pixel, to a plane. An invocation makes one pixel.

#import planes

@group(0) @binding(0) var<uniform> params: PlaneParams;
@group(0) @binding(3) var<storage, read_write> planes: array<u32>;
@group(0) @binding(4) var<storage, read> picture: array<u32>;

fn byte_at(ix: u32) -> u32 {
    return (picture[ix / 4u] >> (ix % 4u * 8u)) & 255u;
}

@compute @workgroup_size(64, 1, 1)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let y = params.row + id.y;
    if y >= params.row_end || id.x >= params.target_width {
        return;
    }
    let at = (y * params.target_width + id.x) * 3u;
    let rgbx = byte_at(at) | (byte_at(at + 1u) << 8u) | (byte_at(at + 2u) << 16u);
    planes[params.target_plane + y * params.target_width + id.x] = rgbx;
}
