//! The objects' sequential specifications, each with the procedure that decides it fast where its
//! values allow that.

#[cfg(test)]
mod agreement;
pub mod container;
pub mod counter;
mod datum_order;
pub mod kv;
pub mod set;

use super::model::Model;
use super::object::Object;
use super::semantics::Semantics;
use container::{Container, Discipline};

/// Something to do with a model whose type is known only by name.
pub(super) trait WithModel {
    /// What comes of it.
    type Out;
    /// Does it.
    fn with<M: Model>(self, model: &M) -> Self::Out;
}

/// Does something with the specification of an object. Registers have engines of their own, and no
/// specification here.
pub(super) fn with_model<W: WithModel>(
    object: Object,
    semantics: &Semantics,
    work: W,
) -> Option<W::Out> {
    let container = |work: W, discipline| work.with(&Container::new(discipline, semantics));
    let out = match object {
        Object::Register | Object::CasRegister => return None,
        Object::FifoQueue => container(work, Discipline::Fifo),
        Object::UnorderedQueue => container(work, Discipline::Unordered),
        Object::Stack => container(work, Discipline::Lifo),
        Object::PriorityQueue { greatest_first: false } => container(work, Discipline::LeastFirst),
        Object::PriorityQueue { greatest_first: true } => {
            container(work, Discipline::GreatestFirst)
        }
        _ => return None,
    };
    Some(out)
}
pub mod leader;
pub mod lock;
pub mod log;
pub mod max_register;
pub mod set;
mod sweep;
