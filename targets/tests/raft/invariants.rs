//! What must hold of a correct cluster at any moment, looked at from outside.

use crate::support::Cluster;
use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use targets::kv::KvRequest;
use targets::links::NodeId;
use targets::protocol::Note;
use targets::raft::{Command, Entry, Index, Raft, Term};

/// What was seen so far.
#[derive(Default)]
pub(crate) struct Invariants {
    leaders: BTreeMap<Term, NodeId>,
    /// Every entry that any log held.
    written: BTreeMap<(Index, Term), Command>,
    /// The committed log, from index one.
    committed: Vec<Entry>,
    /// A model of the state machine after each committed entry.
    model: BTreeMap<i64, i64>,
    digests: Vec<u64>,
    looked_up_to: BTreeMap<NodeId, Index>,
    notes_seen: usize,
}

impl Invariants {
    /// Looks at the cluster and says what is broken.
    pub(crate) fn check(&mut self, cluster: &Cluster) -> Option<String> {
        let notes = &cluster.notes[self.notes_seen..];
        self.notes_seen = cluster.notes.len();
        for (node, note) in notes {
            if let Note::Leading { term } = note {
                let first = *self.leaders.entry(*term).or_insert(*node);
                if first != *node {
                    return Some(format!("{first} and {node} both lead term {term}"));
                }
            }
        }
        cluster.nodes().find_map(|node| self.check_node(node, cluster.raft(node)?))
    }

    fn check_node(&mut self, node: NodeId, raft: &Raft) -> Option<String> {
        for index in raft.commit() + 1..=raft.last().index {
            let entry = raft.entry(index)?;
            let key = (index, entry.term);
            let known = self.written.entry(key).or_insert_with(|| entry.command.clone());
            if *known != entry.command {
                return Some(format!("{node}: two entries {key:?}: {known:?} and {entry:?}"));
            }
        }
        // A restarted node begins again at its snapshot.
        let looked = self.looked_up_to.entry(node).or_default();
        let from = (*looked).min(raft.commit());
        *looked = raft.commit();
        for index in from + 1..=raft.commit() {
            // Compacted entries were looked at on other nodes, or fall under the digest.
            let Some(entry) = raft.entry(index) else { continue };
            match self.committed.get(index as usize - 1) {
                Some(first) if first != entry => {
                    return Some(format!("{node} committed {entry:?}, before it was {first:?}"));
                }
                Some(_) => {}
                None => self.commit(entry.clone()),
            }
        }
        let applied = raft.machine().applied() as usize;
        let model = applied.checked_sub(1).and_then(|last| self.digests.get(last))?;
        (digest(raft.machine().state()) != *model)
            .then(|| format!("{node}'s state after entry {applied} differs"))
    }

    fn commit(&mut self, entry: Entry) {
        assert_eq!(entry.index as usize, self.committed.len() + 1, "looked at often enough");
        match entry.command {
            Command::Kv(KvRequest::Write { key, value }) => {
                self.model.insert(key, value);
            }
            Command::Kv(KvRequest::Cas { key, from, to })
                if self.model.get(&key) == Some(&from) =>
            {
                self.model.insert(key, to);
            }
            Command::Kv(_) | Command::Noop | Command::Config(_) => {}
        }
        self.committed.push(entry);
        self.digests.push(digest(&self.model));
    }
}

fn digest(state: &BTreeMap<i64, i64>) -> u64 {
    let mut hasher = DefaultHasher::new();
    state.hash(&mut hasher);
    hasher.finish()
}
