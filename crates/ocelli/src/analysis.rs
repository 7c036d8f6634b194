//! EXPLAIN ANALYZE: the plan of a batch beside what was measured when it ran.

use crate::Plan;
use ocelli_core::{Step, StepKind};
use ocelli_image::{Bytes, PlannedDecode};
use serde::Serialize;
use std::fmt;
use std::time::Duration;

/// A plan, what became of it, and what each step took.
///
/// Times are wall time, and include waiting for other threads; steps of parallel runs overlap. The text and the JSON form
/// have stable words and order for equal input; times differ from run to run.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Analysis {
    /// The plan.
    pub plan: Plan,
    /// What was done, equal steps together, in the order in which they first ended.
    pub steps: Vec<Measured>,
    /// For each request: the number of its answers, or why it has none.
    pub answers: Vec<Result<usize, String>>,
    /// From the call to its last answer, in milliseconds.
    pub total_ms: f64,
}

/// Steps of the same kind on the same thing.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Measured {
    /// `decode`, `view`, `hit`, `run`, or another device's word for its work.
    pub stage: String,
    /// The way of decoding, the view, or the algorithm.
    pub what: String,
    /// How many there were.
    pub times: usize,
    /// How long they took together, in milliseconds.
    pub ms: f64,
    /// Bytes of what they made or found.
    pub bytes: u64,
}

impl Analysis {
    pub(crate) fn new(plan: Plan, steps: &[Step], answers: Vec<Result<usize, String>>, total: Duration) -> Self {
        let mut all: Vec<Measured> = Vec::new();
        for step in steps {
            let (stage, what) = named(&plan, &step.kind);
            let ms = step.time.as_secs_f64() * 1e3;
            match all.iter_mut().find(|m| m.stage == stage && m.what == what) {
                Some(same) => {
                    same.times += 1;
                    same.ms += ms;
                    same.bytes += step.bytes;
                }
                None => all.push(Measured { stage, what, times: 1, ms, bytes: step.bytes }),
            }
        }
        Self { plan, steps: all, answers, total_ms: total.as_secs_f64() * 1e3 }
    }
}

/// Stage and thing of a step, in the words of the plan.
fn named(plan: &Plan, kind: &StepKind) -> (String, String) {
    let word = |stage: &str, what: String| (stage.to_owned(), what);
    match kind {
        StepKind::Decode(views) => {
            let reads = |pass: &&PlannedDecode| views.iter().any(|view| pass.views.contains(view));
            let bands = plan.tiles.iter().filter_map(|tiles| tiles.decode.as_ref());
            let pass = plan.intake.decodes.iter().chain(bands).find(reads);
            word("decode", pass.map_or("another way".into(), |pass| format!("{} at {}", pass.method, pass.size)))
        }
        StepKind::View(view) => word("view", view.to_string()),
        StepKind::Hit(view) => word("hit", view.to_string()),
        StepKind::Algorithm(name) => word("run", name.clone()),
        // Steps that were added since: their JSON form has one key, which names them.
        other => {
            let json = serde_json::to_value(other).unwrap_or_default();
            let entry = json.as_object().and_then(|map| map.iter().next().map(|(k, v)| (k.clone(), v.clone())));
            let (stage, what) = entry.unwrap_or_else(|| (json.as_str().unwrap_or("step").to_owned(), "".into()));
            (stage, what.as_str().map_or_else(|| what.to_string(), str::to_owned))
        }
    }
}

impl fmt::Display for Analysis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.plan)?;
        for Measured { stage, what, times, ms, bytes } in &self.steps {
            write!(f, "Actual   {stage} {what}")?;
            if *times > 1 {
                write!(f, ", {times} times")?;
            }
            if stage != "hit" {
                write!(f, ", {ms:.1} ms")?;
            }
            match bytes {
                0 => writeln!(f)?,
                bytes => writeln!(f, ", {}", Bytes(*bytes))?,
            }
        }
        for (request, answer) in self.answers.iter().enumerate() {
            match answer {
                Ok(count) => writeln!(f, "Answers  request {}: {count}", request + 1)?,
                Err(why) => writeln!(f, "Answers  request {}: {why}", request + 1)?,
            }
        }
        writeln!(f, "Total    {:.1} ms", self.total_ms)
    }
}
