//! The engine: applies a plan to an environment, watches the effect, undoes it.
//!
//! ```text
//!   asked --+-- skipped            (it cannot be done here, or there is nobody to do it to)
//!           +-- installed      --+
//!           +-- indeterminate  --+-- healed
//!                                +-- heal-failed -- (once more at the end) -- healed
//! ```
//!
//! Every step is reported with what was seen, and only what was *seen* counts: a cut through which
//! a probe came, or a kill that the kernel does not confirm, is indeterminate, whatever the
//! environment said when it was asked.
//!
//! **Links.** Each active fault has a layer; what the links do is all layers together. A fault that
//! ends takes its layer with it, and the others stay.
//!
//! **Processes.** A node belongs to at most one fault, the one that killed or paused it:
//!
//! * a dead or starting node is left to its fault: a second kill or pause skips it, and says so; if
//!   it has nobody else to take, it takes one of the running nodes by lot;
//! * a paused node can be killed: it then belongs to the kill, and the pause has nothing to resume;
//! * the end of a fault brings back its own nodes, and a fault has healed when they all serve;
//! * a node that died by itself belongs to nobody. That is a finding: it stays dead until the heal;
//! * but one that died while a disk fault made its disk fail belongs to that fault.
//!
//! **Clocks, disks, paces** are layered as links are. **Members**: whoever a fault has asked to
//! remove is added again at its end, until the cluster says so.
//!
//! **Time** comes from outside. The engine reads no clock and never waits: it is polled, and says
//! when it wants to be polled next. Polled only then and when nodes have news, it does what it
//! would do if it were polled every millisecond.
//!
//! **The leader** is whoever was last to say so in the highest term. A fault that goes for the
//! leader waits a moment for one to be known, and then takes a node by lot and says that.

mod install;
mod machines;
mod members;
mod nodes;
mod observe;
mod undo;
mod wake;
mod watch;

use crate::fault::Fault;
use crate::ledger::{EntryId, Ledger, LedgerError, Undo};
use crate::machine::Machine;
use crate::plan::PlannedFault;
use crate::script::Script;
use machines::Wishes;
use members::Changes;
use nodes::NodeState;
use observe::Observation;
use serde::Serialize;
use serde_json::Value;
use std::collections::VecDeque;
use std::time::Duration;
use targets::environment::{Environment, EnvironmentError, NodeEvent, NodeNews};
use targets::links::{LinkMatrix, NodeId};
use targets::protocol::Note;
use targets::seed::Stream;

/// How long a fault that goes for the leader waits for one to be known.
const LEADER_PATIENCE_MS: u64 = 500;

/// How long a window stays open for an effect that takes a while to be seen.
const SEEN_WITHIN_MS: u64 = 2500;

/// How often a primitive that failed is tried at once.
const TRIES: u32 = 3;

/// How far a fault is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Step {
    /// It was asked for.
    Asked,
    /// It took effect, and was seen to.
    Installed,
    /// It was not tried, for the reason in the text.
    Skipped,
    /// It was tried, and nobody saw whether it took effect.
    Indeterminate,
    /// It is undone, and was seen to be.
    Healed,
    /// It could not be undone.
    HealFailed,
}

/// Something that stands in the history.
#[derive(Clone, Debug, PartialEq)]
pub enum Happened {
    /// A fault moves on.
    Fault {
        /// Its number in the plan.
        id: u32,
        /// Its name.
        name: String,
        /// How far it is.
        step: Step,
        /// What was asked or seen, in words.
        text: String,
        /// The evidence.
        seen: Value,
    },
    /// A node says that it leads.
    Leader {
        /// Which node.
        node: NodeId,
        /// The term or ballot.
        term: u64,
    },
    /// A node died although nobody killed it.
    Died {
        /// Which node.
        node: NodeId,
        /// `exit code 1`.
        how: String,
    },
    /// A node reached a place that a good test reaches at least once.
    Reached {
        /// Which node.
        node: NodeId,
        /// The place's name.
        place: String,
    },
}

/// How patient the engine is.
#[derive(Clone, Copy, Debug)]
pub struct EngineOptions {
    /// How long a probe may take over a clear link.
    pub probe_wait: Duration,
    /// What the links take by themselves, beside that: nothing on one machine.
    pub calm_delay: Duration,
    /// How long a node that was started may take to serve.
    pub serving_deadline: Duration,
    /// How long the cluster may take to let everybody vote again, however often it is asked.
    pub members_deadline: Duration,
}

impl Default for EngineOptions {
    fn default() -> Self {
        Self {
            probe_wait: Duration::from_millis(20),
            calm_delay: Duration::ZERO,
            serving_deadline: Duration::from_millis(5000),
            members_deadline: Duration::from_millis(20_000),
        }
    }
}

/// What an active fault is doing.
#[derive(Debug)]
enum Stage {
    /// It waits for a leader to be known, or for others to leave room for it.
    Aiming(Aim),
    /// It holds.
    Holding,
    /// Its nodes are being brought back.
    Undoing { links: Option<Observation>, nodes: Vec<NodeId>, deadline_ms: u64 },
    /// It could not be undone.
    Failed,
}

/// A fault that has not been applied yet.
#[derive(Clone, Copy, Debug)]
struct Aim {
    /// How long it waits for a leader to be known.
    leader_until_ms: u64,
    /// When it is applied although others leave no room for it.
    latest_ms: u64,
    /// Who was taken because no leader was known in time.
    lot: Option<NodeId>,
    /// Whether it waits for others to leave room. Its window stays open meanwhile.
    crowded: bool,
}

/// How far the heal is.
#[derive(Clone, Copy, Debug)]
enum Healing {
    /// The next poll begins it.
    Asked,
    /// Nodes are being brought back.
    Going { retry_ms: u64, deadline_ms: u64 },
    /// Everything is undone, or was given up.
    Over,
}

impl Stage {
    /// Whether no link of it is known to be in need of another look.
    fn links_are_clear(&self) -> bool {
        match self {
            Self::Undoing { links, .. } => links.as_ref().is_none_or(|links| links.confirmed),
            _ => true,
        }
    }
}

#[derive(Debug)]
struct Active {
    planned: PlannedFault,
    stage: Stage,
    /// What it asks of the links now.
    layer: Option<LinkMatrix>,
    /// What it asked of them last, which is what has to be seen gone.
    touched: Option<LinkMatrix>,
    /// What it asks of clocks, disks and paces now.
    wishes: Wishes,
    /// What it asked of them, once it is being undone.
    touched_machines: Vec<(NodeId, Machine)>,
    changes: Changes,
    script: Option<Script>,
    /// Whether it has been reported as installed or indeterminate.
    reported: bool,
    /// When a start that failed is tried again.
    retry_ms: u64,
    entries: Vec<EntryId>,
}

impl Active {
    /// Whether it is to change members and has not found anybody yet whom it could ask.
    fn asks_nobody(&self) -> bool {
        matches!(self.script, Some(Script::Members(_))) && self.changes.is_idle()
    }

    /// When it ends: with its window, or a little later if nobody has seen yet what it does.
    fn due_ms(&self) -> u64 {
        let unseen =
            self.wishes.watch.is_some() || self.changes.awaits_first_answer() || self.asks_nobody();
        self.planned.stop_ms + if unseen && !self.reported { SEEN_WITHIN_MS } else { 0 }
    }
}

/// Applies a plan. See the module's page.
pub struct Engine<E> {
    environment: E,
    ledger: Ledger,
    stream: Stream,
    options: EngineOptions,
    waiting: VecDeque<PlannedFault>,
    active: Vec<Active>,
    nodes: Vec<NodeState>,
    /// For each node, the ledger's entry of a process that could outlive the run.
    orphans: Vec<Option<EntryId>>,
    leader: Option<(NodeId, u64)>,
    /// Who has said since the last step of the scripts that it leads.
    elected: Vec<(NodeId, u64)>,
    happened: Vec<Happened>,
    healing: Option<Healing>,
    /// Whether the last poll did something to which the next one may have to react.
    stirred: bool,
    /// For each node, what its machine was set to; nothing if that is not known.
    machines: Vec<Option<Machine>>,
    now_ns: u64,
    now_ms: u64,
}

impl<E> std::fmt::Debug for Engine<E> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut debug = f.debug_struct("Engine");
        debug.field("waiting", &self.waiting.len()).field("active", &self.active);
        debug.field("nodes", &self.nodes).field("leader", &self.leader).finish_non_exhaustive()
    }
}

impl<E: Environment> Engine<E> {
    /// An engine for an environment whose nodes all run. The stream decides what falls to a lot.
    ///
    /// # Errors
    ///
    /// Nodes that could outlive the run could not be written into the ledger.
    pub fn new(
        environment: E,
        mut plan: Vec<PlannedFault>,
        ledger: Ledger,
        stream: Stream,
        options: EngineOptions,
    ) -> Result<Self, LedgerError> {
        plan.sort_by_key(|planned| (planned.start_ms, planned.id));
        let nodes = usize::from(environment.nodes());
        let mut engine = Self {
            environment,
            ledger,
            stream,
            options,
            waiting: plan.into(),
            active: Vec::new(),
            nodes: vec![NodeState::Up; nodes],
            orphans: vec![None; nodes],
            leader: None,
            elected: Vec::new(),
            happened: Vec::new(),
            healing: None,
            stirred: false,
            machines: vec![Some(Machine::default()); nodes],
            now_ns: 0,
            now_ms: 0,
        };
        for node in engine.all_nodes() {
            engine.remember_orphan(node)?;
        }
        Ok(engine)
    }

    /// Starts and stops what is due, and says what happened since the last call, oldest first.
    ///
    /// To be called whenever nodes have news, and at [`Engine::wake_ms`] or every few milliseconds.
    /// In a real environment it may block for a round of probes: some 20 ms, longer where delays
    /// are measured.
    pub fn poll(&mut self, since_main_start: Duration) -> Vec<Happened> {
        self.now_ns = since_main_start.as_nanos() as u64;
        self.now_ms = since_main_start.as_millis() as u64;
        self.stirred = false;
        self.collect_news();
        if let Some(Healing::Asked) = self.healing {
            self.heal();
        }
        self.look_at_clocks();
        self.revive_due();
        // First, while the news are fresh: the others may wait for probes.
        self.run_scripts();
        self.start_due();
        self.aim_due();
        self.stop_due();
        self.progress();
        self.progress_heal();
        std::mem::take(&mut self.happened)
    }

    /// Whether a fault still waits for its window, holds, or is being undone.
    pub fn is_busy(&self) -> bool {
        let failed = |active: &Active| matches!(active.stage, Stage::Failed);
        !self.waiting.is_empty() || self.active.iter().any(|active| !failed(active))
    }

    /// The environment, which a simulated world must be driven through.
    pub fn environment(&self) -> &E {
        &self.environment
    }

    /// The environment, to be stepped: it is the engine's while a run goes on.
    pub fn environment_mut(&mut self) -> &mut E {
        &mut self.environment
    }

    /// Gives the environment back. To be called when [`Engine::is_healed`].
    pub fn into_environment(self) -> E {
        self.environment
    }

    fn all_nodes(&self) -> impl Iterator<Item = NodeId> + use<E> {
        (0..self.nodes.len() as u8).map(NodeId)
    }

    fn report(&mut self, what: Happened) {
        self.happened.push(what);
    }

    fn report_step(&mut self, planned: &PlannedFault, step: Step, text: String, seen: Value) {
        self.stirred = true;
        let (id, name) = (planned.id, planned.fault.clone());
        self.report(Happened::Fault { id, name, step, text, seen });
    }

    /// Takes in what nodes said before the engine had the environment. It is reported by the next
    /// [`Engine::poll`], as everything else.
    pub fn hear(&mut self, news: Vec<NodeNews>) {
        for news in news {
            let node = news.node;
            let Some(state) = self.nodes.get(usize::from(node.0)).copied() else {
                continue;
            };
            let what = match news.what {
                NodeEvent::Serving => {
                    if let NodeState::Starting { .. } = state {
                        self.set_state(node, NodeState::Up);
                    }
                    continue;
                }
                NodeEvent::Note(Note::Leading { term }) => {
                    self.elected.push((node, term));
                    let later = self.leader.is_none_or(|(_, known)| term >= known);
                    if later && !state.is_dead() {
                        self.leader = Some((node, term));
                    }
                    Happened::Leader { node, term }
                }
                NodeEvent::Note(Note::Following { term }) => {
                    if self.leader.is_some_and(|(who, known)| who == node && term >= known) {
                        self.leader = None;
                    }
                    continue;
                }
                NodeEvent::Note(Note::Sometimes { place }) => {
                    Happened::Reached { node, place: place.into_owned() }
                }
                NodeEvent::Members { change, result } => {
                    self.answered(change, result);
                    continue;
                }
                NodeEvent::Died { how } => {
                    self.died(node, state);
                    Happened::Died { node, how }
                }
            };
            self.report(what);
        }
    }

    fn collect_news(&mut self) {
        let news = self.environment.news();
        self.hear(news);
    }

    /// The leader, if it runs.
    fn running_leader(&self) -> Option<(NodeId, u64)> {
        self.leader.filter(|(node, _)| self.state(*node) == NodeState::Up)
    }

    /// What all active faults together ask of the links.
    fn effective(&self) -> LinkMatrix {
        let clear = LinkMatrix::clear(self.environment.nodes());
        let layers = self.active.iter().filter_map(|active| active.layer.as_ref());
        layers.fold(clear, |matrix, layer| matrix.and(layer))
    }

    fn apply_links(&mut self) -> Result<(), EnvironmentError> {
        self.stirred = true;
        let matrix = self.effective();
        let mut result = Ok(());
        for _ in 0..TRIES {
            result = self.environment.set_links(&matrix);
            if !matches!(result, Err(EnvironmentError::Failed { .. })) {
                break;
            }
        }
        result
    }

    fn observe(&mut self, layer: &LinkMatrix, when: observe::When) -> Observation {
        let effective = self.effective();
        let down: Vec<bool> = self.nodes.iter().map(|state| *state != NodeState::Up).collect();
        let calm = self.options.calm_delay;
        let focus = observe::Focus {
            layer,
            effective: &effective,
            when,
            down: &down,
            wait: self.options.probe_wait + calm,
            calm_us: u32::try_from(calm.as_micros()).unwrap_or(u32::MAX),
            probes_max: self.environment.probes_max(),
        };
        observe::observe(&mut self.environment, &focus)
    }

    /// Writes down how an active fault is undone. It must not be applied if that fails.
    fn write_down(&mut self, index: usize, text: &str, undo: Undo) -> Result<(), LedgerError> {
        let entry = self.ledger.before(self.active[index].planned.id, text, undo)?;
        self.active[index].entries.push(entry);
        Ok(())
    }

    /// Takes a fault out of the active ones, and closes its entries in the ledger.
    fn close(&mut self, index: usize) -> Active {
        let active = self.active.remove(index);
        for entry in &active.entries {
            // Not written, it is only undone once more, which does no harm.
            let _ = self.ledger.undone(*entry);
        }
        active
    }

    fn index_of(&self, id: u32) -> Option<usize> {
        self.active.iter().position(|active| active.planned.id == id)
    }
}

/// What the ledger says of faults that are gone with the controller.
fn vanishes(fault: &Fault) -> Undo {
    let with = match fault {
        Fault::Kill { .. } => "the run: a dead process needs no undo",
        Fault::Pause { .. } => "the nodes' namespace, which the controller owns",
        Fault::Clocks { .. } | Fault::Disks { .. } | Fault::Pace { .. } | Fault::Members { .. } => {
            "the simulated world, which is part of the controller"
        }
        _ => "the packet switch, which is part of the controller",
    };
    Undo::Vanishes { with: with.to_owned() }
}
