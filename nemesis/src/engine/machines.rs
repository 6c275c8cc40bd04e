//! Clocks, disks and paces of nodes: set, watched, and set right again.
//!
//! What a clock shows is looked at until it does what was asked, so a clock fault is reported a
//! moment after it was set, and its window stays open so long. Of disks and paces nothing can be
//! seen but the environment's word; that a disk fails also shows in nodes that die of it.
//!
//! A node that dies by itself while a disk fault of its own holds belongs to that fault, whoever
//! had it before: it cannot come back earlier than its disk.

use super::nodes::Taken;
use super::watch::{Watch, Watched};
use super::{Engine, Stage};
use crate::fault::{Crash, Fault};
use crate::machine::{Machine, is_deadly};
use serde_json::{Value, json};
use targets::environment::{Clock, Environment, EnvironmentError};
use targets::links::NodeId;

/// Between two looks at clocks that go at a wrong rate, or should go right again.
const LOOK_MS: u64 = 40;

/// Nodes with unreadable records are started again so often while that lasts.
const REVIVALS: u32 = 2;

/// How long a node with unreadable records is left dead.
const REVIVE_MS: u64 = 300;

/// What an active fault asks of machines, and what it still has to do with them.
#[derive(Debug, Default)]
pub(super) struct Wishes {
    pub(super) machines: Vec<(NodeId, Machine)>,
    /// Clocks that have not been seen to do what they should.
    pub(super) watch: Option<Watch>,
    pub(super) revival: Option<Revival>,
}

/// When the nodes of a fault are started again although it holds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Revival {
    pub(super) at_ms: u64,
    left: u32,
}

impl<E: Environment> Engine<E> {
    /// What all active faults together ask of a node.
    fn machine(&self, node: NodeId) -> Machine {
        let wishes = self.active.iter().flat_map(|active| &active.wishes.machines);
        let of_node = wishes.filter(|(of, _)| *of == node);
        of_node.fold(Machine::default(), |all, (_, machine)| all.and(machine))
    }

    /// Sets every machine that is not as it should be; says the first thing that went wrong.
    fn apply_machines(&mut self) -> Result<(), EnvironmentError> {
        self.stirred = true;
        let mut result = Ok(());
        for node in self.all_nodes() {
            let wanted = self.machine(node);
            if self.machines[usize::from(node.0)] != Some(wanted)
                && let Err(error) = self.set_machine(node, wanted)
            {
                result = result.and(Err(error));
            }
        }
        result
    }

    fn set_machine(&mut self, node: NodeId, wanted: Machine) -> Result<(), EnvironmentError> {
        let place = usize::from(node.0);
        // Whatever fails half-way is set anew.
        let known = self.machines[place].take();
        let (clock, disk, pace) = match known {
            Some(Machine { clock, disk, step_us }) => {
                (clock != wanted.clock, disk != wanted.disk, step_us != wanted.step_us)
            }
            None => {
                let can = self.environment.capabilities();
                (can.clock.is_ok(), can.disk.is_ok(), can.pace.is_ok())
            }
        };
        if clock {
            self.environment.set_clock(node, &wanted.clock)?;
        }
        if disk {
            self.environment.set_disk(node, &wanted.disk)?;
        }
        if pace {
            self.environment.set_pace(node, wanted.step_us)?;
        }
        self.machines[place] = Some(wanted);
        Ok(())
    }

    fn watch(&self, machines: &[(NodeId, Machine)], undone: bool) -> Option<Watch> {
        let skewed = machines.iter().filter(|(_, machine)| machine.clock != Clock::default());
        let clocks: Vec<Watched> = skewed
            .map(|(node, machine)| {
                Watched::new(*node, machine.clock, self.environment.clock_ahead_ns(*node))
            })
            .collect();
        let strobe = clocks.iter().find_map(|one| one.asked.strobe);
        let every_ms = strobe.map_or(LOOK_MS, |strobe| u64::from(strobe.period_ms).div_ceil(4));
        (!clocks.is_empty()).then_some(Watch { clocks, undone, every_ms, next_ms: self.now_ms })
    }

    pub(super) fn install_machines(&mut self, index: usize, fault: &Fault, words: &str) {
        let id = self.active[index].planned.id;
        let machines = fault.machines();
        let watch = self.watch(&machines, false);
        self.active[index].wishes.machines.clone_from(&machines);
        let text = format!("{words}{fault}");
        match self.apply_machines() {
            Err(EnvironmentError::Unsupported { what, reason }) => {
                self.active[index].wishes.machines.clear();
                self.skip(id, format!("{what} cannot be done here: {reason}"));
                return;
            }
            Err(error) => {
                self.report_effect(id, false, format!("{text}; {error}"), Value::Null);
                return;
            }
            Ok(()) => {}
        }
        if watch.is_some() {
            self.active[index].wishes.watch = watch;
            self.look_at_clocks();
            return;
        }
        if let Fault::Disks { on, crash: Crash::First, .. } = fault {
            let revival = Revival { at_ms: self.now_ms + REVIVE_MS, left: REVIVALS };
            self.active[index].wishes.revival = Some(revival);
            let taken: Vec<(NodeId, Taken)> =
                on.iter().map(|node| (*node, self.take_by_kill(id, *node))).collect();
            let words = format!("{text}; set; ");
            if taken.iter().any(|(_, taken)| !matches!(taken, Taken::Skipped(_))) {
                self.report_taken(id, taken, &words);
            } else {
                // Whoever is dead already finds its records unreadable all the same.
                self.report_effect(id, true, format!("{words}all dead already"), Value::Null);
            }
            return;
        }
        self.report_effect(id, true, format!("{text}; set"), json!({ "machines": machines }));
    }

    /// Looks at the clocks whose time it is, and says which of them do what they should.
    pub(super) fn look_at_clocks(&mut self) {
        let now_ns = self.now_ns;
        for index in 0..self.active.len() {
            let due = |watch: &Watch| watch.next_ms <= self.now_ms;
            if !self.active[index].wishes.watch.as_ref().is_some_and(due) {
                continue;
            }
            let Some(mut watch) = self.active[index].wishes.watch.take() else {
                continue;
            };
            watch.next_ms = self.now_ms + watch.every_ms;
            for one in &mut watch.clocks {
                one.wanted = self.machine(one.node).clock;
                if let Some(ahead_ns) = self.environment.clock_ahead_ns(one.node) {
                    one.look(now_ns, ahead_ns);
                }
            }
            if !watch.is_over() {
                self.active[index].wishes.watch = Some(watch);
            } else if !watch.undone {
                let planned = &self.active[index].planned;
                let (id, text) = (planned.id, format!("{}; {}", planned.does, watch.text()));
                self.report_effect(id, true, text, watch.seen());
            }
        }
    }

    /// Sets right what a fault did to machines, after the crash that ends some disk faults.
    pub(super) fn undo_machines(&mut self, index: usize) {
        match self.active[index].stage {
            Stage::Undoing { .. } => {}
            Stage::Failed => {
                let touched = std::mem::take(&mut self.active[index].touched_machines);
                for (node, _) in &touched {
                    self.machines[usize::from(node.0)] = None;
                }
                self.set_right(index, touched);
            }
            Stage::Aiming(_) | Stage::Holding => {
                let wishes = std::mem::take(&mut self.active[index].wishes);
                let id = self.active[index].planned.id;
                if let Some(watch) = wishes.watch {
                    let text = format!("{}; {}", self.active[index].planned.does, watch.text());
                    self.report_effect(id, false, text, watch.seen());
                }
                if let Fault::Disks { on, crash: Crash::Last, .. } =
                    &self.active[index].planned.does
                {
                    for node in on.clone() {
                        // Whoever is dead already has crashed.
                        let _ = self.take_by_kill(id, node);
                    }
                }
                self.set_right(index, wishes.machines);
            }
        }
    }

    fn set_right(&mut self, index: usize, machines: Vec<(NodeId, Machine)>) {
        self.active[index].wishes.watch = self.watch(&machines, true);
        self.active[index].touched_machines = machines;
        // What fails is tried again by `progress`.
        let _ = self.set_machines_again(index);
        self.look_at_clocks();
    }

    /// Sets the machines of a fault that is being undone, and says what is wrong with them.
    pub(super) fn set_machines_again(&mut self, index: usize) -> Option<String> {
        if self.active[index].touched_machines.is_empty() {
            return None;
        }
        let failed = self.apply_machines().err().map(|error| error.to_string());
        let watch = self.active[index].wishes.watch.as_ref();
        failed.or_else(|| watch.map(|watch| format!("clocks still wrong: {}", watch.text())))
    }

    /// Whether the machines of a fault that is being undone are as they should be.
    pub(super) fn machines_are_right(&self, index: usize) -> bool {
        let active = &self.active[index];
        let set = |(node, _): &(NodeId, Machine)| {
            self.machines[usize::from(node.0)] == Some(self.machine(*node))
        };
        active.wishes.watch.is_none() && active.touched_machines.iter().all(set)
    }

    /// Starts nodes again whose records are unreadable: they must refuse, and not make things up.
    pub(super) fn revive_due(&mut self) {
        for index in 0..self.active.len() {
            let active = &self.active[index];
            let (Some(revival), Stage::Holding) = (active.wishes.revival, &active.stage) else {
                continue;
            };
            if revival.at_ms > self.now_ms {
                continue;
            }
            for node in self.owned_by(active.planned.id) {
                if self.state(node).is_dead() {
                    // One that cannot be started now is started at the end.
                    let _ = self.start(node);
                }
            }
            let Revival { at_ms, left } = revival;
            let next = Revival { at_ms: at_ms + REVIVE_MS, left: left - 1 };
            self.active[index].wishes.revival = (next.left > 0).then_some(next);
        }
    }

    /// The fault by which a node's disk makes it die.
    pub(super) fn deadly_disk(&self, node: NodeId) -> Option<u32> {
        let mut active = self.active.iter().filter(|active| {
            let machines = active.wishes.machines.iter().chain(&active.touched_machines);
            let mut of_node = machines.filter(|(of, _)| *of == node);
            of_node.any(|(_, machine)| is_deadly(&machine.disk))
        });
        active.next().map(|active| active.planned.id)
    }
}
