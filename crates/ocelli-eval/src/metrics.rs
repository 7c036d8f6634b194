//! Metrics: from boxes to numbers, a protocol a file.

pub mod assignment;
pub mod calibration;
pub mod coco;
pub mod curve;
pub mod ellipse;
pub mod fddb;
pub mod matching;
pub mod wider;

pub use calibration::Calibration;
pub use coco::CocoSummary;
pub use curve::{Curve, CurvePoint};
pub use ellipse::Ellipse;
pub use fddb::FddbCurve;
pub use matching::{Band, Matching, Sorted, Verdict};
pub use wider::WiderSummary;
