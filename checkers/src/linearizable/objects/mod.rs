//! The objects' sequential specifications, each with the procedure that decides it fast where its
//! values allow that.

#[cfg(test)]
mod agreement;
pub mod container;
pub mod counter;
mod datum_order;
pub mod kv;
pub mod leader;
pub mod lock;
pub mod log;
pub mod max_register;
pub mod set;
mod sweep;

use super::model::{Misfit, Model};
use super::object::Object;
use super::semantics::Semantics;
use container::{Container, Discipline};

/// Something to do with a model whose type is known only by name.
pub(super) trait WithModel {
    /// What comes of it.
    type Out;
    /// Does it.
    fn with<M: Model + Clone + Send + 'static>(self, model: &M) -> Self::Out;
}

/// Does something with the specification of an object; nothing for registers, which have engines of
/// their own.
///
/// # Errors
/// When the object cannot hold the initial value.
pub(super) fn with_model<W: WithModel>(
    object: Object,
    semantics: &Semantics,
    work: W,
) -> Result<Option<W::Out>, Misfit> {
    let container = |work: W, discipline| work.with(&Container::new(discipline, semantics));
    let out = match object {
        Object::Register | Object::CasRegister => return Ok(None),
        Object::Kv => work.with(&kv::Kv::new(semantics)),
        Object::Set => work.with(&set::Set::new(semantics)),
        Object::Multiset => work.with(&set::Set::multiset(semantics)),
        Object::FifoQueue => container(work, Discipline::Fifo),
        Object::UnorderedQueue => container(work, Discipline::Unordered),
        Object::Stack => container(work, Discipline::Lifo),
        Object::PriorityQueue { greatest_first: false } => container(work, Discipline::LeastFirst),
        Object::PriorityQueue { greatest_first: true } => {
            container(work, Discipline::GreatestFirst)
        }
        Object::Counter => work.with(&counter::Counter::new(semantics)?),
        Object::MaxRegister => work.with(&max_register::MaxRegister::new(semantics)?),
        Object::Mutex => work.with(&lock::Semaphore { permits: 1 }),
        Object::ReentrantMutex => work.with(&lock::ReentrantMutex),
        Object::Semaphore { permits } => work.with(&lock::Semaphore { permits }),
        Object::FencedLock => work.with(&lock::FencedLock),
        Object::Leader => work.with(&leader::Leader),
        Object::Log => work.with(&log::Log::new(semantics)?),
    };
    Ok(Some(out))
}
