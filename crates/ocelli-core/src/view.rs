//! Views: the intermediates that algorithms share, and how they ask for them.

use crate::{Error, NormalizedRect, Orientation, PixelRect, PixelRegion, Result, Size};
use ndarray::ArrayView3;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

/// What is known of a picture before it is decoded.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ImageInfo {
    /// Path or name, for messages.
    pub name: String,
    /// Size of the upright picture.
    pub size: Size,
    /// The orientation that makes the stored picture upright.
    pub orientation: Orientation,
    /// File format (`"JPEG"`) or kind of memory source (`"pixels"`).
    pub format: String,
}

impl ImageInfo {
    /// Describes an upright picture of `size`.
    pub fn new(name: impl Into<String>, size: Size, orientation: Orientation, format: impl Into<String>) -> Self {
        Self { name: name.into(), size, orientation, format: format.into() }
    }
}

/// What a view's elements mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ViewKind {
    /// Canonical colour: sRGB-encoded red, green, blue, 8 bits each; `[h, w, 3]`.
    Rgb8,
    /// Luma of the canonical colour: BT.601 weights on sRGB-encoded values (the Y of a JPEG), 8 bits; `[h, w, 1]`.
    Luma8,
    /// Integral image of [`Luma8`](Self::Luma8): `u32` sums over everything above and left, one extra row and
    /// column of zeros; `[h + 1, w + 1, 1]`. Wraps around modulo 2³²; differences stay exact below 16.8 million pixels.
    Integral,
    /// Integral image of squared [`Luma8`](Self::Luma8): `u64`, `[h + 1, w + 1, 1]`.
    IntegralSquares,
}

impl ViewKind {
    /// Elements a pixel.
    pub const fn channels(self) -> usize {
        match self {
            Self::Rgb8 => 3,
            _ => 1,
        }
    }

    /// Bytes an element.
    pub const fn element_bytes(self) -> usize {
        match self {
            Self::Rgb8 | Self::Luma8 => 1,
            Self::Integral => 4,
            Self::IntegralSquares => 8,
        }
    }

    /// Rows and columns of the array that holds a view whose picture part has `size` pixels.
    pub const fn array_size(self, size: Size) -> Size {
        match self {
            Self::Integral | Self::IntegralSquares => Size::new(size.width + 1, size.height + 1),
            _ => size,
        }
    }

    /// Word used in plans and counters.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Rgb8 => "rgb8",
            Self::Luma8 => "luma8",
            Self::Integral => "integral",
            Self::IntegralSquares => "integral_squares",
        }
    }
}

/// At which size a view is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ViewScale {
    /// As large as the picture (or the region) is.
    Native,
    /// Shrunk (or grown) so that the longer side has this many pixels, see [`Size::scaled_to_longer_side`].
    LongerSide(u32),
    /// Exactly this size, sampled bilinearly from the native view without antialiasing: what detectors that
    /// were trained on such levels expect. Everything else should ask for [`LongerSide`](Self::LongerSide).
    Sampled(Size),
    /// The pixels of a part of the view that [`LongerSide`](Self::LongerSide) names, as if it had been built whole and
    /// cut (to within a rounding): what a [`Tile`](crate::Tile) reads.
    Part {
        /// Longer side of the whole view, in pixels.
        longer: u32,
        /// The part, in pixels of the whole view.
        part: PixelRegion,
    },
}

impl ViewScale {
    /// The part of a view that a tile reads; `None` for whole views.
    pub const fn part(self) -> Option<PixelRegion> {
        match self {
            Self::Part { part, .. } => Some(part),
            _ => None,
        }
    }
}

/// One intermediate: what it holds, how large it is, and of which part of the picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ViewSpec {
    /// What the elements mean.
    pub kind: ViewKind,
    /// How large.
    pub scale: ViewScale,
    /// Which part of the upright picture; `None` is all of it.
    pub region: Option<PixelRegion>,
}

/// Levels shorter than this are made from the level twice as long.
const HALVED_BELOW: u32 = 512;

impl ViewSpec {
    /// A view of the whole picture whose longer side has `longer_side` pixels.
    pub const fn scaled(kind: ViewKind, longer_side: u32) -> Self {
        Self { kind, scale: ViewScale::LongerSide(longer_side), region: None }
    }

    /// A view of the whole picture at its own size.
    pub const fn native(kind: ViewKind) -> Self {
        Self { kind, scale: ViewScale::Native, region: None }
    }

    /// The same view of a part of the picture; a region that covers all of `image` counts as none.
    pub fn in_region(mut self, region: Option<PixelRegion>, image: Size) -> Self {
        self.region = region.filter(|r| *r != PixelRegion::whole(image));
        self
    }

    /// Another kind of view of the same part at the same size.
    pub const fn of_kind(mut self, kind: ViewKind) -> Self {
        self.kind = kind;
        self
    }

    /// The part of a picture of size `image` that the view shows.
    pub fn region_of(&self, image: Size) -> PixelRegion {
        self.region.unwrap_or(PixelRegion::whole(image))
    }

    /// Pixels of the view, for a picture of size `image`.
    pub fn size(&self, image: Size) -> Size {
        self.scale.part().map_or_else(|| self.whole_size(image), PixelRegion::size)
    }

    /// Pixels of the whole view, of which this one may be a part.
    pub fn whole_size(&self, image: Size) -> Size {
        let part = self.region_of(image).size();
        match self.scale {
            ViewScale::Native => part,
            ViewScale::LongerSide(longer) | ViewScale::Part { longer, .. } => part.scaled_to_longer_side(longer),
            ViewScale::Sampled(size) => size,
        }
    }

    /// The level twice as long that this level is made from, in a picture of size `image`; none for views that are made from
    /// the picture itself. Shrinking by two is cheap, and the larger level is usually wanted, too.
    pub fn halved_from(&self, image: Size) -> Option<Self> {
        let ViewScale::LongerSide(longer) = self.scale else { return None };
        let double = longer.checked_mul(2)?;
        let is_made = longer < HALVED_BELOW && double < self.region_of(image).size().longer_side();
        is_made.then_some(Self { scale: ViewScale::LongerSide(double), ..*self })
    }

    /// Where a rectangle in this view's pixels lies in the upright original picture of size `image`.
    pub fn to_image(&self, image: Size, rect: PixelRect) -> NormalizedRect {
        let part = self.region_of(image);
        let size = self.whole_size(image);
        let sx = f64::from(part.width) / f64::from(size.width);
        let sy = f64::from(part.height) / f64::from(size.height);
        let (left, top) = self.scale.part().map_or((0.0, 0.0), |p| (f64::from(p.x), f64::from(p.y)));
        let pixels = PixelRect::new(
            f64::from(part.x) + (left + rect.x) * sx,
            f64::from(part.y) + (top + rect.y) * sy,
            rect.width * sx,
            rect.height * sy,
        );
        NormalizedRect::from_pixels(pixels, image)
    }

    /// The part of this view that a tile reads; for views named by their longer side alone.
    pub fn cut(mut self, part: PixelRegion) -> Self {
        if let ViewScale::LongerSide(longer) = self.scale {
            self.scale = ViewScale::Part { longer, part };
        }
        self
    }

    /// Bytes of the view, for a picture of size `image`.
    pub fn bytes(&self, image: Size) -> u64 {
        let array = self.kind.array_size(self.size(image));
        array.pixels() * (self.kind.channels() * self.kind.element_bytes()) as u64
    }
}

/// A view as a person names it: kind, scale, region.
impl fmt::Display for ViewSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = self.kind.name();
        match self.scale {
            ViewScale::Native => write!(f, "{kind} native")?,
            ViewScale::LongerSide(longer) => write!(f, "{kind} {longer}")?,
            ViewScale::Sampled(size) => write!(f, "{kind} sampled {size}")?,
            ViewScale::Part { longer, part } => {
                write!(f, "{kind} {longer} part {}+{}+{}", part.size(), part.x, part.y)?
            }
        }
        match self.region {
            Some(r) => write!(f, " of {}+{}+{}", r.size(), r.x, r.y),
            None => Ok(()),
        }
    }
}

/// What an algorithm wants built before it runs.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Needs {
    /// The views, coarsest use first or in any order; duplicates are allowed.
    pub views: Vec<ViewSpec>,
    /// Views that it shares with the requests that it requires, see [`of_required`](Self::of_required).
    pub of_required: Option<OfRequired>,
}

/// The wish to read what required requests read, instead of building anything more.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct OfRequired {
    /// The kind of the views.
    pub kind: ViewKind,
    /// What to build where no required request reads a view of that kind.
    pub otherwise: Vec<ViewSpec>,
}

impl Needs {
    /// No needs.
    pub fn new() -> Self {
        Self::default()
    }

    /// One more view.
    pub fn view(mut self, spec: ViewSpec) -> Self {
        self.views.push(spec);
        self
    }

    /// The views of `kind` that the [required](crate::Algorithm::requires) requests read, or `otherwise` where they
    /// read none: for an algorithm that looks closer at what another one found, and takes any resolution that is there.
    pub fn of_required(mut self, kind: ViewKind, otherwise: impl IntoIterator<Item = ViewSpec>) -> Self {
        self.of_required = Some(OfRequired { kind, otherwise: otherwise.into_iter().collect() });
        self
    }

    /// These needs with the wish for shared views fulfilled: all that is left are views, sorted, each once.
    ///
    /// `required` are the views that the required requests read, themselves settled.
    pub fn settled(mut self, required: impl IntoIterator<Item = ViewSpec>) -> Self {
        if let Some(OfRequired { kind, otherwise }) = self.of_required.take() {
            let n_own = self.views.len();
            self.views.extend(required.into_iter().filter(|spec| spec.kind == kind && spec.scale.part().is_none()));
            if self.views.len() == n_own {
                self.views.extend(otherwise);
            }
            self.views.sort();
            self.views.dedup();
        }
        self
    }
}

impl FromIterator<ViewSpec> for Needs {
    fn from_iter<I: IntoIterator<Item = ViewSpec>>(specs: I) -> Self {
        Self { views: specs.into_iter().collect(), of_required: None }
    }
}

/// The elements of a view: rows from the top, pixels from the left, channels together (HWC), no gaps.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum ViewData {
    /// 8-bit elements.
    U8(Vec<u8>),
    /// 32-bit sums.
    U32(Vec<u32>),
    /// 64-bit sums.
    U64(Vec<u64>),
}

impl ViewData {
    fn len(&self) -> usize {
        match self {
            Self::U8(v) => v.len(),
            Self::U32(v) => v.len(),
            Self::U64(v) => v.len(),
        }
    }
}

/// A built intermediate: read-only, shared by everyone who asked for the same [`ViewSpec`].
#[derive(Clone, Debug)]
pub struct View {
    spec: ViewSpec,
    image: Size,
    data: Arc<ViewData>,
}

impl View {
    /// Wraps the elements of `spec` for a picture of size `image`.
    ///
    /// # Panics
    /// Where the number of elements is not the one that `spec` implies: a bug of the builder.
    pub fn new(spec: ViewSpec, image: Size, data: ViewData) -> Self {
        let expected = spec.kind.array_size(spec.size(image)).pixels() * spec.kind.channels() as u64;
        assert_eq!(data.len() as u64, expected, "elements of {spec:?}");
        Self { spec, image, data: Arc::new(data) }
    }

    /// The same elements under another name, not copied: a level as large as the picture is its native view.
    ///
    /// # Panics
    /// Where `spec` implies another number of elements: a bug of the builder.
    pub fn renamed(&self, spec: ViewSpec) -> Self {
        let (own, other) = (self.spec.kind.array_size(self.size()), spec.kind.array_size(spec.size(self.image)));
        assert_eq!((own, self.spec.kind.channels()), (other, spec.kind.channels()), "elements of {spec:?}");
        Self { spec, image: self.image, data: self.data.clone() }
    }

    /// What this view is.
    pub fn spec(&self) -> &ViewSpec {
        &self.spec
    }

    /// Width and height in pixels (integral images hold one more row and column).
    pub fn size(&self) -> Size {
        self.spec.size(self.image)
    }

    /// Bytes held.
    pub fn bytes(&self) -> u64 {
        self.spec.bytes(self.image)
    }

    /// The elements.
    pub fn data(&self) -> &ViewData {
        &self.data
    }

    /// The elements of an 8-bit view, HWC without gaps; empty for other kinds.
    pub fn as_u8(&self) -> &[u8] {
        match &*self.data {
            ViewData::U8(v) => v,
            _ => &[],
        }
    }

    /// The elements of a [`ViewKind::Integral`] view, row by row; empty for other kinds.
    pub fn as_u32(&self) -> &[u32] {
        match &*self.data {
            ViewData::U32(v) => v,
            _ => &[],
        }
    }

    /// The elements of a [`ViewKind::IntegralSquares`] view, row by row; empty for other kinds.
    pub fn as_u64(&self) -> &[u64] {
        match &*self.data {
            ViewData::U64(v) => v,
            _ => &[],
        }
    }

    /// An 8-bit view as an array `[h, w, c]`; `None` for other kinds.
    pub fn array(&self) -> Option<ArrayView3<'_, u8>> {
        let Size { width, height } = self.size();
        ArrayView3::from_shape((height as usize, width as usize, self.spec.kind.channels()), self.as_u8()).ok()
    }

    /// Where a rectangle in this view's pixels lies in the upright original picture.
    pub fn to_image(&self, rect: PixelRect) -> NormalizedRect {
        self.spec.to_image(self.image, rect)
    }

    /// Where a place of the upright original picture lies in this view's pixels: the inverse of
    /// [`to_image`](Self::to_image). It may lie outside, where the view shows a region.
    pub fn from_image(&self, rect: NormalizedRect) -> PixelRect {
        let part = self.spec.region_of(self.image);
        let size = self.spec.whole_size(self.image);
        let sx = f64::from(size.width) / f64::from(part.width);
        let sy = f64::from(size.height) / f64::from(part.height);
        let (left, top) = self.spec.scale.part().map_or((0.0, 0.0), |p| (f64::from(p.x), f64::from(p.y)));
        let p = rect.to_pixels();
        let (x, y) = ((p.x - f64::from(part.x)) * sx - left, (p.y - f64::from(part.y)) * sy - top);
        PixelRect::new(x, y, p.width * sx, p.height * sy)
    }
}

/// The views that one algorithm declared, ready to read.
#[derive(Clone, Debug, Default)]
pub struct Views(BTreeMap<ViewSpec, Arc<View>>);

impl Views {
    /// The view that `spec` declared.
    ///
    /// # Errors
    /// [`Error::Contract`] where the algorithm did not declare it in its needs.
    pub fn get(&self, spec: &ViewSpec) -> Result<&View> {
        self.0.get(spec).map(Arc::as_ref).ok_or_else(|| Error::Contract {
            algorithm: String::new(), // the scheduler knows, see Error::in_algorithm
            reason: format!("reads a view that its needs do not declare: {spec:?}"),
        })
    }

    /// All of them, sorted by spec: for needs [of required requests](Needs::of_required), whose specs are theirs.
    pub fn iter(&self) -> impl Iterator<Item = &View> {
        self.0.values().map(Arc::as_ref)
    }

    /// Number of views.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl FromIterator<Arc<View>> for Views {
    fn from_iter<I: IntoIterator<Item = Arc<View>>>(views: I) -> Self {
        Self(views.into_iter().map(|v| (*v.spec(), v)).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_bytes_and_places_follow_the_spec() {
        let image = Size::new(400, 200);
        let part = PixelRegion { x: 100, y: 50, width: 200, height: 100 };
        let spec = ViewSpec::scaled(ViewKind::Rgb8, 50).in_region(Some(part), image);
        assert_eq!(spec.size(image), Size::new(50, 25));
        assert_eq!(spec.bytes(image), 50 * 25 * 3);
        let view = View::new(spec, image, ViewData::U8(vec![0; 50 * 25 * 3]));
        assert_eq!(view.array().unwrap().dim(), (25, 50, 3));
        let place = view.to_image(PixelRect::new(10.0, 5.0, 5.0, 5.0)).to_pixels();
        assert_eq!(place, PixelRect::new(140.0, 70.0, 20.0, 20.0));
        let tile = View::new(
            spec.cut(PixelRegion { x: 0, y: 10, width: 50, height: 8 }),
            image,
            ViewData::U8(vec![0; 50 * 8 * 3]),
        );
        let cut = PixelRect::new(10.0, -5.0, 5.0, 5.0);
        let place = tile.to_image(cut).to_pixels();
        assert_eq!(place, PixelRect::new(140.0, 70.0, 20.0, 20.0));
        assert_eq!(tile.from_image(tile.to_image(cut)), cut);
        let level = PixelRect::new(10.0, 5.0, 5.0, 5.0);
        assert_eq!(view.from_image(view.to_image(level)), level);
        let integral = spec.of_kind(ViewKind::Integral);
        assert_eq!(integral.bytes(image), 51 * 26 * 4);
    }

    #[test]
    fn small_levels_are_halves_and_large_ones_come_from_the_picture() {
        let above = |longer, image| ViewSpec::scaled(ViewKind::Rgb8, longer).halved_from(Size::new(image, 10));
        assert_eq!(above(511, 2000), Some(ViewSpec::scaled(ViewKind::Rgb8, 1022)));
        assert_eq!(above(512, 2000), None);
        assert_eq!(above(300, 600), None);
        assert_eq!(above(63, 253), Some(ViewSpec::scaled(ViewKind::Rgb8, 126)));
        assert_eq!(above(127, 253), None);
        assert_eq!(ViewSpec::native(ViewKind::Rgb8).halved_from(Size::new(2000, 10)), None);
    }

    #[test]
    fn needs_of_required_requests_add_nothing_where_there_is_something() {
        let luma = ViewSpec::native(ViewKind::Luma8);
        let level = |longer| ViewSpec::scaled(ViewKind::Rgb8, longer);
        let needs = || Needs::new().view(luma).of_required(ViewKind::Rgb8, [level(64)]);
        assert_eq!(needs().settled([luma, level(320), level(160)]).views, [level(160), level(320), luma]);
        assert_eq!(needs().settled([luma]).views, [level(64), luma]);
        assert_eq!(Needs::new().view(luma).settled([level(320)]).views, [luma]);
    }

    #[test]
    fn undeclared_views_are_refused() {
        let image = Size::new(2, 2);
        let spec = ViewSpec::native(ViewKind::Luma8);
        let views: Views = [Arc::new(View::new(spec, image, ViewData::U8(vec![0; 4])))].into_iter().collect();
        assert!(views.get(&spec).is_ok());
        assert!(matches!(views.get(&ViewSpec::native(ViewKind::Rgb8)), Err(Error::Contract { .. })));
    }

    #[test]
    fn a_region_that_covers_everything_is_no_region() {
        let image = Size::new(8, 4);
        let spec = ViewSpec::native(ViewKind::Rgb8);
        assert_eq!(spec.in_region(Some(PixelRegion::whole(image)), image), spec);
    }
}
