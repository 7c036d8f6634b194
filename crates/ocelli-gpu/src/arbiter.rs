//! Who submits the next slice: one at a time, the most urgent first, nobody overtaken for ever.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use ocelli_nn::backend::Urgency;

/// How often others may go before somebody who waits; then it is that one's turn whatever the urgencies.
const PATIENCE: u32 = 32;

/// Somebody who wants to submit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Waiter {
    ticket: u64,
    urgency: Urgency,
    overtaken: u32,
}

#[derive(Debug, Default)]
struct State {
    busy: bool,
    next_ticket: u64,
    /// In order of arrival.
    waiting: Vec<Waiter>,
}

impl State {
    fn arrive(&mut self, urgency: Urgency) -> u64 {
        let ticket = self.next_ticket;
        self.next_ticket += 1;
        self.waiting.push(Waiter { ticket, urgency, overtaken: 0 });
        ticket
    }

    /// Whose turn it is: who was overtaken too often, else the most urgent, else the first to come.
    fn first(&self) -> Option<u64> {
        let impatient = self.waiting.iter().find(|w| w.overtaken >= PATIENCE);
        let most_urgent = || self.waiting.iter().rev().max_by_key(|w| w.urgency);
        impatient.or_else(most_urgent).map(|w| w.ticket)
    }

    /// Takes the turn for `ticket`; those who came before it were overtaken.
    fn take(&mut self, ticket: u64) {
        self.busy = true;
        let Some(ix) = self.waiting.iter().position(|w| w.ticket == ticket) else { return };
        self.waiting.remove(ix);
        self.waiting[..ix].iter_mut().for_each(|w| w.overtaken += 1);
    }
}

/// Hands out turns at the device's queue.
#[derive(Debug, Default)]
pub(crate) struct Arbiter {
    state: Mutex<State>,
    freed: Condvar,
}

impl Arbiter {
    /// Waits for the turn; it ends when the guard is dropped.
    pub(crate) fn turn(&self, urgency: Urgency) -> Turn<'_> {
        let mut state = self.lock();
        let ticket = state.arrive(urgency);
        while state.busy || state.first() != Some(ticket) {
            state = self.freed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.take(ticket);
        Turn(self)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The right to submit one slice.
#[derive(Debug)]
pub(crate) struct Turn<'a>(&'a Arbiter);

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.0.lock().busy = false;
        self.0.freed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    /// Lets everybody come in this order and tells in which they go.
    fn order(urgencies: &[Urgency]) -> Vec<usize> {
        let mut state = State::default();
        let tickets: Vec<u64> = urgencies.iter().map(|&u| state.arrive(u)).collect();
        let mut order = Vec::new();
        while let Some(ticket) = state.first() {
            state.take(ticket);
            order.extend(tickets.iter().position(|&t| t == ticket));
        }
        order
    }

    #[test]
    fn test_the_urgent_overtake_and_equals_go_as_they_came() {
        use Urgency::{Background, Default, Interactive};
        assert_eq!(order(&[Background, Default, Interactive, Default, Interactive]), [2, 4, 1, 3, 0]);
        assert_eq!(order(&[Default; 3]), [0, 1, 2]);
        assert!(order(&[]).is_empty());
    }

    #[test]
    fn test_nobody_is_overtaken_for_ever() {
        let mut state = State::default();
        let background = state.arrive(Urgency::Background);
        for n in 0..=PATIENCE {
            let other = state.arrive(Urgency::Interactive);
            let first = state.first().unwrap();
            assert_eq!(first == background, n == PATIENCE, "turn {n}");
            state.take(first);
            if first == background {
                state.take(other);
            }
        }
    }

    #[test]
    fn test_equal_jobs_alternate() {
        // A job that has had its turn comes back behind the one that waited.
        let mut state = State::default();
        let (a, b) = (state.arrive(Urgency::Default), state.arrive(Urgency::Default));
        let mut turns = Vec::new();
        let mut names = vec![(a, 'a'), (b, 'b')];
        for _ in 0..6 {
            let ticket = state.first().unwrap();
            state.take(ticket);
            let name = names.iter().find(|(t, _)| *t == ticket).unwrap().1;
            turns.push(name);
            names.push((state.arrive(Urgency::Default), name));
        }
        assert_eq!(turns, ['a', 'b', 'a', 'b', 'a', 'b']);
    }

    #[test]
    fn test_one_turn_at_a_time_among_threads() {
        let arbiter = Arc::new(Arbiter::default());
        let inside = Arc::new(AtomicUsize::new(0));
        let threads: Vec<_> = (0..4)
            .map(|n| {
                let (arbiter, inside) = (arbiter.clone(), inside.clone());
                std::thread::spawn(move || {
                    let urgency = if n == 0 { Urgency::Interactive } else { Urgency::Background };
                    for _ in 0..50 {
                        let _turn = arbiter.turn(urgency);
                        assert_eq!(inside.fetch_add(1, Ordering::SeqCst), 0);
                        inside.fetch_sub(1, Ordering::SeqCst);
                    }
                })
            })
            .collect();
        threads.into_iter().for_each(|thread| thread.join().unwrap());
    }
}
