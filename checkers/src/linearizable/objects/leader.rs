//! Leaders: at most one node leads in each term (election safety, Ongaro & Ousterhout 2014, 5.2).
//!
//! | operation | argument or answer |
//! |---|---|
//! | `lead`, `elect`, `become-leader` | `[term, node]`, or `{"term": term, "node": node}` |
//!
//! The answer counts; where it is nil, the argument. A term is a whole number, a node anything but
//! nil. An operation that nobody saw the end of elected nobody for certain, and says nothing; so
//! does one that was answered with nil and asked for nothing.
//!
//! **Procedure**, exact: every term is a part of its own, and legal if all its elections name the
//! same node. Real time does not matter: a leader may learn of its election late.

use super::super::model::{Answer, Call, Misfit, Model, Monitored, Part};
use crate::history::Datum;
use crate::words::quoted;
use serde_json::Value;

/// The longest name of a node that is quoted, in characters.
const NODE_CHARS_MAX: usize = 60;

/// At most one leader in each term.
#[derive(Clone, Copy, Debug)]
pub struct Leader;

/// Somebody leads.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct LeaderOp {
    /// In which term.
    pub term: i64,
    /// Who.
    pub node: Datum,
}

impl Model for Leader {
    type Op = LeaderOp;
    /// Who leads the term that is judged.
    type State = Option<Datum>;

    fn read(&self, call: &Call<'_>) -> Result<Option<LeaderOp>, Misfit> {
        match (call.f, &call.answer) {
            ("lead" | "elect" | "become-leader", Answer::Fail(_) | Answer::Unknown) => Ok(None),
            ("lead" | "elect" | "become-leader", Answer::Ok(Datum::Nil)) => elected(&call.argument),
            ("lead" | "elect" | "become-leader", Answer::Ok(answer)) => elected(answer),
            _ => Err(Misfit::Function("lead, elect, become-leader")),
        }
    }

    fn initial(&self) -> Option<Datum> {
        None
    }

    fn step(&self, state: &Option<Datum>, op: &LeaderOp, next: &mut Vec<Option<Datum>>) {
        if state.as_ref().is_none_or(|leader| *leader == op.node) {
            next.push(Some(op.node.clone()));
        }
    }

    /// The term, of one key if there are keys.
    fn part(&self, call: &Call<'_>, op: &LeaderOp) -> Option<Datum> {
        let term = Datum::Int(op.term);
        Some(call.key.map_or(term.clone(), |key| {
            Datum::from_json(Value::Array(vec![key.to_json(), term.to_json()]))
        }))
    }

    /// All elections of one node.
    fn group(&self, op: &LeaderOp) -> Option<Datum> {
        Some(op.node.clone())
    }

    fn monitor(&self, part: &Part<LeaderOp>) -> Monitored {
        let mut certain = part.ops.iter().enumerate().filter(|(_, timed)| !timed.is_optional());
        let Some((first, one)) = certain.next() else { return Monitored::Legal };
        match certain.find(|(_, other)| other.op.node != one.op.node) {
            None => Monitored::Legal,
            Some((second, other)) => Monitored::Illegal {
                culprits: vec![first as u32, second as u32],
                sentence: format!(
                    "{} and {} both led in term {}",
                    shown(&one.op.node),
                    shown(&other.op.node),
                    one.op.term
                ),
            },
        }
    }

    fn op_text(&self, op: &LeaderOp) -> String {
        format!("{} leads term {}", shown(&op.node), op.term)
    }

    fn state_text(&self, state: &Option<Datum>) -> String {
        state
            .as_ref()
            .map_or_else(|| "no leader".to_owned(), |node| format!("{} leads", shown(node)))
    }
}

/// A name without quotation marks, anything else as JSON.
fn shown(node: &Datum) -> String {
    match node {
        Datum::Json(json) if json.is_string() => {
            quoted(json.as_str().unwrap_or_default(), NODE_CHARS_MAX)
        }
        _ => quoted(&node.to_string(), NODE_CHARS_MAX),
    }
}

fn elected(value: &Datum) -> Result<Option<LeaderOp>, Misfit> {
    const SHAPE: Misfit = Misfit::Shape("[term, node], or a map of term and node");
    let (term, node) = match value {
        Datum::Nil => return Ok(None),
        Datum::Pair(term, node) => (Some(*term), Some(Datum::Int(*node))),
        Datum::Int(_) => return Err(SHAPE),
        Datum::Json(json) => {
            let (term, node) = match &**json {
                Value::Array(pair) if pair.len() == 2 => (pair.first(), pair.get(1)),
                Value::Object(map) => (map.get("term"), map.get("node")),
                _ => return Err(SHAPE),
            };
            (term.and_then(Value::as_i64), node.cloned().map(Datum::from_json))
        }
    };
    match (term, node) {
        (Some(term), Some(node)) if node != Datum::Nil => Ok(Some(LeaderOp { term, node })),
        _ => Err(SHAPE),
    }
}

#[cfg(test)]
mod tests {
    use super::super::agreement::{on_all, part};
    use super::*;
    use crate::history::Process;

    fn lead(node: i64) -> LeaderOp {
        LeaderOp { term: 3, node: Datum::Int(node) }
    }

    #[test]
    fn it_is_decided_as_brute_force_decides_it() {
        let said = on_all(&Leader, 4, &[lead(1), lead(2)]);
        assert!(said.legal > 1_000 && said.illegal > 1_000 && said.unfit == 0, "{said:?}");
    }

    #[test]
    fn two_leaders_are_named() {
        let ops = [(lead(1), 0, Some(1)), (lead(1), 2, Some(3)), (lead(2), 4, Some(5))];
        let Monitored::Illegal { culprits, sentence } = Leader.monitor(&part(&ops)) else {
            panic!()
        };
        assert_eq!(culprits, [0, 2]);
        assert_eq!(sentence, "1 and 2 both led in term 3");
    }

    fn read(f: &str, argument: &str, answer: Option<&str>) -> Result<Option<LeaderOp>, Misfit> {
        let answer = answer.map_or(Answer::Unknown, |text| Answer::Ok(Datum::from_json_text(text)));
        let argument = Datum::from_json_text(argument);
        Leader.read(&Call { process: Process::client(0), f, key: None, argument, answer })
    }

    #[test]
    fn terms_and_nodes_are_read_from_all_their_shapes() {
        let n1 = Some(LeaderOp { term: 7, node: Datum::from_json_text("\"n1\"") });
        assert_eq!(read("elect", "null", Some(r#"[7, "n1"]"#)), Ok(n1.clone()));
        assert_eq!(read("lead", "null", Some(r#"{"term": 7, "node": "n1"}"#)), Ok(n1.clone()));
        assert_eq!(read("become-leader", r#"[7, "n1"]"#, Some("null")), Ok(n1));
        assert_eq!(read("elect", r#"[7, "n1"]"#, None), Ok(None));
        assert_eq!(read("elect", "null", Some("null")), Ok(None));
        assert_eq!(read("elect", "null", Some("[7, 2]")).unwrap().unwrap().node, Datum::Int(2));
        for wrong in ["7", "[7]", r#"["x", "n1"]"#, r#"{"term": 7}"#, "[7, null]"] {
            assert!(matches!(read("elect", "null", Some(wrong)), Err(Misfit::Shape(_))), "{wrong}");
        }
        assert!(matches!(read("read", "null", None), Err(Misfit::Function(_))));
    }
}
