//! The link matrix: how every directed pair of endpoints is connected.
//!
//! Endpoints are the nodes, numbered from zero, and behind them the clients as one endpoint. A
//! fault asks for a *layer*, a matrix of its own; what a link does is its layers put together with
//! [`Link::and`], so that two faults that meet on a link are both felt and either can end first.

pub(crate) mod course;

use serde::{Deserialize, Serialize};

/// A node, numbered from zero. Shown as `n1`, `n2`, ...
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, Default,
)]
#[serde(transparent)]
pub struct NodeId(pub u8);

impl std::fmt::Display for NodeId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "n{}", u32::from(self.0) + 1)
    }
}

/// An end of a link: a node, or the clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Endpoint {
    /// A node.
    Node(NodeId),
    /// All clients, who share one port.
    Clients,
}

impl std::fmt::Display for Endpoint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Node(node) => node.fmt(f),
            Self::Clients => f.write_str("clients"),
        }
    }
}

/// What one directed link does to the packets that enter it. The default passes everything at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(default)]
pub struct Link {
    /// Nothing passes.
    pub drop: bool,
    /// Packets are kept, and delivered in order when the hold ends ("jammed").
    pub hold: bool,
    /// Added to every packet.
    pub delay_us: u32,
    /// Uniform in 0..=jitter, added to the delay. Order is kept unless `reorder_ppm` says
    /// otherwise.
    pub jitter_us: u32,
    /// Packets lost, in parts per million.
    pub loss_ppm: u32,
    /// Packets sent twice.
    pub duplicate_ppm: u32,
    /// Packets that overtake those before them: they skip the delay.
    pub reorder_ppm: u32,
    /// Packets in which one bit is flipped behind the network checksum's back.
    pub corrupt_ppm: u32,
    /// The most bytes a second; nothing is unlimited.
    pub rate_bytes_per_s: Option<u32>,
}

impl Link {
    /// A link on which nothing passes.
    pub const CUT: Self = Self {
        drop: true,
        hold: false,
        delay_us: 0,
        jitter_us: 0,
        loss_ppm: 0,
        duplicate_ppm: 0,
        reorder_ppm: 0,
        corrupt_ppm: 0,
        rate_bytes_per_s: None,
    };

    /// Whether packets pass untouched.
    pub fn is_clear(&self) -> bool {
        *self == Self::default()
    }

    /// Both at once: delays add up, chances combine, the slower rate counts.
    #[must_use]
    pub fn and(&self, other: &Self) -> Self {
        let either = |a: u32, b: u32| {
            let (a, b) = (u64::from(a), u64::from(b));
            (a + b - a * b / 1_000_000).min(1_000_000) as u32
        };
        Self {
            drop: self.drop || other.drop,
            hold: self.hold || other.hold,
            delay_us: self.delay_us.saturating_add(other.delay_us),
            jitter_us: self.jitter_us.saturating_add(other.jitter_us),
            loss_ppm: either(self.loss_ppm, other.loss_ppm),
            duplicate_ppm: either(self.duplicate_ppm, other.duplicate_ppm),
            reorder_ppm: either(self.reorder_ppm, other.reorder_ppm),
            corrupt_ppm: either(self.corrupt_ppm, other.corrupt_ppm),
            rate_bytes_per_s: match (self.rate_bytes_per_s, other.rate_bytes_per_s) {
                (Some(a), Some(b)) => Some(a.min(b)),
                (a, b) => a.or(b),
            },
        }
    }
}

/// A link for every ordered pair of endpoints.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkMatrix {
    nodes: u8,
    links: Vec<Link>,
}

impl LinkMatrix {
    /// Every link clear, for so many nodes and the clients.
    pub fn clear(nodes: u8) -> Self {
        let side = usize::from(nodes) + 1;
        Self { nodes, links: vec![Link::default(); side * side] }
    }

    /// The number of nodes.
    pub fn nodes(&self) -> u8 {
        self.nodes
    }

    /// The endpoints: the nodes, then the clients.
    pub fn endpoints(&self) -> impl Iterator<Item = Endpoint> + use<> {
        (0..self.nodes).map(|node| Endpoint::Node(NodeId(node))).chain([Endpoint::Clients])
    }

    /// An endpoint's place in the matrix.
    pub fn position(&self, endpoint: Endpoint) -> usize {
        match endpoint {
            Endpoint::Node(node) => usize::from(node.0),
            Endpoint::Clients => usize::from(self.nodes),
        }
    }

    /// The link from one endpoint to another.
    pub fn link(&self, from: Endpoint, to: Endpoint) -> &Link {
        &self.links[self.index(from, to)]
    }

    /// The link from one endpoint to another, to be changed.
    pub fn link_mut(&mut self, from: Endpoint, to: Endpoint) -> &mut Link {
        let index = self.index(from, to);
        &mut self.links[index]
    }

    /// Puts a layer over this one, link by link.
    #[must_use]
    pub fn and(&self, layer: &Self) -> Self {
        assert_eq!(self.nodes, layer.nodes, "layers are of one cluster");
        let links = self.links.iter().zip(&layer.links).map(|(a, b)| a.and(b)).collect();
        Self { nodes: self.nodes, links }
    }

    /// Every link that is not clear.
    pub fn touched(&self) -> impl Iterator<Item = (Endpoint, Endpoint, &Link)> {
        let pairs = self.endpoints().flat_map(|from| self.endpoints().map(move |to| (from, to)));
        pairs.zip(&self.links).filter(|(_, link)| !link.is_clear()).map(|((a, b), l)| (a, b, l))
    }

    fn index(&self, from: Endpoint, to: Endpoint) -> usize {
        self.position(from) * (usize::from(self.nodes) + 1) + self.position(to)
    }
}
