//! Nodes as child processes: start, kill, pause, resume, and what they say.
//!
//! ```text
//!   controller --start--> nursery thread --fork, exec--> node     (in its network namespace)
//!        ^                                                |  |
//!        +--- news <--- status lines <--- stdout pipe ----+  +--- stderr pipe ---> stderr.log
//! ```
//!
//! Every node is a session of its own, so that a terminal's Ctrl-C does not reach it, and asks for
//! SIGKILL when its parent dies. The kernel counts the *thread* that forked as the parent: nodes
//! are therefore forked by one thread that lives as long as they do, never by a short-lived caller.
//!
//! What a node prints is hostile: lines and logs are bounded, see [`super::output`].

use super::output::{NewsDesk, copy_stderr, read_status};
use super::sys;
use crate::environment::{EnvironmentError, NodeEvent, ProcessSeen};
use crate::links::NodeId;
use nix::errno::Errno;
use nix::sched::{CloneFlags, setns};
use nix::sys::prctl;
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{Id, WaitPidFlag, WaitStatus, waitid};
use nix::unistd::{Pid, getpid, getppid, setsid};
use std::ffi::OsString;
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::mpsc::{Sender, SyncSender, channel, sync_channel};
use std::time::{Duration, Instant};

/// How long the kernel may take to stop, continue or bury a process: a thread that waits for a slow
/// disk cannot be stopped before the disk has answered.
const SIGNAL_WAIT: Duration = Duration::from_secs(5);
const POLL_INTERVAL: Duration = Duration::from_micros(200);

/// How a node's program is called: `program args... FILE`.
#[derive(Clone, Debug)]
pub(super) struct Program {
    pub(super) path: PathBuf,
    pub(super) args: Vec<OsString>,
    pub(super) environment: Vec<(OsString, OsString)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Never,
    Running(Pid),
    Paused(Pid),
    Gone,
}

/// One node's place: its folder, its network, and its process if it has one.
#[derive(Debug)]
pub(super) struct Node {
    id: NodeId,
    folder: PathBuf,
    network: Option<Arc<OwnedFd>>,
    state: State,
    how_gone: String,
    /// Counts starts, so that the last words of one process are not taken for its successor's.
    generation: u64,
}

impl Node {
    /// A node that has never run; its folder holds `node_file`.
    pub(super) fn new(id: NodeId, folder: PathBuf, network: Option<Arc<OwnedFd>>) -> Self {
        let how_gone = String::new();
        Self { id, folder, network, state: State::Never, how_gone, generation: 0 }
    }

    /// How often it has been started.
    pub(super) fn generation(&self) -> u64 {
        self.generation
    }

    /// The process, if there is one.
    fn pid(&self) -> Option<Pid> {
        match self.state {
            State::Running(pid) | State::Paused(pid) => Some(pid),
            State::Never | State::Gone => None,
        }
    }

    /// Starts the node's process.
    pub(super) fn start(
        &mut self,
        program: &Program,
        nursery: &Nursery,
        desk: &Arc<NewsDesk>,
    ) -> Result<ProcessSeen, EnvironmentError> {
        if let Some(pid) = self.pid() {
            return Err(self.failed("start", &format!("it runs already as process {pid}")));
        }
        let mut command = Command::new(&program.path);
        command.args(&program.args).arg(node_file(&self.folder)).current_dir(&self.folder);
        command.envs(program.environment.iter().map(|(name, value)| (name, value)));
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        prepare_child(&mut command, self.network.clone());
        let mut child = nursery.bear(command).map_err(|error| {
            self.failed("start", &format!("{}: {error}", program.path.display()))
        })?;
        let pid = Pid::from_raw(child.id().cast_signed());
        self.state = State::Running(pid);
        self.generation += 1;
        desk.born(self.id, self.generation);
        let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
        let streams = stdout.zip(stderr).ok_or_else(|| self.failed("start", "it has no pipes"))?;
        let log = self.folder.join("stderr.log");
        let (id, generation, desk) = (self.id, self.generation, Arc::clone(desk));
        let reader = |name: &str| std::thread::Builder::new().name(format!("{id} {name}"));
        let threads = reader("status")
            .spawn(move || read_status(streams.0, id, generation, &desk))
            .and_then(|_| reader("stderr").spawn(move || copy_stderr(streams.1, &log)));
        if let Err(error) = threads {
            // A node that nobody listens to would block on its full pipe.
            self.kill()?;
            return Err(self.failed("start", &format!("no thread for its output: {error}")));
        }
        Ok(ProcessSeen::Started { pid: pid.as_raw() })
    }

    /// Kills the process and waits until the kernel has buried it.
    pub(super) fn kill(&mut self) -> Result<ProcessSeen, EnvironmentError> {
        let Some(pid) = self.pid() else {
            return match self.state {
                State::Never => Err(self.failed("kill", "it has never been started")),
                _ => Ok(ProcessSeen::Gone { how: self.how_gone.clone() }),
            };
        };
        // ESRCH cannot be: the process is ours and has not been waited for.
        let _ = kill(pid, Signal::SIGKILL);
        let status = self.await_status("kill", pid, WaitPidFlag::WEXITED)?;
        Ok(ProcessSeen::Gone { how: self.bury(status) })
    }

    /// Stops all threads of the process.
    pub(super) fn pause(&mut self) -> Result<ProcessSeen, EnvironmentError> {
        match self.state {
            State::Paused(pid) => return Ok(ProcessSeen::Stopped { pid: pid.as_raw() }),
            State::Never | State::Gone => return Err(self.failed("pause", "it does not run")),
            State::Running(_) => {}
        }
        let pid = self.signal("pause", Signal::SIGSTOP, WaitPidFlag::WSTOPPED)?;
        self.state = State::Paused(pid);
        Ok(ProcessSeen::Stopped { pid: pid.as_raw() })
    }

    /// Lets the process go on.
    pub(super) fn resume(&mut self) -> Result<ProcessSeen, EnvironmentError> {
        match self.state {
            State::Running(pid) => return Ok(ProcessSeen::Started { pid: pid.as_raw() }),
            State::Never | State::Gone => return Err(self.failed("resume", "it does not run")),
            State::Paused(_) => {}
        }
        let pid = self.signal("resume", Signal::SIGCONT, WaitPidFlag::WCONTINUED)?;
        self.state = State::Running(pid);
        Ok(ProcessSeen::Started { pid: pid.as_raw() })
    }

    /// Whether the process has died by itself since this was last asked, and how.
    pub(super) fn death(&mut self) -> Option<NodeEvent> {
        let pid = self.pid()?;
        let flags = WaitPidFlag::WEXITED | WaitPidFlag::WNOHANG;
        let status = waitid(Id::Pid(pid), flags).ok()?;
        (status != WaitStatus::StillAlive).then(|| NodeEvent::Died { how: self.bury(status) })
    }

    fn signal(
        &mut self,
        what: &str,
        signal: Signal,
        awaited: WaitPidFlag,
    ) -> Result<Pid, EnvironmentError> {
        let pid = self.pid().ok_or_else(|| self.failed(what, "it does not run"))?;
        let _ = kill(pid, signal);
        // The state is looked at, not consumed: a death is left for `death` to find.
        let flags = awaited | WaitPidFlag::WEXITED | WaitPidFlag::WNOWAIT;
        match self.await_status(what, pid, flags)? {
            WaitStatus::Stopped(..) | WaitStatus::Continued(_) => Ok(pid),
            _ => Err(self.failed(what, "it died meanwhile")),
        }
    }

    fn await_status(
        &self,
        what: &str,
        pid: Pid,
        flags: WaitPidFlag,
    ) -> Result<WaitStatus, EnvironmentError> {
        let deadline = Instant::now() + SIGNAL_WAIT;
        loop {
            match waitid(Id::Pid(pid), flags | WaitPidFlag::WNOHANG) {
                Ok(WaitStatus::StillAlive) | Err(Errno::EINTR) => {}
                Ok(status) => return Ok(status),
                Err(errno) => return Err(self.failed(what, errno.desc())),
            }
            if Instant::now() > deadline {
                let waited = SIGNAL_WAIT.as_secs();
                let reason = format!("process {pid} has not obeyed the signal within {waited} s");
                return Err(self.failed(what, &reason));
            }
            std::thread::sleep(POLL_INTERVAL);
        }
    }

    fn bury(&mut self, status: WaitStatus) -> String {
        self.how_gone = match status {
            WaitStatus::Exited(_, code) => format!("exit code {code}"),
            WaitStatus::Signaled(_, signal, _) => format!("signal {}", signal as i32),
            other => format!("{other:?}"),
        };
        self.state = State::Gone;
        self.how_gone.clone()
    }

    fn failed(&self, what: &str, reason: &str) -> EnvironmentError {
        EnvironmentError::Failed { what: format!("{what} {}", self.id), reason: reason.to_owned() }
    }
}

/// The file that tells a node who it is.
pub(super) fn node_file(folder: &Path) -> PathBuf {
    folder.join("node.conf")
}

/// What happens in a child between fork and exec: system calls only.
fn prepare_child(command: &mut Command, network: Option<Arc<OwnedFd>>) {
    let parent = getpid();
    sys::between_fork_and_exec(command, move || {
        if let Some(namespace) = &network {
            setns(namespace, CloneFlags::CLONE_NEWNET)?;
        }
        setsid()?;
        sys::drop_capabilities();
        prctl::set_no_new_privs()?;
        prctl::set_pdeathsig(Signal::SIGKILL)?;
        // A parent that died before the last line has left us to another.
        if getppid() == parent { Ok(()) } else { Err(io::Error::from(Errno::ECHILD)) }
    });
}

/// The thread that forks nodes. It ends when it is dropped, and all nodes that still run end with
/// it.
#[derive(Debug)]
pub(super) struct Nursery(Sender<(Command, SyncSender<io::Result<Child>>)>);

impl Nursery {
    /// Starts the thread.
    pub(super) fn open() -> io::Result<Self> {
        let (sender, receiver) = channel::<(Command, SyncSender<io::Result<Child>>)>();
        std::thread::Builder::new().name("nursery".to_owned()).spawn(move || {
            while let Ok((mut command, reply)) = receiver.recv() {
                // Nobody waits for the answer only if the controller is going down.
                let _ = reply.send(command.spawn());
            }
        })?;
        Ok(Self(sender))
    }

    fn bear(&self, command: Command) -> io::Result<Child> {
        let (reply, answer) = sync_channel(1);
        let gone = || io::Error::other("the thread that forks nodes has died");
        self.0.send((command, reply)).map_err(|_| gone())?;
        answer.recv().map_err(|_| gone())?
    }
}

/// Buries orphans: process 1 inherits the children of nodes that died. Its own children share its
/// session and are left to whoever started them; nodes and their children are sessions of their
/// own.
pub(super) fn bury_orphans(nodes: &[Node]) {
    let flags = WaitPidFlag::WEXITED | WaitPidFlag::WNOHANG;
    while let Ok(status) = waitid(Id::All, flags | WaitPidFlag::WNOWAIT) {
        let Some(pid) = status.pid() else { return };
        let is_node = nodes.iter().any(|node| node.pid() == Some(pid));
        let is_ours = sys::session_of(pid) == sys::session_of(getpid());
        if is_node || is_ours || waitid(Id::Pid(pid), flags).is_err() {
            return;
        }
    }
}
