//! Brute force over a handful of operations, written from the objects' definitions and from nothing
//! of the checkers: does any order of these operations explain their results?

use checkers::history::{EventType, History};
use checkers::linearizable::Object;
use checkers::verdict::OrderEvidence;
use serde_json::{Value, json};

/// A value that no history holds, besides those that the operations name: "any".
const SOMETHING_ELSE: &str = "a value that nobody wrote";

struct Operation {
    f: String,
    argument: Value,
    result: Value,
    kind: EventType,
    invoke: usize,
    /// Nothing for what may have happened or not.
    ret: Option<usize>,
}

/// Whether no order of the evidence's operations explains their results, from any of the states
/// that it says were possible before.
pub(crate) fn confirms(history: &History, object: Object, evidence: &OrderEvidence) -> bool {
    let operations: Vec<Operation> = evidence
        .ops
        .iter()
        .map(|op| {
            let invoke = &history.events()[op.invoke_index];
            let complete = op.complete_index.map(|index| &history.events()[index]);
            let kind = complete.map_or(EventType::Info, |event| event.kind);
            let before = op.note.as_ref().is_some_and(|note| note.starts_with("began before"));
            let optional = kind == EventType::Info || before;
            let key = |value: Value| if value.is_null() { json!(null) } else { value };
            Operation {
                f: history.text(invoke.f).to_owned(),
                argument: key(history.datum(invoke.value).to_json()),
                result: complete.map_or(json!(null), |e| history.datum(e.value).to_json()),
                kind,
                invoke: op.invoke_index,
                ret: op.complete_index.filter(|_| !optional),
            }
        })
        .collect();
    let states = starts(object, evidence, &operations);
    !states
        .iter()
        .any(|state| some_order(object, &operations, state, &mut (0..operations.len()).collect()))
}

/// The states to begin in, from their words.
fn starts(object: Object, evidence: &OrderEvidence, operations: &[Operation]) -> Vec<Value> {
    let parse = |text: &String| serde_json::from_str(text).unwrap_or(json!(text));
    let any = evidence.states_before.iter().any(|state| state == "any");
    let initial = match object {
        Object::Register | Object::CasRegister | Object::Kv if any => {
            let named = operations.iter().flat_map(|op| match &op.argument {
                Value::Array(pair) if op.f == "cas" => pair.clone(),
                other => vec![other.clone(), op.result.clone()],
            });
            return named.chain([json!(SOMETHING_ELSE)]).collect();
        }
        Object::Register | Object::CasRegister | Object::Kv => {
            // "none of these values" is no value that the operations name, and so stands for
            // itself.
            let nil = |text: &String| if text == "nil" { json!(null) } else { parse(text) };
            return evidence.states_before.iter().map(nil).collect();
        }
        Object::Mutex => json!(false),
        Object::Counter => json!(0),
        _ => json!([]),
    };
    vec![initial]
}

fn some_order(
    object: Object,
    operations: &[Operation],
    state: &Value,
    left: &mut Vec<usize>,
) -> bool {
    if left.iter().all(|&at| operations[at].ret.is_none()) {
        return true;
    }
    for position in 0..left.len() {
        let at = left[position];
        let operation = &operations[at];
        let late = |other: &usize| operations[*other].ret.is_some_and(|ret| ret < operation.invoke);
        if left.iter().any(late) {
            continue;
        }
        left.remove(position);
        let next = step(object, state, operation);
        let found = next.is_some_and(|after| some_order(object, operations, &after, left));
        left.insert(position, at);
        if found {
            return true;
        }
    }
    false
}

fn step(object: Object, state: &Value, op: &Operation) -> Option<Value> {
    let holds = |yes: bool| yes.then(|| state.clone());
    let list = || state.as_array().cloned().unwrap_or_default();
    let without = |value: &Value| {
        let mut list = list();
        let at = list.iter().position(|element| element == value)?;
        list.remove(at);
        Some(Value::Array(list))
    };
    let with =
        |value: &Value| Some(Value::Array(list().into_iter().chain([value.clone()]).collect()));
    match (object, op.f.as_str()) {
        (Object::CasRegister | Object::Register, "read") => holds(*state == op.result),
        (Object::CasRegister | Object::Register, "write") => Some(op.argument.clone()),
        (Object::CasRegister, "cas") if op.kind == EventType::Fail => {
            holds(*state != op.argument[0])
        }
        (Object::CasRegister, "cas") if *state == op.argument[0] => Some(op.argument[1].clone()),
        (Object::Kv, "get") => holds(state.as_str().unwrap_or("") == op.result.as_str()?),
        (Object::Kv, "put") => Some(op.argument.clone()),
        (Object::Kv, "append") => {
            Some(json!(format!("{}{}", state.as_str().unwrap_or(""), op.argument.as_str()?)))
        }
        (Object::Mutex, "acquire") => (*state == json!(false)).then_some(json!(true)),
        (Object::Mutex, "release") => (*state == json!(true)).then_some(json!(false)),
        (Object::UnorderedQueue, "enqueue") => with(&op.argument),
        (Object::UnorderedQueue, "dequeue") => without(&op.result),
        (Object::Set, "add") if list().contains(&op.argument) => Some(state.clone()),
        (Object::Set, "add") => with(&op.argument),
        (Object::Set, "read") => {
            let read = op.result.as_array()?;
            holds(read.len() == list().len() && list().iter().all(|value| read.contains(value)))
        }
        (Object::Counter, "add") => Some(json!(state.as_i64()? + op.argument.as_i64()?)),
        (Object::Counter, "read") => holds(*state == op.result),
        _ => None,
    }
}
