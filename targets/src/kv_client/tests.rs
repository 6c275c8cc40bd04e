//! What the client says of every way in which a call can go, against a server that follows a
//! script.

use super::{KvClient, KvClientOptions};
use crate::client::Client;
use crate::kv::{KvRequest, KvResponse};
use crate::links::NodeId;
use crate::node::call::{CallError, Connection};
use crate::node::wire::{self, Caller, FrameDecoder, Hello, RequestNumber};
use checkers::history::{Datum, Op, Outcome};
use futures_util::StreamExt;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::time::Instant;
use tokio_util::codec::FramedRead;

/// Short where the script lets the client wait.
const OP_TIMEOUT: Duration = Duration::from_millis(500);
/// Longer than anything takes that does not hang.
const PATIENCE: Duration = Duration::from_secs(60);

/// What the server does with the next request.
#[derive(Clone, Debug)]
enum Act {
    Answer(KvResponse),
    /// Answers under another number than the request's, then under the request's.
    AnswerShifted(i32, KvResponse),
    /// Answers, and closes the connection behind it.
    AnswerAndClose(KvResponse),
    /// Closes the connection.
    Close,
    /// Says nothing and keeps the connection.
    Silence,
    /// Says nothing now, and answers this request together with the next.
    Late(KvResponse),
    /// Sends a frame with a flipped bit.
    Damage(KvResponse),
    /// Sends these bytes as a frame's payload.
    Payload(Vec<u8>),
}

use Act::{Answer, AnswerAndClose, AnswerShifted, Close, Damage, Late, Payload, Silence};

/// The requests that a server read, each with the number of its connection.
type Seen = Vec<(usize, KvRequest)>;

/// Listens like a node, and acts. Gives back its connections too: until then they stay open.
async fn serve(listener: TcpListener, script: Vec<Act>) -> (Seen, Vec<Option<TcpStream>>) {
    let (mut seen, mut script, mut connections) = (Vec::new(), script.into_iter(), Vec::new());
    let mut next = script.next();
    while next.is_some() {
        let (stream, _) = listener.accept().await.unwrap();
        let number = connections.len();
        let kept = play(stream, number, &mut next, &mut script, &mut seen).await;
        connections.push(kept);
    }
    (seen, connections)
}

/// Serves one connection until it ends or the script does. Gives it back, so that it stays open.
async fn play(
    mut stream: TcpStream,
    connection: usize,
    next: &mut Option<Act>,
    script: &mut impl Iterator<Item = Act>,
    seen: &mut Seen,
) -> Option<TcpStream> {
    let (reading, mut writing) = stream.split();
    let mut frames = FramedRead::new(reading, FrameDecoder { bytes_max: 1000 });
    let hello = frames.next().await?.ok()?;
    assert_eq!(Hello::read(&hello), Some(Hello::new(Caller::Client)));
    let mut late = Vec::new();
    while let Some(act) = next.clone() {
        let Some(Ok(payload)) = frames.next().await else { break };
        *next = script.next();
        let (number, request) = wire::decode::<(RequestNumber, KvRequest)>(&payload).unwrap();
        seen.push((connection, request));
        let mut output = std::mem::take(&mut late);
        let answer = |number: RequestNumber, response| wire::frame(&(number, response)).unwrap();
        match act {
            Answer(response) => output.extend(answer(number, response)),
            AnswerShifted(shift, response) => {
                output.extend(answer(number.wrapping_add_signed(shift), response));
                output.extend(answer(number, KvResponse::Done));
            }
            AnswerAndClose(response) => {
                writing.write_all(&answer(number, response)).await.unwrap();
                return None;
            }
            Close => return None,
            Silence => {}
            Late(response) => late = answer(number, response),
            Damage(response) => {
                output.extend(answer(number, response));
                *output.last_mut().unwrap() ^= 1;
            }
            Payload(bytes) => output.extend(frame_of(&bytes)),
        }
        writing.write_all(&output).await.unwrap();
    }
    Some(stream)
}

/// A sound frame around any bytes.
fn frame_of(payload: &[u8]) -> Vec<u8> {
    let length = payload.len() as u32;
    let head = [length, !length, crc32fast::hash(payload)];
    head.iter().flat_map(|word| word.to_le_bytes()).chain(payload.iter().copied()).collect()
}

fn op(f: &'static str) -> Op {
    let value = match f {
        "write" => Datum::Int(5),
        "cas" => Datum::Pair(4, 5),
        _ => Datum::Nil,
    };
    Op { f, key: Some(1), value }
}

fn ok(value: Datum) -> Outcome {
    Outcome::Ok(value)
}

fn fail(why: &'static str) -> Outcome {
    Outcome::Fail(why.into())
}

fn info(why: &'static str) -> Outcome {
    Outcome::Info(why.into())
}

fn client(addresses: Vec<SocketAddr>, op_timeout: Duration) -> KvClient<KvRequest> {
    let options = KvClientOptions { op_timeout, connect_timeout: PATIENCE, redirects_max: 2 };
    KvClient::new(addresses.into(), options, |request| request)
}

async fn listener() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    builder.enable_all().build().unwrap().block_on(future)
}

/// Invokes operations on the first of some nodes, each with its script. Gives the outcomes, and
/// which requests came over which connection of which node.
fn run(
    fs: &[&'static str],
    scripts: Vec<Vec<Act>>,
    op_timeout: Duration,
) -> (Vec<Outcome>, Vec<Seen>) {
    block_on(async {
        let (mut addresses, mut servers) = (Vec::new(), Vec::new());
        for script in scripts {
            let (listener, address) = listener().await;
            addresses.push(address);
            servers.push(tokio::spawn(serve(listener, script)));
        }
        let mut client = client(addresses, op_timeout);
        let mut outcomes = Vec::new();
        for f in fs {
            outcomes.push(client.invoke(NodeId(0), &op(f)).await);
        }
        let mut seen = Vec::new();
        for server in servers {
            seen.push(server.await.unwrap().0);
        }
        (outcomes, seen)
    })
}

/// The outcome of one operation whose server does one thing.
fn one(f: &'static str, act: Act) -> Outcome {
    let waits = matches!(act, Silence);
    let (mut outcomes, _) = run(&[f], vec![vec![act]], if waits { OP_TIMEOUT } else { PATIENCE });
    outcomes.remove(0)
}

#[test]
fn every_answer_has_its_outcome() {
    use KvResponse::{Done, Mismatch, Refused, Unknown, Value};
    let read = |response| one("read", Answer(response));
    assert_eq!(read(Value(Some(7))), ok(Datum::Int(7)));
    assert_eq!(read(Value(None)), ok(Datum::Nil));
    assert_eq!(read(Done), fail("answered with done"));
    assert_eq!(read(Mismatch), fail("answered with mismatch"));
    assert_eq!(read(Unknown), fail("unknown"));
    for (f, argument) in [("write", Datum::Int(5)), ("cas", Datum::Pair(4, 5))] {
        assert_eq!(one(f, Answer(Done)), ok(argument));
        assert_eq!(one(f, Answer(Unknown)), info("unknown"));
        assert_eq!(one(f, Answer(Value(Some(5)))), info("answered with a value"));
    }
    assert_eq!(one("cas", Answer(Mismatch)), fail("mismatch"));
    assert_eq!(one("write", Answer(Mismatch)), info("answered with mismatch"));
    for f in ["read", "write", "cas"] {
        assert_eq!(one(f, Answer(Refused)), fail("refused"));
        assert_eq!(one(f, Answer(KvResponse::NotLeader { hint: None })), fail("not the leader"));
    }
}

#[test]
fn an_answer_that_does_not_come_leaves_all_but_reads_open() {
    let acts = [
        (Silence, "timeout"),
        (Close, "connection broken"),
        (Damage(KvResponse::Done), "bad frame"),
        (Payload(vec![]), "bad answer"),
        (Payload(vec![0, 77]), "bad answer"),
        (AnswerShifted(1, KvResponse::Done), "answer to a request that was never sent"),
    ];
    for (act, why) in acts {
        assert_eq!(one("write", act.clone()), info(why), "{act:?}");
        assert_eq!(one("cas", act.clone()), info(why), "{act:?}");
        assert_eq!(one("read", act.clone()), fail(why), "{act:?}");
    }
}

#[test]
fn nobody_there_is_a_failure_of_every_operation() {
    block_on(async {
        // Bound and not listening: nobody else can take the port and answer.
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let mut client = client(vec![socket.local_addr().unwrap()], PATIENCE);
        for f in ["read", "write", "cas"] {
            let outcome = client.invoke(NodeId(0), &op(f)).await;
            assert_eq!(outcome, fail("connection refused"));
        }
        let nowhere = client.invoke(NodeId(1), &op("write")).await;
        assert_eq!(nowhere, fail("sent to a node that does not exist"));
    });
}

#[test]
fn no_time_to_connect_is_a_failure() {
    block_on(async {
        let (_listener, address) = listener().await;
        let mut client = client(vec![address], Duration::ZERO);
        let outcome = client.invoke(NodeId(0), &op("write")).await;
        // Loopback may connect at once even so.
        let before_sending = [fail("connecting timed out"), fail("timeout before sending")];
        assert!(before_sending.contains(&outcome), "{outcome:?}");
    });
}

#[test]
fn a_connection_is_kept_while_answers_come() {
    let answers = vec![Answer(KvResponse::Done), Answer(KvResponse::Value(Some(5)))];
    let (outcomes, seen) = run(&["write", "read"], vec![answers], PATIENCE);
    assert_eq!(outcomes, [ok(Datum::Int(5)), ok(Datum::Int(5))]);
    assert_eq!(seen[0].iter().map(|(connection, _)| *connection).collect::<Vec<_>>(), [0, 0]);
}

#[test]
fn a_connection_that_the_node_closed_between_operations_is_replaced_and_nothing_is_open() {
    block_on(async {
        let (listener, address) = listener().await;
        let script = vec![AnswerAndClose(KvResponse::Done), Answer(KvResponse::Done)];
        let server = tokio::spawn(serve(listener, script));
        let mut client = client(vec![address], PATIENCE);
        assert_eq!(client.invoke(NodeId(0), &op("write")).await, ok(Datum::Int(5)));
        // Until the end of the connection has arrived, a write may still go into it.
        while client.connections[0].as_ref().is_some_and(Connection::is_alive) {
            tokio::task::yield_now().await;
        }
        assert_eq!(client.invoke(NodeId(0), &op("write")).await, ok(Datum::Int(5)));
        server.await.unwrap();
    });
}

#[test]
fn after_an_open_outcome_the_connection_is_replaced() {
    for act in [Close, Answer(KvResponse::Unknown)] {
        let script = vec![act, Answer(KvResponse::Done)];
        let (outcomes, seen) = run(&["write", "write"], vec![script], PATIENCE);
        assert!(matches!(outcomes[0], Outcome::Info(_)));
        assert_eq!(outcomes[1], ok(Datum::Int(5)));
        assert_eq!(seen[0].iter().map(|(connection, _)| *connection).collect::<Vec<_>>(), [0, 1]);
    }
}

#[test]
fn the_late_answer_to_an_operation_that_was_given_up_is_never_taken_for_another() {
    block_on(async {
        let (listener, address) = listener().await;
        let script = vec![Late(KvResponse::Mismatch), Answer(KvResponse::Done)];
        let server = tokio::spawn(serve(listener, script));
        let mut connection = Connection::open(address, PATIENCE).await.unwrap();
        let request = KvRequest::Write { key: 1, value: 5 };
        let given_up = connection.call(&request, Instant::now() + OP_TIMEOUT).await;
        assert_eq!(given_up, Err::<KvResponse, _>(CallError::Open("timeout")));
        // A client replaces such a connection; even one that does not is not deceived.
        let answered = connection.call(&request, Instant::now() + PATIENCE).await;
        assert_eq!(answered, Ok(KvResponse::Done));
        server.await.unwrap();
    });
}

#[test]
fn an_answer_under_an_old_number_is_ignored() {
    let script = vec![Answer(KvResponse::Done), AnswerShifted(-1, KvResponse::Mismatch)];
    let (outcomes, _) = run(&["cas", "cas"], vec![script], PATIENCE);
    assert_eq!(outcomes, [ok(Datum::Pair(4, 5)), ok(Datum::Pair(4, 5))]);
}

#[test]
fn hints_are_followed_to_the_end() {
    let hint = |node| Answer(KvResponse::NotLeader { hint: Some(NodeId(node)) });
    let scripts = vec![vec![hint(1)], vec![hint(2)], vec![Answer(KvResponse::Done)]];
    let (outcomes, seen) = run(&["write"], scripts, PATIENCE);
    assert_eq!(outcomes, [ok(Datum::Int(5))]);
    assert_eq!(seen.iter().map(Vec::len).collect::<Vec<_>>(), [1, 1, 1]);
}

#[test]
fn hints_in_a_circle_end_as_a_failure() {
    let hint = |node| Answer(KvResponse::NotLeader { hint: Some(NodeId(node)) });
    let (outcomes, seen) = run(&["write"], vec![vec![hint(0), hint(0), hint(0)]], PATIENCE);
    assert_eq!((outcomes, seen[0].len()), (vec![fail("too many redirects")], 3));
}

#[test]
fn a_hint_into_nowhere_is_a_failure() {
    let hint = Answer(KvResponse::NotLeader { hint: Some(NodeId(9)) });
    assert_eq!(one("write", hint), fail("sent to a node that does not exist"));
}

#[test]
fn what_happens_behind_a_hint_counts() {
    let hint = || Answer(KvResponse::NotLeader { hint: Some(NodeId(1)) });
    let (outcomes, _) = run(&["write"], vec![vec![hint()], vec![Close]], PATIENCE);
    assert_eq!(outcomes, [info("connection broken")]);
}

#[test]
fn an_operation_that_is_none_of_the_interface_fails_before_anything_is_sent() {
    block_on(async {
        let (_listener, address) = listener().await;
        let mut client = client(vec![address], PATIENCE);
        for wrong in [
            Op { f: "append", key: Some(1), value: Datum::Int(1) },
            Op { f: "write", key: None, value: Datum::Int(1) },
            Op { f: "cas", key: Some(1), value: Datum::Int(1) },
        ] {
            let outcome = client.invoke(NodeId(0), &wrong).await;
            assert_eq!(outcome, fail("kv has no such operation"));
        }
    });
}
