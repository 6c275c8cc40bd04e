//! One turn of a node: it takes in what waits, lets out what may leave, and writes the rest. The
//! rules are those of the driver on real machines (`crate::node::driver`).
//!
//! ```text
//!   messages, requests, timers due -> step, step, ... -> at once: send, reply, note
//!                                                        one write
//!                                                        when it is durable: the rest
//! ```
//!
//! While a write is under way nothing is taken in; what comes meanwhile makes up the next batch. A
//! node that was slowed down thinks first, for so long an input, and then takes in what had come
//! when it began to think.

use super::World;
use super::callers::Cargo;
use super::disk::{Begun, Write};
use super::network::Transport;
use super::node::{Activity, Wake};
use super::queue::{Ticket, What};
use crate::environment::NodeEvent;
use crate::links::NodeId;
use crate::protocol::{Context, Effect, Input, Note, RequestId};
use crate::service::Service;

/// Messages, and requests, that one turn takes.
const TURN_INPUTS_MAX: usize = 512;
/// Timers that one turn fires.
const TURN_TIMERS_MAX: usize = 64;
/// Messages, and requests, that wait in a node; more are lost, as from full sockets.
const INBOX_MAX: usize = 4096;
/// A timer takes at least so long, or a protocol that sets one of no length would stop time.
const TIMER_NS_MIN: u64 = 1_000;

impl<P: Service> World<P> {
    /// A message is at a node.
    pub(super) fn deliver_message(
        &mut self,
        at: usize,
        id: u64,
        from: NodeId,
        message: P::Message,
    ) {
        let node = &mut self.nodes[at];
        if node.protocol.is_none() || node.messages.len() >= INBOX_MAX {
            let why = if node.protocol.is_none() { "is down" } else { "is overrun" };
            let node = node.id;
            self.traces(|tracer, now_ns| tracer.lost(now_ns, id, format_args!("{node} {why}")));
        } else if node.is_free() && node.step_us == 0 {
            self.traces(|tracer, now_ns| tracer.delivered(now_ns, id));
            self.step(at, Input::Message { from, message });
            self.finish_turn(at);
        } else {
            node.messages.push_back((id, from, message));
            self.look(at);
        }
    }

    /// A request is at a node that serves.
    pub(super) fn deliver_request(
        &mut self,
        at: usize,
        number: u64,
        id: RequestId,
        request: P::Request,
    ) {
        let node = &mut self.nodes[at];
        if node.requests.len() >= INBOX_MAX {
            let node = node.id;
            self.traces(|tracer, now_ns| {
                tracer.lost(now_ns, number, format_args!("{node} is overrun"));
            });
            return;
        }
        node.requests.push_back((number, id, request));
        self.look(at);
    }

    /// Lets a node that is free take in what waits for it.
    pub(super) fn look(&mut self, at: usize) {
        loop {
            let now_ns = self.now_ns;
            let node = &mut self.nodes[at];
            if !node.is_free() {
                return;
            }
            let waiting = node.waiting(now_ns);
            if waiting == 0 {
                self.arm_timers(at);
                return;
            }
            if node.step_us == 0 {
                self.turn(at, TURN_INPUTS_MAX);
                continue;
            }
            let inputs = waiting.min(TURN_INPUTS_MAX);
            let takes_ns = inputs as u64 * u64::from(node.step_us) * 1000;
            node.activity = Activity::Thinking { inputs };
            node.done = self.queue.plan(now_ns + takes_ns, What::Done { node: node.id.0 });
        }
    }

    /// Takes in at most so many messages and requests, peers before clients, and the timers that
    /// are due.
    pub(super) fn turn(&mut self, at: usize, inputs_max: usize) {
        let mut left = inputs_max;
        while left > 0
            && let Some((id, from, message)) = self.nodes[at].messages.pop_front()
        {
            left -= 1;
            self.traces(|tracer, now_ns| tracer.delivered(now_ns, id));
            self.step(at, Input::Message { from, message });
        }
        while left > 0
            && let Some((number, id, request)) = self.nodes[at].requests.pop_front()
        {
            left -= 1;
            self.traces(|tracer, now_ns| tracer.delivered(now_ns, number));
            self.step(at, Input::Request { id, request });
        }
        for _ in 0..TURN_TIMERS_MAX {
            let node = &mut self.nodes[at];
            let own_ns = node.clock.read(self.now_ns);
            let Some(timer) = node.timers.take_due(own_ns) else { break };
            let node = node.id;
            self.traces(|tracer, now_ns| {
                tracer.node(now_ns, node, format_args!("timer {timer:?}"));
            });
            self.step(at, Input::Timer(timer));
        }
        self.finish_turn(at);
    }

    /// Steps the protocol, and joins what it wants to the turn.
    pub(super) fn step(&mut self, at: usize, input: Input<P>) {
        let mut effects = std::mem::take(&mut self.effects);
        let node = &mut self.nodes[at];
        let now_ns = node.clock.read(self.now_ns);
        let context = Context { now_ns, entropy: node.entropy.draw() };
        let protocol = node.protocol.as_mut().expect("a node that takes in something serves");
        protocol.step(context, input, &mut effects);
        for effect in effects.drain(..) {
            self.join(at, now_ns, effect);
        }
        self.effects = effects;
    }

    fn join(&mut self, at: usize, own_ns: u64, effect: Effect<P>) {
        let node = &mut self.nodes[at];
        match effect {
            Effect::Send { .. } | Effect::Reply { .. } | Effect::Note(_) => {
                if node.waits {
                    node.then.push(effect);
                } else {
                    self.let_out(at, effect);
                }
            }
            Effect::Persist { records, durable: true } => {
                node.waits |= !records.is_empty();
                if node.batch.is_empty() {
                    node.batch = records;
                } else {
                    node.batch.extend(records);
                }
            }
            // The disk numbers what it is given. Behind a batch that is not there yet it would get
            // the lower numbers, so it waits with the batch.
            Effect::Persist { records, durable: false } => {
                if node.waits {
                    node.held_behind.extend(records);
                } else {
                    self.hold(at, records);
                }
            }
            Effect::Checkpoint(records) => {
                node.held_behind.clear();
                (node.waits, node.replaces, node.batch) = (true, true, records);
            }
            Effect::SetTimer { timer, after_ns } => {
                node.timers.set(timer, own_ns.saturating_add(after_ns.max(TIMER_NS_MIN)));
            }
            Effect::CancelTimer(timer) => node.timers.cancel(timer),
        }
    }

    fn let_out(&mut self, at: usize, effect: Effect<P>) {
        match effect {
            Effect::Send { to, message } => {
                let to = usize::from(to.0);
                if to != at && to < self.nodes.len() {
                    self.transmit((at, to), Transport::Datagram, Cargo::Message(message));
                }
            }
            Effect::Reply { id, response } => self.reply(at, id, response),
            Effect::Note(Note::Sometimes { place }) => {
                if self.places.reach(at as u8, place.clone()) {
                    self.tell(at, NodeEvent::Note(Note::Sometimes { place }));
                }
            }
            Effect::Note(note) => self.tell(at, NodeEvent::Note(note)),
            Effect::Persist { .. }
            | Effect::Checkpoint(_)
            | Effect::SetTimer { .. }
            | Effect::CancelTimer(_) => unreachable!("only what others see is let out"),
        }
    }

    /// Begins to write what the turn gathered, if anything.
    pub(super) fn finish_turn(&mut self, at: usize) {
        if self.tracer.is_some() {
            self.trace_state(at);
        }
        let node = &mut self.nodes[at];
        if !node.waits {
            self.arm_timers(at);
            return;
        }
        node.waits = false;
        let batch = std::mem::take(&mut node.batch);
        let replaces = std::mem::take(&mut node.replaces);
        let held_behind = std::mem::take(&mut node.held_behind);
        let (id, count) = (node.id, batch.len());
        let write = if replaces { Write::Replace(batch) } else { Write::Append(batch) };
        match self.disks.begin(id, write) {
            Begun::Takes { ns } => {
                node.activity = Activity::Writing;
                node.done = self.queue.plan(self.now_ns + ns, What::Done { node: id.0 });
                self.traces(|tracer, now_ns| {
                    tracer.node(now_ns, id, format_args!("writes, records: {count}"));
                });
                if !held_behind.is_empty() {
                    self.hold(at, held_behind);
                }
            }
            Begun::Fails { why } => self.die(at, format!("exit code 1: {why}")),
        }
    }

    /// What a node was busy with may be over.
    pub(super) fn done(&mut self, at: usize, ticket: Ticket) {
        let node = &mut self.nodes[at];
        if node.done != ticket {
            return;
        }
        node.done = 0;
        if node.is_paused {
            node.is_overdue = true;
        } else {
            self.go_on(at);
        }
    }

    /// What a node was busy with is over.
    pub(super) fn go_on(&mut self, at: usize) {
        match std::mem::replace(&mut self.nodes[at].activity, Activity::Idle) {
            Activity::Booting => self.boot(at),
            Activity::Thinking { inputs } => self.turn(at, inputs),
            Activity::Writing => self.written(at),
            Activity::Gone | Activity::Idle => unreachable!("only who is busy has a plan"),
        }
        if self.nodes[at].is_free() {
            self.flush_held(at);
        }
        self.look(at);
    }

    fn written(&mut self, at: usize) {
        let node = &mut self.nodes[at];
        let id = node.id;
        self.disks.complete(id);
        let mut then = std::mem::take(&mut node.then);
        self.traces(|tracer, now_ns| tracer.node(now_ns, id, format_args!("has written")));
        for effect in then.drain(..) {
            self.let_out(at, effect);
        }
        self.nodes[at].then = then;
    }

    fn hold(&mut self, at: usize, records: Vec<P::Record>) {
        let node = &mut self.nodes[at];
        self.disks.hold(node.id, records, self.now_ns);
        if node.held.is_none()
            && let Some(due_ns) = self.disks.held_due_ns(node.id)
        {
            let due_ns = due_ns.max(self.now_ns);
            node.held = Some(self.queue.plan(due_ns, What::Held { node: node.id.0 }));
        }
    }

    /// Records that nobody waits for may be due.
    pub(super) fn held(&mut self, at: usize, ticket: Ticket) {
        let node = &mut self.nodes[at];
        if node.held == Some(ticket) {
            node.held = None;
            if node.is_free() {
                self.flush_held(at);
            }
        }
    }

    /// Writes back what is old enough; a node that is busy does so afterwards.
    pub(super) fn flush_held(&mut self, at: usize) {
        let node = &mut self.nodes[at];
        if node.held.is_some() {
            return;
        }
        let id = node.id;
        let Some(due_ns) = self.disks.held_due_ns(id) else { return };
        if due_ns > self.now_ns {
            node.held = Some(self.queue.plan(due_ns, What::Held { node: id.0 }));
            return;
        }
        self.disks.flush_held(id, self.now_ns);
        self.traces(|tracer, now_ns| {
            tracer.node(now_ns, id, format_args!("writes back what nobody waited for"));
        });
    }

    /// Plans to look at the timers when the first of them is due. One that was moved to a later
    /// time leaves the plan as it is: to look once in vain is cheaper than to plan every time.
    pub(super) fn arm_timers(&mut self, at: usize) {
        let node = &mut self.nodes[at];
        let Some(own_ns) = node.timers.next_ns() else { return };
        if node.wake.is_some_and(|wake| wake.own_ns <= own_ns) {
            return;
        }
        let at_ns = node.clock.world_at(own_ns, self.now_ns).max(self.now_ns + 1);
        let ticket = self.queue.plan(at_ns, What::Timers { node: node.id.0 });
        node.wake = Some(Wake { own_ns, ticket });
    }

    /// A node's earliest timer may be due.
    pub(super) fn timers(&mut self, at: usize, ticket: Ticket) {
        let node = &mut self.nodes[at];
        if node.wake.is_some_and(|wake| wake.ticket == ticket) {
            node.wake = None;
            self.look(at);
        }
    }
}
