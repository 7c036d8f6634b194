//! Running a graph: a node starts when the last of its producers is done; nodes that are ready run in parallel.

use crate::call::Call;
use crate::device;
use crate::graph::{Graph, Node};
use crate::tiles::Scan;
use ocelli_core::{
    AnyObservations, AnyRequest, Control, Error, Host, Input, Priority, Provenance, RequestOptions, Result, Step,
    StepKind, Views,
};
use ocelli_image::Picture;
use rayon::ScopeFifo;
use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Instant;

/// A graph on its way over one picture.
pub(crate) struct Run<'a> {
    call: &'a Arc<Call>,
    picture: &'a Picture,
    graph: &'a Graph,
    priority: Priority,
    controls: Vec<Control>,
    answers: Vec<OnceLock<Result<AnyObservations>>>,
    /// Producers that are not done yet, by node.
    missing: Vec<AtomicUsize>,
}

impl<'a> Run<'a> {
    /// Prepares the run; `requests` are those that the graph was made for.
    pub(crate) fn new(call: &'a Arc<Call>, picture: &'a Picture, graph: &'a Graph, requests: &[AnyRequest]) -> Self {
        let priority = call.steering.priority_of(requests);
        Self {
            call,
            picture,
            graph,
            priority,
            controls: controls(call, graph, requests, priority),
            answers: graph.nodes.iter().map(|_| OnceLock::new()).collect(),
            missing: graph.nodes.iter().map(|node| AtomicUsize::new(node.requires.len())).collect(),
        }
    }

    /// Runs every node on the workers of the call's priority; the answers come in the order of the nodes.
    pub(crate) fn all(&self) -> Vec<Result<AnyObservations>> {
        self.call.vision().lanes().pool(self.priority).install(|| {
            rayon::scope_fifo(|scope| {
                let ready = self.graph.nodes.iter().enumerate().filter(|(_, node)| node.requires.is_empty());
                ready.for_each(|(ix, _)| scope.spawn_fifo(move |scope| self.visit(scope, ix)));
            });
        });
        (0..self.graph.nodes.len()).map(|ix| self.answer(ix)).collect()
    }

    fn answer(&self, ix: usize) -> Result<AnyObservations> {
        self.answers[ix].get().cloned().unwrap_or(Err(Error::Cancelled))
    }

    /// Runs one node, then starts those that waited for it alone.
    fn visit<'s>(&'s self, scope: &ScopeFifo<'s>, ix: usize) {
        let answer = self.node(ix);
        let incomplete = answer.as_ref().is_ok_and(AnyObservations::is_incomplete);
        self.call.vision().counting().request(answer.is_err(), incomplete);
        let _ = self.answers[ix].set(answer);
        for (next, node) in self.graph.nodes.iter().enumerate().skip(ix + 1) {
            let times = node.requires.iter().filter(|&&required| required == ix).count();
            if times > 0 && self.missing[next].fetch_sub(times, Ordering::AcqRel) == times {
                scope.spawn_fifo(move |scope| self.visit(scope, next));
            }
        }
    }

    fn node(&self, ix: usize) -> Result<AnyObservations> {
        let answer = self.run_node(ix, &self.graph.nodes[ix], None);
        let answer = answer.or_else(|error| self.run_on_processor(ix, error));
        answer.and_then(|answer| self.caught(ix, || self.controls[ix].progress(1.0)).map(|()| answer))
    }

    fn run_node(&self, ix: usize, node: &Node, warning: Option<String>) -> Result<AnyObservations> {
        let control = &self.controls[ix];
        self.prepare_and_read(ix, node, warning, |input| {
            let began = Instant::now();
            let answer = match &node.cut {
                Some(cut) => self.scan(node, control).run(cut, input),
                None => node.algorithm.run(&node.request, input),
            };
            control.record(Step::since(began, StepKind::Algorithm(node.algorithm.name().to_owned()), 0));
            answer
        })
    }

    /// Runs a node whose device failed on the processor, where its caller leaves the choice of device open.
    fn run_on_processor(&self, ix: usize, error: Error) -> Result<AnyObservations> {
        let node = &self.graph.nodes[ix];
        let again = device::on_processor(self.call.vision().registry(), &node.request, &error);
        let (request, warning) = again.ok_or(error)?;
        let needs = node.algorithm.needs(&request, self.picture.info())?;
        self.run_node(ix, &Node { request, needs, ..node.clone() }, Some(warning))
    }

    fn scan<'s>(&'s self, node: &'s Node, control: &'s Control) -> Scan<'s> {
        let cache = self.call.vision().cache();
        Scan { picture: self.picture, cache, node, control, union: &self.graph.union }
    }

    /// Builds what a node reads and hands it over; a panic on the way is an error of this node.
    pub(crate) fn with_input<T>(&self, ix: usize, read: impl FnOnce(&Input<'_>) -> Result<T>) -> Result<T> {
        self.prepare_and_read(ix, &self.graph.nodes[ix], None, read)
    }

    fn prepare_and_read<T>(
        &self,
        ix: usize,
        node: &Node,
        warning: Option<String>,
        read: impl FnOnce(&Input<'_>) -> Result<T>,
    ) -> Result<T> {
        let (name, revision) = (node.algorithm.name(), node.algorithm.revision());
        let bytes: u64 = node.needs.views.iter().map(|spec| spec.bytes(self.picture.info().size)).sum();
        let _span = tracing::info_span!("algorithm", name, revision, bytes).entered();
        let _passage = Passage::enter(self.call, self.priority);
        let outcome = self.caught(ix, || self.prepared(node, &self.controls[ix], warning, read));
        outcome.and_then(|answer| answer).map_err(|error| error.in_algorithm(name))
    }

    /// A panic of a plugin, a decoder or a callback is an error of this node.
    fn caught<T>(&self, ix: usize, work: impl FnOnce() -> T) -> Result<T> {
        let name = self.graph.nodes[ix].algorithm.name();
        catch_unwind(AssertUnwindSafe(work)).map_err(|panic| panicked(name, &*panic))
    }

    fn prepared<T>(
        &self,
        node: &Node,
        control: &Control,
        warning: Option<String>,
        read: impl FnOnce(&Input<'_>) -> Result<T>,
    ) -> Result<T> {
        control.checkpoint()?;
        let required = node.requires.iter().map(|&ix| self.answer(ix)).collect::<Result<Vec<_>>>()?;
        let cache = self.call.vision().cache();
        // A scan in bands builds its views by itself.
        let wanted = if node.cut.is_some() { &[][..] } else { &node.needs.views };
        let views: Views = self.picture.views(wanted, &self.graph.union, cache, control)?;
        let mut provenance = Provenance::new(node.algorithm.name(), node.algorithm.revision());
        provenance.warnings = self.picture.warnings().iter().cloned().chain(warning).collect();
        provenance.incomplete = required.iter().any(AnyObservations::is_incomplete);
        let (image, provenance) = (self.picture.info(), Arc::new(provenance));
        read(&Input { image, views: &views, control, provenance: &provenance, required: &required })
    }
}

/// The control of every node: it serves the callers that asked for it, and those whose requests read its answers.
fn controls(call: &Arc<Call>, graph: &Graph, requests: &[AnyRequest], priority: Priority) -> Vec<Control> {
    let hosted = |options: &RequestOptions| {
        let mut options = options.clone();
        options.priority = priority;
        let host: Arc<dyn Host> = call.clone();
        let steering = &call.steering;
        Control::hosted(host, call.began, &options).within(&steering.cancels, steering.deadline)
    };
    let mut controls: Vec<Option<Control>> = vec![None; graph.nodes.len()];
    let serve = |controls: &mut Vec<Option<Control>>, ix: usize, caller: Control| match &mut controls[ix] {
        Some(control) => control.join(&caller),
        none => *none = Some(caller),
    };
    for (root, request) in graph.roots.iter().zip(requests) {
        if let Ok(ix) = root {
            serve(&mut controls, *ix, hosted(request.options()));
        }
    }
    // Producers come before those that read their answers.
    for ix in (0..graph.nodes.len()).rev() {
        // A node of a request that cannot be served for another reason has no caller.
        let reader = controls[ix].get_or_insert_with(|| hosted(&RequestOptions::default())).clone();
        graph.nodes[ix].requires.iter().for_each(|&producer| serve(&mut controls, producer, reader.silent()));
    }
    controls.into_iter().flatten().collect()
}

/// A thread's time at work of some priority.
struct Passage<'a>(&'a Call, Priority);

impl<'a> Passage<'a> {
    fn enter(call: &'a Call, priority: Priority) -> Self {
        call.vision().traffic().enter(priority);
        Self(call, priority)
    }
}

impl Drop for Passage<'_> {
    fn drop(&mut self) {
        self.0.vision().traffic().leave(self.1);
    }
}

/// A plugin's panic fails its request alone.
pub(crate) fn panicked(algorithm: &str, panic: &(dyn Any + Send)) -> Error {
    let reason = format!("panicked: {}", panic_text(panic));
    Error::Contract { algorithm: algorithm.to_owned(), reason }
}

/// What a panic said.
pub(crate) fn panic_text(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(ToString::to_string);
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "without a message".to_owned())
}

#[cfg(test)]
mod tests;
