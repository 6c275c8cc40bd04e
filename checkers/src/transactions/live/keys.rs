//! What reads revealed of each key so far: which element stands where, and who appended it.
//!
//! ```text
//!   length      0        1        2                    unseen: U V
//!   elements        5        7
//!   writers         T3       ?  (seen, but its transaction has not completed)
//!   readers     T1       T6       T8
//!
//!   T7 completes and appended 7:   T3 -ww-> T7   T6 -rw-> T7   T7 -wr-> T8   T7 -ww-> U V
//! ```
//!
//! Readers are kept only while a writer beside them is still to come. Each read of the end of a
//! list costs as many edges as there are appends that nobody saw: in a history that is read, a few.

use super::dynamic::NONE;
use super::{Edge, push};
use crate::transactions::atom::Atom;
use crate::transactions::graph::Dep;
use crate::transactions::table::KeyId;
use rustc_hash::FxHashMap;

/// All keys.
#[derive(Debug, Default)]
pub(super) struct Keys {
    keys: Vec<Key>,
    /// An element that was appended twice: who was seen is unknown.
    pub(super) duplicate: Option<(KeyId, Atom)>,
}

#[derive(Debug, Default)]
struct Key {
    positions: FxHashMap<Atom, u32>,
    /// By position, the vertex of whoever appended the element.
    writers: Vec<u32>,
    /// By length, the vertices of whoever read so much; one more than there are positions.
    readers: Vec<Vec<u32>>,
    /// What was appended and not seen.
    unseen: Vec<(Atom, u32)>,
}

impl Keys {
    fn key(&mut self, key: KeyId) -> &mut Key {
        if self.keys.len() <= key.index() {
            self.keys.resize_with(key.index() + 1, || Key {
                readers: vec![Vec::new()],
                ..Key::default()
            });
        }
        &mut self.keys[key.index()]
    }

    /// A read showed that the key's list is at least this.
    pub(super) fn grow(&mut self, key: KeyId, spine: &[Atom], edges: &mut Vec<Edge>) {
        let key = self.key(key);
        let known = key.writers.len();
        for (position, element) in spine.iter().enumerate().skip(known) {
            let place = u32::try_from(position).expect("a list has fewer than 2^32 elements");
            // An element that stands twice is an anomaly by itself; its first place counts.
            key.positions.entry(*element).or_insert(place);
            key.readers.push(Vec::new());
            let unseen = key.unseen.iter().position(|(other, _)| other == element);
            key.writers.push(unseen.map_or(NONE, |at| key.unseen.swap_remove(at).1));
        }
        for position in known..key.writers.len() {
            key.join(position, edges);
        }
    }

    /// A transaction appended an element.
    pub(super) fn append(&mut self, writer: u32, id: KeyId, element: Atom, edges: &mut Vec<Edge>) {
        let key = self.key(id);
        if let Some(position) = key.positions.get(&element) {
            let position = *position as usize;
            if key.writers[position] == NONE {
                key.writers[position] = writer;
                key.join(position, edges);
                return;
            }
        } else if key.unseen.iter().all(|(other, _)| *other != element) {
            if let Some(last) = key.writers.last() {
                push(edges, *last, writer, Dep::Ww);
            }
            for reader in &key.readers[key.writers.len()] {
                push(edges, *reader, writer, Dep::Rw);
            }
            key.unseen.push((element, writer));
            return;
        }
        self.duplicate.get_or_insert((id, element));
    }

    /// A transaction read so many elements.
    pub(super) fn read(&mut self, reader: u32, key: KeyId, length: usize, edges: &mut Vec<Edge>) {
        let key = self.key(key);
        let writer = length.checked_sub(1).map(|last| key.writers[last]);
        if let Some(writer) = writer {
            push(edges, writer, reader, Dep::Wr);
        }
        let next = key.writers.get(length).copied();
        match next {
            Some(next) => push(edges, reader, next, Dep::Rw),
            None => {
                for (_, unseen) in &key.unseen {
                    push(edges, reader, *unseen, Dep::Rw);
                }
            }
        }
        if writer == Some(NONE) || next.is_none_or(|next| next == NONE) {
            key.readers[length].push(reader);
        }
    }

    pub(super) fn bytes(&self) -> usize {
        let key = |key: &Key| {
            let readers: usize = key.readers.iter().map(Vec::capacity).sum();
            size_of::<Key>()
                + key.positions.capacity() * 9
                + key.writers.capacity() * 4
                + key.readers.capacity() * size_of::<Vec<u32>>()
                + readers * 4
                + key.unseen.capacity() * 8
        };
        self.keys.iter().map(key).sum()
    }
}

impl Key {
    /// Joins whoever appended the element at a position, if that is known, to what is beside it.
    fn join(&mut self, position: usize, edges: &mut Vec<Edge>) {
        let writer = self.writers[position];
        if writer == NONE {
            return;
        }
        if let Some(before) = position.checked_sub(1) {
            push(edges, self.writers[before], writer, Dep::Ww);
        }
        for reader in &self.readers[position] {
            push(edges, *reader, writer, Dep::Rw);
        }
        for reader in &self.readers[position + 1] {
            push(edges, writer, *reader, Dep::Wr);
        }
        match self.writers.get(position + 1) {
            Some(next) => push(edges, writer, *next, Dep::Ww),
            None => {
                for (_, unseen) in &self.unseen {
                    push(edges, writer, *unseen, Dep::Ww);
                }
            }
        }
        for length in [position, position + 1] {
            let before = length.checked_sub(1).map_or(0, |last| self.writers[last]);
            let after = self.writers.get(length).copied().unwrap_or(NONE);
            if before != NONE && after != NONE {
                self.readers[length] = Vec::new();
            }
        }
    }
}
