//! The procedure of keys against brute force.

use super::super::super::model::{Answer, Call, Model, Monitored, Part};
use super::super::super::oracle;
use super::super::super::semantics::Semantics;
use super::{Content, Kv, KvOp};
use crate::history::{Datum, Process};
use proptest::prelude::*;
use std::cell::Cell;

fn text(text: &str) -> Datum {
    Datum::Json(Box::new(text.into()))
}

fn list(elements: &[i64]) -> Datum {
    Datum::from_json(elements.into())
}

/// What the procedure says, brute force says; who is accused is illegal alone. Gives the verdict
/// if there is one.
fn agree(kv: &Kv, part: &Part<KvOp>) -> Option<bool> {
    let legal = oracle::some_order(kv, &part.ops, &[kv.initial()]);
    match kv.monitor(part) {
        Monitored::Unfit(_) => None,
        Monitored::Legal => {
            assert!(legal, "said to be legal: {part:?}");
            Some(true)
        }
        Monitored::Illegal { culprits, sentence } => {
            assert!(!legal, "{sentence} {culprits:?} of {part:?}");
            let few: Vec<_> = culprits.iter().map(|at| part.ops[*at as usize].clone()).collect();
            assert!(!few.is_empty() && culprits.is_sorted(), "{culprits:?}");
            // Who found a value is refuted by what others did not do: they are no culprits.
            let alone = oracle::some_order(kv, &few, &[kv.initial()]);
            assert!(!alone, "{culprits:?} alone are legal: {sentence} {part:?}");
            Some(false)
        }
    }
}

/// What clients ask for, before anybody knows what they find.
#[derive(Clone, Debug)]
enum Wish {
    Get,
    Put(Datum),
    Append(Datum),
    Delete,
    /// From what is there.
    Cas(Datum),
}

/// What a key does with wishes, one after the other.
fn play(kv: &Kv, wishes: &[(Wish, u32, Option<u32>)]) -> Vec<(KvOp, u32, Option<u32>)> {
    let mut state = kv.initial();
    let mut points = Vec::new();
    for (wish, before, after) in wishes {
        let op = match wish {
            Wish::Get => KvOp::Get(state.clone()),
            Wish::Put(datum) => KvOp::Put(kv.content(datum)),
            Wish::Append(piece) => KvOp::Append(piece.clone()),
            Wish::Delete => KvOp::Put(Content::Nil),
            Wish::Cas(to) => KvOp::Cas(state.clone(), kv.content(to)),
        };
        let mut next = Vec::new();
        kv.step(&state, &op, &mut next);
        state = next.pop().unwrap_or(state);
        let looks = matches!(op, KvOp::Get(_));
        points.push((op, *before, if looks { Some(after.unwrap_or(8)) } else { *after }));
    }
    points
}

/// Wishes of a key; pieces are mostly different, and sometimes two make a third.
fn wishes(pieces: &'static [&'static str]) -> impl Strategy<Value = Vec<(Wish, u32, Option<u32>)>> {
    let piece = prop::sample::select(pieces);
    let wish = prop_oneof![
        6 => Just(Wish::Get),
        6 => piece.prop_map(|piece| Wish::Append(text(piece))),
        1 => prop::sample::select(vec!["p", "q"]).prop_map(|value| Wish::Put(text(value))),
        1 => Just(Wish::Delete),
        1 => Just(Wish::Cas(text("r"))),
    ];
    let after = prop::option::weighted(0.85, 0_u32..20);
    prop::collection::vec((wish, 0_u32..20, after), 1..8)
}

/// A run that was legal; then, if `wrong`, one get finds what another found.
fn check_played(kv: &Kv, wishes: &[(Wish, u32, Option<u32>)], wrong: Option<(usize, usize)>) {
    let mut points = play(kv, wishes);
    let gets: Vec<usize> =
        (0..points.len()).filter(|at| matches!(points[*at].0, KvOp::Get(_))).collect();
    if let (Some((one, other)), false) = (wrong, gets.is_empty()) {
        points[gets[one % gets.len()]].0 = points[gets[other % gets.len()]].0.clone();
    }
    agree(kv, &oracle::around(points));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, ..ProptestConfig::default() })]

    #[test]
    fn keys_with_texts_are_judged_as_brute_force_does(
        wishes in wishes(&["a", "b", "c", "d", "e", "f", "g"]),
        wrong in prop::option::of((0_usize..8, 0_usize..8)),
    ) {
        check_played(&Kv::new(&Semantics::STRICT), &wishes, wrong);
    }

    #[test]
    fn pieces_that_come_twice_and_that_are_two_others_are_judged_as_brute_force_does(
        wishes in wishes(&["a", "b", "ab", "ba"]),
        wrong in prop::option::of((0_usize..8, 0_usize..8)),
    ) {
        check_played(&Kv::new(&Semantics::STRICT), &wishes, wrong);
    }

    #[test]
    fn keys_with_lists_are_judged_as_brute_force_does(
        wishes in wishes(&["a", "b", "c", "d", "e", "f", "g"]),
        wrong in prop::option::of((0_usize..8, 0_usize..8)),
    ) {
        let initial = list(&[]);
        let wishes: Vec<_> = wishes
            .into_iter()
            .map(|(wish, before, after)| match wish {
                Wish::Put(_) | Wish::Cas(_) => (Wish::Put(list(&[7, 8])), before, after),
                wish => (wish, before, after),
            })
            .collect();
        check_played(&Kv::new(&Semantics { initial, ..Semantics::STRICT }), &wishes, wrong);
    }
}

#[test]
fn every_small_history_of_a_key_is_judged_as_brute_force_does() {
    let kv = Kv::new(&Semantics::STRICT);
    let get = |found: &str| KvOp::Get(kv.content(&text(found)));
    let kinds = [KvOp::Append(text("a")), KvOp::Append(text("b")), get("a"), get("ab"), get("ba")];
    let decided = Cell::new([0, 0]);
    for operations in 1..4 {
        oracle::every_history(operations, &kinds, &mut |part| {
            if let Some(legal) = agree(&kv, part) {
                let mut counts = decided.get();
                counts[usize::from(legal)] += 1;
                decided.set(counts);
            }
        });
    }
    assert!(decided.get().iter().all(|count| *count > 300), "{decided:?}");
}

fn read(kv: &Kv, f: &str, argument: Datum, answer: Answer<'_>) -> Option<KvOp> {
    let call = Call { process: Process::client(0), f, key: None, argument, answer };
    kv.read(&call).unwrap()
}

#[test]
fn an_absent_key_reads_as_nil_or_empty_unless_it_begins_with_something_else() {
    let states = |kv: &Kv| {
        let get = |found| read(kv, "get", Datum::Nil, Answer::Ok(found)).unwrap();
        let fits = |op| {
            let mut next = Vec::new();
            kv.step(&kv.initial(), &op, &mut next);
            !next.is_empty()
        };
        [Datum::Nil, text(""), Datum::Int(0)].map(|found| fits(get(found)))
    };
    assert_eq!(states(&Kv::new(&Semantics::PORCUPINE)), [true, true, false]);
    let empty = Semantics { initial: text(""), ..Semantics::STRICT };
    assert_eq!(states(&Kv::new(&empty)), [true, true, false]);
    let zero = Semantics { initial: Datum::Int(0), ..Semantics::STRICT };
    assert_eq!(states(&Kv::new(&zero)), [false, false, true]);
    assert_ne!(Kv::new(&zero).content(&text("")), Content::Nil, "deleted is not empty");
}

#[test]
fn a_failed_cas_and_a_nil_read_mean_what_the_semantics_say() {
    let pair = Datum::Pair(1, 2);
    let ops = |semantics: &Semantics| {
        let kv = Kv::new(semantics);
        [
            read(&kv, "cas", pair.clone(), Answer::Fail(None)),
            read(&kv, "get", Datum::Nil, Answer::Ok(Datum::Nil)),
            read(&kv, "append", text("a"), Answer::Fail(None)),
            read(&kv, "delete", Datum::Nil, Answer::Unknown),
        ]
    };
    let nil = Some(KvOp::Get(Content::Nil));
    let deleted = Some(KvOp::Put(Content::Nil));
    let missed = Some(KvOp::Miss(Content::Other(Datum::Int(1))));
    assert_eq!(ops(&Semantics::JEPSEN), [None, None, None, deleted.clone()]);
    assert_eq!(ops(&Semantics::STRICT), [None, nil.clone(), None, deleted.clone()]);
    assert_eq!(ops(&Semantics::PORCUPINE), [missed, nil, None, deleted]);
}
