//! Progress on standard error: a live line on a terminal, a line now and then when asked for,
//! nothing when piped.

use crate::cli;
use crate::runner::recorder::Counts;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::IsTerminal;
use std::time::Duration;

/// The live line changes at most this often.
const LIVE_EVERY_NS: u64 = 100_000_000;
/// A plain line comes this often.
const PLAIN_EVERY_NS: u64 = 10_000_000_000;

/// Shows how far a run is.
#[derive(Debug)]
pub struct Progress {
    kind: Kind,
    phase: &'static str,
    shown_ns: u64,
    shown_ok: u64,
}

#[derive(Debug)]
enum Kind {
    Live(ProgressBar),
    Plain,
    Silent,
}

impl Progress {
    /// Progress of the kind that was asked for.
    pub fn new(asked: cli::Progress) -> Self {
        let kind = match asked {
            cli::Progress::Auto if std::io::stderr().is_terminal() => {
                let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
                let style = ProgressStyle::with_template("{spinner} {msg}");
                bar.set_style(style.expect("the template is well-formed"));
                Kind::Live(bar)
            }
            cli::Progress::Plain => Kind::Plain,
            cli::Progress::Auto | cli::Progress::None => Kind::Silent,
        };
        Self { kind, phase: "", shown_ns: 0, shown_ok: 0 }
    }

    /// A part of the run begins.
    pub fn phase(&mut self, phase: &'static str, now_ns: u64) {
        self.phase = phase;
        match &self.kind {
            Kind::Live(bar) => bar.set_message(phase),
            Kind::Plain => eprintln!("{:7.1} s  {phase}", now_ns as f64 / 1e9),
            Kind::Silent => {}
        }
    }

    /// Operations go on.
    pub fn tick(&mut self, now_ns: u64, length: Option<Duration>, counts: Counts) {
        let Some(elapsed_ns) = self.due(now_ns) else { return };
        let rate = (counts.ok - self.shown_ok) as f64 / (elapsed_ns as f64 / 1e9);
        self.shown_ok = counts.ok;
        let of = length.map_or(String::new(), |length| format!(" of {:.0}", length.as_secs_f64()));
        self.show(format!(
            "{:6.1}{of} s  {}  {rate:.0} ok/s  ok {}  fail {}  info {}",
            now_ns as f64 / 1e9,
            self.phase,
            counts.ok,
            counts.fail,
            counts.info
        ));
    }

    /// Something else than a run goes on, for so long now.
    pub fn line(&mut self, now_ns: u64, line: impl FnOnce() -> String) {
        if self.due(now_ns).is_some() {
            self.show(line());
        }
    }

    /// Whether something should be shown again: the time since it was last.
    fn due(&mut self, now_ns: u64) -> Option<u64> {
        let every_ns = match self.kind {
            Kind::Live(_) => LIVE_EVERY_NS,
            Kind::Plain => PLAIN_EVERY_NS,
            Kind::Silent => return None,
        };
        let elapsed_ns = now_ns.saturating_sub(self.shown_ns);
        if elapsed_ns < every_ns {
            return None;
        }
        self.shown_ns = now_ns;
        Some(elapsed_ns)
    }

    fn show(&self, line: String) {
        match &self.kind {
            Kind::Live(bar) => {
                bar.set_message(line);
                bar.tick();
            }
            Kind::Plain => eprintln!("{line}"),
            Kind::Silent => {}
        }
    }

    /// The run is over; the live line goes away.
    pub fn finish(&self) {
        if let Kind::Live(bar) = &self.kind {
            bar.finish_and_clear();
        }
    }
}
