//! What travels over a connection: frames, and the hello that opens it.
//!
//! ```text
//!   frame    | length u32 | !length u32 | crc32 u32 | payload (postcard) |      little-endian
//!
//!   peer     Hello{Peer}    message  message  ...                one way
//!   client   Hello{Client}  (number, request) ...  <-  (number, response) ...   in any order
//! ```
//!
//! The fault injector flips bits behind the network checksum's back, so a frame carries its own.
//! The length is written twice because a flipped length is worse than a flipped payload: a reader
//! that believes it waits for megabytes that nobody sends, and the connection is dead without an
//! error. A frame that is bad in any way closes its connection: what follows cannot be trusted to
//! start where it seems to.
//!
//! Shortcut: nobody proves who he is. A node believes the hello, as a cluster on a private network
//! does.

use crate::links::NodeId;
use bytes::{Buf, Bytes, BytesMut};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use tokio_util::codec::Decoder;

/// The bytes before a payload.
pub const HEADER_BYTES: usize = 12;
/// The longest hello.
pub const HELLO_BYTES_MAX: usize = 64;
/// The longest request or response.
pub const CLIENT_FRAME_BYTES_MAX: usize = 1 << 20;
/// The longest message between nodes; a snapshot travels as one.
pub const PEER_FRAME_BYTES_MAX: usize = 64 << 20;
/// The most memory that a length alone may claim, before its bytes have come.
const RESERVE_BYTES_MAX: usize = 64 << 10;
/// The first bytes of every hello: who speaks something else is turned away at once.
const GREETING: [u8; 4] = *b"TRB1";

/// Names a request on its connection: 0, 1, 2, ... Not necessarily without gaps, but rising.
pub type RequestNumber = u32;

/// The first frame of a connection says who calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    greeting: [u8; 4],
    /// Who calls.
    pub caller: Caller,
}

/// Who opens a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Caller {
    /// A node, which will send messages.
    Peer {
        /// Who it is.
        from: NodeId,
        /// Whom it believes to have reached.
        to: NodeId,
    },
    /// A client, which will send requests.
    Client,
}

impl Hello {
    /// The hello of this caller.
    pub fn new(caller: Caller) -> Self {
        Self { greeting: GREETING, caller }
    }

    /// Reads a hello; nothing if it is none.
    pub fn read(payload: &[u8]) -> Option<Self> {
        decode::<Self>(payload).filter(|hello| hello.greeting == GREETING)
    }
}

/// Why the bytes of a connection are not frames.
#[derive(Debug, thiserror::Error)]
pub enum FrameError {
    /// The connection itself failed.
    #[error("connection failed: {0}")]
    Connection(#[from] std::io::Error),
    /// The two lengths of a header differ.
    #[error("a frame's length was damaged on the way")]
    Length,
    /// A frame is longer than allowed.
    #[error("a frame of {bytes} bytes, where {bytes_max} are allowed")]
    TooLong {
        /// What it claims.
        bytes: usize,
        /// What is allowed.
        bytes_max: usize,
    },
    /// The payload is not what was sent.
    #[error("a frame's payload was damaged on the way")]
    Checksum,
}

/// Cuts the bytes of a connection into payloads.
#[derive(Debug)]
pub struct FrameDecoder {
    /// The longest payload that is accepted.
    pub bytes_max: usize,
}

impl Decoder for FrameDecoder {
    type Item = Bytes;
    type Error = FrameError;

    fn decode(&mut self, input: &mut BytesMut) -> Result<Option<Bytes>, FrameError> {
        let Some(mut header) = input.get(..HEADER_BYTES) else { return Ok(None) };
        let (length, inverse, checksum) =
            (header.get_u32_le(), header.get_u32_le(), header.get_u32_le());
        if length != !inverse {
            return Err(FrameError::Length);
        }
        let bytes = length as usize;
        if bytes > self.bytes_max {
            return Err(FrameError::TooLong { bytes, bytes_max: self.bytes_max });
        }
        let missing = (HEADER_BYTES + bytes).saturating_sub(input.len());
        if missing > 0 {
            input.reserve(missing.min(RESERVE_BYTES_MAX));
            return Ok(None);
        }
        input.advance(HEADER_BYTES);
        let payload = input.split_to(bytes).freeze();
        if crc32fast::hash(&payload) != checksum {
            return Err(FrameError::Checksum);
        }
        Ok(Some(payload))
    }
}

/// Appends a value as a frame. After an error the output is as it was.
pub fn append_frame<T: Serialize>(value: &T, output: &mut Vec<u8>) -> Result<(), postcard::Error> {
    let start = output.len();
    output.extend_from_slice(&[0; HEADER_BYTES]);
    if let Err(error) = encode(value, output) {
        output.truncate(start);
        return Err(error);
    }
    let payload = &output[start + HEADER_BYTES..];
    let Ok(length) = u32::try_from(payload.len()) else {
        output.truncate(start);
        return Err(postcard::Error::SerializeBufferFull);
    };
    let checksum = crc32fast::hash(payload);
    for (at, word) in [length, !length, checksum].into_iter().enumerate() {
        output[start + 4 * at..][..4].copy_from_slice(&word.to_le_bytes());
    }
    Ok(())
}

/// A value as a frame of its own.
pub fn frame<T: Serialize>(value: &T) -> Result<Vec<u8>, postcard::Error> {
    let mut output = Vec::with_capacity(64);
    append_frame(value, &mut output)?;
    Ok(output)
}

/// Reads a whole payload; nothing if it is not exactly one such value.
pub fn decode<T: DeserializeOwned>(payload: &[u8]) -> Option<T> {
    match postcard::take_from_bytes(payload) {
        Ok((value, [])) => Some(value),
        _ => None,
    }
}

/// Appends a value's postcard form.
pub(super) fn encode<T: Serialize>(value: &T, output: &mut Vec<u8>) -> Result<(), postcard::Error> {
    postcard::to_io(value, output).map(|_| ())
}

#[cfg(test)]
mod tests {
    use super::{FrameDecoder, FrameError, HEADER_BYTES, append_frame, decode, frame};
    use bytes::BytesMut;
    use proptest::prelude::*;
    use tokio_util::codec::Decoder;

    /// What a reader that gets these bytes in pieces makes of them.
    fn read(bytes: &[u8], piece_bytes: usize) -> Result<Vec<Vec<u8>>, FrameError> {
        let mut decoder = FrameDecoder { bytes_max: 1000 };
        let (mut input, mut payloads) = (BytesMut::new(), Vec::new());
        for piece in bytes.chunks(piece_bytes) {
            input.extend_from_slice(piece);
            while let Some(payload) = decoder.decode(&mut input)? {
                payloads.push(decode(&payload).unwrap());
            }
        }
        Ok(payloads)
    }

    proptest! {
        #[test]
        fn frames_arrive_whole_however_they_are_cut(
            sent in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..100), 0..8),
            piece_bytes in 1_usize..64,
        ) {
            let mut bytes = Vec::new();
            for payload in &sent {
                append_frame(payload, &mut bytes).unwrap();
            }
            prop_assert_eq!(read(&bytes, piece_bytes).unwrap(), sent);
        }
    }

    #[test]
    fn every_flipped_bit_is_noticed_without_waiting_for_more() {
        let whole = frame(&vec![7_u8; 20]).unwrap();
        for bit in 0..whole.len() * 8 {
            let mut bytes = whole.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert!(read(&bytes, 1000).is_err(), "bit {bit} went unnoticed");
        }
        assert_eq!(read(&whole, 1000).unwrap().len(), 1);
    }

    #[test]
    fn a_long_frame_is_refused_by_its_header_alone() {
        let bytes = frame(&vec![0_u8; 2000]).unwrap();
        let refused = read(&bytes[..HEADER_BYTES], 1000).unwrap_err();
        assert!(matches!(refused, FrameError::TooLong { bytes: 2002, bytes_max: 1000 }));
    }

    #[test]
    fn what_stands_behind_a_value_makes_it_invalid() {
        assert_eq!(decode::<u8>(&[5]), Some(5));
        assert_eq!(decode::<u8>(&[5, 6]), None);
    }
}
