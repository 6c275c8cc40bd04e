//! The commit rule, message by message: what no schedule of whole nodes can pull apart.

use targets::kv::KvRequest;
use targets::links::NodeId;
use targets::protocol::{Context, Effect, Input, Protocol, RequestId};
use targets::raft::{
    AppendOutcome, Body, Bug, Command, Entry, HardState, Position, Raft, RaftConfig, RaftMessage,
    RaftRecord, RaftRequest, RaftTimer, Stamp,
};

/// A leader of term two whose log begins with an entry of term one.
fn leader_with_an_old_entry(bug: Option<Bug>) -> Raft {
    let mut config = RaftConfig::of((0..3).map(NodeId).collect());
    config.bug = bug;
    let command = Command::Kv(KvRequest::Write { key: 1, value: 10 });
    let records = vec![
        RaftRecord::HardState(HardState { term: 1, vote: None }),
        RaftRecord::Entry(Entry { index: 1, term: 1, command }),
    ];
    let mut raft = Raft::recover(NodeId(0), config, records);
    step(&mut raft, 0, Input::Start);
    step(&mut raft, 1000, Input::Timer(RaftTimer::Election));
    hear(&mut raft, 1, Body::PreVoteReply { proposed: 2, granted: true });
    hear(&mut raft, 2, Body::VoteReply { granted: true });
    assert!(raft.is_leader());
    raft
}

fn step(raft: &mut Raft, now_ms: u64, input: Input<Raft>) -> Vec<Effect<Raft>> {
    let mut effects = Vec::new();
    raft.step(Context { now_ns: now_ms * 1_000_000, entropy: 0 }, input, &mut effects);
    effects
}

fn hear(raft: &mut Raft, term: u64, body: Body) -> Vec<Effect<Raft>> {
    let message = RaftMessage { term, body };
    step(raft, 1001, Input::Message { from: NodeId(1), message })
}

fn accept(up_to: u64, sequence: u64) -> Body {
    let stamp = Stamp { sequence, sent_ns: 0 };
    Body::AppendReply { stamp, outcome: AppendOutcome::Accepted { up_to } }
}

#[test]
fn an_entry_of_an_earlier_term_is_not_committed_by_counting() {
    let mut raft = leader_with_an_old_entry(None);
    hear(&mut raft, 2, accept(1, 1));
    assert_eq!((raft.commit(), raft.last().index), (0, 2));
    hear(&mut raft, 2, accept(2, 2));
    assert_eq!(raft.commit(), 2, "an entry of this term takes the earlier one along");

    let mut buggy = leader_with_an_old_entry(Some(Bug::CommitOldTerm));
    hear(&mut buggy, 2, accept(1, 1));
    assert_eq!(buggy.commit(), 1);
}

#[test]
fn a_promise_leaves_after_the_record_that_makes_it_true() {
    let config = RaftConfig::of((0..3).map(NodeId).collect());
    let mut raft = Raft::recover(NodeId(0), config, Vec::new());
    step(&mut raft, 0, Input::Start);
    let last = raft.last();
    let effects = hear(&mut raft, 1, Body::Vote { last });
    let persisted = effects.iter().position(|effect| {
        let vote = HardState { term: 1, vote: Some(NodeId(1)) };
        matches!(effect, Effect::Persist { records, durable: true }
            if *records == [RaftRecord::HardState(vote)])
    });
    let sent = effects.iter().position(|effect| matches!(effect, Effect::Send { .. }));
    assert!(persisted.is_some() && persisted < sent, "{effects:?}");
}

#[test]
fn a_late_and_repeated_rejection_is_old_news() {
    let mut raft = leader_with_an_old_entry(None);
    hear(&mut raft, 2, accept(2, 1));
    let reject = |sequence| Body::AppendReply {
        stamp: Stamp { sequence, sent_ns: 0 },
        outcome: AppendOutcome::Rejected { hint: Position::default() },
    };
    let sends = |effects: &[Effect<Raft>]| {
        effects.iter().filter(|effect| matches!(effect, Effect::Send { .. })).count()
    };
    assert_eq!(sends(&hear(&mut raft, 2, reject(2))), 1, "it backs off and probes");
    assert_eq!(sends(&hear(&mut raft, 2, reject(2))), 0, "once");
    assert_eq!(sends(&hear(&mut raft, 2, reject(1))), 0, "and never for an earlier one");
    assert_eq!(raft.commit(), 2);
}

/// What a node hears of another one at this time, and whether it votes for it.
fn votes(raft: &mut Raft, now_ms: u64, from: u8, term: u64, body: Body) -> bool {
    let message = RaftMessage { term, body };
    let input = Input::Message { from: NodeId(from), message };
    step(raft, now_ms, input).iter().any(|effect| {
        matches!(effect, Effect::Send { message, .. }
            if message.body == Body::VoteReply { granted: true })
    })
}

#[test]
fn a_term_that_was_learnt_from_a_reply_does_not_set_a_promised_vote_free() {
    let config = RaftConfig::of((0..3).map(NodeId).collect());
    let records = vec![RaftRecord::HardState(HardState { term: 5, vote: None })];
    let mut raft = Raft::recover(NodeId(0), config, records);
    step(&mut raft, 0, Input::Start);
    let last = raft.last();
    let stamp = Stamp { sequence: 1, sent_ns: 0 };
    let heartbeat = Body::Append { stamp, previous: last, commit: 0, entries: Vec::new() };
    votes(&mut raft, 1000, 1, 5, heartbeat);
    assert_eq!(raft.leader(), Some(NodeId(1)));
    // The leader's lease rests on the answer to that heartbeat, whatever term is learnt now.
    votes(&mut raft, 1001, 2, 6, Body::PreVoteReply { proposed: 6, granted: false });
    assert_eq!(raft.term(), 6);
    assert!(!votes(&mut raft, 1010, 2, 6, Body::Vote { last }), "the promise still binds");
    assert!(votes(&mut raft, 1300, 2, 6, Body::Vote { last }), "it has run out");
}

#[test]
fn an_answer_to_a_message_of_an_earlier_term_confirms_no_read() {
    // It was sent to this node as the leader of an earlier term, and its sequence fits by chance.
    let config = RaftConfig::of((0..3).map(NodeId).collect());
    let records = vec![RaftRecord::HardState(HardState { term: 2, vote: None })];
    let mut follower = Raft::recover(NodeId(1), config, records);
    step(&mut follower, 0, Input::Start);
    let stamp = Stamp { sequence: 4, sent_ns: 0 };
    let (previous, entries) = (Position::default(), Vec::new());
    let late = RaftMessage { term: 1, body: Body::Append { stamp, previous, commit: 0, entries } };
    let effects = step(&mut follower, 1, Input::Message { from: NodeId(0), message: late });
    let answer = effects.into_iter().find_map(|effect| match effect {
        Effect::Send { message, .. } => Some(message),
        _ => None,
    });
    let answer = answer.expect("a leader of the past is told so");
    assert_eq!(answer.term, 2);

    let mut leader = leader_with_an_old_entry(None);
    hear(&mut leader, 2, accept(2, 2));
    let id = RequestId(1);
    let request = RaftRequest::Kv(KvRequest::Read { key: 1 });
    let asked = step(&mut leader, 1001, Input::Request { id, request });
    let sequence = asked.iter().find_map(|effect| match effect {
        Effect::Send { message: RaftMessage { body: Body::Append { stamp, .. }, .. }, .. } => {
            Some(stamp.sequence)
        }
        _ => None,
    });
    let sequence = sequence.expect("a read asks the others");
    let is_answered = |effects: Vec<Effect<Raft>>| {
        effects.iter().any(|effect| matches!(effect, Effect::Reply { .. }))
    };
    let Body::AppendReply { outcome, .. } = answer.body else { panic!("{answer:?}") };
    let by_chance = Body::AppendReply { stamp: Stamp { sequence, sent_ns: 0 }, outcome };
    assert!(!is_answered(hear(&mut leader, 2, by_chance)));
    assert!(is_answered(hear(&mut leader, 2, accept(2, sequence))));
}
