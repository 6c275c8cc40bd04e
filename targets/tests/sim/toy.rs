//! A protocol of the tests' own: every operation makes a node do one thing that the world has to
//! do right.

use checkers::history::{Datum, Op, Outcome};
use serde::{Deserialize, Serialize};
use targets::environment::MemberChange;
use targets::links::NodeId;
use targets::protocol::{Context, Effect, Input, Note, Protocol, RequestId};
use targets::service::{Answer, Service};

/// What a node is asked: a verb and a number.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Verb {
    /// Answer with what is known.
    Read,
    /// Write a record, and answer when it is durable.
    Write,
    /// Write a record that nobody waits for, and answer.
    Hold,
    /// Replace the log by this record.
    Checkpoint,
    /// Tell the others, and answer.
    Say,
    /// Tell the others at once, write, and tell them again.
    SayAround,
    /// Name another node.
    Elsewhere,
    /// Answer nothing.
    Ignore,
    /// Set a timer, in milliseconds, and answer.
    Timer,
    /// Change the members: done if the number is that of the node that is asked, whom others name.
    Member,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Ask(pub(crate) Verb, pub(crate) i64);

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Reply {
    Done,
    Known(i64),
    Elsewhere(NodeId),
}

/// Remembers what it was told, in order.
#[derive(Clone, Debug)]
pub(crate) struct Toy {
    me: NodeId,
    peers: u8,
    pub(crate) written: Vec<i64>,
    pub(crate) heard: Vec<(NodeId, i64)>,
    pub(crate) rung_own_ns: Vec<u64>,
}

impl Toy {
    fn tell(&self, number: i64, effects: &mut Vec<Effect<Self>>) {
        for to in (0..self.peers).map(NodeId).filter(|to| *to != self.me) {
            effects.push(Effect::Send { to, message: number });
        }
    }

    fn answer(&mut self, id: RequestId, Ask(verb, number): Ask, effects: &mut Vec<Effect<Self>>) {
        let mut response = Reply::Done;
        match verb {
            Verb::Read => response = Reply::Known(self.written.len() as i64),
            Verb::Write | Verb::Hold => {
                self.written.push(number);
                let durable = verb == Verb::Write;
                effects.push(Effect::Persist { records: vec![number], durable });
            }
            Verb::Checkpoint => {
                self.written = vec![number];
                effects.push(Effect::Checkpoint(vec![number]));
            }
            Verb::Say => self.tell(number, effects),
            Verb::SayAround => {
                self.tell(number, effects);
                effects.push(Effect::Persist { records: vec![number], durable: true });
                self.tell(number + 1, effects);
            }
            Verb::Elsewhere => response = Reply::Elsewhere(NodeId(number as u8)),
            Verb::Ignore => return,
            Verb::Timer => {
                effects.push(Effect::SetTimer { timer: 1, after_ns: number as u64 * 1_000_000 });
            }
            Verb::Member if number == i64::from(self.me.0) => {}
            Verb::Member => response = Reply::Elsewhere(NodeId(number as u8)),
        }
        effects.push(Effect::Note(Note::Sometimes { place: "answered".into() }));
        effects.push(Effect::Reply { id, response });
    }
}

impl Protocol for Toy {
    type Message = i64;
    type Record = i64;
    type Request = Ask;
    type Response = Reply;
    type Timer = u8;
    type Config = u8;

    fn recover(me: NodeId, peers: u8, written: Vec<i64>) -> Self {
        Self { me, peers, written, heard: Vec::new(), rung_own_ns: Vec::new() }
    }

    fn step(&mut self, context: Context, input: Input<Self>, effects: &mut Vec<Effect<Self>>) {
        match input {
            Input::Start => {}
            Input::Message { from, message } => self.heard.push((from, message)),
            Input::Request { id, request } => self.answer(id, request, effects),
            Input::Timer(_) => {
                self.rung_own_ns.push(context.now_ns);
                self.tell(-1, effects);
            }
        }
    }
}

impl Service for Toy {
    fn request(op: &Op) -> Option<Ask> {
        let verb = match op.f {
            "read" => Verb::Read,
            "write" => Verb::Write,
            "hold" => Verb::Hold,
            "checkpoint" => Verb::Checkpoint,
            "say" => Verb::Say,
            "say-around" => Verb::SayAround,
            "elsewhere" => Verb::Elsewhere,
            "ignore" => Verb::Ignore,
            "timer" => Verb::Timer,
            _ => return None,
        };
        let Datum::Int(number) = op.value else { return Some(Ask(verb, 0)) };
        Some(Ask(verb, number))
    }

    fn answer(op: &Op, response: Reply) -> Answer {
        match response {
            Reply::Done => Answer::Settled(Outcome::Ok(op.value.clone())),
            Reply::Known(count) => Answer::Settled(Outcome::Ok(Datum::Int(count))),
            Reply::Elsewhere(node) => Answer::Elsewhere(node),
        }
    }

    fn lost(op: &Op, why: &'static str) -> Outcome {
        if op.f == "read" { Outcome::Fail(why.into()) } else { Outcome::Info(why.into()) }
    }

    fn member_request(change: MemberChange) -> Option<Ask> {
        let (MemberChange::Add(node) | MemberChange::Remove(node)) = change;
        Some(Ask(Verb::Member, i64::from(node.0)))
    }

    fn member_answer(response: Reply) -> Answer {
        match response {
            Reply::Elsewhere(node) => Answer::Elsewhere(node),
            Reply::Done | Reply::Known(_) => Answer::Settled(Outcome::Ok(Datum::Nil)),
        }
    }

    fn describe(&self) -> String {
        let heard: Vec<String> =
            self.heard.iter().map(|(from, n)| format!("{n} of {from}")).collect();
        format!("wrote {:?}, heard [{}]", self.written, heard.join(", "))
    }
}
