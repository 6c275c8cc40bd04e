//! Locks: who may hold what, and until when.
//!
//! | object | `acquire` is possible | `release` is possible |
//! |---|---|---|
//! | [`Semaphore::MUTEX`] | while it is free | while it is held, for anybody |
//! | [`Semaphore`] | while a permit is left | while a permit is out, for anybody |
//! | [`ReentrantMutex`] | while nobody else holds it | for its holder |
//! | [`FencedLock`] | while it is free, for a greater token | while it is held, by that token |
//!
//! `lock` and `unlock` are other names for the two. What failed did not happen. An answer of
//! `false` is refused: an acquire that was turned down is a `fail`. Mutex and semaphore are
//! Knossos' models; arguments and answers of theirs are not looked at.

mod fenced;
mod permits;
mod reentrant;
mod semaphore;

pub use fenced::{FencedLock, FencedOp};
pub use reentrant::ReentrantMutex;
pub use semaphore::Semaphore;

use super::super::model::{Answer, Call, Misfit};
use crate::history::{Datum, Process};

/// An operation on a lock, and whose it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LockOp {
    /// It took hold.
    Acquire(Process),
    /// It let go.
    Release(Process),
}

impl LockOp {
    /// What a recorded operation asks of a lock.
    fn read(call: &Call<'_>) -> Result<Option<Self>, Misfit> {
        let op = match call.f {
            "acquire" | "lock" => Self::Acquire(call.process),
            "release" | "unlock" => Self::Release(call.process),
            _ => return Err(Misfit::Function("acquire, release")),
        };
        match &call.answer {
            Answer::Fail(_) => Ok(None),
            Answer::Ok(Datum::Json(json)) if **json == false => {
                Err(Misfit::Shape("`fail`, not false, where it was turned down"))
            }
            Answer::Ok(_) | Answer::Unknown => Ok(Some(op)),
        }
    }

    fn is_release(self) -> bool {
        matches!(self, Self::Release(_))
    }

    fn process(self) -> Process {
        let (Self::Acquire(process) | Self::Release(process)) = self;
        process
    }

    fn text(self) -> String {
        match self {
            Self::Acquire(process) => format!("acquire by process {process}"),
            Self::Release(process) => format!("release by process {process}"),
        }
    }
}

#[cfg(test)]
mod tests;
