//! Worker threads by priority, and the line of calls that wait for their turn.
//!
//! A thread that builds a view never takes up other work meanwhile (no build uses the pool), so a thread that waits for
//! a view always waits for one that runs.

use ocelli_core::{Error, Priority, Result};
use rayon::{ThreadPool, ThreadPoolBuilder};
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

/// Something to be done on the workers of a lane.
type Job = Box<dyn FnOnce() + Send>;

/// One pool of threads a priority; those beside the default one start when they are first used.
#[derive(Debug)]
pub(crate) struct Lanes {
    threads: [usize; 3],
    default: ThreadPool,
    others: [OnceLock<Option<ThreadPool>>; 3],
    lines: [Mutex<Line>; 3],
}

/// Calls without a thread of their own: some under way, the rest in order of arrival.
#[derive(Default)]
struct Line {
    waiting: VecDeque<Job>,
    under_way: usize,
}

impl std::fmt::Debug for Line {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} under way, {} waiting", self.under_way, self.waiting.len())
    }
}

impl Lanes {
    /// `threads` and `background` of 0 mean one a core, and half as many.
    pub(crate) fn new(threads: usize, background: usize) -> Result<Self> {
        let default = start(Priority::Default, threads)?;
        let threads = default.current_num_threads();
        let background = if background == 0 { threads.div_ceil(2) } else { background };
        let others = Default::default();
        Ok(Self { threads: [background, threads, threads], default, others, lines: Default::default() })
    }

    /// The workers of a priority.
    pub(crate) fn pool(&self, priority: Priority) -> &ThreadPool {
        if priority == Priority::Default {
            return &self.default;
        }
        let ix = priority as usize;
        // A machine that refuses more threads still has the default ones.
        self.others[ix].get_or_init(|| start(priority, self.threads[ix]).ok()).as_ref().unwrap_or(&self.default)
    }

    /// Has a job done as soon as it is its turn: few are under way at once, so that few pictures are in memory.
    pub(crate) fn submit(self: &Arc<Self>, priority: Priority, job: Job) {
        {
            let mut line = self.line(priority);
            if line.under_way >= self.threads[priority as usize] {
                line.waiting.push_back(job);
                return;
            }
            line.under_way += 1;
        }
        self.begin(priority, job);
    }

    /// Does a job on a worker, and then whatever waits.
    fn begin(self: &Arc<Self>, priority: Priority, job: Job) {
        let lanes = self.clone();
        self.pool(priority).spawn_fifo(move || {
            let mut next = Some(job);
            while let Some(job) = next {
                // Jobs catch panics of plugins and decoders themselves; what still comes is not worth the process.
                let _ = catch_unwind(AssertUnwindSafe(job));
                next = lanes.next(priority);
            }
        });
    }

    fn next(&self, priority: Priority) -> Option<Job> {
        let mut line = self.line(priority);
        let job = line.waiting.pop_front();
        if job.is_none() {
            line.under_way -= 1;
        }
        job
    }

    fn line(&self, priority: Priority) -> std::sync::MutexGuard<'_, Line> {
        self.lines[priority as usize].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn start(priority: Priority, threads: usize) -> Result<ThreadPool> {
    let name = match priority {
        Priority::Background => "ocelli-background",
        Priority::Interactive => "ocelli-interactive",
        Priority::Default => "ocelli",
    };
    let begin = move |ix| match priority {
        Priority::Background => lower_thread_priority(),
        Priority::Interactive => keep_to_core(ix, threads),
        Priority::Default => {}
    };
    ThreadPoolBuilder::new()
        .num_threads(threads)
        .thread_name(move |ix| format!("{name}-{ix}"))
        .start_handler(begin)
        .build()
        .map_err(|e| Error::io("worker threads", std::io::Error::other(e)))
}

/// Keeps the worker `ix` of `threads` to a processor of its own, if there is one for each and the system can.
///
/// While background work fills all processors, Linux takes none for idle, and wakes the workers of an urgent request one
/// behind the other on one processor as often as not.
fn keep_to_core(ix: usize, threads: usize) {
    let cores = core_affinity::get_core_ids().unwrap_or_default();
    if cores.len() == threads {
        core_affinity::set_for_current(cores[ix]);
    }
}

/// Lets the system run this thread with the least weight beside others; threads that it starts inherit that. For helpers
/// of long runs; there is no way back.
pub fn lower_thread_priority() {
    use thread_priority::ThreadPriority;
    #[cfg(target_os = "linux")]
    {
        use thread_priority::{NormalThreadSchedulePolicy, ThreadSchedulePolicy};
        use thread_priority::{set_thread_priority_and_policy, thread_native_id};
        // Not the policy "idle": Linux takes a processor with nothing but such threads for a free one, and puts the next
        // of them there while another processor has nothing to do, which costs a run on two cores up to a fifth.
        let batch = ThreadSchedulePolicy::Normal(NormalThreadSchedulePolicy::Batch);
        // Where it is refused the thread runs as all others do, and still gives way at checkpoints.
        let _ = set_thread_priority_and_policy(thread_native_id(), ThreadPriority::Min, batch);
    }
    #[cfg(not(target_os = "linux"))]
    let _ = thread_priority::set_current_thread_priority(ThreadPriority::Min);
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::channel;

    #[test]
    fn the_line_moves_up_whatever_happens() {
        let lanes = Arc::new(Lanes::new(1, 1).unwrap());
        let (sender, receiver) = channel();
        for ix in 0..50 {
            let sender = sender.clone();
            let job = move || {
                sender.send(ix).unwrap();
                assert!(ix % 7 != 0, "some jobs panic");
            };
            lanes.submit(Priority::Interactive, Box::new(job));
        }
        drop(sender);
        assert_eq!(receiver.iter().collect::<Vec<_>>(), (0..50).collect::<Vec<_>>());
    }

    #[test]
    fn background_work_has_few_threads() {
        let lanes = Lanes::new(4, 0).unwrap();
        assert_eq!(lanes.pool(Priority::Background).current_num_threads(), 2);
        assert_eq!(lanes.pool(Priority::Interactive).current_num_threads(), 4);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn background_threads_have_the_least_weight() {
        use thread_priority::{NormalThreadSchedulePolicy, ThreadSchedulePolicy, thread_schedule_policy};
        let lanes = Lanes::new(1, 1).unwrap();
        let policy = lanes.pool(Priority::Background).install(|| thread_schedule_policy().unwrap());
        assert_eq!(policy, ThreadSchedulePolicy::Normal(NormalThreadSchedulePolicy::Batch));
        // Of what follows the thread's name in brackets, the 17th field.
        let stat = || std::fs::read_to_string("/proc/thread-self/stat").unwrap();
        let stat = lanes.pool(Priority::Background).install(stat);
        assert_eq!(stat.rsplit_once(") ").unwrap().1.split(' ').nth(16), Some("19"));
        let policy = lanes.pool(Priority::Default).install(|| thread_schedule_policy().unwrap());
        assert_eq!(policy, thread_schedule_policy().unwrap());
    }
}
