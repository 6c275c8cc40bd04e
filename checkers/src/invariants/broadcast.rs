//! Every message reaches every node once.
//!
//! | operation | argument | answer |
//! |---|---|---|
//! | `broadcast` | the message, not nil | not looked at |
//! | `read` | not looked at | the list of the messages that the node has |
//!
//! ```text
//!   n1  broadcast 5 ok                   heal    read -> [5]
//!   n2          read -> [] (still fine)  heal    read -> []      not-delivered: 5 at n2
//!   n3                                                           unknown: no final read of n3
//! ```
//!
//! *Final reads* begin after the last broadcast ended, after the last fault (or whatever else the
//! nemesis did) and in the phase of final reads, where the history says so. The last one of each
//! node counts.
//!
//! * `lost`: acknowledged, and in no node's final read. `not-delivered`: acknowledged, and missing
//!   in some node's.
//! * `diverged`: a message that nobody acknowledged stands in one final read and not in another.
//! * `phantom`: read, but never broadcast, not yet, or its broadcast failed. In any read.
//! * `duplicated`: twice in one read.
//!
//! **Beyond Maelstrom**, which takes the last read of anybody for all, passes over duplicates and
//! phantoms, and passes a run without reads: here each node answers for itself, and one that was
//! not read at the end leaves the history `unknown`. A system that forgets a message in between is
//! right if it has it in the end. How long a message took to stand in a read of every node is a
//! figure.
//!
//! Where no node is said, each process that reads at the end answers for the node that it talks to.

use super::Complaints;
use super::reading::{Dense, Done, Doubts, Names, Place, operations, spread};
use super::shape::Item;
use super::subject::{CHARS_MAX, show};
use crate::history::notes::{FaultStep, Note, Phase};
use crate::history::pairing::Operation;
use crate::history::{EventType, History, Process, Value};
use crate::verdict::Judgement;
use crate::words::quoted;

/// The figure of delivery is left out when messages times nodes are more: 128 MB of bits.
const SEEN_BITS_MAX: usize = 1 << 30;

/// A message.
#[derive(Clone, Copy, Debug, Default)]
struct Message {
    /// Its broadcasts that did not fail, the first of them; else one that failed.
    broadcast: Option<Operation>,
    acknowledged: bool,
    failed: bool,
    /// The number of the last read that it stood in, from one.
    last_read: u32,
    /// How many nodes have it, and when the last of them was seen to.
    nodes: u32,
    delivered_ns: u64,
}

/// An answered read.
#[derive(Clone, Copy, Debug)]
struct Read {
    op: Operation,
    node: usize,
    value: Value,
    /// The index of its completion.
    at: usize,
}

#[derive(Debug, Default)]
struct Scene<'h> {
    ids: Names<'h>,
    messages: Vec<Message>,
    nodes: Dense<Place>,
    reads: Vec<Read>,
    /// The index after which final reads begin.
    final_from: usize,
}

pub(super) fn check(claim: &str, history: &History, options: &super::Options) -> Judgement {
    let _ = options;
    let mut doubts = Doubts::default();
    let mut complaints = Complaints::new(history);
    let mut scene = Scene::read(history, &mut doubts);
    scene.contents(history, &mut complaints, &mut doubts);
    scene.final_reads(history, &mut complaints, &mut doubts);
    let nodes = scene.nodes.len() as u32;
    let mut delivered: Vec<u64> = scene
        .messages
        .iter()
        .filter(|message| message.nodes == nodes)
        .filter_map(|message| {
            let began_ns = history.events()[message.broadcast?.invoke_index()].time_ns;
            Some(message.delivered_ns.saturating_sub(began_ns))
        })
        .collect();
    let acknowledged = scene.messages.iter().filter(|message| message.acknowledged).count();
    let recovered = scene.messages.iter().filter(|message| {
        !message.acknowledged && message.broadcast.is_some() && message.last_read > 0
    });
    let mut figures = vec![
        ("nodes".to_owned(), nodes.to_string()),
        ("acknowledged".to_owned(), acknowledged.to_string()),
        ("recovered".to_owned(), recovered.count().to_string()),
        ("reads".to_owned(), scene.reads.len().to_string()),
    ];
    figures.extend(spread(&mut delivered).map(|text| ("until every node had it".to_owned(), text)));
    complaints.judgement("broadcast", claim, figures, doubts.verdict())
}

impl<'h> Scene<'h> {
    fn read(history: &'h History, doubts: &mut Doubts) -> Self {
        let mut scene = Self::default();
        let f = ["broadcast", "read"].map(|name| history.symbols.get(name));
        let mut acknowledged = 0;
        for done in operations(history) {
            if matches!(done.place(), Place::Node(_)) {
                scene.nodes.number(done.place());
            }
            match f.iter().position(|f| *f == Some(done.invoke.f)) {
                Some(0) => {
                    scene.broadcast(history, &done, doubts);
                    acknowledged += u64::from(done.outcome() == EventType::Ok);
                    scene.final_from = scene.final_from.max(done.last_index());
                }
                Some(1) => scene.answer(&done),
                _ => {}
            }
        }
        if acknowledged == 0 {
            doubts.vacuous("no broadcast was acknowledged");
        }
        scene.final_from = scene.final_from.max(calm(history));
        scene
    }

    fn broadcast(&mut self, history: &'h History, done: &Done<'_>, doubts: &mut Doubts) {
        if done.argument() == Value::Nil {
            return doubts.misfit(history, done.op.invoke_index(), "a message");
        }
        let id = self.message(Item::of(history, done.argument()));
        let message = &mut self.messages[id];
        match done.outcome() {
            EventType::Fail => message.failed = true,
            outcome => {
                message.broadcast = message.broadcast.or(Some(done.op));
                message.acknowledged |= outcome == EventType::Ok;
            }
        }
    }

    fn answer(&mut self, done: &Done<'_>) {
        if let (Some(value), Some(at)) = (done.answer(), done.op.complete_index()) {
            let node = self.nodes.number(done.place());
            self.reads.push(Read { op: done.op, node, value, at });
        }
    }

    /// The number of a message.
    fn message(&mut self, item: Item<'h>) -> usize {
        let number = self.ids.number(0, item) as usize;
        if number == self.messages.len() {
            self.messages.push(Message::default());
        }
        number
    }

    /// Goes over all reads in the order in which they ended: what stands in them, and how often.
    fn contents(
        &mut self,
        history: &'h History,
        complaints: &mut Complaints<'_>,
        doubts: &mut Doubts,
    ) {
        self.reads.sort_unstable_by_key(|read| read.at);
        let (known, nodes) = (self.messages.len(), self.nodes.len());
        let counts = known.saturating_mul(nodes) <= SEEN_BITS_MAX;
        let mut seen = vec![0_u64; if counts { (known * nodes).div_ceil(64) } else { 0 }];
        for (number, read) in (1..).zip(self.reads.clone()) {
            let Some(items) = Item::of(history, read.value).items() else {
                doubts.misfit(history, read.at, "the list of the messages");
                continue;
            };
            let time_ns = history.events()[read.at].time_ns;
            for item in items {
                let id = self.message(item);
                let message = &mut self.messages[id];
                if message.last_read == number {
                    self.accuse(history, complaints, "duplicated", id, &read);
                    continue;
                }
                message.last_read = number;
                if message.broadcast.is_none_or(|op| read.at < op.invoke_index()) {
                    self.accuse(history, complaints, "phantom", id, &read);
                }
                let bit = id * nodes + read.node;
                if counts && id < known && seen[bit / 64] & 1 << (bit % 64) == 0 {
                    seen[bit / 64] |= 1 << (bit % 64);
                    let message = &mut self.messages[id];
                    message.nodes += 1;
                    message.delivered_ns = time_ns;
                }
            }
        }
    }

    fn accuse(
        &self,
        history: &History,
        complaints: &mut Complaints<'_>,
        kind: &'static str,
        id: usize,
        read: &Read,
    ) {
        let message = self.messages[id];
        let ops = vec![read.op];
        complaints.add(kind, None, ops, || {
            let node = self.node(history, read.node);
            let why = match (kind, message.broadcast, message.failed) {
                ("duplicated", ..) => "twice in one read",
                (_, Some(_), _) => "before it was broadcast",
                (_, None, true) => "although its broadcast failed",
                (_, None, false) => "and nobody broadcast it",
            };
            format!("{node} has {} {why}", show(self.ids.name(id).1))
        });
    }

    fn node(&self, history: &History, number: usize) -> String {
        match self.nodes.thing(number) {
            Place::Node(name) => quoted(history.text(name), CHARS_MAX),
            Place::Process(process) => format!("whom process {process} reads"),
        }
    }

    /// What the last reads of the nodes have to say.
    fn final_reads(
        &mut self,
        history: &'h History,
        complaints: &mut Complaints<'_>,
        doubts: &mut Doubts,
    ) {
        let mut last: Vec<Option<Read>> = vec![None; self.nodes.len()];
        for read in self.reads.iter().filter(|read| read.op.invoke_index() > self.final_from) {
            last[read.node] = Some(*read);
        }
        let unread: Vec<usize> = (0..last.len())
            .filter(|node| last[*node].is_none())
            .filter(|node| matches!(self.nodes.thing(*node), Place::Node(_)))
            .collect();
        if last.iter().all(Option::is_none) {
            doubts.vacuous("nobody reads at the end");
        }
        if let Some(first) = unread.first() {
            let name = self.node(history, *first);
            let count = unread.len();
            doubts.add(format!("{count} nodes have no read at the end, {name} among them"));
        }
        let mut finals: Vec<(Read, Vec<u32>)> = Vec::new();
        for read in last.into_iter().flatten() {
            // What is no list was named before.
            let Some(items) = Item::of(history, read.value).items() else { continue };
            let mut ids: Vec<u32> = items.map(|item| self.ids.number(0, item)).collect();
            ids.sort_unstable();
            ids.dedup();
            finals.push((read, ids));
        }
        let mut held = vec![0_usize; self.messages.len()];
        for (_, ids) in &finals {
            ids.iter().for_each(|id| held[*id as usize] += 1);
        }
        for (id, held) in held.into_iter().enumerate().filter(|(_, held)| *held < finals.len()) {
            self.missing(history, complaints, &finals, id, held);
        }
    }

    /// A message that some final reads hold and others do not.
    fn missing(
        &self,
        history: &History,
        complaints: &mut Complaints<'_>,
        finals: &[(Read, Vec<u32>)],
        id: usize,
        held: usize,
    ) {
        let Message { broadcast: Some(broadcast), acknowledged, .. } = self.messages[id] else {
            return;
        };
        let holds = |(_, ids): &&(Read, Vec<u32>)| ids.binary_search(&(id as u32)).is_ok();
        let without = finals.iter().find(|read| !holds(read)).map(|(read, _)| *read);
        let with = finals.iter().find(holds).map(|(read, _)| *read);
        let kind = match (acknowledged, held) {
            (true, 0) => "lost",
            (true, _) => "not-delivered",
            (false, 0) => return,
            (false, _) => "diverged",
        };
        let with_op = with.filter(|_| kind == "diverged").map(|read| read.op);
        let mut ops: Vec<Operation> =
            [Some(broadcast), with_op, without.map(|read| read.op)].into_iter().flatten().collect();
        ops.sort_unstable_by_key(|op| op.invoke_index());
        complaints.add(kind, None, ops, || {
            let text = show(self.ids.name(id).1);
            let [without, with] = [without, with]
                .map(|read| read.map_or(String::new(), |r| self.node(history, r.node)));
            match kind {
                "lost" => format!("{text} was acknowledged, and no node has it in the end"),
                "diverged" => format!("{with} has {text} in the end, and {without} does not"),
                _ => format!("{text} was acknowledged, and {without} does not have it in the end"),
            }
        });
    }
}

/// After this index nothing hinders the system any more, as far as the nemesis says.
fn calm(history: &History) -> usize {
    let mut calm = 0;
    for (index, event) in history.events().iter().enumerate() {
        if event.process != Process::NEMESIS {
            continue;
        }
        match Note::from_event(history, event) {
            Some(Note::Phase(Phase::FinalReads)) => calm = index,
            Some(Note::Fault(note)) if note.step != FaultStep::Skipped => calm = index,
            Some(_) => {}
            // Another harness's faults.
            None => calm = index,
        }
    }
    calm
}

#[cfg(test)]
mod tests {
    use super::super::reading::tests::{history, said};
    use super::super::{Invariant, Options, check as judge};
    use proptest::prelude::*;
    use std::collections::BTreeSet;
    use std::fmt::Write as _;

    const KINDS: [&str; 5] = ["lost", "not-delivered", "diverged", "phantom", "duplicated"];

    fn verdict(text: &str) -> String {
        let judgement = judge("test", &history(text), Invariant::Broadcast, &Options::default());
        said(&judgement, &KINDS)
    }

    fn broadcast(outcome: &str) -> String {
        format!("1@n1 invoke broadcast 5\n1 {outcome} broadcast 5\n")
    }

    fn read(node: u8, list: &str) -> String {
        format!("{node}0@n{node} invoke read\n{node}0 ok read {list}\n")
    }

    #[test]
    fn every_node_has_every_acknowledged_message_in_the_end() {
        let text = broadcast("ok");
        assert_eq!(verdict(&(text.clone() + &read(1, "[5]") + &read(2, "[5]"))), "valid");
        let missing = text.clone() + &read(1, "[5]") + &read(2, "[]");
        assert_eq!(verdict(&missing), "not-delivered 1");
        assert_eq!(verdict(&(missing + &read(2, "[5]"))), "valid");
        assert_eq!(verdict(&(text + &read(1, "[]") + &read(2, "[]"))), "lost 1");
    }

    #[test]
    fn reads_before_the_end_may_miss_messages() {
        let early = read(2, "[]") + &broadcast("ok") + &read(1, "[5]");
        assert!(verdict(&early).starts_with("unknown: 1 nodes have no read at the end, n2"));
        assert_eq!(verdict(&(early + &read(2, "[5]"))), "valid");
        let hindered = broadcast("ok") + &read(1, "[]") + "nemesis info heal\n";
        assert!(verdict(&hindered).starts_with("unknown"));
        assert_eq!(verdict(&(hindered + &read(1, "[5]"))), "valid");
        let phase = broadcast("ok") + &read(1, "[]") + "nemesis info phase \"final-reads\"\n";
        assert_eq!(verdict(&(phase + &read(1, "[5]") + "nemesis info phase \"done\"")), "valid");
    }

    #[test]
    fn what_nobody_acknowledged_stands_everywhere_or_nowhere() {
        let text = broadcast("info") + "2@n1 invoke broadcast 6\n2 ok broadcast\n";
        assert_eq!(verdict(&(text.clone() + &read(1, "[6]") + &read(2, "[6]"))), "valid");
        assert_eq!(verdict(&(text.clone() + &read(1, "[5,6]") + &read(2, "[6,5]"))), "valid");
        assert_eq!(verdict(&(text + &read(1, "[5,6]") + &read(2, "[6]"))), "diverged 1");
    }

    #[test]
    fn what_was_not_broadcast_is_a_phantom() {
        assert_eq!(verdict(&(broadcast("ok") + &read(1, "[5,6]"))), "phantom 1");
        assert_eq!(verdict(&(read(1, "[5]") + &broadcast("ok") + &read(1, "[5]"))), "phantom 1");
        let ok = "2@n1 invoke broadcast 6\n2 ok broadcast\n".to_owned();
        assert_eq!(verdict(&(ok.clone() + &broadcast("fail") + &read(1, "[6,5]"))), "phantom 1");
        assert_eq!(verdict(&(ok + &broadcast("fail") + &read(1, "[6]"))), "valid");
    }

    #[test]
    fn a_message_stands_in_a_read_once() {
        assert_eq!(verdict(&(broadcast("ok") + &read(1, "[5,5]"))), "duplicated 1");
        assert_eq!(verdict(&(broadcast("ok") + &read(1, "[5]") + &read(1, "[5]"))), "valid");
    }

    #[test]
    fn without_nodes_each_process_that_reads_at_the_end_answers_for_its_own() {
        let text = "1 invoke broadcast 5\n1 ok broadcast\n2 invoke read\n2 ok read ";
        assert_eq!(verdict(&format!("{text}[5]")), "valid");
        assert_eq!(verdict(&format!("{text}[]")), "lost 1");
        let other = "3 invoke read\n3 ok read ";
        assert_eq!(verdict(&format!("{text}[5]\n{other}[]")), "not-delivered 1");
        assert_eq!(verdict(&format!("{text}[5]\n{other}[]\n{other}[5]")), "valid");
        let silent = verdict("2 invoke read\n2 ok read []");
        assert!(silent.starts_with("unknown: vacuous: no broadcast was acknowledged"), "{silent}");
        assert!(verdict(&format!("{text}7")).contains("event 3 (read): expected the list"));
    }

    proptest! {
        /// Three nodes, each read at the end, against sets.
        #[test]
        fn what_is_missing_is_found(
            outcomes in prop::collection::vec(0_usize..3, 1..5),
            lists in prop::collection::vec(prop::collection::vec(0_usize..5, 0..6), 3),
        ) {
            let mut text = "9@n1 invoke broadcast 99\n9 ok broadcast\n".to_owned();
            for (message, outcome) in outcomes.iter().enumerate() {
                let outcome = ["ok", "info", "fail"][*outcome];
                writeln!(text, "{message}@n1 invoke broadcast {message}").unwrap();
                writeln!(text, "{message} {outcome} broadcast").unwrap();
            }
            let mut sets = Vec::new();
            for (node, list) in (1..).zip(&lists) {
                let mut list = list.clone();
                list.push(99);
                text += &read(node, &format!("{list:?}").replace(' ', ""));
                sets.push(list.into_iter().collect::<BTreeSet<usize>>());
            }
            let outcome = |message: usize| outcomes.get(message).copied();
            let count = |of: &dyn Fn(usize, usize) -> bool| {
                (0..5).filter(|m| of(*m, sets.iter().filter(|set| set.contains(m)).count())).count()
            };
            let phantom = (0..5).filter(|m| !matches!(outcome(*m), Some(0 | 1)))
                .map(|m| sets.iter().filter(|set| set.contains(&m)).count()).sum::<usize>();
            let expected = [
                count(&|m, held| outcome(m) == Some(0) && held == 0),
                count(&|m, held| outcome(m) == Some(0) && (1..3).contains(&held)),
                count(&|m, held| outcome(m) == Some(1) && (1..3).contains(&held)),
                phantom,
                lists.iter().map(|l| l.len() - l.iter().collect::<BTreeSet<_>>().len()).sum(),
            ];
            let judgement =
                judge("test", &history(&text), Invariant::Broadcast, &Options::default());
            let figure = |kind: &str| {
                let figure = judgement.figures.iter().find(|(name, _)| name == kind);
                figure.map_or(0_usize, |(_, count)| count.parse().unwrap())
            };
            prop_assert_eq!(expected.to_vec(), KINDS.map(figure).to_vec());
        }
    }
}
