//! Seeing whether links do what was asked of them.
//!
//! A round of probes goes over every directed link, and what arrived is held against the matrix
//! that should be in effect: all layers together. What is judged depends on the link:
//!
//! ```text
//!   cut or held              not one probe arrives; one that does proves the contrary at once
//!   lossless, quick          at least one probe arrives
//!   delayed                  the median takes at least four fifths of the delay
//!   lossy                    some probes are missing, over all such links together
//!   mangled, narrow          the environment's counters moved while the probes passed
//!   no longer any of these   the opposite
//! ```
//!
//! Everything but the first line may fail for a moment on a busy machine, so it has three rounds to
//! come true. What happens by chance is probed so often that it is missed once in a million times.

use crate::fault::directed_links;
use serde_json::{Value, json};
use std::time::Duration;
use targets::environment::{Environment, LinkCounters, LinkSeen};
use targets::links::{Endpoint, Link, LinkMatrix};

const ROUNDS: u32 = 3;
const PROBES: u32 = 3;
/// Enough that even the highest rate that is drawn must queue some of them.
const BURST: u32 = 16;
/// What it takes to send one probe, generously: a long round must not run out of time by itself.
const SENDING: Duration = Duration::from_micros(20);
const MISS_CHANCE: f64 = 1e-6;
/// Contradictions that are written down; the rest is counted.
const MOST_CONTRADICTIONS: usize = 8;

/// Whether a fault should be felt, or not any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum When {
    Installed,
    Undone,
}

/// What is to be judged.
#[derive(Debug)]
pub(crate) struct Focus<'a> {
    /// What the fault asks or asked of the links.
    pub(crate) layer: &'a LinkMatrix,
    /// What all active faults together ask of them, without this one when it is undone.
    pub(crate) effective: &'a LinkMatrix,
    pub(crate) when: When,
    /// Nodes that do not run: what arrives there is not judged, only what must not.
    pub(crate) down: &'a [bool],
    /// How long a probe may take over a clear link.
    pub(crate) wait: Duration,
    /// What a link without a fault may take at most, beside that.
    pub(crate) calm_us: u32,
    /// The most probes that a link gets in a round.
    pub(crate) probes_max: u32,
}

/// What was seen.
#[derive(Debug)]
pub(crate) struct Observation {
    pub(crate) confirmed: bool,
    pub(crate) text: String,
    pub(crate) seen: Value,
}

/// Probes until the links do what they should, or have had their chances.
pub(crate) fn observe(environment: &mut dyn Environment, focus: &Focus<'_>) -> Observation {
    let (count, wait) = (focus.probes(), focus.wait());
    let mut tally = Tally::default();
    for round in 1..=ROUNDS {
        let before = counters(environment, focus.layer);
        let seen = match environment.probe_links(count, wait) {
            Ok(seen) => seen,
            Err(error) => {
                let text = format!("not observed: {error}");
                return Observation { confirmed: false, seen: json!({ "error": text }), text };
            }
        };
        let after = counters(environment, focus.layer);
        tally = judge(focus, &seen, &before, &after, wait);
        tally.rounds = round;
        if tally.contradictions.is_empty() || tally.leaked {
            break;
        }
    }
    tally.finish(focus, count, wait)
}

/// The counters of the links that the fault touches, in order.
fn counters(environment: &dyn Environment, layer: &LinkMatrix) -> Vec<LinkCounters> {
    layer.touched().map(|(from, to, _)| environment.link_counters(from, to)).collect()
}

fn blocked(link: &Link) -> bool {
    link.drop || link.hold
}

fn by_chance_ppm(link: &Link) -> u32 {
    match link.loss_ppm {
        0 => link.duplicate_ppm.max(link.reorder_ppm).max(link.corrupt_ppm),
        loss => loss,
    }
}

impl Focus<'_> {
    /// The links that the fault touches and no cut hides.
    fn visible(&self) -> impl Iterator<Item = (&Link, &Link)> {
        let touched = self.layer.touched();
        let with_effect = touched.map(|(from, to, link)| (link, self.effective.link(from, to)));
        with_effect.filter(|(_, effective)| !blocked(effective))
    }

    /// How many probes a link gets, so that what happens by chance is hardly missed.
    fn probes(&self) -> u32 {
        let per_probe: f64 = self
            .visible()
            .map(|(link, _)| (1.0 - f64::from(by_chance_ppm(link).min(999_999)) / 1e6).ln())
            .sum();
        let burst = self.visible().any(|(link, _)| link.rate_bytes_per_s.is_some());
        let least = if burst { BURST } else { PROBES };
        if per_probe >= 0.0 {
            return least;
        }
        ((MISS_CHANCE.ln() / per_probe).ceil() as u32).clamp(least, self.probes_max)
    }

    /// Long enough to measure the delays that are of interest.
    fn wait(&self) -> Duration {
        let delay = |link: &Link| u64::from(link.delay_us) + u64::from(link.jitter_us);
        let longest = self.visible().map(|(link, effective)| match self.when {
            When::Installed => delay(effective),
            When::Undone => delay(effective) + delay(link),
        });
        let nodes = usize::from(self.effective.nodes());
        let probes = self.probes() as usize * nodes * (nodes + 1);
        self.wait + SENDING * probes as u32 + Duration::from_micros(longest.max().unwrap_or(0))
    }

    fn is_down(&self, endpoint: Endpoint) -> bool {
        match endpoint {
            Endpoint::Node(node) => self.down.get(usize::from(node.0)).copied().unwrap_or(false),
            Endpoint::Clients => false,
        }
    }
}

/// What a round showed.
#[derive(Debug, Default)]
struct Tally {
    rounds: u32,
    contradictions: Vec<String>,
    /// A probe came through a link that should be silent.
    leaked: bool,
    silent: u32,
    delivering: u32,
    /// Probes over links that lose, or lost.
    sent: u64,
    lost: u64,
    measured: u32,
    slowest_us: u32,
    quickest_us: Option<u32>,
    mangled: u64,
    delayed: u64,
}

fn judge(
    focus: &Focus<'_>,
    seen: &[LinkSeen],
    before: &[LinkCounters],
    after: &[LinkCounters],
    wait: Duration,
) -> Tally {
    let mut tally = Tally::default();
    let position = |endpoint| focus.effective.position(endpoint);
    let side = usize::from(focus.effective.nodes()) + 1;
    let mut by_link: Vec<Option<&LinkSeen>> = vec![None; side * side];
    for seen in seen {
        by_link[position(seen.from) * side + position(seen.to)] = Some(seen);
    }
    for (from, to) in directed_links(focus.effective.nodes()) {
        match by_link[position(from) * side + position(to)] {
            Some(seen) => tally.judge_link(focus, seen, wait),
            None => tally.contradictions.push(format!("{from} -> {to} was not probed")),
        }
    }
    let touched = focus.layer.touched();
    for ((from, to, link), (before, after)) in touched.zip(before.iter().zip(after)) {
        let effective = focus.effective.link(from, to);
        if blocked(effective) {
            continue;
        }
        let asked = if focus.when == When::Installed { link } else { effective };
        let mangles = asked.duplicate_ppm + asked.reorder_ppm + asked.corrupt_ppm > 0;
        if mangles || focus.when == When::Undone && by_chance_ppm(link) > 0 {
            tally.mangled += after.mangled.saturating_sub(before.mangled);
        }
        if link.rate_bytes_per_s.is_some() {
            tally.delayed += after.delayed.saturating_sub(before.delayed);
        }
    }
    match focus.when {
        When::Installed => tally.judge_effect(focus),
        When::Undone => tally.judge_absence(focus),
    }
    tally
}

impl Tally {
    fn judge_link(&mut self, focus: &Focus<'_>, seen: &LinkSeen, wait: Duration) {
        let (from, to) = (seen.from, seen.to);
        let (layer, effective) = (focus.layer.link(from, to), focus.effective.link(from, to));
        let arrived = seen.arrived.min(seen.sent);
        if blocked(effective) {
            // A cut that another fault asks for is that fault's matter.
            if arrived == 0 {
                self.silent += 1;
            } else if blocked(layer) {
                self.leaked = true;
                self.contradictions.push(format!("{from} -> {to} should be silent, and is not"));
            }
            return;
        }
        let longest_us = u64::from(effective.delay_us) + u64::from(effective.jitter_us);
        let in_time = u128::from(longest_us) <= wait.as_micros() / 2 || !layer.is_clear();
        let surely = effective.loss_ppm == 0
            && effective.corrupt_ppm == 0
            && effective.rate_bytes_per_s.is_none()
            && !focus.is_down(from)
            && !focus.is_down(to);
        if arrived > 0 {
            self.delivering += 1;
        } else if in_time && surely {
            self.contradictions.push(format!("{from} -> {to} should deliver, and is silent"));
        }
        let judged = match focus.when {
            When::Installed => true,
            When::Undone => surely && in_time,
        };
        if layer.loss_ppm > 0 && judged {
            self.sent += u64::from(seen.sent);
            self.lost += u64::from(seen.sent - arrived);
        }
        if layer.delay_us > 0 {
            self.judge_delay(focus, seen, layer, effective);
        }
    }

    fn judge_delay(&mut self, focus: &Focus<'_>, seen: &LinkSeen, layer: &Link, effective: &Link) {
        let when = focus.when;
        let Some(delay_us) = seen.delay_us else {
            return;
        };
        self.measured += 1;
        self.slowest_us = self.slowest_us.max(delay_us);
        self.quickest_us = Some(self.quickest_us.map_or(delay_us, |least| least.min(delay_us)));
        let (from, to) = (seen.from, seen.to);
        let least_us = effective.delay_us / 5 * 4;
        let spread_us = focus.calm_us + (layer.delay_us / 2).max(5000);
        let most_us = effective.delay_us + effective.jitter_us + spread_us;
        if when == When::Installed && delay_us < least_us {
            let text = format!("{from} -> {to} took {delay_us} us, not {}", effective.delay_us);
            self.contradictions.push(text);
        }
        // Behind a rate of another fault, packets queue.
        if when == When::Undone && effective.rate_bytes_per_s.is_none() && delay_us > most_us {
            self.contradictions.push(format!("{from} -> {to} still took {delay_us} us"));
        }
    }

    fn judge_effect(&mut self, focus: &Focus<'_>) {
        let asks = |of: fn(&Link) -> bool| focus.visible().any(|(link, _)| of(link));
        let blocks = focus.layer.touched().any(|(_, _, link)| blocked(link));
        if !blocks && focus.visible().next().is_none() {
            self.contradictions.push("hidden behind the cuts of other faults".to_owned());
            return;
        }
        if asks(|link| link.delay_us > 0) && self.measured == 0 {
            self.contradictions.push("no probe came through whose delay could be seen".to_owned());
        }
        if asks(|link| link.loss_ppm > 0) && self.lost == 0 {
            self.contradictions.push(format!("none of {} probes was lost", self.sent));
        }
        let mangled = |link: &Link| link.loss_ppm == 0 && by_chance_ppm(link) > 0;
        if asks(mangled) && self.mangled == 0 {
            self.contradictions.push("no packet was mangled".to_owned());
        }
        if asks(|link| link.rate_bytes_per_s.is_some()) && self.delayed == 0 {
            self.contradictions.push("no packet had to wait".to_owned());
        }
    }

    fn judge_absence(&mut self, focus: &Focus<'_>) {
        let clean = |of: fn(&Link) -> bool| !focus.visible().any(|(_, effective)| of(effective));
        if self.lost > 0 {
            self.contradictions.push(format!("{} of {} probes still lost", self.lost, self.sent));
        }
        let mangles = |link: &Link| link.duplicate_ppm + link.reorder_ppm + link.corrupt_ppm > 0;
        if clean(mangles) && self.mangled > 0 {
            self.contradictions.push(format!("{} packets still mangled", self.mangled));
        }
        let waits = |link: &Link| link.delay_us > 0 || link.rate_bytes_per_s.is_some();
        if clean(waits) && self.delayed > 0 {
            self.contradictions.push(format!("{} packets still had to wait", self.delayed));
        }
    }

    fn finish(self, focus: &Focus<'_>, count: u32, wait: Duration) -> Observation {
        let confirmed = self.contradictions.is_empty();
        let mut words = Vec::new();
        words.push(format!("{} links silent, {} delivering", self.silent, self.delivering));
        let ms = |us: u32| f64::from(us) / 1000.0;
        if let Some(quickest_us) = self.quickest_us {
            let (quickest, slowest) = (ms(quickest_us), ms(self.slowest_us));
            words.push(format!("one-way delay {quickest:.1}..{slowest:.1} ms"));
        }
        if self.sent > 0 {
            words.push(format!("{} of {} probes lost", self.lost, self.sent));
        }
        if self.mangled > 0 {
            words.push(format!("{} packets mangled", self.mangled));
        }
        if self.delayed > 0 {
            words.push(format!("{} packets had to wait", self.delayed));
        }
        if let Some(first) = self.contradictions.first() {
            words.insert(0, first.clone());
        }
        let chance: f64 = focus
            .visible()
            .map(|(link, _)| (1.0 - f64::from(by_chance_ppm(link).min(999_999)) / 1e6).ln())
            .sum();
        let mut seen = json!({
            "rounds": self.rounds,
            "probes_per_link": count,
            "wait_ms": wait.as_millis() as u64,
            "silent_links": self.silent,
            "delivering_links": self.delivering,
        });
        if chance < 0.0 {
            seen["chance_of_missing_it"] = json!((chance * f64::from(count)).exp());
            seen["lost"] = json!({ "probes": self.lost, "of": self.sent });
            seen["mangled_packets"] = json!(self.mangled);
        }
        if let Some(quickest_us) = self.quickest_us {
            seen["delay_us"] = json!([quickest_us, self.slowest_us]);
        }
        if self.delayed > 0 {
            seen["delayed_packets"] = json!(self.delayed);
        }
        if !confirmed {
            let told: Vec<_> = self.contradictions.iter().take(MOST_CONTRADICTIONS).collect();
            seen["contradictions"] = json!(told);
            seen["contradictions_in_all"] = json!(self.contradictions.len());
        }
        Observation { confirmed, text: words.join("; "), seen }
    }
}
