//! A network on the device, with what was recorded for the sizes it was run at.

use std::sync::{Arc, Mutex};

use ocelli_nn::backend::{DeviceNetwork, Job, Level, Want};
use ocelli_nn::{Error, ImageShape};
use wgpu::{Buffer, BufferUsages, Queue};

use crate::gpu::locked;
use crate::memory::Allocator;
use crate::recording::{Recording, Room, Subject};
use crate::shader::Element;
use crate::weights::Place;

/// Recordings kept for each network.
const KEPT: usize = 32;

/// What a recording depends on.
#[derive(Debug, PartialEq)]
struct Key {
    picture: ImageShape,
    levels: Vec<Level>,
    /// The score's name for cells, and the names of the outputs read.
    score: Option<String>,
    read: Vec<String>,
}

impl Key {
    fn new(job: &Job<'_>) -> Self {
        let (score, read) = match job.want {
            Want::Outputs(names) => (None, names),
            Want::Cells { score, read, .. } => (Some(score.to_owned()), read),
        };
        let read = read.iter().map(ToString::to_string).collect();
        Self { picture: job.picture.shape(), levels: job.levels.to_vec(), score, read }
    }
}

/// A recording with its tables on the device.
#[derive(Debug)]
pub(crate) struct Recorded {
    pub(crate) recording: Recording,
    pub(crate) tables: Buffer,
}

/// A network whose weights are on the device.
#[derive(Debug)]
pub(crate) struct Loaded {
    network: DeviceNetwork,
    places: Vec<Place>,
    pub(crate) weights: Buffer,
    element: Element,
    room: Room,
    recorded: Mutex<Vec<(Key, Arc<Recorded>)>>,
}

impl Loaded {
    pub(crate) fn new(
        network: DeviceNetwork,
        places: Vec<Place>,
        weights: Buffer,
        element: Element,
        room: Room,
    ) -> Self {
        Self { network, places, weights, element, room, recorded: Mutex::default() }
    }

    /// The recording for a job: made once for its sizes.
    ///
    /// # Errors
    /// Those of [`Recording::new`] and of the device's memory.
    pub(crate) fn recorded(&self, job: &Job<'_>, allocator: &Allocator, queue: &Queue) -> Result<Arc<Recorded>, Error> {
        let key = Key::new(job);
        let mut recorded = locked(&self.recorded);
        if let Some(ix) = recorded.iter().position(|(k, _)| *k == key) {
            recorded[ix..].rotate_left(1);
            return Ok(recorded[recorded.len() - 1].1.clone());
        }
        let subject = Subject {
            network: &self.network,
            places: &self.places,
            element: self.element,
            picture: job.picture.shape(),
            levels: job.levels,
            want: job.want,
        };
        let recording = Recording::new(&subject, self.room)?;
        let bytes: &[u8] = bytemuck::cast_slice(&recording.tables);
        let tables = allocator.buffer("tables", bytes.len() as u64, BufferUsages::STORAGE | BufferUsages::COPY_DST)?;
        queue.write_buffer(&tables, 0, bytes);
        if recorded.len() == KEPT {
            recorded.remove(0);
        }
        let made = Arc::new(Recorded { recording, tables });
        recorded.push((key, made.clone()));
        Ok(made)
    }
}
