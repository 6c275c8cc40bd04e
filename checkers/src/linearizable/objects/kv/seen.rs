//! A key of which only those values are told apart that somebody found, or that are on the way to
//! one.
//!
//! ```text
//!   somebody found "abc"        nil -a-> "a" -b-> "ab" -c-> "abc" -x-> lost
//!                                |         '-c-> lost
//!                                '-b-> lost          lost -append-> lost -put-> ...
//! ```
//!
//! A value that begins no value that was found can never become one by appending, nobody finds it,
//! and a compare-and-set from something that was found misses it: all such values are one. Ten
//! concurrent appends have ten million states in their orders, and this has as many as somebody
//! saw. It holds for every history, whatever its values.

use super::super::super::model::{Call, Misfit, Model, Part};
use super::{Content, Kv, KvOp};
use crate::history::Datum;
use rustc_hash::{FxHashMap, FxHashSet};
use std::sync::Arc;

/// The specification.
pub(super) struct Seen<'a> {
    kv: &'a Kv,
    /// Texts that were found, ascending.
    texts: Vec<Arc<str>>,
    /// Lists that were found, element by element from the empty one, which is zero.
    lists: FxHashMap<(u32, &'a Datum), u32>,
    others: FxHashSet<&'a Content>,
}

impl<'a> Seen<'a> {
    /// The key whose operations these are.
    pub(super) fn of(kv: &'a Kv, part: &'a Part<KvOp>) -> Self {
        let mut seen = Self {
            kv,
            texts: Vec::new(),
            lists: FxHashMap::default(),
            others: FxHashSet::default(),
        };
        let found: FxHashSet<&Content> = part
            .ops
            .iter()
            .filter_map(|timed| match &timed.op {
                KvOp::Get(found) | KvOp::Cas(found, _) | KvOp::Miss(found) => Some(found),
                KvOp::Put(_) | KvOp::Append(_) => None,
            })
            .collect();
        for content in found {
            match content {
                Content::Nil => {}
                Content::Text(text) => seen.texts.push(Arc::clone(text)),
                Content::List(list) => {
                    let mut node = 0;
                    for element in &**list {
                        let next = seen.lists.len() as u32 + 1;
                        node = *seen.lists.entry((node, element)).or_insert(next);
                    }
                }
                Content::Other(_) => {
                    seen.others.insert(content);
                }
            }
        }
        seen.texts.sort_unstable();
        seen
    }

    /// The value, if it is told apart from others.
    fn known(&self, content: Content) -> Option<Content> {
        let known = match &content {
            Content::Nil => true,
            Content::Text(text) => {
                let at = self.texts.partition_point(|seen| seen < text);
                self.texts.get(at).is_some_and(|seen| seen.starts_with(&**text))
            }
            Content::List(list) => {
                let walk = |node, element| self.lists.get(&(node, element)).copied();
                list.iter().try_fold(0, walk).is_some()
            }
            Content::Other(_) => self.others.contains(&content),
        };
        known.then_some(content)
    }
}

impl Model for Seen<'_> {
    type Op = KvOp;
    type State = Option<Content>;

    fn read(&self, call: &Call<'_>) -> Result<Option<KvOp>, Misfit> {
        self.kv.read(call)
    }

    fn initial(&self) -> Option<Content> {
        self.known(self.kv.initial())
    }

    fn step(&self, state: &Option<Content>, op: &KvOp, next: &mut Vec<Option<Content>>) {
        match (state, op) {
            (Some(state), _) => {
                let mut after = Vec::new();
                self.kv.step(state, op, &mut after);
                next.extend(after.into_iter().map(|content| self.known(content)));
            }
            (None, KvOp::Append(_) | KvOp::Miss(_)) => next.push(None),
            (None, KvOp::Put(content)) => next.push(self.known(content.clone())),
            (None, KvOp::Get(_) | KvOp::Cas(..)) => {}
        }
    }

    fn observes_only(&self, op: &KvOp) -> bool {
        self.kv.observes_only(op)
    }

    fn state_heap_bytes(&self, state: &Option<Content>) -> u64 {
        state.as_ref().map_or(0, Content::heap_bytes)
    }
}
