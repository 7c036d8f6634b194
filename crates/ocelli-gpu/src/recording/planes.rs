//! Planes: the picture unpacked, and the levels made from it.

use std::collections::HashMap;

use ocelli_nn::backend::Level;
use ocelli_nn::{Error, ImageShape};

use super::Call;
use crate::params::{PlaneParams, Uniform};
use crate::resize::Pass;
use crate::shader::Kernel;
use crate::slices::Size;

/// Where each level's pixels lie, in words.
#[derive(Debug, Default)]
pub(super) struct Planes {
    pub(super) calls: Vec<(Call, Size)>,
    pub(super) tables: Vec<i32>,
    /// By level.
    pub(super) levels: Vec<u32>,
    pub(super) n_words: usize,
    /// Tables by input and output pixels, so that equal passes share one.
    known: HashMap<(usize, usize), PlaneParams>,
}

/// A plane that is there already.
#[derive(Debug, Clone, Copy)]
struct Plane {
    offset: usize,
    shape: ImageShape,
}

impl Planes {
    pub(super) fn new(picture: ImageShape, levels: &[Level]) -> Result<Self, Error> {
        let mut planes = Self { tables: vec![0], ..Self::default() };
        let whole = planes.allocate(picture)?;
        planes.push(Kernel::Unpack, PlaneParams { target_plane: 0, ..Default::default() }, picture, 1);
        let mut made = HashMap::new();
        for level in levels {
            let plane = planes.along(whole, level, &mut made)?;
            planes.levels.push(plane.offset as u32);
        }
        Ok(planes)
    }

    /// The plane of a level, made on its way from the picture; `made` are planes by the way to them.
    fn along(
        &mut self,
        whole: Plane,
        level: &Level,
        made: &mut HashMap<Vec<ImageShape>, Plane>,
    ) -> Result<Plane, Error> {
        let (mut plane, mut way) = (whole, Vec::new());
        for &shape in level.through.iter().chain([&level.shape]) {
            way.push(shape);
            plane = match made.get(&way) {
                Some(known) => *known,
                None => self.resize(plane, shape)?,
            };
            made.insert(way.clone(), plane);
        }
        Ok(plane)
    }

    /// Room for a plane.
    fn allocate(&mut self, shape: ImageShape) -> Result<Plane, Error> {
        let plane = Plane { offset: self.n_words, shape };
        self.n_words += shape.height * shape.width;
        // Kernels count words in 32 bits.
        match u32::try_from(self.n_words * 4) {
            Ok(_) => Ok(plane),
            Err(_) => Err(Error::MemoryLimit { needed: self.n_words as u64 * 4, limit: u64::from(u32::MAX) }),
        }
    }

    /// The plane of `shape` made from `source`: columns first, then rows, as the intake does it.
    fn resize(&mut self, source: Plane, shape: ImageShape) -> Result<Plane, Error> {
        let between = ImageShape::new(shape.height, source.shape.width);
        let columns = self.pass(Kernel::ResizeColumns, source, between, [source.shape.height, shape.height])?;
        self.pass(Kernel::ResizeRows, columns, shape, [source.shape.width, shape.width])
    }

    fn pass(&mut self, kernel: Kernel, source: Plane, shape: ImageShape, ends: [usize; 2]) -> Result<Plane, Error> {
        let Some(table) = self.table(ends) else { return Ok(source) };
        let target = self.allocate(shape)?;
        let params = PlaneParams {
            source: source.offset as u32,
            source_width: source.shape.width as u32,
            target_plane: target.offset as u32,
            ..table
        };
        self.push(kernel, params, shape, table.window);
        Ok(target)
    }

    /// The table of a pass, or none where it has nothing to do.
    fn table(&mut self, [n_in, n_out]: [usize; 2]) -> Option<PlaneParams> {
        if let Some(known) = self.known.get(&(n_in, n_out)) {
            return Some(*known);
        }
        let pass = Pass::new(n_in, n_out)?;
        let table = PlaneParams {
            table: self.tables.len() as u32,
            window: pass.window as u32,
            digits: pass.precision,
            n_outputs: n_out as u32,
            ..Default::default()
        };
        self.tables.extend(pass.words());
        self.known.insert((n_in, n_out), table);
        Some(table)
    }

    fn push(&mut self, kernel: Kernel, params: PlaneParams, shape: ImageShape, window: u32) {
        let params = PlaneParams { target_width: shape.width as u32, ..params };
        let rows = [0, shape.height as u32];
        let units = shape.width as f64 * f64::from(window);
        let call = Call { kernel, uniform: Uniform::Planes(params), extent: [shape.width as u32, 1] };
        self.calls.push((call, Size { kernel, rows, units, splits: true }));
    }
}
