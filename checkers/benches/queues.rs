//! What judging a million operations on queues, logs, messages, votes and locks costs: medians of a
//! few rounds, as a table. Every history is right.
//!
//! Clients act in rounds: all of them invoke, then all complete. So operations of one round are
//! concurrent, and whatever comes out of a round is explained by the one before.
//!
//! `cargo bench -p checkers --bench queues [NAME]`

use checkers::history::{Datum, Event, EventType, History, Process, Value};
use checkers::invariants::{self, Invariant, Options};
use std::time::Instant;

const OPERATIONS: usize = 1_000_000;

const TIMES: usize = 3;

const CLIENTS: usize = 20;

/// Adds so many operations.
type Make = fn(&mut Rounds, usize);

/// What is played, by its name.
const ALL: [(Invariant, Make); 6] = [
    (Invariant::TotalQueue, queue),
    (Invariant::FifoOrder, queue),
    (Invariant::Kafka, kafka),
    (Invariant::Broadcast, broadcast),
    (Invariant::AtomicCommit, votes),
    (Invariant::FencedLocks, locks),
];

/// A history in the making.
#[derive(Debug, Default)]
struct Rounds {
    history: History,
    answers: Vec<(usize, &'static str, String)>,
}

impl Rounds {
    /// This client asks; what it will be answered is known.
    fn ask(&mut self, client: usize, f: &'static str, argument: &str, answer: String) {
        self.event(client, EventType::Invoke, f, argument);
        self.answers.push((client, f, answer));
    }

    /// Everybody is answered.
    fn answer(&mut self) {
        for (client, f, answer) in std::mem::take(&mut self.answers) {
            self.event(client, EventType::Ok, f, &answer);
        }
    }

    fn event(&mut self, client: usize, kind: EventType, f: &'static str, text: &str) {
        let value = match (text, text.parse()) {
            ("", _) => Value::Nil,
            (_, Ok(number)) => Value::Int(number),
            _ if text.len() > 64 => Value::Interned(self.history.symbols.intern(text)),
            _ => self.history.compact(&Datum::from_json_text(text)),
        };
        let event = Event {
            time_ns: self.history.len() as u64 * 1000,
            value,
            process: Process::client(client as u32),
            f: self.history.symbols.intern(f),
            key: None,
            node: Some(self.history.symbols.intern(["n1", "n2", "n3", "n4", "n5"][client % 5])),
            error: None,
            kind,
        };
        self.history.push(event);
    }
}

/// Half of the clients enqueue, the others dequeue what was enqueued in the round before.
fn queue(rounds: &mut Rounds, operations: usize) {
    for round in 0..operations / CLIENTS {
        for client in 0..CLIENTS / 2 {
            let value = round * CLIENTS / 2 + client;
            rounds.ask(client, "enqueue", &value.to_string(), String::new());
            let taken = value.checked_sub(CLIENTS / 2).map_or(String::new(), |v| v.to_string());
            rounds.ask(CLIENTS / 2 + client, "dequeue", "", taken);
        }
        rounds.answer();
    }
    let put = operations / 2;
    let left: Vec<usize> = (put - CLIENTS / 2..put).collect();
    rounds.ask(0, "drain", "", format!("{left:?}").replace(' ', ""));
}

/// Each of ten producers sends to its key, each of ten consumers polls what came last round.
fn kafka(rounds: &mut Rounds, operations: usize) {
    for round in 0..operations / CLIENTS {
        for key in 0..CLIENTS / 2 {
            let argument = format!("[[\"send\",{key},{round}]]");
            let answer = format!("[[\"send\",{key},[{},{round}]]]", round * 2);
            rounds.ask(key, "send", &argument, answer);
            let polled = round
                .checked_sub(1)
                .map_or(String::new(), |before| format!("[{},{before}]", before * 2));
            let answer = format!("[[\"poll\",{{\"{key}\":[{polled}]}}]]");
            rounds.ask(CLIENTS / 2 + key, "poll", "[[\"poll\"]]", answer);
        }
        rounds.answer();
    }
    for key in 0..CLIENTS / 2 {
        let last = operations / CLIENTS - 1;
        let answer = format!("[[\"poll\",{{\"{key}\":[[{},{last}]]}}]]", last * 2);
        rounds.ask(CLIENTS / 2 + key, "poll", "[[\"poll\"]]", answer);
    }
}

/// Messages, and what each of five nodes has of them: those of the round before, and everything in
/// the end.
fn broadcast(rounds: &mut Rounds, operations: usize) {
    let of_round = |round: usize| (5..CLIENTS).map(move |client| round * CLIENTS + client);
    let list = |messages: Vec<usize>| format!("{messages:?}").replace(' ', "");
    for round in 0..operations / CLIENTS {
        let before = list(round.checked_sub(1).into_iter().flat_map(of_round).collect());
        for client in 0..5 {
            rounds.ask(client, "read", "", before.clone());
        }
        for (client, message) in (5..).zip(of_round(round)) {
            rounds.ask(client, "broadcast", &message.to_string(), String::new());
        }
        rounds.answer();
    }
    let all = list((0..operations / CLIENTS).flat_map(of_round).collect());
    for client in 0..5 {
        rounds.ask(client, "read", "", all.clone());
    }
    rounds.answer();
}

/// Ten participants vote, and then learn the decision.
fn votes(rounds: &mut Rounds, operations: usize) {
    for txn in 0..operations / CLIENTS {
        for client in 0..10 {
            rounds.ask(client, "vote", &format!("[{txn},\"yes\"]"), String::new());
        }
        rounds.answer();
        for client in 0..10 {
            rounds.ask(client, "decide", &txn.to_string(), format!("[{txn},\"commit\"]"));
        }
        rounds.answer();
    }
}

/// One client after the other takes the lock, writes and lets go.
fn locks(rounds: &mut Rounds, operations: usize) {
    for token in 0..operations / 3 {
        let client = token % CLIENTS;
        let text = token.to_string();
        rounds.ask(client, "acquire", "", text.clone());
        rounds.answer();
        rounds.ask(client, "write", &format!("[{token},7]"), String::new());
        rounds.answer();
        rounds.ask(client, "release", &text, String::new());
        rounds.answer();
    }
}

fn main() {
    println!("{:<16} {:>10} {:>8} verdict", "invariant", "operations", "seconds");
    let only = std::env::args().nth(1).filter(|argument| !argument.starts_with('-'));
    let wanted = |name: &str| only.as_ref().is_none_or(|only| name.starts_with(only));
    for (invariant, play) in ALL.into_iter().filter(|(invariant, _)| wanted(invariant.name())) {
        let mut rounds = Rounds::default();
        play(&mut rounds, OPERATIONS);
        rounds.answer();
        let mut seconds: Vec<(f64, String)> = (0..TIMES)
            .map(|_| {
                let start = Instant::now();
                let options = Options::default();
                let judgement = invariants::check("", &rounds.history, invariant, &options);
                let figures = judgement.figures.iter().map(|(name, is)| format!(" {name} {is},"));
                let text = judgement.verdict.word().to_owned() + &figures.collect::<String>();
                (start.elapsed().as_secs_f64(), text)
            })
            .collect();
        seconds.sort_by(|one, other| one.0.total_cmp(&other.0));
        let (clock, text) = &seconds[TIMES / 2];
        println!("{:<16} {OPERATIONS:>10} {clock:>8.3} {text}", invariant.name());
    }
}
