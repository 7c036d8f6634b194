//! A network ready to run: passes applied, weights packed once, shared by all levels and threads.

mod lower;
mod lower_i8;
mod step;
mod winograd;

use std::sync::Arc;

pub(crate) use lower::dense_weight;
pub(crate) use step::{
    AddI8, ConcatI8, ConvI8Step, ConvStep, Depthwise, Requantize, Slot, Step, StepKind, Tiles, WinogradStep,
};

use crate::arena::Pool;
use crate::graph::{Graph, shape};
use crate::kernels::isa::Isa;
use crate::plan::cache::PlanCache;
use crate::plan::{JointPlan, PlanOptions};
use crate::quantize::{Calibration, Precision, QUANTIZATION_KEY};
use crate::{Error, ImageShape, Model, passes};

/// How a network is prepared.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct NetworkOptions {
    /// The instruction set to run on; `None` takes the best this CPU has.
    pub isa: Option<Isa>,
    /// Floats or bytes.
    pub precision: Precision,
    /// Compute 3×3 convolutions of stride 1 in f32 as they are written, instead of by Winograd's
    /// minimal filtering, which does half the multiplications and rounds a little differently.
    pub direct: bool,
    /// Ranges for [`Precision::Int8`]; `None` takes those of the model's metadata.
    pub calibration: Option<Calibration>,
}

impl NetworkOptions {
    /// These options with another instruction set.
    #[must_use]
    pub fn with_isa(mut self, isa: Isa) -> Self {
        self.isa = Some(isa);
        self
    }

    /// These options with another number format.
    #[must_use]
    pub fn with_precision(mut self, precision: Precision) -> Self {
        self.precision = precision;
        self
    }

    /// These options with or without Winograd's filtering.
    #[must_use]
    pub fn with_direct(mut self, direct: bool) -> Self {
        self.direct = direct;
        self
    }

    /// These options with ranges for int8.
    #[must_use]
    pub fn with_calibration(mut self, calibration: Calibration) -> Self {
        self.calibration = Some(calibration);
        self
    }

    fn calibration_for(&self, model: &Model) -> Result<Calibration, Error> {
        if let Some(calibration) = &self.calibration {
            return Ok(calibration.clone());
        }
        let json = model.metadata(QUANTIZATION_KEY);
        Calibration::from_json(json.ok_or_else(|| Error::unsupported("int8 of a model without calibration"))?)
    }
}

/// A network with its weights packed for this CPU. Cheap to share: wrap it in an [`Arc`], as
/// [`Network::new`] does, and use it from any thread.
#[derive(Debug)]
pub struct Network {
    graph: Graph,
    graph_before: Graph,
    metadata: std::collections::BTreeMap<String, String>,
    pub(crate) steps: Vec<Step>,
    pub(crate) slots: Vec<Slot>,
    isa: Isa,
    precision: Precision,
    pub(crate) plans: PlanCache,
    pub(crate) arenas: Arc<Pool>,
}

impl Network {
    /// Prepares `model` for the best instruction set of this CPU.
    ///
    /// # Errors
    /// As [`Network::with_options`].
    pub fn new(model: &Model) -> Result<Arc<Self>, Error> {
        Self::with_options(model, &NetworkOptions::default())
    }

    /// Prepares `model`: runs the graph passes and packs the weights.
    ///
    /// # Errors
    /// [`Error::Unsupported`] if the CPU lacks the instruction set asked for, or for int8 if an
    /// operator has no byte form or a range is missing.
    pub fn with_options(model: &Model, options: &NetworkOptions) -> Result<Arc<Self>, Error> {
        let isa = options.isa.unwrap_or_else(Isa::detect);
        if !isa.is_available() {
            return Err(Error::unsupported(format!("instruction set {isa} on this CPU")));
        }
        let graph_before = model.graph().clone();
        let mut graph = graph_before.clone();
        passes::optimize(&mut graph);
        let (steps, slots) = match options.precision {
            Precision::F32 => lower::lower(&graph, isa, !options.direct)?,
            Precision::Int8 => lower_i8::lower(&graph, &options.calibration_for(model)?, isa)?,
        };
        Ok(Arc::new(Self {
            graph,
            graph_before,
            metadata: model.all_metadata().clone(),
            steps,
            slots,
            isa,
            precision: options.precision,
            plans: PlanCache::default(),
            arenas: Arc::default(),
        }))
    }

    /// The same graph lowered one step a node: what a backend's memory is planned by.
    pub(crate) fn lowered_plainly(&self, isa: Isa) -> Result<Self, Error> {
        let (steps, slots) = lower::lower(&self.graph, isa, false)?;
        Ok(Self {
            graph: self.graph.clone(),
            graph_before: self.graph_before.clone(),
            metadata: self.metadata.clone(),
            steps,
            slots,
            isa,
            precision: Precision::F32,
            plans: PlanCache::default(),
            arenas: Arc::default(),
        })
    }

    /// The joint plan for pictures of these sizes, one level each; cached by shapes and options.
    ///
    /// # Errors
    /// [`Error::Shape`] for a size the network cannot take, [`Error::MemoryLimit`] for a plan over
    /// the budget. Nothing is allocated for activations before both are checked.
    pub fn plan(self: &Arc<Self>, levels: &[ImageShape], options: &PlanOptions) -> Result<Arc<JointPlan>, Error> {
        self.plans.get_or_build(self, levels, options)
    }

    /// The name the model gives itself.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.graph.name
    }

    /// The model's revision.
    #[must_use]
    pub fn revision(&self) -> u32 {
        self.graph.revision
    }

    /// A string of the model file's metadata, such as `ocelli.detector`.
    #[must_use]
    pub fn metadata(&self, key: &str) -> Option<&str> {
        self.metadata.get(key).map(String::as_str)
    }

    /// The graph as it runs, after all passes.
    #[must_use]
    pub fn graph(&self) -> &Graph {
        &self.graph
    }

    /// The graph as the model file states it.
    #[must_use]
    pub fn graph_before_passes(&self) -> &Graph {
        &self.graph_before
    }

    /// The name of a value, or of the step that makes it where the graph does not know it.
    pub(crate) fn value_name(&self, value: usize) -> &str {
        let by_step = || self.steps.iter().find(|step| step.output == value).map_or("", |step| step.name.as_str());
        self.graph.values.get(value).map_or_else(by_step, |value| value.name.as_str())
    }

    /// The shapes of all values at one size, those that lowering added included.
    pub(crate) fn shapes(&self, picture: ImageShape) -> Result<Vec<ImageShape>, Error> {
        let mut shapes = shape::infer(&self.graph, picture)?;
        shapes.resize(self.slots.len(), ImageShape::new(0, 0));
        for step in &self.steps {
            if let StepKind::Tiles(tiles) = &step.kind {
                let source = shapes[step.inputs[0]];
                shapes[step.output] = ImageShape::new(source.height, tiles.n(source.width));
            }
        }
        Ok(shapes)
    }

    /// Frees the arenas that are kept for the next run; those in use are kept when they come back.
    pub fn release(&self) {
        self.arenas.clear();
    }

    /// The instruction set the kernels were chosen for.
    #[must_use]
    pub fn isa(&self) -> Isa {
        self.isa
    }

    /// The number format the network computes in.
    #[must_use]
    pub fn precision(&self) -> Precision {
        self.precision
    }

    /// Bytes of all packed weights: they exist once, whatever the number of levels and threads.
    #[must_use]
    pub fn weight_bytes(&self) -> usize {
        self.steps.iter().map(|step| step.kind.weight_bytes()).sum()
    }
}
