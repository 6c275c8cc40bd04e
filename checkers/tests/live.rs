//! Streams of a length that shows whether they are forgotten, and how soon a violation is said.

mod support;

use checkers::history::{Event, EventType, History, Process, Value};
use checkers::linearizable::{Ending, Live, Object, Semantics};
use support::{Shape, simulate};

const SHAPE: Shape = Shape {
    operations: 24_000,
    keys: 1,
    clients: 50,
    values: 0,
    infos: 0,
    cas: true,
    stale_from: None,
    busy: true,
};

const BYTES_MAX: u64 = 64 << 20;

fn live(bytes_max: u64) -> Live {
    Live::new(&Object::CasRegister, &Semantics::STRICT, bytes_max)
}

/// The most bytes that a stream held, and what it said in the end.
fn judge(history: &History, mut live: Live) -> (u64, Ending) {
    let mut bytes = 0;
    for (index, event) in history.events().iter().enumerate() {
        if live.event(index, event, &history.symbols).is_some() {
            break;
        }
        bytes = bytes.max(live.bytes());
    }
    (bytes, live.finish())
}

#[test]
fn memory_follows_the_concurrency_not_the_length() {
    let few = Shape { values: 5, clients: 4, ..SHAPE };
    for shape in [SHAPE, Shape { infos: 50, ..SHAPE }, Shape { keys: 10, ..SHAPE }, few] {
        let short = simulate(&Shape { operations: shape.operations / 8, infos: 0, ..shape }, 1);
        let (short, ending) = judge(&short, live(BYTES_MAX));
        assert_eq!(ending, Ending::Valid);
        let (long, ending) = judge(&simulate(&shape, 2), live(BYTES_MAX));
        assert_eq!(ending, Ending::Valid);
        assert!(long < 3 * short && long < 1 << 21, "{short} and {long} bytes of {shape:?}");
    }
}

/// The same history, with a read that never ends before it.
fn with_a_stuck_read(history: &History) -> History {
    let mut stuck = History::new();
    stuck.symbols = history.symbols.clone();
    let f = stuck.symbols.intern("read");
    let first = history.events()[0];
    let process = Process::client(1_000_000);
    stuck.push(Event { f, value: Value::Nil, kind: EventType::Invoke, process, ..first });
    for event in history.events() {
        stuck.push(*event);
    }
    stuck
}

#[test]
fn a_read_that_never_ends_is_concurrent_with_everything() {
    let history = simulate(&SHAPE, 3);
    let (bytes, ending) = judge(&history, live(1 << 20));
    assert_eq!(ending, Ending::Valid, "{bytes} bytes");
    let stuck = with_a_stuck_read(&history);
    let (bytes, ending) = judge(&stuck, live(BYTES_MAX));
    assert_eq!(ending, Ending::Valid);
    assert!(bytes > 1 << 20, "{bytes} bytes");
    let (_, ending) = judge(&stuck, live(1 << 20));
    assert!(matches!(ending, Ending::Unknown(_)), "{ending:?}");
}

#[test]
fn a_violation_is_said_soon_after_it_happened() {
    let few = Shape { values: 5, clients: 4, ..SHAPE };
    for shape in [SHAPE, Shape { cas: false, infos: 20, ..SHAPE }, few] {
        let history = simulate(&Shape { stale_from: Some(1_000), ..shape }, 4);
        let (_, ending) = judge(&history, live(BYTES_MAX));
        let Ending::Invalid(violation) = ending else { panic!("{ending:?}") };
        let read = &history.events()[..=violation.index];
        let begun = read.iter().filter(|event| event.kind == EventType::Invoke).count();
        assert!((1_000..3_000).contains(&begun), "{begun} operations: {violation:?}");
    }
}

#[test]
fn a_stream_that_breaks_the_rules_is_not_judged() {
    let history = simulate(&Shape { operations: 100, ..SHAPE }, 5);
    let mut live = live(BYTES_MAX);
    let events = history.events();
    assert_eq!(live.event(0, &events[0], &history.symbols), None);
    assert_eq!(live.event(1, &events[0], &history.symbols), None);
    let ending = live.finish();
    assert!(matches!(&ending, Ending::Unknown(why) if why.contains("event 1")), "{ending:?}");
}
