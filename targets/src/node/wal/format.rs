//! The bytes of a log. Pure.

use serde::de::DeserializeOwned;

/// What a log begins with; the digit is the version.
pub(super) const FILE_HEAD: &[u8] = b"TRIBWAL1";
/// What a frame begins with.
const MARK: [u8; 4] = *b"\xF7TWF";
const FRAME_HEAD_BYTES: usize = 12;

/// What stands at a place where a frame should begin.
#[derive(Debug)]
pub(super) enum FrameAt<'a> {
    /// A whole frame.
    Good {
        /// Its entries.
        payload: &'a [u8],
        /// Where the next frame begins.
        end: usize,
    },
    /// Something else.
    Bad,
}

/// The head of the frame with this payload; nothing if it is too long for one.
pub(super) fn frame_head(payload: &[u8]) -> Option<[u8; FRAME_HEAD_BYTES]> {
    let length = u32::try_from(payload.len()).ok()?.to_le_bytes();
    let mut head = [0; FRAME_HEAD_BYTES];
    head[..4].copy_from_slice(&MARK);
    head[4..8].copy_from_slice(&length);
    head[8..].copy_from_slice(&checksum(length, payload).to_le_bytes());
    Some(head)
}

/// Reads the frame at an offset.
pub(super) fn frame_at(bytes: &[u8], offset: usize) -> FrameAt<'_> {
    read_frame(bytes, offset).unwrap_or(FrameAt::Bad)
}

/// Whether a whole frame begins anywhere at or behind an offset.
pub(super) fn good_frame_follows(bytes: &[u8], offset: usize) -> bool {
    (offset..bytes.len()).any(|offset| read_frame(bytes, offset).is_some())
}

/// The entries of a payload; nothing if it holds something else.
pub(super) fn entries<R: DeserializeOwned>(mut payload: &[u8]) -> Option<Vec<(u64, R)>> {
    let mut entries = Vec::new();
    while !payload.is_empty() {
        let (entry, rest) = postcard::take_from_bytes(payload).ok()?;
        entries.push(entry);
        payload = rest;
    }
    Some(entries)
}

fn read_frame(bytes: &[u8], offset: usize) -> Option<FrameAt<'_>> {
    let rest = bytes.get(offset..)?.strip_prefix(&MARK)?;
    let (length, rest) = rest.split_first_chunk::<4>()?;
    let (expected, rest) = rest.split_first_chunk::<4>()?;
    let payload = rest.get(..u32::from_le_bytes(*length) as usize)?;
    let sound = checksum(*length, payload) == u32::from_le_bytes(*expected);
    sound.then_some(FrameAt::Good { payload, end: offset + FRAME_HEAD_BYTES + payload.len() })
}

fn checksum(length: [u8; 4], payload: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&length);
    hasher.update(payload);
    hasher.finalize()
}
