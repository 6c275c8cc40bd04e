//! What a node tells its controller: JSON lines on standard output.
//!
//! ```text
//!   {"serving":{"pid":4711,"boot":2}}
//!   {"note":{"note":"leading","term":3}}
//!   {"dropped":{"notes":12}}
//! ```
//!
//! Bounded: a place (`sometimes`) is told once a boot, since all that counts is whether it was
//! reached; other notes [`NOTES_PER_SECOND_MAX`] a second; a controller that does not read loses
//! lines rather than stopping the node. What was dropped is counted and told.
//!
//! A node whose standard output is gone has no controller any more, and exits.

use crate::environment::NodeEvent;
use crate::protocol::Note;
use nix::poll::{PollFd, PollFlags, PollTimeout};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::collections::BTreeSet;
use std::io::Write;
use std::os::fd::AsFd;
use std::sync::mpsc;
use std::time::Duration;

/// Notes that are not places, at most so many a second.
pub const NOTES_PER_SECOND_MAX: u32 = 100;
/// Different places that are told; a protocol has a few dozen.
const PLACES_MAX: usize = 1000;
/// A longer line is no status.
const LINE_BYTES_MAX: usize = 4096;
/// Lines that wait for the controller to read.
const LINES_WAITING_MAX: usize = 1024;
/// How often a silent node looks whether its controller still listens.
const CONTROLLER_CHECK_EVERY: Duration = Duration::from_millis(250);
/// The exit code of a node whose controller is gone.
const EXIT_CONTROLLER_GONE: i32 = 11;
const SECOND_NS: u64 = 1_000_000_000;

/// One line to the controller.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// The node has read its disk and listens.
    Serving {
        /// Its process id, as it sees it itself.
        pid: u32,
        /// How often it was started on this data directory.
        boot: u64,
    },
    /// The protocol has something to say.
    Note(Note),
    /// Some of it was not told.
    Dropped {
        /// How many notes, since the last such line.
        notes: u64,
    },
}

/// Takes status lines; `false` if there is no room for one.
pub type StatusSink = Box<dyn FnMut(Status) -> bool + Send>;

/// What a line of a node's standard output says; nothing if it is no event.
pub fn parse_status(line: &str) -> Option<NodeEvent> {
    if line.len() > LINE_BYTES_MAX {
        return None;
    }
    match serde_json::from_str(line).ok()? {
        Status::Serving { .. } => Some(NodeEvent::Serving),
        Status::Note(note) => Some(NodeEvent::Note(note)),
        Status::Dropped { .. } => None,
    }
}

/// Tells what is worth telling, and no more than that. Pure but for its sink.
pub(super) struct Reporter {
    sink: StatusSink,
    places: BTreeSet<Cow<'static, str>>,
    second: u64,
    notes_in_second: u32,
    dropped: u64,
}

impl Reporter {
    pub(super) fn new(sink: StatusSink) -> Self {
        Self { sink, places: BTreeSet::new(), second: 0, notes_in_second: 0, dropped: 0 }
    }

    pub(super) fn serving(&mut self, boot: u64) {
        (self.sink)(Status::Serving { pid: std::process::id(), boot });
    }

    pub(super) fn note(&mut self, note: Note, now_ns: u64) {
        if let Note::Sometimes { place } = &note {
            if self.places.contains(place) {
                return;
            }
            if self.places.len() < PLACES_MAX && self.tell(Status::Note(note.clone())) {
                self.places.insert(place.clone());
            }
            return;
        }
        if now_ns / SECOND_NS != self.second {
            (self.second, self.notes_in_second) = (now_ns / SECOND_NS, 0);
        }
        self.notes_in_second = self.notes_in_second.saturating_add(1);
        if self.notes_in_second > NOTES_PER_SECOND_MAX {
            self.dropped += 1;
        } else {
            self.tell(Status::Note(note));
        }
    }

    fn tell(&mut self, status: Status) -> bool {
        if self.dropped > 0 && (self.sink)(Status::Dropped { notes: self.dropped }) {
            self.dropped = 0;
        }
        let told = (self.sink)(status);
        self.dropped += u64::from(!told);
        told
    }
}

/// A sink that writes to standard output from a thread of its own, and ends the process when nobody
/// is there to read.
pub(super) fn standard_output() -> std::io::Result<StatusSink> {
    let (lines, waiting) = mpsc::sync_channel(LINES_WAITING_MAX);
    std::thread::Builder::new().name("status".into()).spawn(move || write_lines(&waiting))?;
    Ok(Box::new(move |status| lines.try_send(status).is_ok()))
}

fn write_lines(waiting: &mpsc::Receiver<Status>) {
    loop {
        match waiting.recv_timeout(CONTROLLER_CHECK_EVERY) {
            Ok(status) if write_line(&status).is_ok() => {}
            Err(mpsc::RecvTimeoutError::Timeout) if controller_listens() => {}
            Err(mpsc::RecvTimeoutError::Disconnected) => return,
            _ => std::process::exit(EXIT_CONTROLLER_GONE),
        }
    }
}

fn write_line(status: &Status) -> std::io::Result<()> {
    let mut line = serde_json::to_vec(status)?;
    line.push(b'\n');
    let mut output = std::io::stdout().lock();
    output.write_all(&line)?;
    output.flush()
}

/// A pipe whose reading end is closed reports an error without being asked for any event.
fn controller_listens() -> bool {
    let output = std::io::stdout();
    let mut polled = [PollFd::new(output.as_fd(), PollFlags::empty())];
    let seen = nix::poll::poll(&mut polled, PollTimeout::ZERO);
    let events = polled[0].revents().unwrap_or(PollFlags::empty());
    seen.is_err() || !events.intersects(PollFlags::POLLERR | PollFlags::POLLNVAL)
}

#[cfg(test)]
mod tests {
    use super::{NOTES_PER_SECOND_MAX, Reporter, SECOND_NS, Status, parse_status};
    use crate::environment::NodeEvent;
    use crate::protocol::Note;
    use std::sync::mpsc;

    #[test]
    fn lines_read_back_as_events_and_anything_else_as_nothing() {
        let line = |status| serde_json::to_string(&status).unwrap();
        let note = Note::Leading { term: 3 };
        let serving = line(Status::Serving { pid: 7, boot: 2 });
        assert_eq!(serving, r#"{"serving":{"pid":7,"boot":2}}"#);
        assert_eq!(parse_status(&serving), Some(NodeEvent::Serving));
        assert_eq!(line(Status::Note(note.clone())), r#"{"note":{"note":"leading","term":3}}"#);
        assert_eq!(parse_status(&line(Status::Note(note.clone()))), Some(NodeEvent::Note(note)));
        assert_eq!(parse_status(&line(Status::Dropped { notes: 1 })), None);
        assert_eq!(parse_status(r#"{"serving":{"pid":"#), None);
        assert_eq!(parse_status("segmentation fault"), None);
        let huge = format!(r#"{{"note":{{"note":"sometimes","place":"{}"}}}}"#, "x".repeat(5000));
        assert_eq!(parse_status(&huge), None);
    }

    #[test]
    fn a_place_is_told_once_and_a_flood_is_counted() {
        let (lines, told) = mpsc::channel();
        let mut reporter = Reporter::new(Box::new(move |status| lines.send(status).is_ok()));
        for _ in 0..3 {
            reporter.note(Note::Sometimes { place: "here".into() }, 0);
        }
        for term in 0..u64::from(NOTES_PER_SECOND_MAX) + 5 {
            reporter.note(Note::Leading { term }, SECOND_NS / 2);
        }
        reporter.note(Note::Following { term: 1000 }, SECOND_NS);
        let told: Vec<_> = told.try_iter().collect();
        assert_eq!(told.len(), 1 + NOTES_PER_SECOND_MAX as usize + 2);
        let end = [Status::Dropped { notes: 5 }, Status::Note(Note::Following { term: 1000 })];
        assert!(told.ends_with(&end));
    }

    #[test]
    fn a_place_that_found_no_room_is_told_later() {
        let (lines, told) = mpsc::sync_channel(1);
        let sink = move |status| lines.try_send(status).is_ok();
        let mut reporter = Reporter::new(Box::new(sink));
        reporter.note(Note::Leading { term: 1 }, 0);
        reporter.note(Note::Sometimes { place: "here".into() }, 0);
        assert_eq!(told.try_iter().count(), 1);
        reporter.note(Note::Sometimes { place: "here".into() }, 0);
        assert_eq!(told.try_iter().collect::<Vec<_>>(), [Status::Dropped { notes: 1 }]);
        reporter.note(Note::Sometimes { place: "here".into() }, 0);
        assert_eq!(told.try_iter().count(), 1);
    }
}
