//! No id is given twice.
//!
//! `generate` answers an id, any JSON value but nil. Only acknowledged ids count: one whose request
//! ended as `info` was shown to nobody. Jepsen's `unique-ids` says which ids came how often; here
//! the evidence is the two requests, an answer without an id is said, and a history without any id
//! is `unknown`.

use super::members::Numbers;
use super::shape::Item;
use super::subject::{Found, Seen, figure, parts, show};
use crate::history::pairing::Operation;
use crate::history::{EventType, History};
use crate::verdict::Judgement;

pub(super) fn check(claim: &str, history: &History, _: &super::Options) -> Judgement {
    let mut found = Found::new(history);
    let [mut attempted, mut acknowledged, mut distinct] = [0; 3];
    let mut range: Option<(i64, i64)> = None;
    for part in &parts(history) {
        let mut numbers = Numbers::default();
        let mut givers: Vec<Operation> = Vec::new();
        for &op in &part.ops {
            let seen = Seen::of(history, op);
            if seen.f != "generate" {
                continue;
            }
            attempted += 1;
            if seen.outcome != EventType::Ok {
                continue;
            }
            let id = seen.result(history);
            if id == Item::Nil {
                found.misfits.value(seen.complete as usize, "an id", id);
                continue;
            }
            acknowledged += 1;
            if let Item::Int(id) = id {
                let (least, most) = range.unwrap_or((id, id));
                range = Some((least.min(id), most.max(id)));
            }
            let next = u32::try_from(givers.len()).expect("fewer ids than events");
            let number = numbers.get_or(id, next);
            if number == next {
                givers.push(op);
                continue;
            }
            let ops = vec![givers[number as usize], op];
            let sentence = || format!("the id {} is given twice", show(id));
            found.complaints.add("duplicated", part.key_text(history), ops, sentence);
        }
        distinct += givers.len();
    }
    let vacuous = (acknowledged == 0).then_some("no id was given");
    let mut figures = vec![
        figure("attempted", attempted),
        figure("acknowledged", acknowledged),
        figure("distinct", distinct),
    ];
    figures.extend(range.map(|(least, most)| figure("range", format!("{least} to {most}"))));
    found.complaints.judgement("unique-ids", claim, figures, found.misfits.verdict(vacuous))
}
