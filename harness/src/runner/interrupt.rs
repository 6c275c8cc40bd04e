//! Ctrl-C, and what it means: once ends the run, heals, saves and analyses; twice skips the
//! analysis; three times gives up at once and leaves the undoing to the kernel and to `tribunal
//! heal`.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;

/// Signals closer together than this are one request.
const ONE_REQUEST: Duration = Duration::from_millis(500);

/// How often the user asked to stop.
#[derive(Clone, Debug)]
pub struct Interrupts {
    count: Arc<AtomicU32>,
    stop: watch::Receiver<bool>,
}

impl Interrupts {
    /// Listens on a thread of its own, so that nothing else has to.
    pub fn listen() -> std::io::Result<Self> {
        let count = Arc::new(AtomicU32::new(0));
        let (sender, stop) = watch::channel(false);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
        let signals = {
            let _inside = runtime.enter();
            [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()].map(signal)
        };
        let [interrupt, terminate, hangup] = signals;
        let signals = [interrupt?, terminate?, hangup?];
        let seen = Arc::clone(&count);
        std::thread::Builder::new()
            .name("signals".into())
            .spawn(move || runtime.block_on(watch_signals(signals, &seen, &sender)))?;
        Ok(Self { count, stop })
    }

    /// Turns true when the run shall end.
    pub fn stop(&self) -> watch::Receiver<bool> {
        self.stop.clone()
    }

    /// Whether the run shall end.
    pub fn interrupted(&self) -> bool {
        self.count.load(Ordering::Relaxed) >= 1
    }

    /// Whether the analysis shall be skipped too.
    pub fn impatient(&self) -> bool {
        self.count.load(Ordering::Relaxed) >= 2
    }
}

async fn watch_signals(
    [mut interrupt, mut terminate, mut hangup]: [Signal; 3],
    seen: &AtomicU32,
    stop: &watch::Sender<bool>,
) {
    let mut last: Option<Instant> = None;
    loop {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            _ = hangup.recv() => {}
        }
        // Who signals a process and then its group, as timeout(1) does, means it once.
        if last.is_some_and(|last| last.elapsed() < ONE_REQUEST) {
            continue;
        }
        last = Some(Instant::now());
        match seen.fetch_add(1, Ordering::Relaxed) {
            0 => eprintln!("\ntribunal: stopping: healing, saving and checking what there is"),
            1 => eprintln!("\ntribunal: healing and saving; the history will not be checked"),
            _ => {
                eprintln!("\ntribunal: giving up; see what is left with: tribunal heal --check");
                std::process::exit(13);
            }
        }
        // The receiver lives as long as the process.
        let _ = stop.send(true);
    }
}
