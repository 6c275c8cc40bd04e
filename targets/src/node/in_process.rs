//! A node on a thread of this process: for tests of protocols over real sockets and disks, without
//! processes or namespaces.

use super::{DiskProbe, NodeConfig, NodeError, Status, Wiring, drive, runtime};
use crate::protocol::Protocol;
use std::sync::mpsc;
use std::thread::JoinHandle;
use tokio::sync::oneshot;

/// A running node. To drop it is to kill it.
#[derive(Debug)]
pub struct InProcessNode {
    stop: Option<oneshot::Sender<()>>,
    kill: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<Result<(), NodeError>>>,
    /// What the node tells, oldest first.
    pub told: mpsc::Receiver<Status>,
}

impl InProcessNode {
    /// Starts a node, and returns at once.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start<P: Protocol + 'static>(
        config: NodeConfig,
        protocol_config: P::Config,
        disk_probe: Option<DiskProbe>,
    ) -> Result<Self, NodeError> {
        let (stop, stopped) = oneshot::channel();
        let (kill, killed) = oneshot::channel();
        let (status, told) = mpsc::channel();
        let wiring = Wiring {
            status: Box::new(move |line| status.send(line).is_ok()),
            disk_probe,
            stop: stopped,
        };
        let name = config.me.to_string();
        let live = move || {
            // Dropped after the node, it waits for a write that is under way: the directory is free
            // when the thread has ended.
            let runtime = runtime()?;
            runtime.block_on(async {
                tokio::select! {
                    biased;
                    _ = killed => Ok(()),
                    ended = drive::<P>(config, protocol_config, wiring) => ended,
                }
            })
        };
        let thread = std::thread::Builder::new().name(name).spawn(live);
        let thread = Some(thread.map_err(NodeError::Runtime)?);
        Ok(Self { stop: Some(stop), kill: Some(kill), thread, told })
    }

    /// Stops the node at its next wait and forgets what it had in memory. Gives back what it ended
    /// with if it had ended before. A write that was handed to the system is finished, as it would
    /// be after a SIGKILL.
    pub fn kill(mut self) -> Result<(), NodeError> {
        if let Some(kill) = self.kill.take() {
            let _ended_before = kill.send(());
        }
        self.join()
    }

    /// Stops the node in good order: everything in memory is written first.
    pub fn stop(mut self) -> Result<(), NodeError> {
        if let Some(stop) = self.stop.take() {
            let _ended_before = stop.send(());
        }
        self.join()
    }

    /// Waits until the node ends by itself.
    pub fn wait(mut self) -> Result<(), NodeError> {
        self.join()
    }

    fn join(&mut self) -> Result<(), NodeError> {
        let Some(thread) = self.thread.take() else { return Ok(()) };
        thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    }
}

impl Drop for InProcessNode {
    fn drop(&mut self) {
        drop(self.kill.take());
        if let Some(thread) = self.thread.take() {
            // A panic of the node has been printed by its thread; to repeat it here could abort.
            let _ended = thread.join();
        }
    }
}
