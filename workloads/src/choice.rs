//! Which node a thread asks.
//!
//! ```text
//!   fixed        process p asks node p mod n, always
//!   round-robin  thread t asks node t mod n, then the next one, and so on
//!   random       all alike
//!   weighted     by a weight per node
//!   leader       whoever is believed to lead; random while nobody is
//!   mixed        half of the processes fixed, half to the leader
//! ```
//!
//! *Mixed* is the default. Only the leader is asked: a deposed leader that still answers, or a
//! follower that answers reads from its own state, is never caught. Everybody is asked all the
//! time: the processes whose node is cut off wait for time-outs, and little is acknowledged.
//!
//! Pure: the runner says who leads, from the hints in answers, with [`NodeChoice::set_leader`].

use crate::generator::ThreadId;
use targets::links::NodeId;
use targets::seed::Stream;

/// How nodes are chosen.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub enum Policy {
    /// Every process keeps its node.
    Fixed,
    /// Every thread asks one node after the other.
    RoundRobin,
    /// Every node alike.
    Random,
    /// By weight: one number per node, in order of the nodes; not all zero.
    Weighted(Vec<u32>),
    /// Whoever is believed to lead; any node while nobody is.
    Leader,
    /// Half of the processes keep their node, half follow the leader.
    #[default]
    Mixed,
}

impl std::str::FromStr for Policy {
    type Err = ChoiceError;

    /// The names above; `weighted:3,1,1` gives a weight to each node.
    fn from_str(text: &str) -> Result<Self, ChoiceError> {
        let unknown = || ChoiceError::Unknown { text: text.to_owned() };
        match text {
            "fixed" => Ok(Self::Fixed),
            "round-robin" => Ok(Self::RoundRobin),
            "random" => Ok(Self::Random),
            "leader" => Ok(Self::Leader),
            "mixed" => Ok(Self::Mixed),
            _ => {
                let weights = text.strip_prefix("weighted:").ok_or_else(unknown)?;
                let weights = weights.split(',').map(|weight| weight.trim().parse());
                weights.collect::<Result<_, _>>().map(Self::Weighted).map_err(|_| unknown())
            }
        }
    }
}

/// A policy that cannot be followed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChoiceError {
    /// No policy is called that.
    #[error(
        "`{text}` is no way to choose a node: give fixed, round-robin, random, leader, mixed, or \
         weights as in weighted:3,1,1"
    )]
    Unknown {
        /// What was given.
        text: String,
    },
    /// There is nobody to ask.
    #[error("no nodes to choose from: give at least one")]
    NoNodes,
    /// The weights do not fit the nodes.
    #[error("{weights} weights for {nodes} nodes: give one per node")]
    WeightsPerNode {
        /// How many were given.
        weights: usize,
        /// How many are needed.
        nodes: u8,
    },
    /// No node can be chosen.
    #[error("all node weights are zero: give at least one node a weight")]
    NoWeight,
}

/// Chooses a node for every operation.
#[derive(Clone, Debug)]
pub struct NodeChoice {
    policy: Policy,
    nodes: u8,
    leader: Option<NodeId>,
    stream: Stream,
    /// By thread: how many nodes it went on, for round robin.
    steps: Vec<u32>,
}

impl NodeChoice {
    /// A choice among so many nodes.
    ///
    /// # Errors
    /// When the policy and the nodes do not fit.
    pub fn new(policy: Policy, nodes: u8, stream: Stream) -> Result<Self, ChoiceError> {
        if nodes == 0 {
            return Err(ChoiceError::NoNodes);
        }
        if let Policy::Weighted(weights) = &policy {
            if weights.len() != usize::from(nodes) {
                return Err(ChoiceError::WeightsPerNode { weights: weights.len(), nodes });
            }
            if weights.iter().all(|weight| *weight == 0) {
                return Err(ChoiceError::NoWeight);
            }
        }
        Ok(Self { policy, nodes, leader: None, stream, steps: Vec::new() })
    }

    /// Who is believed to lead, if anybody. A node that does not exist is nobody: hints come from
    /// the system on trial.
    pub fn set_leader(&mut self, leader: Option<NodeId>) {
        self.leader = leader.filter(|node| node.0 < self.nodes);
    }

    /// The node that this thread asks now, acting under this process number.
    pub fn choose(&mut self, thread: ThreadId, process: u32) -> NodeId {
        match &self.policy {
            Policy::Fixed => self.wrap(process),
            Policy::RoundRobin => {
                let step = self.step(thread);
                self.wrap(thread.wrapping_add(step))
            }
            Policy::Random => self.any(),
            Policy::Weighted(weights) => weighted(weights, &mut self.stream),
            Policy::Leader => self.leader_or_any(),
            // The even ones count on their own: even numbers modulo an even number of nodes would
            // leave out every second node.
            Policy::Mixed if process.is_multiple_of(2) => self.wrap(process / 2),
            Policy::Mixed => self.leader_or_any(),
        }
    }

    fn wrap(&self, number: u32) -> NodeId {
        let node = number % u32::from(self.nodes);
        NodeId(u8::try_from(node).expect("a remainder below the number of nodes"))
    }

    fn any(&mut self) -> NodeId {
        let node = self.stream.below(u64::from(self.nodes));
        NodeId(u8::try_from(node).expect("a draw below the number of nodes"))
    }

    fn leader_or_any(&mut self) -> NodeId {
        match self.leader {
            Some(leader) => leader,
            None => self.any(),
        }
    }

    /// How many operations this thread began before this one.
    fn step(&mut self, thread: ThreadId) -> u32 {
        let thread = thread as usize;
        if self.steps.len() <= thread {
            self.steps.resize(thread + 1, 0);
        }
        let step = self.steps[thread];
        self.steps[thread] = step.wrapping_add(1);
        step
    }
}

/// A node drawn by weight. The weights are not all zero.
fn weighted(weights: &[u32], stream: &mut Stream) -> NodeId {
    let total: u64 = weights.iter().map(|weight| u64::from(*weight)).sum();
    let mut point = stream.below(total);
    for (node, weight) in (0..=u8::MAX).zip(weights) {
        let weight = u64::from(*weight);
        if point < weight {
            return NodeId(node);
        }
        point -= weight;
    }
    unreachable!("the point lies below the sum of the weights");
}
