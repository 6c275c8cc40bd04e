//! Undo by those who were not there: the ledger's replay, the agent and the sweep, on real
//! processes.

#![allow(clippy::unwrap_used, reason = "helpers of tests may panic as tests do")]

use nemesis::agent::{self, Ended};
use nemesis::ledger::{Ledger, Mode, Outcome, Replay, Undo, replay};
use nemesis::sweep::{self, Owner, RUN_TAG, Swept};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// A process that does nothing, and is gone when the test is.
struct Sleeper(Child);

impl Sleeper {
    fn new() -> Self {
        Self::tagged(&[])
    }

    fn tagged(environment: &[(&str, &str)]) -> Self {
        let mut command = Command::new("sleep");
        command.arg("600").envs(environment.iter().copied()).stdin(Stdio::null());
        Self(command.spawn().unwrap())
    }

    fn pid(&self) -> i32 {
        self.0.id() as i32
    }

    fn stop(&self) {
        let pid = nix::unistd::Pid::from_raw(self.pid());
        nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGSTOP).unwrap();
        self.until(|state| state == 'T');
    }

    fn state(&self) -> char {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.pid())).unwrap();
        stat.rsplit_once(") ").unwrap().1.chars().next().unwrap()
    }

    /// Waits for what a signal does, which takes effect a moment after it was sent.
    fn until(&self, wanted: impl Fn(char) -> bool) {
        while !wanted(self.state()) {
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

impl Drop for Sleeper {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn ledger() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("faults.jsonl");
    (folder, path)
}

fn outcomes(replay: &Replay) -> Vec<Outcome> {
    replay.replayed.iter().map(|replayed| replayed.outcome.clone()).collect()
}

fn vanishes() -> Undo {
    Undo::Vanishes { with: "the controller".to_owned() }
}

#[test]
fn a_paused_process_goes_on_and_a_running_one_is_killed_newest_first() {
    let (_folder, path) = ledger();
    let (paused, running) = (Sleeper::new(), Sleeper::new());
    let mut ledger = Ledger::open(&path).unwrap();
    ledger.before(0, "start n2", Undo::kill(running.pid())).unwrap();
    ledger.before(1, "pause n1", Undo::resume(paused.pid())).unwrap();
    ledger.before(2, "cut n1 | n2", vanishes()).unwrap();
    paused.stop();

    let said = replay(&path, Mode::Check).unwrap();
    assert_eq!(outcomes(&said), [Outcome::Vanished, Outcome::Needed, Outcome::Needed]);
    assert!(said.leaves_faults());
    assert_eq!(paused.state(), 'T', "a check touches nothing");

    let done = replay(&path, Mode::Undo).unwrap();
    assert_eq!(outcomes(&done), [Outcome::Vanished, Outcome::Undone, Outcome::Undone]);
    assert!(!done.leaves_faults());
    assert_eq!(done.replayed[1].text, "pause n1");
    paused.until(|state| state == 'S');
    running.until(|state| state == 'Z');
    assert_eq!(replay(&path, Mode::Undo).unwrap(), Replay::default(), "the second time is idle");
}

#[test]
fn what_was_undone_is_left_alone() {
    let (_folder, path) = ledger();
    let paused = Sleeper::new();
    let mut ledger = Ledger::open(&path).unwrap();
    let entry = ledger.before(1, "pause n1", Undo::resume(paused.pid())).unwrap();
    ledger.undone(entry).unwrap();
    // Somebody else stopped it later: not our business.
    paused.stop();
    assert_eq!(replay(&path, Mode::Undo).unwrap(), Replay::default());
    assert_eq!(paused.state(), 'T');
}

#[test]
fn a_process_id_that_was_used_again_is_not_touched() {
    let (_folder, path) = ledger();
    let (stranger, other) = (Sleeper::new(), Sleeper::new());
    stranger.stop();
    let (Undo::Resume { pid, start_ticks }, Undo::Kill { pid: running, .. }) =
        (Undo::resume(stranger.pid()), Undo::kill(other.pid()))
    else {
        panic!("both processes run");
    };
    let mut ledger = Ledger::open(&path).unwrap();
    // As if the recorded processes had died and others had been given their ids.
    let earlier = start_ticks - 1;
    ledger.before(1, "pause n1", Undo::Resume { pid, start_ticks: earlier }).unwrap();
    ledger.before(2, "start n2", Undo::Kill { pid: running, start_ticks: earlier }).unwrap();
    let done = replay(&path, Mode::Undo).unwrap();
    assert_eq!(outcomes(&done), [Outcome::Gone, Outcome::Gone]);
    assert_eq!(stranger.state(), 'T', "a stranger was continued");
    // Asleep, or on its way there: what matters is that it is neither dead nor stopped.
    assert!("RSD".contains(other.state()), "a stranger was killed");
}

/// What a replay of a ledger cut off after so many bytes would still have to do.
fn open_after(bytes: &[u8], length: usize, path: &Path) -> Replay {
    std::fs::write(path, &bytes[..length]).unwrap();
    replay(path, Mode::Check).unwrap()
}

#[test]
fn a_crash_at_any_byte_forgets_no_fault_that_was_applied() {
    let (_folder, path) = ledger();
    let mut ledger = Ledger::open(&path).unwrap();
    // Where the last line of each step ends: what is cut off before is torn.
    let mut steps: Vec<(u64, Vec<u32>)> = vec![(0, vec![])];
    let length = |path: &Path| std::fs::metadata(path).unwrap().len() - 1;
    let first = ledger.before(1, "cut n1 | n2 n3", vanishes()).unwrap();
    steps.push((length(&path), vec![1]));
    let second = ledger.before(2, "pause \"n2\"\n", vanishes()).unwrap();
    steps.push((length(&path), vec![2, 1]));
    ledger.undone(first).unwrap();
    steps.push((length(&path), vec![2]));
    ledger.undone(second).unwrap();
    steps.push((length(&path), vec![]));
    let bytes = std::fs::read(&path).unwrap();
    for cut in 0..=bytes.len() {
        let replay = open_after(&bytes, cut, &path);
        let open: Vec<u32> = replay.replayed.iter().map(|replayed| replayed.fault).collect();
        let step = steps.iter().rposition(|(end, _)| *end <= cut as u64).unwrap();
        assert_eq!(open, steps[step].1, "cut after {cut} bytes");
        // Behind a whole line, its end is not yet the beginning of a torn one.
        let whole = if step == 0 { 0 } else { steps[step].0 + 1 };
        let torn = whole < cut as u64;
        assert_eq!(replay.unreadable_lines.len(), usize::from(torn), "cut after {cut} bytes");
        // Whoever writes on must not be swallowed by the torn line.
        let mut ledger = Ledger::open(&path).unwrap();
        ledger.before(9, "later", vanishes()).unwrap();
        let later = nemesis::ledger::replay(&path, Mode::Check).unwrap();
        assert_eq!(later.replayed[0].fault, 9, "cut after {cut} bytes");
        assert_eq!(later.replayed.len(), open.len() + 1, "cut after {cut} bytes");
    }
}

#[test]
fn a_ledger_full_of_rubbish_is_replayed_as_far_as_it_can_be_read() {
    let (_folder, path) = ledger();
    Ledger::open(&path).unwrap().before(1, "cut", vanishes()).unwrap();
    let mut bytes = b"{\"do\":\"x\"}\n\xff\xfe\n[[[[\n".to_vec();
    bytes.extend(std::fs::read(&path).unwrap());
    std::fs::write(&path, bytes).unwrap();
    let done = replay(&path, Mode::Undo).unwrap();
    assert_eq!(done.unreadable_lines, [1, 2, 3]);
    assert_eq!(outcomes(&done), [Outcome::Vanished]);
    assert!(replay(Path::new("/nowhere/faults.jsonl"), Mode::Undo).is_err());
}

#[test]
fn the_agent_undoes_the_faults_when_its_input_ends() {
    let (_folder, path) = ledger();
    let paused = Sleeper::new();
    Ledger::open(&path).unwrap().before(1, "pause n1", Undo::resume(paused.pid())).unwrap();
    paused.stop();
    let (mut input, output) = std::io::pipe().unwrap();
    let controller = std::thread::spawn(move || {
        use std::io::Write as _;
        (&output).write_all(b"alive\nali").unwrap();
    });
    let lease = Duration::from_secs(600);
    let (ended, done) = agent::run(&path, lease, &mut input).unwrap();
    controller.join().unwrap();
    assert_eq!((ended, outcomes(&done)), (Ended::InputClosed, vec![Outcome::Undone]));
    paused.until(|state| state == 'S');
}

#[test]
fn the_agent_undoes_the_faults_when_the_controller_hangs() {
    let (_folder, path) = ledger();
    let paused = Sleeper::new();
    Ledger::open(&path).unwrap().before(1, "pause n1", Undo::resume(paused.pid())).unwrap();
    paused.stop();
    // The other end stays open, and says nothing.
    let (mut input, _output) = std::io::pipe().unwrap();
    let (ended, done) = agent::run(&path, Duration::from_millis(20), &mut input).unwrap();
    assert_eq!((ended, outcomes(&done)), (Ended::LeaseMissed, vec![Outcome::Undone]));
}

#[test]
fn an_agent_without_a_ledger_has_nothing_to_do() {
    let (_folder, path) = ledger();
    let (mut input, output) = std::io::pipe().unwrap();
    drop(output);
    let (ended, done) = agent::run(&path, Duration::from_secs(600), &mut input).unwrap();
    assert_eq!((ended, done), (Ended::InputClosed, Replay::default()));
}

#[test]
fn the_sweep_kills_what_a_dead_controller_left_and_nothing_else() {
    let mine = sweep::tag("run-1");
    let (head, _) = mine.rsplit_once(':').unwrap();
    // The same process id with another start time: that controller is gone.
    let dead = format!("{head}:1");
    let left_over = Sleeper::tagged(&[(RUN_TAG, &dead)]);
    let of_live_run = Sleeper::tagged(&[(RUN_TAG, &mine)]);
    let foreign = Sleeper::tagged(&[(RUN_TAG, "something else")]);
    let untagged = Sleeper::tagged(&[("TRIBUNAL_RUNNER", &dead)]);
    for sleeper in [&left_over, &of_live_run, &foreign, &untagged] {
        // Until the new program has replaced ours, its environment is not the one to be read.
        let environ = || std::fs::read(format!("/proc/{}/cmdline", sleeper.pid())).unwrap();
        while !environ().starts_with(b"sleep") {
            std::thread::sleep(Duration::from_millis(1));
        }
    }
    let find = |mode| {
        let found = sweep::sweep(mode).unwrap();
        let of = |sleeper: &Sleeper| {
            let tagged = found.iter().find(|tagged| tagged.pid == sleeper.pid());
            tagged.map(|tagged| (tagged.owner, tagged.swept.clone()))
        };
        [of(&left_over), of(&of_live_run), of(&foreign), of(&untagged)]
    };
    let live = Some((Owner::Alive, Swept::LeftAlone));
    let unknown = Some((Owner::Unknown, Swept::LeftAlone));
    let said = Some((Owner::Gone, Swept::LeftOver));
    assert_eq!(find(Mode::Check), [said, live.clone(), unknown.clone(), None]);
    let killed = Some((Owner::Gone, Swept::Killed));
    assert_eq!(find(Mode::Undo), [killed, live, unknown, None]);
    left_over.until(|state| state == 'Z');
    assert!([&of_live_run, &foreign, &untagged].iter().all(|sleeper| sleeper.state() == 'S'));
}
