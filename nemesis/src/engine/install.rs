//! Applying faults: starting what is due, aiming at the leader, the steps of scripts.

use super::machines::Wishes;
use super::members::Changes;
use super::nodes::{NodeState, Taken};
use super::observe::When;
use super::undo::describe;
use super::{Active, Aim, Engine, LEADER_PATIENCE_MS, Stage, Step, vanishes};
use crate::fault::{Fault, Victims};
use crate::ledger::{LedgerError, Undo};
use crate::plan::PlannedFault;
use crate::script::deposed::Deposed;
use crate::script::members::Members;
use crate::script::storm::Storm;
use crate::script::{Action, Script, View};
use serde_json::{Map, Value, json};
use targets::environment::{Environment, EnvironmentError};
use targets::links::{Link, LinkMatrix, NodeId};

/// When a node of a script that did not start is tried again.
const RETRY_MS: u64 = 100;

/// A fault that had to wait for others is still worth it for so long.
const HOLD_MS_MIN: u64 = 400;

/// A window that lies wholly within that of a fault that leaves no room is moved by so much at
/// most.
pub(super) const POSTPONE_MS_MAX: u64 = 5_000;

impl<E: Environment> Engine<E> {
    pub(super) fn start_due(&mut self) {
        while self.waiting.front().is_some_and(|planned| planned.start_ms <= self.now_ms) {
            let Some(planned) = self.waiting.pop_front() else {
                return;
            };
            let window = json!({ "window_ms": [planned.start_ms, planned.stop_ms] });
            self.report_step(&planned, Step::Asked, planned.does.to_string(), window);
            if planned.stop_ms <= self.now_ms {
                let text = "its window was over before it could begin".to_owned();
                self.report_step(&planned, Step::Skipped, text, Value::Null);
                continue;
            }
            if let Some(reason) = planned.does.missing(&self.environment.capabilities()) {
                self.report_step(&planned, Step::Skipped, reason, Value::Null);
                continue;
            }
            let left_ms = planned.stop_ms - self.now_ms;
            let leader_until_ms = self.now_ms + LEADER_PATIENCE_MS.min(left_ms / 2);
            // What is left of the window has to be worth it.
            let latest_ms = planned.stop_ms - HOLD_MS_MIN.min(left_ms / 2);
            let aim = Aim { leader_until_ms, latest_ms, lot: None, crowded: false };
            self.activate(planned, Stage::Aiming(aim));
        }
    }

    fn activate(&mut self, planned: PlannedFault, stage: Stage) {
        let at = self.active.partition_point(|active| active.planned.id < planned.id);
        let active = Active {
            planned,
            stage,
            layer: None,
            touched: None,
            wishes: Wishes::default(),
            touched_machines: Vec::new(),
            changes: Changes::default(),
            script: None,
            reported: false,
            retry_ms: 0,
            entries: Vec::new(),
        };
        self.active.insert(at, active);
    }

    /// Installs faults that were waiting for a leader, or for others to make room for them.
    pub(super) fn aim_due(&mut self) {
        let aiming = self.active.iter().filter_map(|active| match active.stage {
            Stage::Aiming(aim) => Some((active.planned.id, aim)),
            _ => None,
        });
        for (id, aim) in aiming.collect::<Vec<_>>() {
            let Some(index) = self.index_of(id) else {
                continue;
            };
            let planned = self.active[index].planned.clone();
            let Some((fault, words)) = self.aim(index, &planned.does, aim) else {
                continue;
            };
            if self.now_ms < aim.latest_ms + POSTPONE_MS_MAX && self.would_not_be_felt(&fault) {
                if let Stage::Aiming(aim) = &mut self.active[index].stage {
                    aim.crowded = true;
                }
                continue;
            }
            if aim.crowded {
                let stop_ms = self.now_ms + HOLD_MS_MIN;
                self.active[index].planned.stop_ms = planned.stop_ms.max(stop_ms);
            }
            self.install(id, &fault, &words);
        }
    }

    /// The fault with its leader named, and what to say about that; nothing while it is worth
    /// waiting for one.
    fn aim(&mut self, index: usize, fault: &Fault, aim: Aim) -> Option<(Fault, String)> {
        if !fault.needs_leader() {
            return Some((fault.clone(), String::new()));
        }
        let (target, words) = match (self.running_leader(), aim.lot) {
            (Some((leader, term)), _) => (leader, format!("{leader} leads in term {term}; ")),
            (None, None) if self.now_ms < aim.leader_until_ms => return None,
            (None, lot) => {
                let node = lot.unwrap_or_else(|| self.by_lot());
                self.active[index].stage = Stage::Aiming(Aim { lot: Some(node), ..aim });
                (node, format!("no leader is known, {node} was taken by lot; "))
            }
        };
        Some((fault.aimed_at(target, self.environment.nodes()), words))
    }

    /// Whether other faults leave nothing for this one now: every node is dead or paused, or every
    /// link that it would slow down is cut. They end, and its window may last longer than theirs.
    fn would_not_be_felt(&self, fault: &Fault) -> bool {
        match fault {
            Fault::Kill { .. } => {
                let alive =
                    |state: &NodeState| matches!(state, NodeState::Up | NodeState::Paused { .. });
                !self.nodes.iter().any(alive)
            }
            Fault::Pause { .. } => !self.nodes.contains(&NodeState::Up),
            _ => fault.layer(self.environment.nodes()).is_some_and(|layer| {
                let others = self.effective();
                layer.touched().all(|(from, to, link)| {
                    let cut = |link: &Link| link.drop || link.hold;
                    !cut(link) && cut(others.link(from, to))
                })
            }),
        }
    }

    pub(super) fn by_lot(&mut self) -> NodeId {
        let running: Vec<NodeId> =
            self.all_nodes().filter(|node| self.state(*node) == NodeState::Up).collect();
        let all: Vec<NodeId> = self.all_nodes().collect();
        let chosen = self.stream.pick(if running.is_empty() { &all } else { &running });
        *chosen.expect("a cluster has nodes")
    }

    fn install(&mut self, id: u32, fault: &Fault, words: &str) {
        let Some(index) = self.index_of(id) else {
            return;
        };
        let text = fault.to_string();
        if let Err(error) = self.write_undo(index, fault, &text) {
            self.skip(id, format!("not tried: {error}"));
            return;
        }
        self.active[index].stage = Stage::Holding;
        match fault {
            Fault::Kill { on: Victims::Nodes(nodes) } => {
                let taken = self.take_some(id, nodes, Self::take_by_kill);
                self.report_taken(id, taken, words);
            }
            Fault::Pause { on: Victims::Nodes(nodes) } => {
                let taken = self.take_some(id, nodes, Self::take_by_pause);
                self.report_taken(id, taken, words);
            }
            Fault::ElectionStorm { seed } => {
                self.active[index].script = Some(Script::Storm(Storm::new(*seed)));
            }
            Fault::DeposedLeaders { seed } => {
                self.active[index].script = Some(Script::Deposed(Deposed::new(*seed)));
            }
            Fault::Members { play, seed } => {
                self.active[index].script = Some(Script::Members(Members::new(*play, *seed)));
            }
            Fault::Clocks { .. } | Fault::Disks { .. } | Fault::Pace { .. } => {
                self.install_machines(index, fault, words);
            }
            links => {
                let layer = links.layer(self.environment.nodes());
                self.install_layer(index, layer, &format!("{words}{text}"));
            }
        }
    }

    /// Takes these nodes. If not one of them is there to be taken, another is, by lot: a fault that
    /// was asked for should be felt, although one of another class came first.
    fn take_some(
        &mut self,
        id: u32,
        nodes: &[NodeId],
        take: fn(&mut Self, u32, NodeId) -> Taken,
    ) -> Vec<(NodeId, Taken)> {
        let mut taken = Vec::new();
        for node in nodes {
            taken.push((*node, take(self, id, *node)));
        }
        let skipped = |(_, taken): &(NodeId, Taken)| matches!(taken, Taken::Skipped(_));
        if taken.iter().all(skipped) && self.nodes.contains(&NodeState::Up) {
            let other = self.by_lot();
            taken.push((other, take(self, id, other)));
        }
        taken
    }

    /// Everything that a replay needs to know, before anything is done.
    fn write_undo(&mut self, index: usize, fault: &Fault, text: &str) -> Result<(), LedgerError> {
        let mut vanish = true;
        if let Fault::Pause { .. } = fault {
            // All of them, since the lot may fall on any; to continue one that runs does no harm.
            for node in self.all_nodes() {
                if let Some(pid) = self.environment.orphan_pid(node) {
                    self.write_down(index, &format!("pause {node}"), Undo::resume(pid))?;
                    vanish = false;
                }
            }
        }
        if vanish { self.write_down(index, text, vanishes(fault)) } else { Ok(()) }
    }

    /// Takes back a fault that was not applied.
    pub(super) fn skip(&mut self, id: u32, text: String) {
        if let Some(index) = self.index_of(id) {
            let active = self.close(index);
            self.report_step(&active.planned, Step::Skipped, text, Value::Null);
        }
    }

    fn install_layer(&mut self, index: usize, layer: Option<LinkMatrix>, text: &str) {
        let id = self.active[index].planned.id;
        self.active[index].layer.clone_from(&layer);
        self.active[index].touched.clone_from(&layer);
        match (self.apply_links(), layer) {
            (Err(EnvironmentError::Unsupported { what, reason }), _) => {
                self.active[index].layer = None;
                self.skip(id, format!("{what} cannot be done here: {reason}"));
            }
            (Err(error), _) => {
                self.report_effect(id, false, format!("{text}; {error}"), Value::Null);
            }
            (Ok(()), Some(layer)) => {
                let observed = self.observe(&layer, When::Installed);
                let text = format!("{text}; {}", observed.text);
                self.report_effect(id, observed.confirmed, text, observed.seen);
            }
            (Ok(()), None) => self.skip(id, "it touches no link".to_owned()),
        }
    }

    pub(super) fn report_effect(&mut self, id: u32, confirmed: bool, text: String, seen: Value) {
        let Some(index) = self.index_of(id) else {
            return;
        };
        self.active[index].reported = true;
        let planned = self.active[index].planned.clone();
        let step = if confirmed { Step::Installed } else { Step::Indeterminate };
        self.report_step(&planned, step, text, seen);
    }

    pub(super) fn report_taken(&mut self, id: u32, taken: Vec<(NodeId, Taken)>, words: &str) {
        let (mut told, mut seen) = (Vec::new(), Map::new());
        let (mut confirmed, mut tried) = (true, false);
        for (node, taken) in taken {
            let evidence = match taken {
                Taken::Confirmed(evidence) => {
                    tried = true;
                    told.push(format!("{node} {}", describe(&evidence)));
                    json!(evidence)
                }
                Taken::Unconfirmed(reason, evidence) => {
                    (tried, confirmed) = (true, false);
                    told.push(reason);
                    json!(evidence)
                }
                Taken::Skipped(reason) => {
                    told.push(reason.clone());
                    json!({ "skipped": reason })
                }
            };
            seen.insert(node.to_string(), evidence);
        }
        let text = format!("{words}{}", told.join(", "));
        if tried {
            self.report_effect(id, confirmed, text, Value::Object(seen));
        } else {
            self.skip(id, text);
        }
    }

    /// One step of every script.
    pub(super) fn run_scripts(&mut self) {
        let running: Vec<u32> = self
            .active
            .iter()
            .filter(|active| active.script.is_some() && matches!(active.stage, Stage::Holding))
            .filter(|active| self.now_ms < active.planned.stop_ms || active.asks_nobody())
            .map(|active| active.planned.id)
            .collect();
        let elected = std::mem::take(&mut self.elected);
        for id in running {
            self.run_script(id, &elected);
        }
    }

    fn run_script(&mut self, id: u32, elected: &[(NodeId, u64)]) {
        let up: Vec<bool> = self.nodes.iter().map(|state| *state == NodeState::Up).collect();
        let leader = self.running_leader();
        let Some(index) = self.index_of(id) else {
            return;
        };
        let answers = std::mem::take(&mut self.active[index].changes.answers);
        let view = View { now_ms: self.now_ms, leader, elected, answers: &answers, up: &up };
        let script = self.active[index].script.as_mut().expect("it is one that has a script");
        let actions = script.step(&view);
        let mut failures = Vec::new();
        let mut layered = false;
        for action in actions {
            self.stirred = true;
            match action {
                Action::Links(layer) => {
                    layered |= layer.is_some();
                    self.touch(index, layer.as_ref());
                    self.active[index].layer = layer;
                    failures.extend(self.apply_links().err().map(|error| error.to_string()));
                }
                Action::Kill(node) => match self.take_by_kill(id, node) {
                    Taken::Unconfirmed(reason, _) => failures.push(reason),
                    Taken::Confirmed(_) | Taken::Skipped(_) => {}
                },
                Action::Ask(via, change) => failures.extend(self.ask(index, via, change).err()),
                Action::Start(node) => {
                    if self.state(node) == (NodeState::Dead { by: Some(id) }) {
                        failures.extend(self.start(node).err());
                        self.active[index].retry_ms = self.now_ms + RETRY_MS;
                    }
                }
            }
        }
        if !failures.is_empty() && !self.active[index].reported {
            self.report_effect(id, false, failures.join(", "), Value::Null);
        } else if layered && !self.active[index].reported {
            self.observe_script(index);
        }
        self.restart_of_script(index);
    }

    /// Remembers every link that a script has touched, with what it last did to it.
    fn touch(&mut self, index: usize, layer: Option<&LinkMatrix>) {
        let clear = LinkMatrix::clear(self.environment.nodes());
        let touched = self.active[index].touched.get_or_insert(clear);
        for (from, to, link) in layer.into_iter().flat_map(LinkMatrix::touched) {
            *touched.link_mut(from, to) = *link;
        }
    }

    /// A script is in effect when its first change of the links is seen to be.
    fn observe_script(&mut self, index: usize) {
        let id = self.active[index].planned.id;
        let Some(layer) = self.active[index].layer.clone() else {
            return;
        };
        let observed = self.observe(&layer, When::Installed);
        self.report_effect(id, observed.confirmed, observed.text, observed.seen);
    }

    /// A script starts what it kills at once, so a node of its own that is dead did not come up.
    fn restart_of_script(&mut self, index: usize) {
        let id = self.active[index].planned.id;
        if self.now_ms < self.active[index].retry_ms {
            return;
        }
        let mut dead = self.owned_by(id);
        dead.retain(|node| self.state(*node).is_dead());
        for node in dead {
            // Tried again later, and at the end of the script with a report.
            let _ = self.start(node);
            self.active[index].retry_ms = self.now_ms + RETRY_MS;
        }
    }
}
