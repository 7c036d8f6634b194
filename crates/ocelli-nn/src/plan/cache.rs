//! Plans by shapes and options, the oldest forgotten first.

use std::sync::{Arc, Mutex, PoisonError};

use super::{JointPlan, Layout, PlanOptions};
use crate::{Error, ImageShape, Network};

/// Plans kept for each network.
const CAPACITY: usize = 32;

#[derive(Debug)]
struct Cached {
    levels: Vec<ImageShape>,
    options: PlanOptions,
    layout: Arc<Layout>,
}

/// A bounded cache; it holds layouts, not networks, so that it keeps nothing alive.
#[derive(Debug, Default)]
pub(crate) struct PlanCache(Mutex<Vec<Cached>>);

impl PlanCache {
    pub(crate) fn get_or_build(
        &self,
        network: &Arc<Network>,
        levels: &[ImageShape],
        options: &PlanOptions,
    ) -> Result<Arc<JointPlan>, Error> {
        let options = options.settled();
        let networks = vec![network.clone(); levels.len()];
        if let Some(layout) = self.find(levels, &options) {
            return Ok(Arc::new(JointPlan { networks, layout }));
        }
        let borrowed: Vec<&Network> = vec![network.as_ref(); levels.len()];
        let layout = Arc::new(Layout::build(&borrowed, levels, &options)?);
        let mut cached = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if cached.len() == CAPACITY {
            cached.remove(0);
        }
        cached.push(Cached { levels: levels.to_vec(), options, layout: layout.clone() });
        drop(cached);
        Ok(Arc::new(JointPlan { networks, layout }))
    }

    /// The plan for these shapes, made the youngest.
    fn find(&self, levels: &[ImageShape], options: &PlanOptions) -> Option<Arc<Layout>> {
        let mut cached = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let ix = cached.iter().position(|c| c.levels == levels && c.options == *options)?;
        cached[ix..].rotate_left(1);
        cached.last().map(|c| c.layout.clone())
    }
}
