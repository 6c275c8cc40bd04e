//! Registers: version orders from what can be assumed of keys, and what follows from them.
//!
//! ```text
//!   Table --> versions   who wrote what, who read it, what each transaction shows of each key
//!               |  \--> direct      internal, future-read, garbage-read, G1a, G1b, lost-update
//!               v
//!             order      which version precedes which, by the sources that were asked for
//!               |  \--> fractured   one write seen, another one missed
//!               v
//!             edges      wr, ww, rw                          reasons   why, in words
//! ```
//!
//! The rules are Elle's for rw-register (Kingsbury and Alvaro, VLDB 2020), with these beyond:
//! a value that nobody wrote is an anomaly; a transaction of unknown outcome counts from the moment
//! that somebody reads what it wrote; a failed attempt that was repeated is not an aborted read;
//! fractured reads and future reads are named. A value that was written twice makes the
//! history impossible to judge only if somebody read it.

mod direct;
mod edges;
#[cfg(test)]
pub(super) mod fixture;
mod fractured;
mod order;
mod reasons;
pub(super) mod tally;
#[cfg(test)]
mod tests;
mod versions;

pub(super) use edges::each_before_each;

use super::finding::Inferred;
use super::lattice::Anomaly;
use super::options::Sources;
use super::table::{KeyId, Table};
use order::{Circle, Order};
use tally::Tally;
use versions::{Origin, Version, Versions};

/// The version orders of a history, for whoever asks why an edge is there.
#[derive(Debug)]
pub struct Register<'a> {
    table: &'a Table,
    versions: Versions,
    order: Order,
}

/// Infers the dependencies, and finds what is wrong without a cycle.
pub fn infer(table: &Table, sources: Sources) -> (Inferred, Register<'_>) {
    let versions = Versions::of(table);
    let mut tally = Tally::default();
    direct::reads(table, &versions, &mut tally);
    direct::lost_updates(table, &versions, &mut tally);
    let order = Order::of(table, &versions, sources);
    fractured::find(table, &versions, &order, &mut tally);
    let register = Register { table, versions, order };
    for circle in &register.order.circles {
        register.report(circle, &mut tally);
    }
    let inferred = Inferred {
        edges: edges::all(table, &register.versions, &register.order),
        findings: tally.finish(),
        gaps: register.gaps(),
        unjudged: direct::ambiguous(table, &register.versions),
    };
    (inferred, register)
}

impl Register<'_> {
    fn report(&self, circle: &Circle, tally: &mut Tally) {
        let key = self.versions.key(circle.versions[0]);
        let mut txns: Vec<_> = circle
            .versions
            .iter()
            .filter_map(|version| self.versions.installer(*version))
            .collect();
        txns.sort_unstable();
        txns.dedup();
        let steps = circle.versions.iter().zip(circle.versions.iter().cycle().skip(1));
        let steps: Vec<_> = steps
            .map(|(one, two)| {
                format!(
                    "{} before {} ({})",
                    self.text(*one),
                    self.text(*two),
                    self.link(circle, *one, *two)
                )
            })
            .collect();
        let more = match circle.keys {
            1 => String::new(),
            keys => format!(", and so do those of {} more keys", keys - 1),
        };
        tally.add(self.table, Anomaly::CyclicVersions, Some(key), &txns, || {
            format!(
                "The versions of key {} go round in a circle if {}: {}{more}.",
                self.key_text(key),
                circle.source.assumption(),
                steps.join(", "),
            )
        });
    }

    /// Which keys' versions are not known to follow one another in one line.
    fn gaps(&self) -> Vec<String> {
        let versions = &self.versions;
        let mut ranked: Vec<_> = (0..).take(versions.len()).map(Version).collect();
        ranked.sort_unstable_by_key(|version| self.order.rank(*version));
        let mut last: Vec<Option<Version>> = vec![None; self.table.key_count()];
        let mut partly = vec![false; self.table.key_count()];
        let mut written = vec![false; self.table.key_count()];
        for version in ranked {
            let key = versions.key(version).index();
            partly[key] |= versions.origin(version) == Origin::Ambiguous;
            if versions.installer(version).is_some() {
                written[key] = true;
                let before = last[key].replace(version);
                let follows = |before| self.order.precedes(versions, before, version);
                partly[key] |= !before.is_none_or(follows);
            }
        }
        let count = |flags: &[bool]| flags.iter().filter(|flag| **flag).count();
        let Some(first) = partly.iter().position(|partly| *partly) else { return Vec::new() };
        let first = KeyId(u32::try_from(first).expect("keys were counted in 32 bits"));
        vec![format!(
            "in which order the values of a key were written is only partly known, for {} of {} \
             keys, {} among them",
            count(&partly),
            count(&written),
            self.key_text(first),
        )]
    }
}
