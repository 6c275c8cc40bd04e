//! Who calls: peers with messages, clients with requests, and strangers.
//!
//! ```text
//!   accept -> hello -> peer    messages -> inbox of peers
//!                   -> client  requests -> inbox of clients
//!                              replies  <- buffer of the connection <- driver
//!                   -> none of them: closed
//! ```
//!
//! Everything a caller can fill is bounded. A full inbox, or too many requests without an answer,
//! stops the reading (and TCP then stops the caller); a caller who does not read his answers is cut
//! off. A broken connection forgets its requests: replies to them go nowhere.
//!
//! A [`RequestId`] is the connection and the caller's own number, so no table of open requests is
//! needed. The numbers must rise: a protocol may take an id as a name that comes once.

use super::sockets;
use super::wire::{
    self, CLIENT_FRAME_BYTES_MAX, Caller, FrameDecoder, HELLO_BYTES_MAX, Hello,
    PEER_FRAME_BYTES_MAX, RequestNumber,
};
use crate::links::NodeId;
use crate::protocol::RequestId;
use futures_util::StreamExt;
use serde::{Serialize, de::DeserializeOwned};
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, mpsc};
use tokio_util::codec::FramedRead;

/// How long a caller may take to say who he is.
const HELLO_TIMEOUT: Duration = Duration::from_secs(1);
/// Connections at a time: a thousand workers, each replacing his now and then.
const CONNECTIONS_MAX: usize = 4096;
/// Requests without an answer on one connection.
const UNANSWERED_MAX: usize = 1024;
/// Answers that a client has not read, in bytes.
const UNREAD_BYTES_MAX: usize = 16 << 20;
/// The pause after the system refused to accept, most likely for want of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(20);

type Frames = FramedRead<OwnedReadHalf, FrameDecoder>;

/// Where accepted messages and requests go.
#[derive(Debug)]
pub(super) struct Inboxes<M, R> {
    pub(super) messages: mpsc::Sender<(NodeId, M)>,
    pub(super) requests: mpsc::Sender<(RequestId, R)>,
}

/// Everybody who is connected to this node.
#[derive(Debug)]
pub(super) struct Callers {
    me: NodeId,
    nodes: usize,
    connections: Cell<usize>,
    next_client: Cell<u32>,
    clients: RefCell<BTreeMap<u32, Rc<ClientLink>>>,
    /// Closes a peer's connection when the peer has opened a newer one.
    peers: RefCell<BTreeMap<NodeId, Rc<Notify>>>,
}

/// The way back to a client.
#[derive(Debug, Default)]
struct ClientLink {
    unread: RefCell<Vec<u8>>,
    filled: Notify,
    unanswered: Cell<usize>,
    answered: Notify,
}

impl Callers {
    pub(super) fn new(me: NodeId, nodes: usize) -> Rc<Self> {
        Rc::new(Self {
            me,
            nodes,
            connections: Cell::new(0),
            next_client: Cell::new(0),
            clients: RefCell::default(),
            peers: RefCell::default(),
        })
    }

    /// Answers a request; nobody hears it if the connection is gone.
    pub(super) fn reply<R: Serialize>(&self, id: RequestId, response: &R) {
        let (client, number) = split_id(id);
        let clients = self.clients.borrow();
        let Some(link) = clients.get(&client) else { return };
        link.unanswered.set(link.unanswered.get().saturating_sub(1));
        link.answered.notify_one();
        let mut unread = link.unread.borrow_mut();
        if let Err(error) = wire::append_frame(&(number, response), &mut unread) {
            eprintln!("an answer cannot be encoded: {error}");
        }
        link.filled.notify_one();
    }

    /// A caller of the cluster whom this node may believe.
    fn knows(&self, from: NodeId, to: NodeId) -> bool {
        to == self.me && from != self.me && usize::from(from.0) < self.nodes
    }
}

fn join_id(client: u32, number: RequestNumber) -> RequestId {
    RequestId(u64::from(client) << 32 | u64::from(number))
}

fn split_id(id: RequestId) -> (u32, RequestNumber) {
    ((id.0 >> 32) as u32, id.0 as u32)
}

/// Accepts for ever. Must run within a `LocalSet`.
pub(super) async fn accept<M, R>(
    listener: TcpListener,
    callers: Rc<Callers>,
    inboxes: Rc<Inboxes<M, R>>,
) where
    M: DeserializeOwned + 'static,
    R: DeserializeOwned + 'static,
{
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            tokio::time::sleep(ACCEPT_PAUSE).await;
            continue;
        };
        if callers.connections.get() >= CONNECTIONS_MAX {
            continue;
        }
        let (callers, inboxes) = (Rc::clone(&callers), Rc::clone(&inboxes));
        callers.connections.set(callers.connections.get() + 1);
        tokio::task::spawn_local(async move {
            serve(stream, &callers, &inboxes).await;
            callers.connections.set(callers.connections.get() - 1);
        });
    }
}

/// Serves one connection until it ends, one way or another.
async fn serve<M, R>(stream: TcpStream, callers: &Callers, inboxes: &Inboxes<M, R>)
where
    M: DeserializeOwned,
    R: DeserializeOwned,
{
    if sockets::configure(&stream).is_err() {
        return;
    }
    let (reading, writing) = stream.into_split();
    let mut frames = FramedRead::new(reading, FrameDecoder { bytes_max: HELLO_BYTES_MAX });
    let hello = tokio::time::timeout(HELLO_TIMEOUT, frames.next()).await;
    let Ok(Some(Ok(hello))) = hello else { return };
    match Hello::read(&hello).map(|hello| hello.caller) {
        Some(Caller::Peer { from, to }) if callers.knows(from, to) => {
            frames.decoder_mut().bytes_max = PEER_FRAME_BYTES_MAX;
            let superseded = Rc::new(Notify::new());
            let older = callers.peers.borrow_mut().insert(from, Rc::clone(&superseded));
            if let Some(older) = older {
                older.notify_one();
            }
            tokio::select! {
                () = read_peer(frames, from, &inboxes.messages) => {}
                () = superseded.notified() => {}
            }
        }
        Some(Caller::Client) => {
            frames.decoder_mut().bytes_max = CLIENT_FRAME_BYTES_MAX;
            serve_client(frames, writing, callers, &inboxes.requests).await;
        }
        _ => {}
    }
}

async fn read_peer<M: DeserializeOwned>(
    mut frames: Frames,
    from: NodeId,
    inbox: &mpsc::Sender<(NodeId, M)>,
) {
    while let Some(Ok(payload)) = frames.next().await {
        let Some(message) = wire::decode(&payload) else { return };
        if inbox.send((from, message)).await.is_err() {
            return;
        }
    }
}

async fn serve_client<R: DeserializeOwned>(
    frames: Frames,
    writing: OwnedWriteHalf,
    callers: &Callers,
    inbox: &mpsc::Sender<(RequestId, R)>,
) {
    let client = callers.next_client.get();
    // After 2^32 connections the names would repeat, and answers could reach the wrong client.
    let Some(next) = client.checked_add(1) else { return };
    callers.next_client.set(next);
    let link = Rc::new(ClientLink::default());
    callers.clients.borrow_mut().insert(client, Rc::clone(&link));
    tokio::select! {
        () = read_client(frames, client, &link, inbox) => {}
        () = write_client(writing, &link) => {}
    }
    callers.clients.borrow_mut().remove(&client);
}

async fn read_client<R: DeserializeOwned>(
    mut frames: Frames,
    client: u32,
    link: &ClientLink,
    inbox: &mpsc::Sender<(RequestId, R)>,
) {
    let mut last = None;
    while let Some(Ok(payload)) = frames.next().await {
        let Some((number, request)) = wire::decode::<(RequestNumber, R)>(&payload) else { return };
        if last.is_some_and(|last| number <= last) {
            return;
        }
        last = Some(number);
        while link.unanswered.get() >= UNANSWERED_MAX {
            link.answered.notified().await;
        }
        link.unanswered.set(link.unanswered.get() + 1);
        if inbox.send((join_id(client, number), request)).await.is_err() {
            return;
        }
    }
}

async fn write_client(mut writing: OwnedWriteHalf, link: &ClientLink) {
    let mut output = Vec::new();
    loop {
        while link.unread.borrow().is_empty() {
            link.filled.notified().await;
        }
        // The two buffers change places, so that neither is allocated again.
        std::mem::swap(&mut output, &mut *link.unread.borrow_mut());
        let write = async {
            let written = writing.write_all(&output).await;
            written.is_ok()
        };
        tokio::select! {
            biased;
            written = write => if !written { return },
            () = too_much(link) => return,
        }
        output.clear();
    }
}

/// Ends when a client has left too many answers unread.
async fn too_much(link: &ClientLink) {
    while link.unread.borrow().len() <= UNREAD_BYTES_MAX {
        link.filled.notified().await;
    }
}
