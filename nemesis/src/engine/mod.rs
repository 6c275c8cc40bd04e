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
//! * a node that died by itself belongs to nobody. That is a finding: it stays dead until the heal.
//!
//! **The leader** is whoever was last to say so in the highest term. A fault that goes for the
//! leader waits a moment for one to be known, and then takes a node by lot and says that.

mod install;
mod nodes;
mod observe;
mod undo;

use crate::fault::Fault;
use crate::ledger::{EntryId, Ledger, LedgerError, Undo};
use crate::plan::PlannedFault;
use crate::script::Script;
use nodes::NodeState;
use observe::Observation;
use serde::Serialize;
use serde_json::Value;
use std::collections::VecDeque;
use std::time::{Duration, Instant};
use targets::environment::{Environment, EnvironmentError, NodeEvent, NodeNews};
use targets::links::{LinkMatrix, NodeId};
use targets::protocol::Note;
use targets::seed::Stream;

/// How long a fault that goes for the leader waits for one to be known.
const LEADER_PATIENCE_MS: u64 = 500;

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

/// What happened, and when.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    /// On the controller's monotonic clock.
    pub at: Instant,
    /// What.
    pub what: Happened,
}

/// How patient the engine is.
#[derive(Clone, Copy, Debug)]
pub struct EngineOptions {
    /// How long a probe may take over a clear link.
    pub probe_wait: Duration,
    /// How long a node that was started may take to serve.
    pub serving_deadline: Duration,
}

impl Default for EngineOptions {
    fn default() -> Self {
        Self {
            probe_wait: Duration::from_millis(20),
            serving_deadline: Duration::from_millis(5000),
        }
    }
}

/// What an active fault is doing.
#[derive(Debug)]
enum Stage {
    /// It waits for a leader to be known, or for others to leave room for it.
    Aiming { leader_until_ms: u64, latest_ms: u64 },
    /// It holds.
    Holding,
    /// Its nodes are being brought back.
    Undoing { links: Option<Observation>, nodes: Vec<NodeId>, deadline_ms: u64 },
    /// It could not be undone.
    Failed,
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
    script: Option<Script>,
    /// Whether it has been reported as installed or indeterminate.
    reported: bool,
    /// When a start that failed is tried again.
    retry_ms: u64,
    entries: Vec<EntryId>,
}

/// Applies a plan. See the module's page.
pub struct Engine {
    environment: Box<dyn Environment>,
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
    reports: Vec<Report>,
    now_ms: u64,
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut debug = f.debug_struct("Engine");
        debug.field("waiting", &self.waiting.len()).field("active", &self.active);
        debug.field("nodes", &self.nodes).field("leader", &self.leader).finish_non_exhaustive()
    }
}

impl Engine {
    /// An engine for an environment whose nodes all run. The stream decides what falls to a lot.
    ///
    /// # Errors
    ///
    /// Nodes that could outlive the run could not be written into the ledger.
    pub fn new(
        environment: Box<dyn Environment>,
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
            reports: Vec::new(),
            now_ms: 0,
        };
        for node in engine.all_nodes() {
            engine.remember_orphan(node)?;
        }
        Ok(engine)
    }

    /// Starts and stops what is due, and says what happened since the last call, oldest first.
    ///
    /// To be called every few milliseconds. It may block for a round of probes: some 20 ms, longer
    /// where delays are measured.
    pub fn poll(&mut self, since_main_start: Duration) -> Vec<Report> {
        self.now_ms = since_main_start.as_millis() as u64;
        self.collect_news();
        // First, while the news are fresh: the others may wait for probes.
        self.run_scripts();
        self.start_due();
        self.aim_due();
        self.stop_due();
        self.progress();
        std::mem::take(&mut self.reports)
    }

    /// Whether a fault still waits for its window, holds, or is being undone.
    pub fn is_busy(&self) -> bool {
        let failed = |active: &Active| matches!(active.stage, Stage::Failed);
        !self.waiting.is_empty() || self.active.iter().any(|active| !failed(active))
    }

    /// Gives the environment back. To be called after [`Engine::heal`].
    pub fn into_environment(self) -> Box<dyn Environment> {
        self.environment
    }

    fn all_nodes(&self) -> impl Iterator<Item = NodeId> + use<> {
        (0..self.nodes.len() as u8).map(NodeId)
    }

    fn report(&mut self, what: Happened) {
        self.reports.push(Report { at: Instant::now(), what });
    }

    fn report_step(&mut self, planned: &PlannedFault, step: Step, text: String, seen: Value) {
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
                NodeEvent::Died { how } => {
                    self.died(node, state);
                    Happened::Died { node, how }
                }
            };
            self.reports.push(Report { at: news.at, what });
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
        let wait = self.options.probe_wait;
        let focus = observe::Focus { layer, effective: &effective, when, down: &down, wait };
        observe::observe(self.environment.as_mut(), &focus)
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
        _ => "the packet switch, which is part of the controller",
    };
    Undo::Vanishes { with: with.to_owned() }
}
