//! The log in memory: the entries behind a base, and who votes at each of them.
//!
//! ```text
//!    compacted away     held                            end
//!   |..............base|base+1 ............ checkpoint ... last|
//! ```
//!
//! The base's term is kept, so that an append behind it can be checked. A checkpoint on disk holds
//! only what follows it; memory keeps some entries before it, so that a follower that is a little
//! behind is sent those instead of the whole state.

use super::message::{Command, Entry, Index, Position, Term};
use crate::links::NodeId;
use std::collections::VecDeque;

/// The entries that a node holds.
#[derive(Clone, Debug)]
pub(super) struct Log {
    base: Position,
    entries: VecDeque<Entry>,
    /// Configurations in force, oldest first; the first one is that of the base or before.
    configs: Vec<(Index, Vec<NodeId>)>,
}

impl Log {
    /// A log that begins behind `base`, where these nodes vote.
    pub(super) fn new(base: Position, voters: Vec<NodeId>) -> Self {
        Self { base, entries: VecDeque::new(), configs: vec![(base.index, voters)] }
    }

    pub(super) fn base(&self) -> Position {
        self.base
    }

    pub(super) fn last(&self) -> Position {
        self.entries.back().map_or(self.base, Entry::position)
    }

    /// The term of the entry at an index, unless that is compacted away or not there yet.
    pub(super) fn term_at(&self, index: Index) -> Option<Term> {
        if index == self.base.index {
            return Some(self.base.term);
        }
        self.entry(index).map(|entry| entry.term)
    }

    pub(super) fn entry(&self, index: Index) -> Option<&Entry> {
        self.entries.get(usize::try_from(index.checked_sub(self.base.index + 1)?).ok()?)
    }

    /// The entries from an index on, which is not compacted away.
    pub(super) fn from(&self, index: Index) -> impl Iterator<Item = &Entry> {
        assert!(index > self.base.index, "entry {index} is compacted away");
        let skipped = usize::try_from(index - self.base.index - 1).unwrap_or(usize::MAX);
        self.entries.range(skipped.min(self.entries.len())..)
    }

    pub(super) fn push(&mut self, entry: Entry) {
        assert_eq!(entry.index, self.last().index + 1, "a log has no gaps");
        if let Command::Config(voters) = &entry.command {
            self.configs.push((entry.index, voters.clone()));
        }
        self.entries.push_back(entry);
    }

    /// Drops the entries from an index on, and the configurations that they began.
    pub(super) fn truncate(&mut self, from: Index) {
        assert!(from > self.base.index, "entry {from} is compacted away");
        self.entries.truncate(usize::try_from(from - self.base.index - 1).unwrap_or(usize::MAX));
        // The base's own configuration stays: its index is below `from`.
        self.configs.retain(|(index, _)| *index < from);
    }

    /// Forgets the entries up to an index.
    pub(super) fn compact(&mut self, to: Index) {
        while self.base.index < to {
            let Some(entry) = self.entries.pop_front() else { break };
            self.base = entry.position();
        }
        let superseded = self.configs.iter().filter(|(index, _)| *index <= self.base.index).count();
        self.configs.drain(..superseded.saturating_sub(1));
    }

    /// The last place at or before `near` whose entry may agree with another log that has `near`:
    /// terms never fall along a log, so an entry of a later term than `near`'s cannot agree.
    /// A whole term of disagreement costs one round trip instead of one for each entry.
    /// Nothing if not even the base may agree: then only a snapshot helps.
    pub(super) fn last_agreeable(&self, near: Position) -> Option<Position> {
        let mut index = near.index.min(self.last().index);
        while let Some(term) = self.term_at(index) {
            if term <= near.term {
                return Some(Position { index, term });
            }
            index = index.checked_sub(1)?;
        }
        None
    }

    /// The nodes that vote: a configuration counts from its append on.
    pub(super) fn voters(&self) -> &[NodeId] {
        &self.latest_config().1
    }

    /// Where the configuration in force began.
    pub(super) fn config_index(&self) -> Index {
        self.latest_config().0
    }

    /// The nodes that voted as of an index, which is not compacted away.
    pub(super) fn voters_at(&self, index: Index) -> &[NodeId] {
        let at = self.configs.iter().rev().find(|(since, _)| *since <= index);
        &at.unwrap_or(&self.configs[0]).1
    }

    fn latest_config(&self) -> &(Index, Vec<NodeId>) {
        self.configs.last().expect("the base's configuration is never dropped")
    }
}

#[cfg(test)]
mod tests {
    use super::Log;
    use crate::links::NodeId;
    use crate::raft::message::{Command, Entry, Position};

    fn log(terms: &[u64]) -> Log {
        let mut log = Log::new(Position::default(), vec![NodeId(0)]);
        for (index, term) in (1..).zip(terms) {
            log.push(Entry { index, term: *term, command: Command::Noop });
        }
        log
    }

    #[test]
    fn a_term_that_cannot_agree_is_skipped_at_once() {
        let follower = log(&[1, 1, 4, 4, 4]);
        let hint = follower.last_agreeable(Position { index: 9, term: 3 });
        assert_eq!(hint, Some(Position { index: 2, term: 1 }));
        let mut leader = log(&[1, 1, 1, 3, 3]);
        assert_eq!(leader.last_agreeable(Position { index: 2, term: 1 }), hint);
        leader.compact(3);
        assert_eq!(leader.last_agreeable(Position { index: 2, term: 1 }), None);
    }

    #[test]
    fn a_configuration_counts_from_its_append_and_leaves_with_its_entry() {
        let mut log = log(&[1, 1]);
        let voters = vec![NodeId(0), NodeId(1)];
        log.push(Entry { index: 3, term: 1, command: Command::Config(voters.clone()) });
        assert_eq!((log.voters(), log.config_index()), (&voters[..], 3));
        assert_eq!(log.voters_at(2), [NodeId(0)]);
        let mut compacted = log.clone();
        compacted.compact(3);
        assert_eq!((compacted.voters(), compacted.base().index), (&voters[..], 3));
        log.truncate(3);
        assert_eq!((log.voters(), log.last().index), (&[NodeId(0)][..], 2));
    }
}
