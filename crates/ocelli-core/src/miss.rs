//! Why something that a person sees in a picture is not among the observations.

use crate::NormalizedRect;
use serde::Serialize;
use std::fmt;

/// An algorithm's account of what became of one place in a picture; its `Display` form is for people.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct MissReport {
    /// What happened.
    pub verdict: MissVerdict,
    /// What the algorithm saw there: name and value, in the order of its steps.
    pub facts: Vec<(String, String)>,
}

impl MissReport {
    /// An account that ends in `verdict`.
    pub fn new(verdict: MissVerdict) -> Self {
        Self { verdict, facts: Vec::new() }
    }

    /// Adds something that the algorithm saw.
    pub fn fact(mut self, name: &str, value: impl fmt::Display) -> Self {
        self.facts.push((name.to_owned(), value.to_string()));
        self
    }
}

/// The step that removed a place, or that none did.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "step", rename_all = "snake_case")]
#[non_exhaustive]
pub enum MissVerdict {
    /// It was not missed: this observation covers it.
    Found {
        /// Where the observation lies.
        rect: NormalizedRect,
        /// How sure it is.
        confidence: f32,
    },
    /// It lies outside the region of interest.
    Region,
    /// It is smaller or larger than the sizes asked for.
    SizeRange {
        /// Its size, √(width × height) over the longer side of the searched part.
        size: f64,
        /// Smallest size asked for.
        min: f64,
        /// Largest size asked for.
        max: f64,
    },
    /// The best score near it is below the threshold.
    Threshold {
        /// That score as a confidence.
        confidence: f32,
        /// The threshold in force.
        threshold: f32,
    },
    /// A surer observation that overlaps it was kept instead.
    Merging {
        /// Where that lies.
        kept: NormalizedRect,
        /// How sure it is.
        confidence: f32,
    },
    /// There were enough surer ones.
    Count {
        /// The maximum count.
        max_count: usize,
    },
    /// A stage of a cascade rejected every window near it.
    Stage {
        /// Index of the furthest stage reached, from 0.
        stage: usize,
        /// Number of stages.
        n_stages: usize,
    },
    /// Windows see it, but too few of them agree on one box.
    Neighbors {
        /// The number of windows that must be exceeded.
        min_neighbors: u32,
    },
    /// Nothing overlaps it enough: no window or cell looks at this place and size.
    NotCovered,
}

impl fmt::Display for MissReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, value) in &self.facts {
            writeln!(f, "  {name:18} {value}")?;
        }
        writeln!(f, "  {:18} {}", "verdict", self.verdict)
    }
}

impl fmt::Display for MissVerdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let pixels = |r: &NormalizedRect| {
            let p = r.to_pixels();
            format!("x {:.0}, y {:.0}, width {:.0}, height {:.0}", p.x, p.y, p.width, p.height)
        };
        match self {
            Self::Found { rect, confidence } => write!(f, "found: {confidence:.2} at {}", pixels(rect)),
            Self::Region => write!(f, "outside the region of interest"),
            Self::SizeRange { size, min, max } => {
                write!(f, "size range: {size:.4} of the longer side, asked for {min:.4} to {max:.4}")
            }
            Self::Threshold { confidence, threshold } => {
                write!(f, "threshold: the best score near it is {confidence:.3}, below {threshold:.3}")
            }
            Self::Merging { kept, confidence } => {
                write!(f, "merging: a surer one ({confidence:.2}) overlaps it, at {}", pixels(kept))
            }
            Self::Count { max_count } => write!(f, "count: {max_count} surer ones were enough"),
            Self::Stage { stage, n_stages } => write!(f, "rejected by stage {} of {n_stages}", stage + 1),
            Self::Neighbors { min_neighbors } => {
                write!(f, "merging: windows see it, but no more than {min_neighbors} agree on one box")
            }
            Self::NotCovered => write!(f, "not covered: no window or cell looks at this place and size"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_account_reads_from_facts_to_verdict() {
        let verdict = MissVerdict::Threshold { confidence: 0.31, threshold: 0.5 };
        let report = MissReport::new(verdict).fact("level", "320×240");
        let expected = "  level              320×240\n  verdict            threshold: the best score near it is 0.310, below 0.500\n";
        assert_eq!(report.to_string(), expected);
    }
}
