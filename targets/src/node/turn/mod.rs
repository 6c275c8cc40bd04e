//! One turn of a node: the joined effects of a few inputs, sorted by what they wait for. Pure.
//!
//! ```text
//!   effects   send a | persist 1 | reply b | note c | persist 2 | send d
//!                        ^ the first that must be durable
//!   at once   send a
//!   one batch          1                             2                      one write, one fdatasync
//!   then                           reply b   note c               send d
//! ```
//!
//! Everything behind the first durable record waits for all of them. That is later than the
//! contract demands (`reply b` needs only record 1), but one sync costs as much as another, and no
//! order is broken. Timers are the driver's own memory and nobody sees them: they are set at once,
//! and count from the step that set them.
//!
//! # Records that are not durable
//!
//! `Persist { durable: false }` is the planted bug of a system that forgets to fsync. The model is
//! *two files*: one that is synced, and one that is left to the page cache of a machine that may
//! lose power. So such a record does **not** become durable because another one does: if it did,
//! every vote or term that is properly synced would rescue the entries before it, and the bug would
//! hide. It goes to disk when it is [`HELD_FLUSH_AFTER_NS`] old, as Linux would write it back, or
//! in an orderly stop; a checkpoint contains it by definition and drops it. Recovery puts late
//! records back to their places by their sequence numbers (`wal`).

use super::wal::{Batch, WalError};
use crate::links::NodeId;
use crate::protocol::{Effect, Note, Protocol, RequestId};

/// The age at which records that nobody waits for are written.
pub(crate) const HELD_FLUSH_AFTER_NS: u64 = 1_000_000_000;

/// What leaves the node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Output<M, R> {
    Send { to: NodeId, message: M },
    Reply { id: RequestId, response: R },
    Note(Note),
}

/// The outputs of a protocol.
pub(super) type OutputOf<P> = Output<<P as Protocol>::Message, <P as Protocol>::Response>;

/// What a step wants of the timers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TimerChange<T> {
    Set { timer: T, deadline_ns: u64 },
    Cancel(T),
}

/// The joined effects of a turn.
#[derive(Debug)]
pub(super) struct Turn<P: Protocol> {
    /// May leave at once.
    pub(super) at_once: Vec<OutputOf<P>>,
    /// Made durable together.
    pub(super) batch: Batch,
    /// Leaves when the batch is durable.
    pub(super) then: Vec<OutputOf<P>>,
    held: Held,
    waits: bool,
    next_sequence: u64,
}

/// Records in memory that nobody waits for.
#[derive(Debug, Default)]
struct Held {
    batch: Batch,
    since_ns: u64,
}

impl<P: Protocol> Turn<P> {
    /// The first turn; records are numbered from here.
    pub(super) fn new(next_sequence: u64) -> Self {
        let (at_once, then) = (Vec::new(), Vec::new());
        let (batch, held) = (Batch::default(), Held::default());
        Self { at_once, batch, then, held, waits: false, next_sequence }
    }

    /// Joins the effects of a step that was taken at `now_ns`.
    pub(super) fn join(
        &mut self,
        now_ns: u64,
        effects: impl Iterator<Item = Effect<P>>,
        mut timers: impl FnMut(TimerChange<P::Timer>),
    ) -> Result<(), WalError> {
        for effect in effects {
            match effect {
                Effect::Send { to, message } => self.output(Output::Send { to, message }),
                Effect::Reply { id, response } => self.output(Output::Reply { id, response }),
                Effect::Note(note) => self.output(Output::Note(note)),
                Effect::Persist { records, durable: true } => self.persist(&records)?,
                Effect::Persist { records, durable: false } => self.hold(&records, now_ns)?,
                Effect::Checkpoint(records) => {
                    self.held.batch = Batch::default();
                    self.batch.begin_checkpoint();
                    self.waits = true;
                    self.persist(&records)?;
                }
                Effect::SetTimer { timer, after_ns } => {
                    let deadline_ns = now_ns.saturating_add(after_ns);
                    timers(TimerChange::Set { timer, deadline_ns });
                }
                Effect::CancelTimer(timer) => timers(TimerChange::Cancel(timer)),
            }
        }
        Ok(())
    }

    /// When records that nobody waits for must be written; nothing if there are none.
    pub(super) fn held_deadline_ns(&self) -> Option<u64> {
        let due_ns = self.held.since_ns.saturating_add(HELD_FLUSH_AFTER_NS);
        (!self.held.batch.is_empty()).then_some(due_ns)
    }

    /// Puts records that nobody waits for into the batch if they are old enough.
    pub(super) fn include_held(&mut self, now_ns: u64) {
        if self.held_deadline_ns().is_some_and(|due_ns| due_ns <= now_ns) {
            self.batch.absorb(&mut self.held.batch);
        }
    }

    /// Forgets what was joined; what is held stays.
    pub(super) fn clear(&mut self) {
        self.at_once.clear();
        self.then.clear();
        self.batch = Batch::default();
        self.waits = false;
    }

    fn output(&mut self, output: OutputOf<P>) {
        if self.waits { self.then.push(output) } else { self.at_once.push(output) }
    }

    fn persist(&mut self, records: &[P::Record]) -> Result<(), WalError> {
        self.waits |= !records.is_empty();
        number(records, &mut self.next_sequence, &mut self.batch)
    }

    fn hold(&mut self, records: &[P::Record], now_ns: u64) -> Result<(), WalError> {
        if self.held.batch.is_empty() {
            self.held.since_ns = now_ns;
        }
        number(records, &mut self.next_sequence, &mut self.held.batch)
    }
}

fn number<R: serde::Serialize>(
    records: &[R],
    next_sequence: &mut u64,
    batch: &mut Batch,
) -> Result<(), WalError> {
    for record in records {
        batch.push(*next_sequence, record)?;
        *next_sequence += 1;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
