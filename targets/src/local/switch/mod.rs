//! The switch: one thread between the packet sockets of all ports.
//!
//! ```text
//!   ports (packet sockets) --recv--> Fabric --send--> ports
//!                                      ^
//!   Switch::set -- matrix, ack --------+       one message sets all links at once
//! ```
//!
//! [`fabric`] and [`link`] decide, this file does the I/O. What waits in a port's socket when the
//! links are set is judged by the new setting: when [`Switch::set`] returns, no packet passes under
//! the old one any more.

mod fabric;
mod packet;

use crate::environment::LinkCounters;
use crate::links::LinkMatrix;
use crate::local::sys;
use crate::seed::Seed;
use fabric::{Counters, Fabric, Offered};
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, ppoll};
use nix::sys::socket::{MsgFlags, recv, send};
use nix::sys::time::{TimeSpec, TimeValLike};
use std::io::{Read, Write};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::thread::JoinHandle;
use std::time::Instant;

/// Packets taken from one port before the others, the clock and commands have their turn.
const BURST_MAX: usize = 64;
/// The largest packet: 64 KiB of segments with their headers.
const PACKET_BYTES_MAX: usize = 68 << 10;
/// How far the kernel may put off a wake-up to save power. Its default of 50 µs would show in
/// delays.
const TIMER_SLACK_NS: u64 = 1;

/// The switch has died: its thread has panicked.
#[derive(Debug, thiserror::Error)]
#[error("the packet switch has died")]
pub(super) struct SwitchDied;

struct Command {
    matrix: LinkMatrix,
    done: SyncSender<()>,
}

/// A running switch. Dropping it stops it.
#[derive(Debug)]
pub(super) struct Switch {
    commands: Option<Sender<Command>>,
    /// Wakes the thread; closing it ends the thread.
    wake: Option<UnixStream>,
    thread: Option<JoinHandle<()>>,
    counters: Arc<[Counters]>,
    overflows: Arc<AtomicU64>,
    ports: usize,
}

impl Switch {
    /// Starts a switch between these ports, all links clear.
    pub(super) fn start(ports: Vec<OwnedFd>, nodes: u8, seed: Seed) -> std::io::Result<Self> {
        let fabric = Fabric::new(nodes, seed);
        assert_eq!(fabric.ports(), ports.len(), "every endpoint has a port");
        let (wake, woken) = UnixStream::pair()?;
        wake.set_nonblocking(true)?;
        woken.set_nonblocking(true)?;
        let (commands, receiver) = channel();
        let counters = fabric.counters();
        let overflows = Arc::new(AtomicU64::new(0));
        let number_of_ports = ports.len();
        let rim = Rim {
            ports,
            fabric,
            commands: receiver,
            woken,
            started: Instant::now(),
            overflows: Arc::clone(&overflows),
        };
        let thread =
            std::thread::Builder::new().name("switch".to_owned()).spawn(move || rim.serve())?;
        Ok(Self {
            commands: Some(commands),
            wake: Some(wake),
            thread: Some(thread),
            counters,
            overflows,
            ports: number_of_ports,
        })
    }

    /// Sets all links at once. Returns when it is done.
    pub(super) fn set(&self, matrix: &LinkMatrix) -> Result<(), SwitchDied> {
        let (done, acknowledged) = sync_channel(1);
        let command = Command { matrix: matrix.clone(), done };
        self.commands.as_ref().ok_or(SwitchDied)?.send(command).map_err(|_| SwitchDied)?;
        // A full pipe means that the thread has been woken already.
        let _ = self.wake.as_ref().ok_or(SwitchDied)?.write(&[1]);
        acknowledged.recv().map_err(|_| SwitchDied)
    }

    /// What a link has handled, by positions.
    pub(super) fn counters(&self, from: usize, to: usize) -> LinkCounters {
        self.counters[from * self.ports + to].read()
    }

    /// Packets that nobody asked to drop: the machine was too busy for the switch to keep up.
    pub(super) fn overflows(&self) -> u64 {
        self.overflows.load(Ordering::Relaxed)
    }
}

impl Drop for Switch {
    fn drop(&mut self) {
        self.commands = None;
        self.wake = None;
        if let Some(thread) = self.thread.take() {
            // A panic has been reported by its own message; there is nothing left to stop.
            let _ = thread.join();
        }
    }
}

/// The thread's side.
struct Rim {
    ports: Vec<OwnedFd>,
    fabric: Fabric,
    commands: Receiver<Command>,
    woken: UnixStream,
    started: Instant,
    overflows: Arc<AtomicU64>,
}

impl Rim {
    fn serve(mut self) {
        let _ = nix::sys::prctl::set_timerslack(TIMER_SLACK_NS);
        let mut buffer = vec![0; PACKET_BYTES_MAX];
        loop {
            let ready = self.wait();
            if ready[0] && !self.obey() {
                return;
            }
            self.deliver_due();
            for (port, _) in ready[1..].iter().enumerate().filter(|(_, is_ready)| **is_ready) {
                self.forward(port, &mut buffer);
                self.deliver_due();
            }
        }
    }

    /// Waits for a command, a packet, or the time of the next delivery; says what is ready.
    fn wait(&self) -> Vec<bool> {
        let descriptors =
            std::iter::once(self.woken.as_fd()).chain(self.ports.iter().map(AsFd::as_fd));
        let mut polled: Vec<PollFd<'_>> =
            descriptors.map(|fd| PollFd::new(fd, PollFlags::POLLIN)).collect();
        let timeout = self.fabric.next_due_ns().map(|at_ns| {
            TimeSpec::nanoseconds(
                at_ns.saturating_sub(self.now_ns()).try_into().unwrap_or(i64::MAX),
            )
        });
        match ppoll(&mut polled, timeout, None) {
            Ok(_) | Err(Errno::EINTR) => {}
            Err(errno) => panic!("the switch's ppoll has valid arguments: {errno}"),
        }
        polled.iter().map(|fd| fd.any().unwrap_or(false)).collect()
    }

    /// Does what was asked; says whether to go on.
    fn obey(&mut self) -> bool {
        let mut bytes = [0; 64];
        if let Ok(0) = self.woken.read(&mut bytes) {
            return false;
        }
        while let Ok(command) = self.commands.try_recv() {
            let now_ns = self.now_ns();
            self.fabric.set(&command.matrix, now_ns);
            // What was under way on healed links goes out before the caller learns of it.
            self.deliver_due();
            let _ = command.done.send(());
        }
        true
    }

    fn forward(&mut self, from: usize, buffer: &mut [u8]) {
        let flags = MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_TRUNC;
        for _ in 0..BURST_MAX {
            let Ok(length) = recv(self.ports[from].as_raw_fd(), buffer, flags) else { return };
            let Some(packet) = buffer.get(..length) else {
                self.overflowed(1);
                continue;
            };
            let Some(to) = packet::destination(packet, self.ports.len()) else { continue };
            let now_ns = self.now_ns();
            if self.fabric.offer(from, to, now_ns, packet) == Offered::AtOnce {
                self.send(to, packet);
            }
        }
        self.overflowed(sys::packets_overflowed(self.ports[from].as_fd()));
    }

    fn deliver_due(&mut self) {
        let now_ns = self.now_ns();
        while let Some((to, packet)) = self.fabric.take_due(now_ns) {
            self.send(to, &packet);
        }
    }

    fn send(&self, to: usize, packet: &[u8]) {
        if send(self.ports[to].as_raw_fd(), packet, MsgFlags::MSG_DONTWAIT).is_err() {
            self.overflowed(1);
        }
    }

    fn overflowed(&self, packets: u32) {
        if packets > 0 {
            self.overflows.fetch_add(u64::from(packets), Ordering::Relaxed);
        }
    }

    fn now_ns(&self) -> u64 {
        self.started.elapsed().as_nanos() as u64
    }
}
