//! The independent checker: walks every timetable row by row and watches every byte.
//!
//! It knows nothing of lives, rings or offsets being right: each row written claims its bytes, each
//! row read must still own all of its bytes, and no byte is ever written by two workers.

use std::collections::HashMap;

use super::{Buffer, JointPlan};

/// A row of a tensor, as made by one piece of work.
type Owner = (usize, usize, usize, usize);

/// What is wrong with `plan`, if anything.
pub(crate) fn check(plan: &JointPlan) -> Result<(), String> {
    let layout = &plan.layout;
    let mut bytes: Vec<Option<Owner>> = vec![None; layout.arena_bytes];
    let mut writer: Vec<Option<usize>> = vec![None; layout.arena_bytes];
    let mut made: HashMap<(usize, usize, usize), Owner> = HashMap::new();
    for (worker_ix, pieces) in layout.workers.iter().enumerate() {
        for (piece_ix, piece) in pieces.iter().enumerate() {
            let network = &plan.networks[piece.level_ix];
            let shapes = &layout.levels[piece.level_ix].shapes;
            for entry in &piece.entries {
                let step = &network.steps[entry.step_ix as usize];
                for y in entry.rows() {
                    for &input in &step.inputs {
                        for row in step.kind.needs(y..y + 1, shapes[input].height) {
                            let owner = (worker_ix, piece_ix, input, row);
                            let range = bytes_of(&piece.buffers[input], row);
                            let intact = bytes[range].iter().all(|&byte| byte == Some(owner));
                            if !intact {
                                return Err(format!("step {} row {y} reads lost row {row} of {input}", step.name));
                            }
                        }
                    }
                    let owner = (worker_ix, piece_ix, step.output, y);
                    let range = bytes_of(&piece.buffers[step.output], y);
                    if range.start < layout.pads.len() * layout.pad_bytes || range.end > layout.arena_bytes {
                        return Err(format!("step {} row {y} leaves its region", step.name));
                    }
                    bytes[range.clone()].fill(Some(owner));
                    for byte in &mut writer[range] {
                        if byte.replace(worker_ix).is_some_and(|other| other != worker_ix) {
                            return Err(format!("step {} row {y} writes another worker's bytes", step.name));
                        }
                    }
                    made.insert((piece.level_ix, step.output, y), owner);
                }
            }
        }
    }
    for (level_ix, (network, level)) in plan.networks.iter().zip(&layout.levels).enumerate() {
        for output in &network.graph().outputs {
            for y in 0..level.shapes[output.value].height {
                let owner = made.get(&(level_ix, output.value, y)).copied();
                let range = bytes_of(&level.outputs[output.value], y);
                if owner.is_none() || !bytes[range].iter().all(|&byte| byte == owner) {
                    return Err(format!("row {y} of output {} of level {level_ix} is lost", output.name));
                }
            }
        }
    }
    Ok(())
}

fn bytes_of(buffer: &Buffer, row: usize) -> std::ops::Range<usize> {
    let start = buffer.offset + row % buffer.rows * buffer.pitch;
    start..start + buffer.pitch
}
