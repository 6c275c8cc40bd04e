//! Why an edge is there, found again from the versions: cycles are few, edges are many.

use super::super::explain::name;
use super::super::finding::{Reason, Reasons};
use super::super::graph::Dep;
use super::super::table::{KeyId, Mop, TxnId};
use super::Register;
use super::order::{Circle, Source, first, last};
use super::versions::{Touch, Version};

impl Reasons for Register<'_> {
    fn precedence(&self) -> &'static [Dep] {
        &[Dep::Wr, Dep::Ww, Dep::Rw, Dep::Process, Dep::Realtime]
    }

    fn reason(&self, from: TxnId, to: TxnId, dep: Dep) -> Option<Reason> {
        if from == to {
            return None;
        }
        self.versions.touches_of(from).iter().find_map(|before| {
            let after = self.versions.touch(to, before.key)?;
            self.between(before, after, dep)
        })
    }
}

impl Register<'_> {
    fn between(&self, before: &Touch, after: &Touch, dep: Dep) -> Option<Reason> {
        let key = self.table.key_text(before.key);
        let other = name(self.table, after.txn);
        let installed = |version: &Version| self.versions.installer(*version).is_some();
        let (one, two) = match dep {
            Dep::Wr => (before.write().filter(installed)?, after.read()?),
            Dep::Ww => (before.write().filter(installed)?, after.write().filter(installed)?),
            Dep::Rw => (before.read()?, after.write().filter(installed)?),
            _ => return None,
        };
        let read_it = dep == Dep::Wr && one == two;
        let overwrote = dep != Dep::Wr && self.order.precedes(&self.versions, one, two);
        if !read_it && !overwrote {
            return None;
        }
        let (old, new) = (self.text(one), self.text(two));
        let text = match dep {
            Dep::Wr => format!("wrote {key} = {old}, and {other} read it"),
            Dep::Ww => {
                format!(
                    "wrote {key} = {old}, and {other} wrote {new} after it: {}",
                    self.why(one, two)
                )
            }
            _ => {
                format!(
                    "read {key} = {old}, and {other} wrote {new} after it: {}",
                    self.why(one, two)
                )
            }
        };
        let writes = |txn, version| self.place(txn, version, true);
        let reads = |txn, version| self.place(txn, version, false);
        let from_mop =
            if dep == Dep::Rw { reads(before.txn, one) } else { writes(before.txn, one) };
        let to_mop = if dep == Dep::Wr { reads(after.txn, two) } else { writes(after.txn, two) };
        Some(Reason { key: Some(before.key), from_mop, to_mop, text })
    }

    /// Why one version directly precedes another of its key.
    fn why(&self, one: Version, two: Version) -> String {
        if self.versions.is_nil(one) {
            return "everything follows the initial state".to_owned();
        }
        let (key, old, new) = (self.versions.key(one), self.text(one), self.text(two));
        let touches: Vec<_> =
            self.versions.touches().iter().filter(|touch| touch.key == key).collect();
        let found = self.order.sources.iter().find_map(|source| {
            let how = self.by(*source, &touches, one, two)?;
            Some(format!("{how}, and {}", source.assumption()))
        });
        found.unwrap_or_else(|| format!("{old} precedes {new} in key {}", self.key_text(key)))
    }

    fn by(&self, source: Source, touches: &[&Touch], one: Version, two: Version) -> Option<String> {
        match source {
            Source::WritesFollowReads => self.within(touches, one, two),
            Source::SequentialKeys => self.in_a_process(touches, one, two),
            Source::LinearizableKeys => self.in_time(touches, one, two),
        }
    }

    fn within(&self, touches: &[&Touch], one: Version, two: Version) -> Option<String> {
        let ok = |touch: &Touch| self.table.txn(touch.txn).is_ok();
        let it = touches
            .iter()
            .find(|touch| ok(touch) && touch.read() == Some(one) && touch.write() == Some(two))?;
        let it = name(self.table, it.txn);
        Some(format!("{it} read {} and wrote {}", self.text(one), self.text(two)))
    }

    fn in_a_process(&self, touches: &[&Touch], one: Version, two: Version) -> Option<String> {
        let ok: Vec<_> =
            touches.iter().copied().filter(|touch| self.table.txn(touch.txn).is_ok()).collect();
        let next = |at: usize, process| {
            ok[at + 1..].iter().find(|other| self.table.txn(other.txn).process() == process)
        };
        ok.iter().enumerate().filter(|(_, touch)| last(touch) == Some(one)).find_map(
            |(at, touch)| {
                let process = self.table.txn(touch.txn).process();
                let then = next(at, process)?;
                let shows = first(&self.versions, then) == Some(two);
                shows.then(|| {
                    format!(
                        "process {process} {} in {} and next {} in {}",
                        self.shown(touch, one),
                        name(self.table, touch.txn),
                        self.shown(then, two),
                        name(self.table, then.txn),
                    )
                })
            },
        )
    }

    fn in_time(&self, touches: &[&Touch], one: Version, two: Version) -> Option<String> {
        let completed = |touch: &Touch| {
            let txn = self.table.txn(touch.txn);
            txn.complete_index().filter(|_| txn.is_ok())
        };
        let invoked = |touch: &Touch| self.table.txn(touch.txn).invoke_index();
        let earlier = touches
            .iter()
            .filter(|touch| last(touch) == Some(one))
            .filter_map(|touch| Some((completed(touch)?, *touch)))
            .min_by_key(|(index, _)| *index)?;
        let later = touches
            .iter()
            .filter(|touch| first(&self.versions, touch) == Some(two))
            .filter_map(|touch| Some((invoked(touch)?, *touch)))
            .max_by_key(|(index, _)| *index)?;
        (earlier.0 < later.0).then(|| {
            format!(
                "{} {} and was over before {} began, which {}",
                name(self.table, earlier.1.txn),
                self.shown(earlier.1, one),
                name(self.table, later.1.txn),
                self.shown(later.1, two),
            )
        })
    }

    fn shown(&self, touch: &Touch, version: Version) -> String {
        let verb = if touch.write() == Some(version) { "wrote" } else { "read" };
        format!("{verb} {}", self.text(version))
    }

    /// Where a transaction wrote a version, or first read it.
    fn place(&self, txn: TxnId, version: Version, write: bool) -> Option<u32> {
        let is_it = |place: usize| {
            matches!(self.table.mops[place], Mop::Write(..)) == write
                && self.versions.of_mop(place) == Some(version)
        };
        (0..).zip(self.table.mop_range(txn)).find(|(_, place)| is_it(*place)).map(|(at, _)| at)
    }

    pub(super) fn text(&self, version: Version) -> String {
        self.table.text(self.versions.value(version))
    }

    pub(super) fn key_text(&self, key: KeyId) -> String {
        self.table.key_text(key)
    }

    /// Why one version precedes another in a circle: by a source that was used, or by the one that
    /// closed the circle.
    pub(super) fn link(&self, circle: &Circle, one: Version, two: Version) -> String {
        if self.order.precedes(&self.versions, one, two) {
            return self.why(one, two);
        }
        let key = self.versions.key(one);
        let touches: Vec<_> =
            self.versions.touches().iter().filter(|touch| touch.key == key).collect();
        self.by(circle.source, &touches, one, two).unwrap_or_default()
    }
}
