//! State between stages, on disk.

use super::boost::Boosted;
use super::{StageReport, TrainConfig, assemble};
use crate::cascade::{Feature, Stage};
use crate::{Cascade, CascadeError, Result};
use serde::{Deserialize, Serialize};

/// What a run has made so far, and for which configuration.
#[derive(Serialize, Deserialize)]
pub(super) struct Checkpoint {
    config: TrainConfig,
    features: Vec<Feature>,
    stages: Vec<Stage>,
    pub reports: Vec<StageReport>,
}

impl Checkpoint {
    /// The state of an interrupted run with this configuration, else a fresh one.
    ///
    /// The numbers of stages and seconds may differ: they say when to stop, not what is made.
    pub fn resume(config: &TrainConfig) -> Result<Self> {
        let fresh = Self { config: config.clone(), features: Vec::new(), stages: Vec::new(), reports: Vec::new() };
        let Some(path) = config.checkpoint.as_ref().filter(|p| p.exists()) else { return Ok(fresh) };
        let text = std::fs::read_to_string(path).map_err(|e| CascadeError::io(path, e))?;
        let found: Self = serde_json::from_str(&text).map_err(|e| CascadeError::Syntax { reason: e.to_string() })?;
        let comparable = |c: &TrainConfig| TrainConfig { stages: 1, max_seconds: None, ..c.clone() };
        if comparable(&found.config) != comparable(config) {
            let reason = format!("{} belongs to another configuration; remove it or name another", path.display());
            return Err(CascadeError::Training { reason });
        }
        Ok(found)
    }

    /// Writes the state; a crash leaves the old or the new one.
    pub fn save(&self, config: &TrainConfig) -> Result<()> {
        let Some(path) = &config.checkpoint else { return Ok(()) };
        let text = serde_json::to_string(self).unwrap_or_else(|_| unreachable!("checked numbers are finite"));
        let part = path.with_extension("part");
        std::fs::write(&part, text).and_then(|()| std::fs::rename(&part, path)).map_err(|e| CascadeError::io(path, e))
    }

    /// Adds a stage; equal features are stored once.
    pub fn push(&mut self, boosted: &Boosted) {
        let mut stage = boosted.stage.clone();
        for tree in &mut stage.trees {
            for node in &mut tree.nodes {
                let feature = &boosted.features[node.feature as usize];
                let known = self.features.iter().position(|f| f == feature);
                node.feature = known.unwrap_or_else(|| {
                    self.features.push(feature.clone());
                    self.features.len() - 1
                }) as u32;
            }
        }
        self.stages.push(stage);
    }

    /// The cascade so far; `None` before the first stage.
    pub fn cascade(&self, config: &TrainConfig) -> Result<Option<Cascade>> {
        if self.stages.is_empty() {
            return Ok(None);
        }
        assemble(config, &self.features, &self.stages).map(Some)
    }
}
