//! A synthetic trace of the specimen's scene: a leader that was cut off answers a read from its
//! lease.

use super::synthetic::{MS, SCENE_NS};
use checkers::history::trace::{Trace, TraceEvent, Traced};

/// Messages and states with times in microseconds from the scene's start.
#[derive(Default)]
struct Inside {
    events: Vec<(u64, Traced)>,
    next_id: u64,
}

const EARLY_US: u64 = 60_000;

impl Inside {
    /// A message that takes so long, or is lost for this reason.
    fn say(&mut self, at_us: u64, from: &str, to: &str, fate: Result<u64, &str>, text: &str) {
        let id = self.next_id;
        self.next_id += 1;
        let [from, to, text] = [from, to, text].map(str::to_owned);
        self.events.push((at_us, Traced::Sent { id, from, to, text }));
        self.events.push(match fate {
            Ok(delay_us) => (at_us + delay_us, Traced::Delivered { id }),
            Err(why) => (at_us, Traced::Lost { id, why: why.to_owned() }),
        });
    }

    fn state(&mut self, at_us: u64, node: &str, text: &str) {
        let [node, text] = [node, text].map(str::to_owned);
        self.events.push((at_us, Traced::State { node, text }));
    }

    fn node(&mut self, at_us: u64, node: &str, text: &str) {
        let [node, text] = [node, text].map(str::to_owned);
        self.events.push((at_us, Traced::Node { node, text }));
    }

    /// A leader's message to another node, and the answer.
    fn append(
        &mut self,
        at_us: u64,
        term: u64,
        [from, to]: [&str; 2],
        entries: &str,
        is_cut: bool,
    ) {
        let previous = 16 + term % 2;
        let sequence = at_us / 1_000;
        let text = format!(
            "RaftMessage {{ term: {term}, body: Append {{ stamp: Stamp {{ sequence: {sequence}, \
             sent_ns: {at_us}000 }}, previous: Position {{ index: {previous}, term: 3 }}, commit: \
             16, entries: [{entries}] }} }}"
        );
        self.say(at_us, from, to, if is_cut { Err("cut") } else { Ok(210) }, &text);
        if !is_cut {
            let text = format!(
                "RaftMessage {{ term: {term}, body: AppendReply {{ stamp: Stamp {{ sequence: \
                 {sequence}, sent_ns: {at_us}000 }}, outcome: Accepted {{ up_to: {previous} }} }} }}"
            );
            self.say(at_us + 560, to, from, Ok(190), &text);
        }
    }
}

/// What went on inside while the scene was played.
pub(crate) fn trace() -> Trace {
    let mut inside = Inside::default();
    let early = |us: u64| EARLY_US + us;
    inside.state(0, "n4", "leader, term 4, log 16@3, committed 16");
    inside.state(0, "n2", "follower, term 4, log 16@3, committed 16");
    for beat in 0..4 {
        for to in ["n1", "n2", "n3", "n5"] {
            inside.append(1_000 + beat * 15_000, 4, ["n4", to], "", false);
        }
    }
    write_on_the_old_leader(&mut inside, early(1_000));
    inside.node(early(3_400), "n1", "paused");
    election(&mut inside, early(3_600));
    write_on_the_new_leader(&mut inside, early(9_000));
    for beat in 0..6 {
        for to in ["n1", "n2", "n3", "n5"] {
            inside.append(early(4_300) + beat * 5_000, 4, ["n4", to], "", true);
        }
    }
    let read = "Kv(Read { key: 99 })";
    for (client, at_us, node, value) in
        [(6, 9_500, "n5", 3), (8, 24_300, "n2", 4), (6, 31_200, "n4", 3)]
    {
        let (client, took_us) =
            (format!("client {client}"), if node == "n5" { 7_400 } else { 1_200 });
        inside.say(early(at_us) + 10, &client, node, Ok(230), read);
        let answer = format!("Value(Some({value}))");
        inside.say(early(at_us) + took_us, node, &client, Ok(400), &answer);
    }
    inside.node(early(26_000), "n3", "gone: killed");
    inside.node(early(29_500), "n3", "started");
    inside.say(early(33_500), "n2", "n3", Err("n3 is down"), "Ping");
    inside.events.sort_by_key(|(at_us, _)| *at_us);
    let start_ns = SCENE_NS - EARLY_US * 1_000;
    let events = inside.events.into_iter();
    let events = events.map(|(us, what)| TraceEvent { time_ns: start_ns + us * 1_000, what });
    Trace { window_ns: (start_ns, SCENE_NS + 60 * MS), events: events.collect(), left_out: 0 }
}

fn write_on_the_old_leader(inside: &mut Inside, at_us: u64) {
    inside.say(at_us + 5, "client 2", "n4", Ok(240), "Kv(Write { key: 99, value: 3 })");
    inside.state(at_us + 245, "n4", "leader, term 4, log 17@4, committed 16");
    inside.node(at_us + 250, "n4", "writes 1 records");
    let entry = "Entry { index: 17, term: 4, command: Kv(Write { key: 99, value: 3 }) }";
    for to in ["n1", "n5"] {
        inside.append(at_us + 260, 4, ["n4", to], entry, false);
        inside.state(at_us + 470, to, "follower, term 4, log 17@4, committed 16");
    }
    inside.node(at_us + 900, "n4", "records are durable");
    inside.state(at_us + 1_010, "n4", "leader, term 4, log 17@4, committed 17");
    inside.say(at_us + 1_020, "n4", "client 2", Ok(1_070), "Done");
}

fn election(inside: &mut Inside, at_us: u64) {
    inside.node(at_us, "n2", "timer Election");
    inside.state(at_us + 1, "n2", "candidate, term 5, log 16@3, committed 16");
    for to in ["n1", "n3", "n4", "n5"] {
        let vote = "RaftMessage { term: 5, body: Vote { last: Position { index: 17, term: 4 } } }";
        let fate = if to == "n4" { Err("cut") } else { Ok(320) };
        inside.say(at_us + 10, "n2", to, fate, vote);
        if to == "n3" || to == "n5" {
            let text = "RaftMessage { term: 5, body: VoteReply { granted: true } }";
            inside.say(at_us + 700, to, "n2", Ok(310), text);
        }
    }
    inside.state(at_us + 1_020, "n2", "leader, term 5, log 17@5, committed 16");
    inside.node(at_us + 1_021, "n2", "snapshot-taken");
}

fn write_on_the_new_leader(inside: &mut Inside, at_us: u64) {
    inside.say(at_us - 4_990, "client 3", "n2", Ok(260), "Kv(Write { key: 99, value: 4 })");
    let entry = "Entry { index: 18, term: 5, command: Kv(Write { key: 99, value: 4 }) }";
    for to in ["n3", "n5"] {
        inside.append(at_us, 5, ["n2", to], entry, false);
        inside.state(at_us + 230, to, "follower, term 5, log 18@5, committed 17");
    }
    inside.append(at_us, 5, ["n2", "n4"], entry, true);
    inside.state(at_us + 1_500, "n2", "leader, term 5, log 18@5, committed 18");
    inside.say(at_us + 12_000, "n2", "client 3", Ok(700), "Done");
}
