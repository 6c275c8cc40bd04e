//! Undoing faults: at the end of their windows, and all of them at the end of the run.
//!
//! The links of a fault are cleared and observed at once. Nodes take a while: a started node must
//! say that it serves. Nothing is given up at the first failure: a start is tried until the
//! deadline, and a fault that could not be undone is tried once more by the heal.

use super::nodes::NodeState;
use super::observe::{Observation, When};
use super::{Active, Engine, Happened, Healing, Stage, Step};
use crate::fault::Fault;
use crate::script::Script;
use crate::shape::list;
use serde_json::{Value, json};
use targets::environment::{Environment, ProcessSeen};
use targets::links::{LinkMatrix, NodeId};

/// When a start that failed is tried again.
const RETRY_MS: u64 = 100;

/// What the kernel said, in words.
pub(super) fn describe(seen: &ProcessSeen) -> String {
    match seen {
        ProcessSeen::Serving { pid } => format!("serves as process {pid}"),
        ProcessSeen::Started { pid } => format!("runs as process {pid}"),
        ProcessSeen::Stopped { pid } => format!("is stopped (process {pid})"),
        ProcessSeen::Gone { how } => format!("is gone: {how}"),
    }
}

impl<E: Environment> Engine<E> {
    /// Undoes everything, whatever happened, and verifies it. Planned faults that have not begun
    /// never will. The next polls do the work, until [`Engine::is_healed`]. What could not be
    /// undone can be tried once more by another heal.
    pub fn begin_heal(&mut self) {
        self.healing = Some(Healing::Asked);
    }

    /// Whether the heal is over: everything is undone, or was given up at the deadline and
    /// reported.
    pub fn is_healed(&self) -> bool {
        matches!(self.healing, Some(Healing::Over))
    }

    pub(super) fn heal(&mut self) {
        self.stirred = true;
        self.waiting.clear();
        // Disks first: whoever is started should be able to read its records.
        let disks = |active: &&Active| matches!(active.planned.does, Fault::Disks { .. });
        let (first, then): (Vec<&Active>, Vec<&Active>) = self.active.iter().partition(disks);
        let ids: Vec<u32> = first.iter().chain(&then).map(|active| active.planned.id).collect();
        for id in ids {
            self.begin_undo(id);
        }
        // Even if no fault is left that has links: it costs nothing. A fault whose links could not
        // be cleared has said so.
        let _ = self.apply_links();
        self.bring_back_the_dead();
        let deadline_ms = self.now_ms + self.options.serving_deadline.as_millis() as u64;
        self.healing = Some(Healing::Going { retry_ms: self.now_ms + RETRY_MS, deadline_ms });
    }

    /// Brings back nodes that belong to no fault, and says when there is nothing left to wait for.
    pub(super) fn progress_heal(&mut self) {
        let Some(Healing::Going { retry_ms, deadline_ms }) = self.healing else {
            return;
        };
        let undoing = |stage: &Stage| matches!(stage, Stage::Undoing { .. });
        let busy = self.active.iter().any(|active| undoing(&active.stage));
        let strays = self.strays();
        // Every fault that is being undone has a deadline of its own.
        if !busy && (strays.is_empty() || self.now_ms > deadline_ms) {
            self.healing = Some(Healing::Over);
            for node in strays {
                let how = "could not be started again".to_owned();
                self.report(Happened::Died { node, how });
            }
        } else if self.now_ms >= retry_ms {
            self.bring_back_the_dead();
            self.healing = Some(Healing::Going { retry_ms: self.now_ms + RETRY_MS, deadline_ms });
        }
    }

    /// Nodes that died by themselves and do not serve yet.
    pub(super) fn strays(&self) -> Vec<NodeId> {
        let stray = |state| {
            matches!(state, NodeState::Dead { by: None } | NodeState::Starting { by: None })
        };
        self.all_nodes().filter(|node| stray(self.state(*node))).collect()
    }

    fn bring_back_the_dead(&mut self) {
        for node in self.strays() {
            if self.state(node).is_dead() {
                // Tried again until the deadline, and then reported.
                let _ = self.start(node);
            }
        }
    }

    pub(super) fn stop_due(&mut self) {
        let now_ms = self.now_ms;
        let due = self.active.iter().filter(|active| match active.stage {
            Stage::Aiming(aim) => active.planned.stop_ms <= now_ms && !aim.crowded,
            Stage::Holding => active.due_ms() <= now_ms,
            Stage::Undoing { .. } | Stage::Failed => false,
        });
        let due: Vec<u32> = due.map(|active| active.planned.id).collect();
        for id in due {
            self.begin_undo(id);
        }
    }

    /// Clears the links of a fault and begins to bring back its nodes.
    fn begin_undo(&mut self, id: u32) {
        let Some(index) = self.index_of(id) else {
            return;
        };
        let active = &self.active[index];
        if let Stage::Aiming(_) = active.stage {
            self.skip(id, "its window was over before a leader was known".to_owned());
            return;
        }
        let idle = active.script.as_ref().is_some_and(|script| script.summary().is_none());
        if idle && self.owned_by(id).is_empty() {
            self.skip(id, "no leader with enough others was seen, so nothing was done".to_owned());
            return;
        }
        self.undo_machines(index);
        let links = self.undo_links(index);
        let nodes = self.owned_by(id);
        for node in nodes.iter().copied() {
            // Failures are tried again by `progress`, and reported when it is too late.
            let _ = self.bring_back(node);
        }
        let patience = match self.active[index].changes.away.is_empty() {
            true => self.options.serving_deadline,
            false => self.options.members_deadline,
        };
        let deadline_ms = self.now_ms + patience.as_millis() as u64;
        let active = &mut self.active[index];
        active.retry_ms = self.now_ms + RETRY_MS;
        active.stage = Stage::Undoing { links, nodes, deadline_ms };
    }

    fn undo_links(&mut self, index: usize) -> Option<Observation> {
        self.active[index].layer = None;
        let touched: LinkMatrix = self.active[index].touched.clone()?;
        match self.apply_links() {
            Ok(()) => Some(self.observe(&touched, When::Undone)),
            Err(error) => {
                let (text, seen) = (error.to_string(), Value::Null);
                Some(Observation { confirmed: false, text, seen })
            }
        }
    }

    fn bring_back(&mut self, node: NodeId) -> Result<(), String> {
        match self.state(node) {
            NodeState::Paused { .. } => self.resume(node),
            NodeState::Dead { .. } => self.start(node),
            NodeState::Up | NodeState::Starting { .. } => Ok(()),
        }
    }

    /// Follows the faults that are being undone.
    pub(super) fn progress(&mut self) {
        let undoing = self.active.iter().filter_map(|active| match active.stage {
            Stage::Undoing { deadline_ms, .. } => Some((active.planned.id, deadline_ms)),
            _ => None,
        });
        for (id, deadline_ms) in undoing.collect::<Vec<_>>() {
            let Some(index) = self.index_of(id) else {
                continue;
            };
            let mut reasons = Vec::new();
            if self.now_ms >= self.active[index].retry_ms || self.now_ms >= deadline_ms {
                self.stirred = true;
                self.active[index].retry_ms = self.now_ms + RETRY_MS;
                reasons.extend(self.set_machines_again(index));
                for node in self.owned_by(id) {
                    reasons.extend(self.bring_back(node).err());
                }
                self.look_again(index);
            }
            reasons.extend(self.add_again(index));
            let left = self.owned_by(id);
            let undone = left.is_empty()
                && self.active[index].stage.links_are_clear()
                && self.machines_are_right(index)
                && self.active[index].changes.away.is_empty();
            if undone || self.now_ms >= deadline_ms {
                self.finish_undo(index, &left, reasons);
            }
        }
    }

    /// Links that did not look clear may only have been busy: with what was queued on them, or
    /// because the machine was.
    fn look_again(&mut self, index: usize) {
        if self.active[index].stage.links_are_clear() {
            return;
        }
        let seen_now = self.undo_links(index);
        if let Stage::Undoing { links, .. } = &mut self.active[index].stage {
            *links = seen_now;
        }
    }

    fn finish_undo(&mut self, index: usize, left: &[NodeId], reasons: Vec<String>) {
        let Stage::Undoing { links, nodes, .. } =
            std::mem::replace(&mut self.active[index].stage, Stage::Failed)
        else {
            return;
        };
        let right =
            links.as_ref().is_none_or(|links| links.confirmed) && self.machines_are_right(index);
        let clear = right && self.active[index].changes.away.is_empty();
        self.report_members_late(index);
        let planned = self.active[index].planned.clone();
        let summary = self.active[index].script.as_ref().and_then(Script::summary);
        let mut words: Vec<String> = summary.into_iter().collect();
        words.extend(links.as_ref().map(|links| links.text.clone()));
        words.extend(reasons);
        words.extend(left.iter().map(|node| format!("{node} does not serve")));
        let away = &self.active[index].changes.away;
        words.extend(away.iter().map(|node| format!("{node} is not known to vote")));
        let (back, others): (Vec<NodeId>, Vec<NodeId>) =
            nodes.iter().partition(|node| self.state(**node) == NodeState::Up);
        if left.is_empty() && !back.is_empty() {
            words.push(format!("back: {}", list(&back)));
        }
        let elsewhere = others.iter().filter(|node| !left.contains(node));
        words.extend(elsewhere.map(|node| format!("{node} belongs to another fault now")));
        if clear && !self.active[index].touched_machines.is_empty() {
            words.push("set right".to_owned());
        }
        if words.is_empty() {
            words.push("nothing of it was left to undo".to_owned());
        }
        let links = links.map(|links| links.seen);
        let names: Vec<String> = left.iter().map(ToString::to_string).collect();
        // Who is only not known to vote hinders nobody: it is the system that has to say so.
        let hinders = !right || !left.is_empty();
        let seen = json!({ "links": links, "not_serving": names, "hinders": hinders });
        if clear && left.is_empty() {
            self.close(index);
            self.report_step(&planned, Step::Healed, words.join("; "), seen);
        } else {
            self.report_step(&planned, Step::HealFailed, words.join("; "), seen);
        }
    }
}
