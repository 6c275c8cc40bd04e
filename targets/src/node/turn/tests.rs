//! The order of effects against its definition, and the fate of records that are not durable.

use super::{HELD_FLUSH_AFTER_NS, Output, TimerChange, Turn};
use crate::links::NodeId;
use crate::protocol::{Context, Effect, Input, Note, Protocol, RequestId};
use proptest::prelude::*;

/// A protocol of which only the effects matter.
#[derive(Clone, Debug)]
struct Script;

impl Protocol for Script {
    type Message = u32;
    type Record = u32;
    type Request = ();
    type Response = u32;
    type Timer = u8;
    type Config = ();

    fn recover(_: NodeId, (): (), _: Vec<u32>) -> Self {
        Self
    }

    fn step(&mut self, _: Context, _: Input<Self>, _: &mut Vec<Effect<Self>>) {}
}

fn persist(record: u32, durable: bool) -> Effect<Script> {
    Effect::Persist { records: vec![record], durable }
}

fn reply(response: u32) -> Effect<Script> {
    Effect::Reply { id: RequestId(u64::from(response)), response }
}

fn join(turn: &mut Turn<Script>, now_ns: u64, effects: Vec<Effect<Script>>) {
    turn.join(now_ns, effects.into_iter(), |_| {}).unwrap();
}

fn any_effect() -> impl Strategy<Value = Effect<Script>> {
    prop_oneof![
        any::<u32>().prop_map(|message| Effect::Send { to: NodeId(1), message }),
        any::<u32>().prop_map(reply),
        any::<u64>().prop_map(|term| Effect::Note(Note::Leading { term })),
        (prop::collection::vec(any::<u32>(), 0..3), any::<bool>())
            .prop_map(|(records, durable)| Effect::Persist { records, durable }),
        prop::collection::vec(any::<u32>(), 0..3).prop_map(Effect::Checkpoint),
        Just(Effect::SetTimer { timer: 1, after_ns: 5 }),
    ]
}

/// Whether an effect changes the disk before what follows it may happen.
fn must_wait(effect: &Effect<Script>) -> bool {
    match effect {
        Effect::Persist { records, durable } => *durable && !records.is_empty(),
        Effect::Checkpoint(_) => true,
        _ => false,
    }
}

fn output(effect: &Effect<Script>) -> Option<Output<u32, u32>> {
    match effect {
        Effect::Send { to, message } => Some(Output::Send { to: *to, message: *message }),
        Effect::Reply { id, response } => Some(Output::Reply { id: *id, response: *response }),
        Effect::Note(note) => Some(Output::Note(note.clone())),
        _ => None,
    }
}

proptest! {
    #[test]
    fn outputs_keep_their_order_and_none_leaves_before_a_record_that_it_follows(
        effects in prop::collection::vec(any_effect(), 0..20),
        steps in 1_usize..5,
    ) {
        let mut turn = Turn::new(0);
        for step in effects.chunks(steps) {
            join(&mut turn, 0, step.to_vec());
        }
        let all: Vec<_> = effects.iter().filter_map(output).collect();
        let joined: Vec<_> = turn.at_once.iter().chain(&turn.then).cloned().collect();
        prop_assert_eq!(joined, all);
        let before = effects.split(must_wait).next().unwrap_or(&[]);
        prop_assert_eq!(turn.at_once.len(), before.iter().filter_map(output).count());
    }

    #[test]
    fn the_disk_ends_up_with_what_the_effects_say_one_by_one(
        effects in prop::collection::vec(any_effect(), 0..20),
    ) {
        let mut turn = Turn::new(0);
        join(&mut turn, 0, effects.clone());
        turn.include_held(HELD_FLUSH_AFTER_NS);
        let (replaced, mut found) = turn.batch.contents::<u32>();
        found.sort_by_key(|(sequence, _)| *sequence);
        let (mut expected, mut checkpointed) = (Vec::new(), false);
        for effect in &effects {
            match effect {
                Effect::Persist { records, .. } => expected.extend(records),
                Effect::Checkpoint(records) => (expected, checkpointed) = (records.clone(), true),
                _ => {}
            }
        }
        let found: Vec<u32> = found.into_iter().map(|(_, record)| record).collect();
        prop_assert_eq!((found, replaced), (expected, checkpointed));
    }
}

#[test]
fn a_record_that_is_not_durable_is_not_rescued_by_one_that_is() {
    let mut turn = Turn::new(0);
    join(&mut turn, 0, vec![persist(10, false), reply(1), persist(11, true), reply(2)]);
    assert_eq!((turn.at_once.len(), turn.then.len()), (1, 1));
    turn.include_held(HELD_FLUSH_AFTER_NS - 1);
    assert_eq!(turn.batch.contents::<u32>(), (false, vec![(1, 11)]));
    turn.clear();
    turn.include_held(HELD_FLUSH_AFTER_NS);
    assert_eq!(turn.batch.contents::<u32>(), (false, vec![(0, 10)]));
    assert_eq!(turn.held_deadline_ns(), None);
}

#[test]
fn held_records_are_as_old_as_the_oldest_of_them() {
    let mut turn = Turn::new(0);
    join(&mut turn, 5, vec![persist(10, false)]);
    join(&mut turn, 500, vec![persist(11, false)]);
    assert_eq!(turn.held_deadline_ns(), Some(5 + HELD_FLUSH_AFTER_NS));
}

#[test]
fn a_checkpoint_contains_what_was_held() {
    let mut turn = Turn::new(0);
    join(&mut turn, 0, vec![persist(10, false), Effect::Checkpoint(vec![20]), persist(11, true)]);
    turn.include_held(HELD_FLUSH_AFTER_NS);
    assert_eq!(turn.batch.contents::<u32>(), (true, vec![(1, 20), (2, 11)]));
}

#[test]
fn timers_change_at_once_and_count_from_their_step() {
    let (mut turn, mut changes) = (Turn::<Script>::new(0), Vec::new());
    let effects =
        vec![persist(1, true), Effect::SetTimer { timer: 3, after_ns: 10 }, Effect::CancelTimer(4)];
    turn.join(100, effects.into_iter(), |change| changes.push(change)).unwrap();
    let set = TimerChange::Set { timer: 3, deadline_ns: 110 };
    assert_eq!(changes, [set, TimerChange::Cancel(4)]);
}
