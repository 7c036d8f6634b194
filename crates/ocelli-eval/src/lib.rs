//! Data sets, matching, metrics and reports for comparing detectors.
