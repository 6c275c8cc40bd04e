//! Who asks nodes for something: clients, and changes of members.
//!
//! ```text
//!   ask --request--> node ..... reply --answer--> Settled: over     Elsewhere: ask that node
//!                     |  dead: refused             certainly nothing happened
//!                     |  dies meanwhile: broken    nobody knows
//!                     '- silence until the deadline: nobody knows
//! ```
//!
//! Requests and answers travel as over TCP: never doubled, so that nothing is executed twice that
//! was asked once, and a piece that is lost is a connection that stalls. Whoever gave up an
//! operation has closed its connection, and hears no late answer; the node may still do what was
//! asked.
//!
//! A change of members is asked by a caller of its own whom no link fault touches.

use super::network::Transport;
use super::queue::What;
use super::{Completion, World};
use crate::environment::{EnvironmentError, MemberChange, NodeEvent};
use crate::links::NodeId;
use crate::protocol::RequestId;
use crate::service::{Answer, Service};
use checkers::history::{Op, Outcome};

/// Hints that a client follows in one operation.
const REDIRECTS_MAX: u8 = 2;
/// Hints that a change of members follows.
const MEMBER_REDIRECTS_MAX: u8 = 8;
/// How long a change of members is waited for.
const MEMBER_PATIENCE_NS: u64 = 2_000_000_000;
/// Changes of members under way.
const MEMBER_CHANGES_MAX: usize = 64;
/// The bits of a request's id that name the caller.
const CALLER_BITS: u32 = 20;

/// What travels over links.
pub(super) enum Cargo<P: Service> {
    /// Between nodes.
    Message(P::Message),
    /// To a node.
    Request(RequestId, P::Request),
    /// From a node.
    Answer(RequestId, P::Response),
    /// From a machine on which no node serves.
    Refused(RequestId),
    /// From a machine on which a node has died.
    Broken(RequestId),
}

impl<P: Service> Clone for Cargo<P> {
    fn clone(&self) -> Self {
        match self {
            Self::Message(message) => Self::Message(message.clone()),
            Self::Request(id, request) => Self::Request(*id, request.clone()),
            Self::Answer(id, response) => Self::Answer(*id, response.clone()),
            Self::Refused(id) => Self::Refused(*id),
            Self::Broken(id) => Self::Broken(*id),
        }
    }
}

/// What a caller wants.
enum Asks {
    Op(Op),
    Members(MemberChange),
}

/// Where an attempt is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// On its way to the node.
    Sent,
    /// In the node.
    Inside,
    /// Its answer is on the way back.
    Answered,
}

/// What a caller waits for.
struct Open {
    asks: Asks,
    id: RequestId,
    node: NodeId,
    stage: Stage,
    redirects: u8,
    deadline_ns: u64,
}

/// A client, or a change of members.
#[derive(Default)]
pub(super) struct Caller {
    open: Option<Open>,
    /// Whether somebody will look at its patience, no later than its deadline.
    is_watched: bool,
}

impl<P: Service> World<P> {
    /// Lets a client that is idle ask a node for something.
    pub fn invoke(&mut self, client: u32, node: NodeId, op: &Op) {
        assert!(client < self.spec.clients, "client {client} is one of the world's");
        assert!(self.callers[client as usize].open.is_none(), "client {client} is idle");
        let patience_ns = u64::try_from(self.spec.op_timeout.as_nanos()).unwrap_or(u64::MAX);
        let fail = |why: &'static str| Outcome::Fail(why.into());
        if usize::from(node.0) >= self.nodes.len() {
            let outcome = fail("sent to a node that does not exist");
            self.completed.push_back(Completion { client, outcome });
        } else if let Some(request) = P::request(op) {
            self.open(client, node, Asks::Op(op.clone()), patience_ns);
            self.ask(client, request);
        } else {
            let outcome = fail("the target has no such operation");
            self.completed.push_back(Completion { client, outcome });
        }
    }

    /// Begins to ask for another set of members.
    pub(super) fn begin_change(
        &mut self,
        via: NodeId,
        change: MemberChange,
    ) -> Result<(), EnvironmentError> {
        let request = P::member_request(change).ok_or(EnvironmentError::Unsupported {
            what: "changing the members",
            reason: "the members of this protocol do not change".into(),
        })?;
        let clients = self.spec.clients as usize;
        let idle = (clients..self.callers.len()).find(|at| self.callers[*at].open.is_none());
        let caller = idle.unwrap_or(self.callers.len());
        if caller == clients + MEMBER_CHANGES_MAX {
            let reason = format!("{MEMBER_CHANGES_MAX} changes are under way already");
            return Err(EnvironmentError::Failed { what: change.to_string(), reason });
        }
        if caller == self.callers.len() {
            self.callers.push(Caller::default());
        }
        self.open(caller as u32, via, Asks::Members(change), MEMBER_PATIENCE_NS);
        self.ask(caller as u32, request);
        Ok(())
    }

    fn open(&mut self, caller: u32, node: NodeId, asks: Asks, patience_ns: u64) {
        let deadline_ns = self.now_ns.saturating_add(patience_ns);
        let (id, stage) = (RequestId(0), Stage::Sent);
        let open = Open { asks, id, node, stage, redirects: 0, deadline_ns };
        let place = &mut self.callers[caller as usize];
        place.open = Some(open);
        // Deadlines of one caller only rise: whoever is watched is watched early enough.
        if !place.is_watched {
            place.is_watched = true;
            self.queue.plan(deadline_ns, What::Patience { caller });
        }
    }

    /// Sends the request of an operation to the node that it is meant for.
    fn ask(&mut self, caller: u32, request: P::Request) {
        self.last_request += 1;
        let id = RequestId(self.last_request << CALLER_BITS | u64::from(caller));
        let clients = self.nodes.len();
        let Some(open) = &mut self.callers[caller as usize].open else { return };
        (open.id, open.stage) = (id, Stage::Sent);
        let node = usize::from(open.node.0);
        self.transmit((clients, node), Transport::Stream, Cargo::Request(id, request));
    }

    /// Sends something over a link, or beside all links if it is about members.
    pub(super) fn transmit(
        &mut self,
        (from, to): (usize, usize),
        transport: Transport,
        cargo: Cargo<P>,
    ) {
        let id = self.network.next_id();
        if self.tracer.is_some() {
            self.trace_sent(id, (from, to), &cargo);
        }
        let request = match &cargo {
            Cargo::Message(_) => None,
            Cargo::Request(id, _)
            | Cargo::Answer(id, _)
            | Cargo::Refused(id)
            | Cargo::Broken(id) => Some(*id),
        };
        if request.is_some_and(|request| caller_of(request) >= self.spec.clients) {
            self.network.send_beside(&mut self.queue, self.now_ns, (from, to), (id, cargo));
            return;
        }
        let sending = (id, transport, cargo);
        let sent = self.network.send(&mut self.queue, self.now_ns, (from, to), sending);
        if let Err(loss) = sent {
            self.traces(|tracer, now_ns| tracer.lost(now_ns, id, format_args!("{}", loss.why())));
        }
    }

    fn open_of(&mut self, id: RequestId) -> Option<&mut Open> {
        let caller = self.callers.get_mut(caller_of(id) as usize)?;
        caller.open.as_mut().filter(|open| open.id == id)
    }

    /// A request is at a machine.
    pub(super) fn arrive_request(
        &mut self,
        at: usize,
        number: u64,
        (id, request): (RequestId, P::Request),
    ) {
        if self.nodes[at].protocol.is_none() {
            self.traces(|tracer, now_ns| tracer.delivered(now_ns, number));
            self.transmit((at, self.nodes.len()), Transport::Stream, Cargo::Refused(id));
            return;
        }
        if let Some(open) = self.open_of(id) {
            open.stage = Stage::Inside;
        }
        self.deliver_request(at, number, id, request);
    }

    /// A node answers. Nobody hears it if whoever asked is gone, or was answered before.
    pub(super) fn reply(&mut self, at: usize, id: RequestId, response: P::Response) {
        let Some(open) = self.open_of(id) else { return };
        if open.stage == Stage::Inside && usize::from(open.node.0) == at {
            open.stage = Stage::Answered;
            self.transmit((at, self.nodes.len()), Transport::Stream, Cargo::Answer(id, response));
        }
    }

    /// A node has died: whoever has a request inside it will hear that.
    pub(super) fn break_connections(&mut self, at: usize) {
        for caller in 0..self.callers.len() {
            let Some(open) = &mut self.callers[caller].open else { continue };
            if usize::from(open.node.0) == at && open.stage == Stage::Inside {
                let id = open.id;
                open.stage = Stage::Answered;
                self.transmit((at, self.nodes.len()), Transport::Stream, Cargo::Broken(id));
            }
        }
    }

    /// An answer is back.
    pub(super) fn hear(&mut self, id: RequestId, response: P::Response) {
        let Some(open) = self.open_of(id) else { return };
        let (answer, redirects_max) = match &open.asks {
            Asks::Op(op) => (P::answer(op, response), REDIRECTS_MAX),
            Asks::Members(_) => (P::member_answer(response), MEMBER_REDIRECTS_MAX),
        };
        let node = match answer {
            Answer::Settled(outcome) => {
                self.settle(caller_of(id), outcome);
                return;
            }
            Answer::Elsewhere(node) => node,
        };
        let request = match &open.asks {
            Asks::Op(op) => P::request(op),
            Asks::Members(change) => P::member_request(*change),
        };
        let is_sent_on_again = open.redirects < redirects_max;
        open.redirects += 1;
        open.node = node;
        let fail = match request {
            Some(request) if is_sent_on_again && usize::from(node.0) < self.nodes.len() => {
                self.ask(caller_of(id), request);
                return;
            }
            Some(_) if is_sent_on_again => "sent to a node that does not exist",
            _ => "too many redirects",
        };
        self.settle(caller_of(id), Outcome::Fail(fail.into()));
    }

    /// Nobody serves where a request was sent.
    pub(super) fn hear_refusal(&mut self, id: RequestId) {
        if self.open_of(id).is_some() {
            self.settle(caller_of(id), Outcome::Fail("connection refused".into()));
        }
    }

    /// No answer will come.
    pub(super) fn hear_nothing(&mut self, id: RequestId, why: &'static str) {
        let Some(open) = self.open_of(id) else { return };
        let outcome = match &open.asks {
            Asks::Op(op) => P::lost(op, why),
            Asks::Members(_) => Outcome::Info(why.into()),
        };
        self.settle(caller_of(id), outcome);
    }

    /// A caller's patience may be over.
    pub(super) fn patience(&mut self, caller: u32) {
        let place = &mut self.callers[caller as usize];
        place.is_watched = false;
        let Some(open) = &place.open else { return };
        if open.deadline_ns <= self.now_ns {
            let id = open.id;
            self.hear_nothing(id, "timeout");
        } else {
            place.is_watched = true;
            self.queue.plan(open.deadline_ns, What::Patience { caller });
        }
    }

    fn settle(&mut self, caller: u32, outcome: Outcome) {
        let open = self.callers[caller as usize].open.take().expect("only what is open is settled");
        match open.asks {
            Asks::Op(_) => self.completed.push_back(Completion { client: caller, outcome }),
            Asks::Members(change) => {
                let result = match outcome {
                    Outcome::Ok(_) => Ok(()),
                    Outcome::Fail(why) | Outcome::Info(why) => Err(why.into_owned()),
                };
                let (MemberChange::Add(node) | MemberChange::Remove(node)) = change;
                self.tell(usize::from(node.0), NodeEvent::Members { change, result });
            }
        }
    }
}

/// The caller whom a request is of.
pub(super) fn caller_of(id: RequestId) -> u32 {
    (id.0 & ((1 << CALLER_BITS) - 1)) as u32
}

/// The most clients of a world.
pub(super) const CLIENTS_MAX: u32 = (1 << CALLER_BITS) - MEMBER_CHANGES_MAX as u32;
