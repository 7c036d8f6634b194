//! Any bytes as a file: header, plan, views, tiles, within small limits.
#![no_main]

#[path = "../targets.rs"]
mod targets;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| targets::intake(bytes));
