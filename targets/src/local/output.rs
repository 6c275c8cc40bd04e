//! What nodes say: status lines on their standard output become news, standard error becomes a log.
//!
//! Both are data of a system under test and bounded. A status line ends at [`LINE_BYTES_MAX`]; what
//! a longer one holds beyond is skipped. At most [`NEWS_MAX`] news wait for the controller. A log
//! stops growing at [`LOG_BYTES_MAX`], over all starts of its node, and its last line says so; the
//! node can go on printing, which is read and thrown away, so that a full pipe never blocks it.

use crate::environment::{NodeEvent, NodeNews};
use crate::links::NodeId;
use std::collections::VecDeque;
use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The longest status line.
const LINE_BYTES_MAX: u64 = 64 << 10;
/// The most news that wait.
const NEWS_MAX: usize = 1 << 16;
/// The largest log of a node.
pub(super) const LOG_BYTES_MAX: u64 = 16 << 20;
const LOG_ENDS: &[u8] = b"\n[the log is full: what follows is not kept]\n";

/// Where news are collected.
#[derive(Debug)]
pub(super) struct NewsDesk {
    parse: fn(&str) -> Option<NodeEvent>,
    state: Mutex<DeskState>,
}

#[derive(Debug, Default)]
struct DeskState {
    news: VecDeque<NodeNews>,
    /// The running generation by node number.
    generations: Vec<u64>,
    lost: u64,
}

impl NewsDesk {
    /// A desk for so many nodes, whose status lines `parse` understands.
    pub(super) fn new(nodes: u8, parse: fn(&str) -> Option<NodeEvent>) -> Self {
        let generations = vec![0; usize::from(nodes)];
        Self { parse, state: Mutex::new(DeskState { generations, ..DeskState::default() }) }
    }

    /// A node's process was started for the so-manieth time.
    pub(super) fn born(&self, node: NodeId, generation: u64) {
        self.lock().generations[usize::from(node.0)] = generation;
    }

    /// Adds news. `Serving` of a process that has been replaced is old: its successor does not
    /// serve yet.
    pub(super) fn add(&self, node: NodeId, generation: u64, what: NodeEvent) {
        let mut state = self.lock();
        let is_old = state.generations[usize::from(node.0)] != generation;
        if is_old && what == NodeEvent::Serving {
            return;
        }
        if state.news.len() == NEWS_MAX {
            state.lost += 1;
            return;
        }
        state.news.push_back(NodeNews { node, what });
    }

    /// Takes all news, oldest first.
    pub(super) fn take(&self) -> Vec<NodeNews> {
        std::mem::take(&mut self.lock().news).into()
    }

    /// How many news were thrown away because nobody took them.
    pub(super) fn lost(&self) -> u64 {
        self.lock().lost
    }

    fn lock(&self) -> MutexGuard<'_, DeskState> {
        // Nothing that holds the lock can panic half way through a change.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Reads a node's status lines until it closes them.
pub(super) fn read_status(stdout: impl Read, node: NodeId, generation: u64, desk: &NewsDesk) {
    let mut reader = BufReader::new(stdout);
    let mut line = Vec::new();
    let mut is_tail = false;
    loop {
        line.clear();
        match reader.by_ref().take(LINE_BYTES_MAX).read_until(b'\n', &mut line) {
            Ok(0) | Err(_) => return,
            Ok(_) => {}
        }
        let ends = line.last() == Some(&b'\n');
        if !is_tail
            && let Ok(text) = std::str::from_utf8(&line)
            && let Some(event) = (desk.parse)(text.trim_end())
        {
            desk.add(node, generation, event);
        }
        is_tail = !ends;
    }
}

/// Copies a node's standard error to the end of its log until the node closes it.
pub(super) fn copy_stderr(mut stderr: impl Read, path: &Path) {
    let mut log = OpenOptions::new().create(true).append(true).open(path).ok();
    let length = log.as_ref().and_then(|file| file.metadata().ok()).map_or(0, |data| data.len());
    let mut room = LOG_BYTES_MAX.saturating_sub(length);
    let mut buffer = vec![0; 16 << 10];
    loop {
        let length = match stderr.read(&mut buffer) {
            Ok(0) | Err(_) => return,
            Ok(length) => length,
        };
        let Some(file) = log.as_mut().filter(|_| room > 0) else { continue };
        // A log that cannot be written, on a full disk, must not stop the node.
        let _ = append(file, &buffer[..length], &mut room);
    }
}

fn append(file: &mut File, bytes: &[u8], room: &mut u64) -> std::io::Result<()> {
    let kept = bytes.len().min(usize::try_from(*room).unwrap_or(usize::MAX));
    *room -= kept as u64;
    file.write_all(&bytes[..kept])?;
    if *room == 0 { file.write_all(LOG_ENDS) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::{LINE_BYTES_MAX, LOG_BYTES_MAX, LOG_ENDS, NewsDesk, copy_stderr, read_status};
    use crate::environment::NodeEvent;
    use crate::links::NodeId;

    fn parse(line: &str) -> Option<NodeEvent> {
        (line == "serving").then_some(NodeEvent::Serving)
    }

    fn heard(printed: &[u8]) -> usize {
        let desk = NewsDesk::new(1, parse);
        read_status(printed, NodeId(0), 0, &desk);
        desk.take().len()
    }

    #[test]
    fn a_status_line_is_heard_and_other_output_is_not() {
        assert_eq!(heard(b"hello\nserving\n\xff\xfe\nserving"), 2);
    }

    #[test]
    fn the_tail_of_an_endless_line_is_not_taken_for_a_line() {
        let mut printed = vec![b'x'; LINE_BYTES_MAX as usize];
        printed.extend(b"serving\nserving\n");
        assert_eq!(heard(&printed), 1);
    }

    #[test]
    fn the_last_words_of_a_replaced_process_do_not_count_as_serving() {
        let desk = NewsDesk::new(1, parse);
        desk.born(NodeId(0), 2);
        desk.add(NodeId(0), 1, NodeEvent::Serving);
        assert_eq!(desk.take(), []);
        desk.add(NodeId(0), 2, NodeEvent::Serving);
        assert_eq!(desk.take().len(), 1);
    }

    #[test]
    fn a_log_is_bounded_over_all_starts_and_says_where_it_ends() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("stderr.log");
        let chatter = vec![b'x'; LOG_BYTES_MAX as usize / 2 + 1];
        for _ in 0..4 {
            copy_stderr(chatter.as_slice(), &path);
        }
        let log = std::fs::read(&path).unwrap();
        assert_eq!(log.len() as u64, LOG_BYTES_MAX + LOG_ENDS.len() as u64);
        assert!(log.ends_with(LOG_ENDS));
    }
}
