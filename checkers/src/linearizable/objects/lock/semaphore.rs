//! A semaphore of so many permits; with one it is a mutex.

use super::super::super::model::{Call, Misfit, Model, Monitored, Part};
use super::LockOp;
use super::permits::{Span, Stuck, order};

/// A contradiction of more operations than this is told in numbers, and only the last are named.
const CULPRITS_MAX: usize = 10;

/// At most so many permits are out, and never fewer than none.
#[derive(Clone, Copy, Debug)]
pub struct Semaphore {
    /// Permits.
    pub permits: u32,
}

impl Model for Semaphore {
    type Op = LockOp;
    /// Permits that are out.
    type State = u32;

    fn read(&self, call: &Call<'_>) -> Result<Option<LockOp>, Misfit> {
        LockOp::read(call)
    }

    fn initial(&self) -> u32 {
        0
    }

    fn step(&self, out: &u32, op: &LockOp, next: &mut Vec<u32>) {
        match op {
            LockOp::Acquire(_) if *out < self.permits => next.push(out + 1),
            LockOp::Release(_) if *out > 0 => next.push(out - 1),
            LockOp::Acquire(_) | LockOp::Release(_) => {}
        }
    }

    fn monitor(&self, part: &Part<LockOp>) -> Monitored {
        let spans: Vec<Span> = part
            .ops
            .iter()
            .map(|timed| Span {
                invoke: timed.invoke,
                ret: timed.ret,
                is_release: timed.op.is_release(),
            })
            .collect();
        order(&spans, self.permits)
            .map_or_else(|stuck| self.evidence(part, &stuck), |()| Monitored::Legal)
    }

    fn op_text(&self, op: &LockOp) -> String {
        op.text()
    }

    fn state_text(&self, out: &u32) -> String {
        match (self.permits, out) {
            (1, 0) => "free".to_owned(),
            (1, _) => "held".to_owned(),
            (permits, out) => format!("{out} of {permits} permits out"),
        }
    }
}

impl Semaphore {
    /// One permit: Knossos' mutex.
    pub const MUTEX: Self = Self { permits: 1 };

    fn evidence(&self, part: &Part<LockOp>, stuck: &Stuck) -> Monitored {
        let text = |at: usize| part.ops[at].op.text();
        let op = part.ops[stuck.at].op;
        let mut culprits: Vec<usize> = if op.is_release() {
            stuck.ended.into_iter().flatten().collect()
        } else {
            stuck.holders[stuck.holders.len().saturating_sub(CULPRITS_MAX - 1)..].to_vec()
        };
        let sentence = match (op, &*culprits) {
            (LockOp::Release(_), &[_, release]) => format!(
                "{} completed, but there was nothing to release: {} ended the last hold, and no \
                 other acquire had begun",
                text(stuck.at),
                text(release),
            ),
            (LockOp::Release(_), _) => {
                format!("{} completed, but no acquire had begun", text(stuck.at))
            }
            (LockOp::Acquire(process), &[holder]) if self.permits == 1 => {
                let holder = part.ops[holder].op.process();
                format!(
                    "process {holder} and process {process} hold the lock at once: both acquires \
                     completed, and every release that had begun ended an earlier hold"
                )
            }
            (LockOp::Acquire(_), _) => format!(
                "{} completed when all permits were out ({}): every release that had begun gave \
                 an earlier one back",
                text(stuck.at),
                self.permits,
            ),
        };
        culprits.push(stuck.at);
        culprits.sort_unstable();
        let culprits = culprits.into_iter().map(|at| at as u32).collect();
        Monitored::Illegal { culprits, sentence }
    }
}
