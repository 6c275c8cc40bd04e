//! Places that a good test reaches: how often each was, and by which nodes.
//!
//! Protocols name places with literals and reach some of them many times a second, so a place is
//! found by the address of its name; texts are compared only for a name that is seen at a new
//! address.

use std::borrow::Cow;

/// The most different places; a name made up at run time must not fill the memory.
const PLACES_MAX: usize = 1024;

#[derive(Debug)]
struct Place {
    name: Cow<'static, str>,
    count: u64,
    /// One bit a node that was here.
    nodes: u64,
}

/// Every place that was reached.
#[derive(Debug, Default)]
pub(super) struct Places(Vec<Place>);

impl Places {
    /// A node is at a place. Says whether it is there for the first time.
    pub(super) fn reach(&mut self, node: u8, name: Cow<'static, str>) -> bool {
        let Some(place) = self.find(name) else { return false };
        place.count += 1;
        let bit = 1 << (node % 64);
        let is_first = place.nodes & bit == 0;
        place.nodes |= bit;
        is_first
    }

    /// The world did something that matters.
    pub(super) fn count(&mut self, name: &'static str) {
        if let Some(place) = self.find(Cow::Borrowed(name)) {
            place.count += 1;
        }
    }

    /// Names and counts, in order of names.
    pub(super) fn all(&self) -> Vec<(String, u64)> {
        let mut all: Vec<_> = self.0.iter().map(|p| (p.name.to_string(), p.count)).collect();
        all.sort_unstable();
        all
    }

    fn find(&mut self, name: Cow<'static, str>) -> Option<&mut Place> {
        let same = |place: &Place| std::ptr::eq::<str>(&*place.name, &*name);
        let known = self.0.iter().position(same);
        let known = known.or_else(|| self.0.iter().position(|place| place.name == name));
        if known.is_none() && self.0.len() < PLACES_MAX {
            self.0.push(Place { name, count: 0, nodes: 0 });
            return self.0.last_mut();
        }
        known.map(|at| &mut self.0[at])
    }
}
