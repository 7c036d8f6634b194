//! The device's memory of one job, kept for the next; a bounded number of jobs is in flight.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use ocelli_nn::Error;
use ocelli_nn::backend::Urgency;
use wgpu::{Buffer, BufferDescriptor, BufferUsages, Device, ErrorFilter, QuerySet, QuerySetDescriptor, QueryType};

use crate::adapters::at_once;
use crate::params::UNIFORM_PITCH;
use crate::recording::{Recording, Returns};

/// Most calls of a slice.
pub(crate) const MAX_PIECES: usize = 128;
/// Slices of a job whose time is taken; those after it go unmeasured.
pub(crate) const MAX_TIMED: usize = 1_024;
/// Bytes of all its timestamps: two of eight bytes each.
pub(crate) const TIMES_BYTES: u64 = MAX_TIMED as u64 * 16;
/// Bytes of records that come back with the first reading; more need a second.
pub(crate) const INLINE_RECORDS: u64 = 64 << 10;

/// Makes buffers, and tells when the device has no room.
#[derive(Debug)]
pub(crate) struct Allocator {
    device: Device,
    /// For tests: the next buffer is refused, as a full device would.
    pub(crate) refuse_next: AtomicBool,
}

impl Allocator {
    pub(crate) fn new(device: &Device) -> Self {
        Self { device: device.clone(), refuse_next: AtomicBool::new(false) }
    }

    /// A buffer of at least `bytes`.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`].
    pub(crate) fn buffer(&self, label: &str, bytes: u64, usage: BufferUsages) -> Result<Buffer, Error> {
        let size = bytes.max(64).next_multiple_of(64);
        if self.refuse_next.swap(false, Ordering::Relaxed) {
            return Err(Error::OutOfMemory { bytes: size });
        }
        let scope = self.device.push_error_scope(ErrorFilter::OutOfMemory);
        let descriptor = BufferDescriptor { label: Some(label), size, usage, mapped_at_creation: false };
        let buffer = self.device.create_buffer(&descriptor);
        match at_once(scope.pop()) {
            None => Ok(buffer),
            Some(_) => Err(Error::OutOfMemory { bytes: size }),
        }
    }
}

/// Buffers of one job at a time.
#[derive(Debug)]
pub(crate) struct Workspace {
    pub(crate) arena: Buffer,
    pub(crate) planes: Buffer,
    pub(crate) picture: Buffer,
    pub(crate) found: Buffer,
    pub(crate) uniforms: Buffer,
    /// What is read back: timestamps, then records or outputs.
    pub(crate) back: Buffer,
    pub(crate) times: Buffer,
    pub(crate) queries: Option<QuerySet>,
}

const KERNEL: BufferUsages = BufferUsages::STORAGE.union(BufferUsages::COPY_DST);

impl Workspace {
    fn new(device: &Device, allocator: &Allocator, recording: &Recording, timestamps: bool) -> Result<Self, Error> {
        let needs = Needs::of(recording);
        let queries = timestamps.then(|| {
            let count = MAX_TIMED as u32 * 2;
            device.create_query_set(&QuerySetDescriptor { label: Some("slices"), ty: QueryType::Timestamp, count })
        });
        let uniforms = (MAX_PIECES * UNIFORM_PITCH) as u64;
        Ok(Self {
            arena: allocator.buffer("arena", needs.arena, KERNEL | BufferUsages::COPY_SRC)?,
            planes: allocator.buffer("planes", needs.planes, KERNEL)?,
            picture: allocator.buffer("picture", needs.picture, KERNEL)?,
            found: allocator.buffer("found", needs.found, KERNEL | BufferUsages::COPY_SRC)?,
            uniforms: allocator.buffer("uniforms", uniforms, BufferUsages::UNIFORM | BufferUsages::COPY_DST)?,
            back: allocator.buffer("back", needs.back, BufferUsages::MAP_READ | BufferUsages::COPY_DST)?,
            times: allocator.buffer("times", TIMES_BYTES, BufferUsages::QUERY_RESOLVE | BufferUsages::COPY_SRC)?,
            queries,
        })
    }

    fn fits(&self, recording: &Recording) -> bool {
        let needs = Needs::of(recording);
        self.arena.size() >= needs.arena
            && self.planes.size() >= needs.planes
            && self.picture.size() >= needs.picture
            && self.found.size() >= needs.found
            && self.back.size() >= needs.back
    }
}

/// Bytes that a recording asks of a workspace.
struct Needs {
    arena: u64,
    planes: u64,
    picture: u64,
    found: u64,
    back: u64,
}

impl Needs {
    fn of(recording: &Recording) -> Self {
        let back = match &recording.returns {
            Returns::Outputs { bytes, .. } => *bytes as u64,
            Returns::Cells { .. } => (recording.found_bytes as u64).min(INLINE_RECORDS),
        };
        Self {
            arena: recording.arena_bytes as u64,
            planes: recording.plane_bytes as u64,
            picture: recording.picture_bytes as u64,
            found: recording.found_bytes as u64,
            back: TIMES_BYTES + back,
        }
    }
}

/// At most so many workspaces as jobs may be in flight; whoever comes later waits. One more is kept for urgent jobs, so
/// that a person does not wait until a whole background job is done.
#[derive(Debug)]
pub(crate) struct Pool {
    state: Mutex<State>,
    freed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    free: Vec<Workspace>,
    /// How many more may exist; below zero while an urgent job has one beyond them.
    room: i64,
}

impl Pool {
    pub(crate) fn new(in_flight: usize) -> Self {
        Self {
            state: Mutex::new(State { free: Vec::new(), room: in_flight.clamp(1, 1 << 10) as i64 }),
            freed: Condvar::new(),
        }
    }

    /// A workspace for `recording`; dropping it gives it back.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`] where the device has no room for it.
    pub(crate) fn take(
        &self,
        device: &Device,
        allocator: &Allocator,
        recording: &Recording,
        timestamps: bool,
        urgency: Urgency,
    ) -> Result<Taken<'_>, Error> {
        let least = if urgency == Urgency::Interactive { -1 } else { 0 };
        let mut state = self.lock();
        loop {
            if let Some(ix) = state.free.iter().position(|w| w.fits(recording)) {
                let workspace = state.free.swap_remove(ix);
                return Ok(Taken { pool: self, workspace: Some(workspace) });
            }
            // One that is too small makes room for one that is not.
            let smaller = state.free.pop();
            if smaller.is_some() || state.room > least {
                state.room -= i64::from(smaller.is_none());
                drop(state);
                drop(smaller);
                // Where there is no memory, the place is given back with nothing in it.
                let mut taken = Taken { pool: self, workspace: None };
                taken.workspace = Some(Workspace::new(device, allocator, recording, timestamps)?);
                return Ok(taken);
            }
            state = self.freed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A place among the jobs in flight, with its workspace.
#[derive(Debug)]
pub(crate) struct Taken<'a> {
    pool: &'a Pool,
    workspace: Option<Workspace>,
}

impl Taken<'_> {
    /// The buffers.
    pub(crate) fn workspace(&self) -> &Workspace {
        self.workspace.as_ref().expect("a place is handed out with its workspace")
    }

    /// Gives the place back without the buffers: they may still be mapped, or belong to a lost device.
    pub(crate) fn discard(mut self) {
        self.workspace = None;
    }
}

impl Drop for Taken<'_> {
    fn drop(&mut self) {
        let mut state = self.pool.lock();
        match self.workspace.take() {
            Some(workspace) if state.room >= 0 => state.free.push(workspace),
            _ => state.room += 1,
        }
        drop(state);
        self.pool.freed.notify_one();
    }
}
