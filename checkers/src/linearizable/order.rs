//! A linearization: an order of the operations that explains every result, and a second, tiny
//! program that checks it without knowing how it was found.

use super::model::{Model, Part};

/// The order of one part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartOrder {
    /// The key as JSON text, when there is one.
    pub key: Option<String>,
    /// Indices of invocations, one behind the other. Indeterminate operations that are left out
    /// did not happen.
    pub invokes: Vec<usize>,
}

/// Orders of all parts of a history.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Linearization {
    /// In order of the part's first operation.
    pub parts: Vec<PartOrder>,
}

/// Checks an order of positions: everything that certainly happened stands in it once, real time is
/// respected, and the model allows every step. An error says which step is wrong.
///
/// # Errors
/// When it is no linearization.
pub fn verify<M: Model>(model: &M, part: &Part<M::Op>, order: &[u32]) -> Result<(), String> {
    let mut placed = vec![false; part.ops.len()];
    let mut states = vec![model.initial()];
    let mut latest_invoke = 0;
    for (step, &position) in order.iter().enumerate() {
        let Some(timed) = part.ops.get(position as usize) else {
            return Err(format!("step {step}: there is no operation {position}"));
        };
        if std::mem::replace(&mut placed[position as usize], true) {
            return Err(format!("step {step}: operation {position} stands there twice"));
        }
        latest_invoke = latest_invoke.max(timed.invoke);
        if timed.ret < latest_invoke {
            return Err(format!("step {step}: operation {position} had completed before"));
        }
        let mut next = Vec::new();
        for state in &states {
            model.step(state, &timed.op, &mut next);
        }
        if next.is_empty() {
            let text = model.op_text(&timed.op);
            return Err(format!("step {step}: {text} is impossible there"));
        }
        states = next;
    }
    let missing = (0..part.ops.len()).find(|&at| !placed[at] && !part.ops[at].is_optional());
    missing.map_or(Ok(()), |at| Err(format!("operation {at} is missing")))
}
