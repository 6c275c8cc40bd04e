//! The world as faults see it.

use super::World;
use super::life::failed;
use crate::environment::{
    Capabilities, Clock, Disk, Environment, EnvironmentError, LinkCounters, LinkSeen, MemberChange,
    NodeNews, ProcessSeen,
};
use crate::links::{Endpoint, LinkMatrix, NodeId};
use crate::service::Service;
use std::time::Duration;

impl<P: Service> World<P> {
    fn place(&self, node: NodeId) -> Result<usize, EnvironmentError> {
        let (at, count) = (usize::from(node.0), self.nodes.len());
        let unknown = || failed("find", node, &format!("the world has {count} nodes"));
        (at < count).then_some(at).ok_or_else(unknown)
    }

    fn position(&self, endpoint: Endpoint) -> usize {
        match endpoint {
            Endpoint::Node(node) => usize::from(node.0),
            Endpoint::Clients => self.nodes.len(),
        }
    }
}

impl<P: Service + Send> Environment for World<P> {
    fn nodes(&self) -> u8 {
        self.spec.nodes
    }

    fn capabilities(&self) -> Capabilities {
        let change = MemberChange::Add(NodeId(0));
        let members = match P::member_request(change) {
            Some(_) => Ok(()),
            None => Err("the members of this protocol do not change".to_owned()),
        };
        Capabilities { members, ..Capabilities::ALL }
    }

    fn start(&mut self, node: NodeId) -> Result<ProcessSeen, EnvironmentError> {
        let at = self.place(node)?;
        self.start_node(at)
    }

    fn kill(&mut self, node: NodeId) -> Result<ProcessSeen, EnvironmentError> {
        let at = self.place(node)?;
        self.kill_node(at)
    }

    fn pause(&mut self, node: NodeId) -> Result<ProcessSeen, EnvironmentError> {
        let at = self.place(node)?;
        self.pause_node(at)
    }

    fn resume(&mut self, node: NodeId) -> Result<ProcessSeen, EnvironmentError> {
        let at = self.place(node)?;
        self.resume_node(at)
    }

    fn set_links(&mut self, matrix: &LinkMatrix) -> Result<(), EnvironmentError> {
        assert_eq!(matrix.nodes(), self.spec.nodes, "the matrix is of this world");
        self.network.set(&mut self.queue, matrix, self.now_ns);
        Ok(())
    }

    fn set_clock(&mut self, node: NodeId, clock: &Clock) -> Result<(), EnvironmentError> {
        let at = self.place(node)?;
        let node = &mut self.nodes[at];
        node.clock.set(clock, self.now_ns);
        // Deadlines are the own clock's, and come at another time of the world now.
        node.wake = None;
        if node.is_free() {
            self.look(at);
        }
        let id = NodeId(at as u8);
        self.traces(|tracer, now_ns| tracer.node(now_ns, id, format_args!("clock {clock:?}")));
        Ok(())
    }

    fn clock_ahead_ns(&self, node: NodeId) -> Option<i64> {
        let node = self.nodes.get(usize::from(node.0))?;
        Some(node.clock.ahead_ns(self.now_ns))
    }

    fn set_disk(&mut self, node: NodeId, disk: &Disk) -> Result<(), EnvironmentError> {
        self.place(node)?;
        self.disks.set(node, disk);
        self.traces(|tracer, now_ns| tracer.node(now_ns, node, format_args!("{disk:?}")));
        Ok(())
    }

    fn set_pace(&mut self, node: NodeId, step_us: u32) -> Result<(), EnvironmentError> {
        let at = self.place(node)?;
        self.nodes[at].step_us = step_us;
        self.traces(|tracer, now_ns| {
            tracer.node(now_ns, node, format_args!("takes {step_us} us for every input"));
        });
        Ok(())
    }

    fn change_members(
        &mut self,
        via: NodeId,
        change: MemberChange,
    ) -> Result<(), EnvironmentError> {
        self.place(via)?;
        let (MemberChange::Add(node) | MemberChange::Remove(node)) = change;
        self.place(node)?;
        self.begin_change(via, change)
    }

    fn probe_links(
        &mut self,
        count: u32,
        wait: Duration,
    ) -> Result<Vec<LinkSeen>, EnvironmentError> {
        let wait_ns = u64::try_from(wait.as_nanos()).unwrap_or(u64::MAX);
        Ok(self.network.probe(count, wait_ns, self.now_ns))
    }

    /// They take no time here.
    fn probes_max(&self) -> u32 {
        super::network::PROBES_MAX
    }

    fn link_counters(&self, from: Endpoint, to: Endpoint) -> LinkCounters {
        self.network.counters(self.position(from), self.position(to))
    }

    fn news(&mut self) -> Vec<NodeNews> {
        self.has_news = false;
        std::mem::take(&mut self.news)
    }
}
