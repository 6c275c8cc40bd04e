//! The client's end of a connection to a node: one request at a time, and what became of it.
//!
//! What a caller must know after a failure is not what went wrong but *whether the node may have
//! heard*: [`CallError`] says only that, and errs on the side of "it may".

use super::sockets;
use super::wire::{self, CLIENT_FRAME_BYTES_MAX, Caller, FrameDecoder, Hello, RequestNumber};
use bytes::BytesMut;
use serde::{Serialize, de::DeserializeOwned};
use socket2::SockRef;
use std::io;
use std::mem::MaybeUninit;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::Instant;
use tokio_util::codec::Decoder;

/// Why a call has no answer. The texts are few and fixed: they become the errors of a history.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// Nothing of the request was sent: it certainly did not happen.
    #[error("{0}")]
    NotSent(&'static str),
    /// The request, or a part of it, may have arrived. The connection must be replaced.
    #[error("{0}")]
    Open(&'static str),
}

/// A connection to one node.
#[derive(Debug)]
pub struct Connection {
    stream: TcpStream,
    decoder: FrameDecoder,
    input: BytesMut,
    output: Vec<u8>,
    next_number: RequestNumber,
}

impl Connection {
    /// Connects, on behalf of the network namespace of the calling thread.
    ///
    /// # Errors
    /// [`CallError::NotSent`], always.
    pub async fn open(address: SocketAddr, timeout: Duration) -> Result<Self, CallError> {
        let stream = sockets::connect(address, timeout).await.map_err(|error| {
            CallError::NotSent(match error.kind() {
                io::ErrorKind::ConnectionRefused => "connection refused",
                io::ErrorKind::TimedOut => "connecting timed out",
                _ => "no connection",
            })
        })?;
        // The hello travels with the first request.
        let output = wire::frame(&Hello::new(Caller::Client))
            .map_err(|_| CallError::NotSent("the hello cannot be encoded"))?;
        let decoder = FrameDecoder { bytes_max: CLIENT_FRAME_BYTES_MAX };
        Ok(Self { stream, decoder, input: BytesMut::new(), output, next_number: 0 })
    }

    /// Whether the other end still seems to be there. Saves open outcomes: the first write into a
    /// connection that the node has closed succeeds, and only the second fails.
    pub fn is_alive(&self) -> bool {
        if self.next_number == RequestNumber::MAX {
            return false;
        }
        let mut byte = [MaybeUninit::uninit()];
        match SockRef::from(&self.stream).peek(&mut byte) {
            Ok(bytes) => bytes > 0,
            Err(error) => error.kind() == io::ErrorKind::WouldBlock,
        }
    }

    /// Asks, and waits for the answer until the deadline. After [`CallError::Open`] the connection
    /// is of no use any more; after [`CallError::NotSent`] neither, unless the request was too
    /// long.
    ///
    /// # Errors
    /// As [`CallError`] says.
    pub async fn call<Q: Serialize, A: DeserializeOwned>(
        &mut self,
        request: &Q,
        deadline: Instant,
    ) -> Result<A, CallError> {
        if Instant::now() >= deadline {
            return Err(CallError::NotSent("timeout before sending"));
        }
        let number = self.next_number;
        let head = self.output.len();
        wire::append_frame(&(number, request), &mut self.output)
            .map_err(|_| CallError::NotSent("the request cannot be encoded"))?;
        if self.output.len() - head > wire::HEADER_BYTES + CLIENT_FRAME_BYTES_MAX {
            self.output.truncate(head);
            return Err(CallError::NotSent("the request is too long"));
        }
        self.next_number += 1;
        let mut sent_bytes = 0;
        let exchanged = async {
            self.write(&mut sent_bytes).await?;
            self.read(number).await
        };
        match tokio::time::timeout_at(deadline, exchanged).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(why)) if sent_bytes > 0 => Err(CallError::Open(why)),
            Ok(Err(why)) => Err(CallError::NotSent(why)),
            Err(_) if sent_bytes > 0 => Err(CallError::Open("timeout")),
            Err(_) => Err(CallError::NotSent("timeout before sending")),
        }
    }

    async fn write(&mut self, sent_bytes: &mut usize) -> Result<(), &'static str> {
        while *sent_bytes < self.output.len() {
            match self.stream.write(&self.output[*sent_bytes..]).await {
                Ok(bytes) if bytes > 0 => *sent_bytes += bytes,
                _ => return Err("connection broken"),
            }
        }
        self.output.clear();
        Ok(())
    }

    /// Waits for the answer of this number. Older ones belong to calls that were given up.
    async fn read<A: DeserializeOwned>(
        &mut self,
        number: RequestNumber,
    ) -> Result<A, &'static str> {
        loop {
            while let Some(payload) =
                self.decoder.decode(&mut self.input).map_err(|_| "bad frame")?
            {
                let (answered, rest) = postcard::take_from_bytes::<RequestNumber>(&payload)
                    .map_err(|_| "bad answer")?;
                if answered > number {
                    return Err("answer to a request that was never sent");
                }
                if answered == number {
                    return wire::decode(rest).ok_or("bad answer");
                }
            }
            match self.stream.read_buf(&mut self.input).await {
                Ok(bytes) if bytes > 0 => {}
                _ => return Err("connection broken"),
            }
        }
    }
}
