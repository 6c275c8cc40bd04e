//! The timers of one node, on its own clock.
//!
//! A plain list: protocols have a few timers, and set them for every message that they take in. A
//! timer has at most one deadline; those that are due come in the order of their deadlines, then of
//! their names, as on a real node.

/// Pending timers and their deadlines.
#[derive(Debug)]
pub(super) struct Timers<T>(Vec<(u64, T)>);

impl<T> Default for Timers<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T: Copy + Ord> Timers<T> {
    /// Sets a timer, or moves it.
    pub(super) fn set(&mut self, timer: T, deadline_ns: u64) {
        match self.0.iter_mut().find(|(_, set)| *set == timer) {
            Some(place) => place.0 = deadline_ns,
            None => self.0.push((deadline_ns, timer)),
        }
    }

    /// Forgets a timer.
    pub(super) fn cancel(&mut self, timer: T) {
        self.0.retain(|(_, set)| *set != timer);
    }

    /// Forgets all of them.
    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    /// The earliest deadline.
    pub(super) fn next_ns(&self) -> Option<u64> {
        self.0.iter().map(|(deadline_ns, _)| *deadline_ns).min()
    }

    /// How many are due.
    pub(super) fn due(&self, now_ns: u64) -> usize {
        self.0.iter().filter(|(deadline_ns, _)| *deadline_ns <= now_ns).count()
    }

    /// Takes out the first one that is due.
    pub(super) fn take_due(&mut self, now_ns: u64) -> Option<T> {
        let at = (0..self.0.len()).min_by_key(|at| self.0[*at])?;
        if self.0[at].0 > now_ns {
            return None;
        }
        Some(self.0.swap_remove(at).1)
    }
}
