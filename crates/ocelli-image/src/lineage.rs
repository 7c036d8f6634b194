//! What each view is made from: a pure function of the view and the picture's size and kind.
//!
//! Because nothing else enters, a view has the same pixels whatever else is asked for in the same batch, and
//! whatever the cache holds.

use ocelli_core::{Error, Limits, PixelRegion, Result, Size, ViewKind, ViewScale, ViewSpec};

/// Encoded pictures with more pixels than this are never decoded in full for the sake of a smaller view: each view
/// at the root of a pyramid comes from a pass of its own method. Smaller pictures are decoded once, and shared.
const DIRECT_ABOVE: u64 = 2 << 20;

/// What the origin of a view depends on, beside the view.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Subject {
    /// Size of the upright picture.
    pub(crate) size: Size,
    /// Whether smaller views and parts come straight from the file.
    pub(crate) direct: bool,
}

impl Subject {
    pub(crate) fn new(size: Size, encoded: bool) -> Self {
        Self { size, direct: encoded && size.pixels() > DIRECT_ABOVE }
    }
}

/// Where the elements of a view come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// Straight from the file or the caller's pixels.
    Decode,
    /// The elements of another view, under another name.
    Same(ViewSpec),
    /// Computed from another view.
    Made(ViewSpec),
}

/// The origin of `spec` for a picture.
pub(crate) fn origin(spec: ViewSpec, subject: Subject) -> Origin {
    let image = subject.size;
    if spec.region == Some(PixelRegion::whole(image)) {
        return Origin::Same(ViewSpec { region: None, ..spec });
    }
    let own = spec.region_of(image).size();
    let native = ViewSpec { scale: ViewScale::Native, ..spec };
    match (spec.scale, spec.kind) {
        (ViewScale::LongerSide(longer), _) if longer == own.longer_side() => Origin::Same(native),
        (ViewScale::Sampled(size), _) if size == own => Origin::Same(native),
        (_, ViewKind::Integral | ViewKind::IntegralSquares) => Origin::Made(spec.of_kind(ViewKind::Luma8)),
        (ViewScale::Part { longer, .. }, kind) => part_origin(ViewSpec::scaled(kind, longer), spec, subject),
        (ViewScale::Sampled(_), _) => Origin::Made(native),
        (_, ViewKind::Luma8) => Origin::Made(spec.of_kind(ViewKind::Rgb8)),
        (ViewScale::Native, _) if spec.region.is_none() || subject.direct => Origin::Decode,
        (ViewScale::Native, _) => Origin::Made(ViewSpec { region: None, ..spec }),
        (ViewScale::LongerSide(_), _) => match spec.halved_from(image) {
            Some(double) => Origin::Made(double),
            None if subject.direct => Origin::Decode,
            None => Origin::Made(native),
        },
    }
}

/// The origin of a part of `level`: straight from the file where the level itself is, else from what the level is
/// made from, so that the level never exists.
fn part_origin(level: ViewSpec, spec: ViewSpec, subject: Subject) -> Origin {
    let level = ViewSpec { region: spec.region, ..level };
    let native = ViewSpec { scale: ViewScale::Native, ..level };
    match (spec.kind, origin(level, subject)) {
        (ViewKind::Luma8, _) => Origin::Made(spec.of_kind(ViewKind::Rgb8)),
        (_, Origin::Decode) => Origin::Decode,
        (_, Origin::Same(_) | Origin::Made(_)) if subject.direct => {
            // Levels as large as the part are its native view, which comes from the file too.
            if level.size(subject.size) == level.region_of(subject.size).size() {
                Origin::Decode
            } else {
                Origin::Made(level)
            }
        }
        (_, Origin::Made(parent)) if parent != native => Origin::Made(level),
        _ => Origin::Made(native),
    }
}

/// The view straight from the file that `spec` goes back to.
pub(crate) fn root(spec: ViewSpec, subject: Subject) -> ViewSpec {
    match origin(spec, subject) {
        Origin::Decode => spec,
        Origin::Same(parent) | Origin::Made(parent) => root(parent, subject),
    }
}

/// Refuses views of nothing, of parts outside the picture, and larger than the limits.
///
/// # Errors
/// [`Error::Parameter`] or [`Error::Limits`].
pub(crate) fn check(spec: &ViewSpec, image: Size, limits: &Limits) -> Result<()> {
    let part = spec.region_of(image);
    let ends = |start: u32, length: u32, all: u32| u64::from(start) + u64::from(length) <= u64::from(all);
    let inside = ends(part.x, part.width, image.width) && ends(part.y, part.height, image.height);
    if !inside || part.size().pixels() == 0 {
        let value = format!("{},{} {}", part.x, part.y, part.size());
        return Err(Error::parameter("region of a view", value, format!("a part of the picture of {image}")));
    }
    let asked = match spec.scale {
        ViewScale::Native => part.size(),
        ViewScale::LongerSide(longer) | ViewScale::Part { longer, .. } => Size::new(longer, longer),
        ViewScale::Sampled(size) => size,
    };
    if asked.pixels() == 0 || asked.longer_side() > limits.max_side {
        let expected = format!("1 to {} pixels a side", limits.max_side);
        return Err(Error::parameter("size of a view", asked, expected));
    }
    if let Some(cut) = spec.scale.part() {
        let whole = spec.whole_size(image);
        let fits = ends(cut.x, cut.width, whole.width) && ends(cut.y, cut.height, whole.height);
        if !fits || cut.size().pixels() == 0 {
            let value = format!("{},{} {}", cut.x, cut.y, cut.size());
            return Err(Error::parameter("part of a view", value, format!("a part of the view of {whole}")));
        }
    }
    let bytes = spec.bytes(image);
    if bytes > limits.max_decode_bytes {
        return Err(Error::Limits {
            input: format!("{} view of {}", spec.kind.name(), spec.size(image)),
            what: "size in bytes",
            value: bytes,
            limit: limits.max_decode_bytes,
            hint: "ask for a smaller view or raise Limits::max_decode_bytes",
        });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const IMAGE: Size = Size::new(2000, 1000);

    fn origin(spec: ViewSpec, size: Size) -> Origin {
        super::origin(spec, Subject::new(size, false))
    }

    fn rgb(longer: u32) -> ViewSpec {
        ViewSpec::scaled(ViewKind::Rgb8, longer)
    }

    #[test]
    fn small_levels_come_from_the_double_and_large_ones_from_the_picture() {
        let native = ViewSpec::native(ViewKind::Rgb8);
        assert_eq!(origin(native, IMAGE), Origin::Decode);
        assert_eq!(origin(rgb(2000), IMAGE), Origin::Same(native));
        assert_eq!(origin(rgb(640), IMAGE), Origin::Made(native));
        assert_eq!(origin(rgb(511), IMAGE), Origin::Made(rgb(1022)));
        assert_eq!(origin(rgb(80), IMAGE), Origin::Made(rgb(160)));
        assert_eq!(origin(rgb(300), Size::new(600, 10)), Origin::Made(native));
        assert_eq!(origin(rgb(300), Size::new(599, 10)), Origin::Made(native));
        assert_eq!(origin(rgb(4000), IMAGE), Origin::Made(native));
        assert_eq!(origin(rgb(u32::MAX), IMAGE), Origin::Made(native));
    }

    #[test]
    fn large_files_are_read_for_each_root_and_for_each_part() {
        let large = Subject::new(Size::new(4000, 3000), true);
        let origin = |spec| super::origin(spec, large);
        assert_eq!(origin(rgb(640)), Origin::Decode);
        assert_eq!(origin(rgb(2500)), Origin::Decode);
        assert_eq!(origin(rgb(80)), Origin::Made(rgb(160)));
        assert_eq!(root(ViewSpec::scaled(ViewKind::Integral, 80), large), rgb(640));
        let part = Some(PixelRegion { x: 10, y: 10, width: 700, height: 100 });
        assert_eq!(origin(ViewSpec { region: part, ..ViewSpec::native(ViewKind::Rgb8) }), Origin::Decode);
        assert!(!Subject::new(Size::new(4000, 3000), false).direct);
        assert!(!Subject::new(Size::new(1024, 768), true).direct);
    }

    #[test]
    fn kinds_follow_their_scale() {
        let integral = ViewSpec::scaled(ViewKind::Integral, 80);
        assert_eq!(origin(integral, IMAGE), Origin::Made(ViewSpec::scaled(ViewKind::Luma8, 80)));
        assert_eq!(origin(ViewSpec::scaled(ViewKind::Luma8, 80), IMAGE), Origin::Made(rgb(80)));
        let sampled = ViewSpec { kind: ViewKind::Luma8, scale: ViewScale::Sampled(Size::new(50, 25)), region: None };
        assert_eq!(origin(sampled, IMAGE), Origin::Made(ViewSpec::native(ViewKind::Luma8)));
    }

    #[test]
    fn regions_have_levels_of_their_own() {
        let part = PixelRegion { x: 10, y: 10, width: 700, height: 100 };
        let of = |scale| ViewSpec { kind: ViewKind::Rgb8, scale, region: Some(part) };
        assert_eq!(origin(of(ViewScale::Native), IMAGE), Origin::Made(ViewSpec::native(ViewKind::Rgb8)));
        assert_eq!(origin(of(ViewScale::LongerSide(700)), IMAGE), Origin::Same(of(ViewScale::Native)));
        assert_eq!(origin(of(ViewScale::LongerSide(200)), IMAGE), Origin::Made(of(ViewScale::LongerSide(400))));
        assert_eq!(origin(of(ViewScale::LongerSide(400)), IMAGE), Origin::Made(of(ViewScale::Native)));
    }

    #[test]
    fn parts_come_from_where_their_level_comes_from() {
        let part = PixelRegion { x: 0, y: 64, width: 100, height: 32 };
        let of = |longer| ViewSpec { kind: ViewKind::Rgb8, scale: ViewScale::Part { longer, part }, region: None };
        let native = ViewSpec::native(ViewKind::Rgb8);
        assert_eq!(origin(of(900), IMAGE), Origin::Made(native));
        assert_eq!(origin(of(2000), IMAGE), Origin::Made(native));
        assert_eq!(origin(of(400), IMAGE), Origin::Made(rgb(400)));
        let large = Subject::new(Size::new(4000, 3000), true);
        assert_eq!(super::origin(of(2000), large), Origin::Decode);
        assert_eq!(super::origin(of(4000), large), Origin::Decode);
        assert_eq!(super::origin(of(400), large), Origin::Made(rgb(400)));
    }

    #[test]
    fn nonsense_is_refused() {
        let limits = Limits::default();
        let check = |scale, region| check(&ViewSpec { kind: ViewKind::Rgb8, scale, region }, IMAGE, &limits);
        let part = |x, width| Some(PixelRegion { x, y: 0, width, height: 10 });
        assert!(check(ViewScale::Native, part(1990, 10)).is_ok());
        assert!(check(ViewScale::Native, part(1990, 11)).is_err());
        assert!(check(ViewScale::Native, part(u32::MAX, u32::MAX)).is_err());
        assert!(check(ViewScale::Native, part(5, 0)).is_err());
        assert!(check(ViewScale::LongerSide(0), None).is_err());
        assert!(check(ViewScale::Sampled(Size::new(4, 0)), None).is_err());
        assert!(matches!(check(ViewScale::LongerSide(60_000), None), Err(Error::Limits { .. })));
        assert!(check(ViewScale::LongerSide(u32::MAX), None).is_err());
    }
}
