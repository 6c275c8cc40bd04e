//! Messages to the other nodes: one connection to each, kept open, with a bounded queue before it.
//!
//! A message may be lost, as the protocol knows. When a peer cannot be reached its queue keeps the
//! *newest* messages: an old heartbeat or vote helps nobody, while the newest one stops an
//! election.
//!
//! A lost connection is opened again within [`BACKOFF_MAX`] and [`CONNECT_TIMEOUT`], because the
//! fault that broke it may end at any moment, and what the run measures then should be the target's
//! recovery.

use super::sockets;
use super::wire::{self, Caller, Hello};
use crate::links::NodeId;
use std::cell::RefCell;
use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Notify;

/// How long a connection may take to open. Below TCP's first retransmission, so that the first
/// attempt after a partition heals is a fresh one.
const CONNECT_TIMEOUT: Duration = Duration::from_millis(250);
const BACKOFF_MIN: Duration = Duration::from_millis(10);
const BACKOFF_MAX: Duration = Duration::from_millis(100);
/// Messages that wait for one peer.
const QUEUE_MESSAGES_MAX: usize = 1024;
/// Bytes that wait for one peer; a single message may be longer.
const QUEUE_BYTES_MAX: usize = 16 << 20;
/// How much is handed to a connection at once.
const WRITE_BYTES: usize = 64 << 10;

/// The ways to all other nodes.
#[derive(Debug)]
pub(super) struct Peers {
    links: Vec<Option<Rc<PeerLink>>>,
}

#[derive(Debug, Default)]
struct PeerLink {
    queue: RefCell<Queue>,
    filled: Notify,
}

/// Frames that wait, oldest first.
#[derive(Debug, Default)]
struct Queue {
    frames: VecDeque<Vec<u8>>,
    bytes: usize,
}

impl Peers {
    /// Starts to connect to everybody but oneself. Must be called within a `LocalSet`.
    pub(super) fn connect(me: NodeId, nodes: &[SocketAddr]) -> Self {
        let link = |(node, address): (u8, &SocketAddr)| {
            let to = NodeId(node);
            if to == me {
                return None;
            }
            let link = Rc::new(PeerLink::default());
            let hello = Hello::new(Caller::Peer { from: me, to });
            tokio::task::spawn_local(keep_connected(*address, hello, Rc::clone(&link)));
            Some(link)
        };
        Self { links: (0..).zip(nodes).map(link).collect() }
    }

    /// Queues a message. One to nobody, or to oneself, or too long to send, is lost.
    pub(super) fn send<M: serde::Serialize>(&self, to: NodeId, message: &M) {
        let Some(Some(link)) = self.links.get(usize::from(to.0)) else { return };
        match wire::frame(message) {
            Ok(frame) if frame.len() <= wire::HEADER_BYTES + wire::PEER_FRAME_BYTES_MAX => {
                link.queue.borrow_mut().push(frame);
                link.filled.notify_one();
            }
            Ok(frame) => eprintln!("a message of {} bytes to {to} is too long", frame.len()),
            Err(error) => eprintln!("a message to {to} cannot be encoded: {error}"),
        }
    }
}

impl Queue {
    fn push(&mut self, frame: Vec<u8>) {
        self.bytes += frame.len();
        self.frames.push_back(frame);
        while self.frames.len() > QUEUE_MESSAGES_MAX
            || (self.bytes > QUEUE_BYTES_MAX && self.frames.len() > 1)
        {
            self.pop();
        }
    }

    fn pop(&mut self) -> Option<Vec<u8>> {
        let frame = self.frames.pop_front()?;
        self.bytes -= frame.len();
        Some(frame)
    }

    /// Moves whole frames to the output until it is well filled.
    fn take_into(&mut self, output: &mut Vec<u8>) {
        while output.len() < WRITE_BYTES
            && let Some(mut frame) = self.pop()
        {
            output.append(&mut frame);
        }
    }
}

async fn keep_connected(address: SocketAddr, hello: Hello, link: Rc<PeerLink>) {
    let mut backoff = BACKOFF_MIN;
    loop {
        if let Ok(stream) = sockets::connect(address, CONNECT_TIMEOUT).await {
            backoff = BACKOFF_MIN;
            // However it ends, the answer is the same: open another.
            let _broken = pump(stream, hello, &link).await;
        }
        tokio::time::sleep(backoff).await;
        backoff = (backoff * 2).min(BACKOFF_MAX);
    }
}

/// Writes the queue to a connection until that breaks.
async fn pump(stream: TcpStream, hello: Hello, link: &PeerLink) -> io::Result<()> {
    let (mut reading, mut writing) = stream.into_split();
    let mut output = wire::frame(&hello).map_err(io::Error::other)?;
    let write = async {
        loop {
            link.queue.borrow_mut().take_into(&mut output);
            if output.is_empty() {
                link.filled.notified().await;
                continue;
            }
            writing.write_all(&output).await?;
            output.clear();
        }
    };
    // Nobody answers here. But a peer that died closes its end, and to notice it only when the next
    // message fails would lose that message and the time until then.
    let mut unexpected = [0; 16];
    tokio::select! {
        ended = write => ended,
        _closed = reading.read(&mut unexpected) => Err(io::ErrorKind::ConnectionReset.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::{QUEUE_BYTES_MAX, QUEUE_MESSAGES_MAX, Queue};

    #[test]
    fn a_full_queue_keeps_the_newest_messages() {
        let mut queue = Queue::default();
        for number in 0..QUEUE_MESSAGES_MAX as u32 + 3 {
            queue.push(number.to_le_bytes().to_vec());
        }
        assert_eq!(queue.frames.len(), QUEUE_MESSAGES_MAX);
        assert_eq!(queue.pop(), Some(3_u32.to_le_bytes().to_vec()));
    }

    #[test]
    fn a_queue_is_bounded_in_bytes_but_never_refuses_the_only_message() {
        let mut queue = Queue::default();
        queue.push(vec![1; QUEUE_BYTES_MAX + 1]);
        assert_eq!(queue.frames.len(), 1);
        queue.push(vec![2; 8]);
        assert_eq!((queue.frames.len(), queue.bytes), (1, 8));
        let mut output = Vec::new();
        queue.take_into(&mut output);
        assert_eq!((output, queue.bytes), (vec![2; 8], 0));
    }
}
