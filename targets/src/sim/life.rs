//! How nodes begin and end: start, boot, pause, resume, kill, death.

use super::World;
use super::node::Activity;
use super::queue::What;
use crate::environment::{EnvironmentError, NodeEvent, NodeNews, ProcessSeen};
use crate::links::NodeId;
use crate::protocol::Input;
use crate::service::Service;

/// The most news that wait for whoever drives the world.
const NEWS_MAX: usize = 1 << 16;

impl<P: Service> World<P> {
    pub(super) fn start_node(&mut self, at: usize) -> Result<ProcessSeen, EnvironmentError> {
        let node = &mut self.nodes[at];
        if node.activity != Activity::Gone {
            return Err(failed("start", node.id, "it runs already"));
        }
        node.starts += 1;
        let (low_ms, high_ms) = self.spec.calm.boot_ms;
        let takes_ms = self.boots[at].between(u64::from(low_ms), u64::from(high_ms));
        node.activity = Activity::Booting;
        node.done =
            self.queue.plan(self.now_ns + takes_ms * 1_000_000, What::Done { node: at as u8 });
        let (id, pid) = (node.id, node.starts);
        self.traces(|tracer, now_ns| tracer.node(now_ns, id, format_args!("started")));
        Ok(ProcessSeen::Started { pid })
    }

    /// A node that was started reads its disk and serves.
    pub(super) fn boot(&mut self, at: usize) {
        let node = &mut self.nodes[at];
        let id = node.id;
        let records = match self.disks.recover(id) {
            Ok(records) => records,
            Err(why) => {
                self.die(at, format!("exit code 1: {why}"));
                return;
            }
        };
        let count = records.len();
        node.entropy = self.spec.seed.stream(&format!("node {id} boot {}", node.starts));
        node.protocol = Some(P::recover(id, self.spec.config.clone(), records));
        self.traces(|tracer, now_ns| {
            tracer.node(now_ns, id, format_args!("serves, records: {count}"));
        });
        self.tell(at, NodeEvent::Serving);
        self.step(at, Input::Start);
        self.finish_turn(at);
    }

    pub(super) fn kill_node(&mut self, at: usize) -> Result<ProcessSeen, EnvironmentError> {
        let node = &self.nodes[at];
        if node.activity == Activity::Gone {
            if node.starts == 0 {
                return Err(failed("kill", node.id, "it has never been started"));
            }
        } else {
            self.fall(at, "signal 9".to_owned());
        }
        Ok(ProcessSeen::Gone { how: self.nodes[at].how_gone.clone() })
    }

    /// A node ends itself.
    pub(super) fn die(&mut self, at: usize, how: String) {
        self.fall(at, how.clone());
        self.tell(at, NodeEvent::Died { how });
    }

    /// A node's process is gone: its memory at once, its connections as soon as their other ends
    /// hear of it, and of its disk what the disk says.
    fn fall(&mut self, at: usize, how: String) {
        let id = NodeId(at as u8);
        self.traces(|tracer, now_ns| tracer.gone(now_ns, id, &how));
        let node = &mut self.nodes[at];
        node.forget();
        node.how_gone = how;
        for place in self.disks.crash(id) {
            self.places.count(place);
            self.traces(|tracer, now_ns| tracer.node(now_ns, id, format_args!("{place}")));
        }
        self.break_connections(at);
    }

    pub(super) fn pause_node(&mut self, at: usize) -> Result<ProcessSeen, EnvironmentError> {
        let node = &mut self.nodes[at];
        if node.activity == Activity::Gone {
            return Err(failed("pause", node.id, "it does not run"));
        }
        let was_paused = std::mem::replace(&mut node.is_paused, true);
        let (id, pid) = (node.id, node.starts);
        if !was_paused {
            self.traces(|tracer, now_ns| tracer.node(now_ns, id, format_args!("paused")));
        }
        Ok(ProcessSeen::Stopped { pid })
    }

    pub(super) fn resume_node(&mut self, at: usize) -> Result<ProcessSeen, EnvironmentError> {
        let node = &mut self.nodes[at];
        if node.activity == Activity::Gone {
            return Err(failed("resume", node.id, "it does not run"));
        }
        let (id, pid) = (node.id, node.starts);
        if std::mem::take(&mut node.is_paused) {
            let is_overdue = std::mem::take(&mut node.is_overdue);
            self.traces(|tracer, now_ns| tracer.node(now_ns, id, format_args!("resumed")));
            if is_overdue {
                self.go_on(at);
            } else {
                self.look(at);
            }
            if self.nodes[at].is_free() {
                self.flush_held(at);
            }
        }
        Ok(ProcessSeen::Started { pid })
    }

    /// Adds to the news.
    pub(super) fn tell(&mut self, at: usize, what: NodeEvent) {
        let node = NodeId(at as u8);
        self.has_news = true;
        if self.news.len() < NEWS_MAX {
            self.news.push(NodeNews { node, what });
        }
    }
}

/// A primitive that could not do its work.
pub(super) fn failed(what: &str, node: NodeId, reason: &str) -> EnvironmentError {
    EnvironmentError::Failed { what: format!("{what} {node}"), reason: reason.to_owned() }
}
