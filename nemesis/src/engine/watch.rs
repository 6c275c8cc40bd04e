//! Whether clocks do what was asked of them, from what they show at several moments (pure).
//!
//! ```text
//!   before   set   looks, one after the other
//!   |--------|--|-----|-----|-----|
//!   jumped = first look - before     rate = last look - the one before     spread = high - low
//! ```

use serde_json::{Value, json};
use targets::environment::Clock;
use targets::links::NodeId;

/// A clock that goes backwards against the world's at this rate stands still: it was set back, and
/// what a node sees of it never does.
const STANDS_STILL_PPM: i64 = -800_000;

/// Clocks that are being looked at.
#[derive(Debug)]
pub(super) struct Watch {
    pub(super) clocks: Vec<Watched>,
    pub(super) undone: bool,
    pub(super) every_ms: u64,
    pub(super) next_ms: u64,
}

/// One of them.
#[derive(Debug)]
pub(super) struct Watched {
    pub(super) node: NodeId,
    /// What the fault asks or asked of it.
    pub(super) asked: Clock,
    /// How it should go, with what other faults ask of it.
    pub(super) wanted: Clock,
    /// How far it was ahead before it was set; nothing if nobody can see it.
    before_ns: Option<i64>,
    /// The first look, and the last: world time and how far it was ahead.
    first: Option<(u64, i64)>,
    last: Option<(u64, i64)>,
    rate_ppm: Option<i64>,
    lowest_ns: i64,
    highest_ns: i64,
    /// Looks in a row between which it went right.
    right: u32,
}

impl Watched {
    pub(super) fn new(node: NodeId, asked: Clock, before_ns: Option<i64>) -> Self {
        let (lowest_ns, highest_ns) = (i64::MAX, i64::MIN);
        let (first, last, rate_ppm) = (None, None, None);
        let wanted = asked;
        Self {
            node,
            asked,
            wanted,
            before_ns,
            first,
            last,
            rate_ppm,
            lowest_ns,
            highest_ns,
            right: 0,
        }
    }

    pub(super) fn look(&mut self, now_ns: u64, ahead_ns: i64) {
        let now = (now_ns, ahead_ns);
        self.first.get_or_insert(now);
        self.lowest_ns = self.lowest_ns.min(ahead_ns);
        self.highest_ns = self.highest_ns.max(ahead_ns);
        if let Some((then_ns, then_ahead_ns)) = self.last.replace(now)
            && now_ns > then_ns
        {
            let gained = i128::from(ahead_ns) - i128::from(then_ahead_ns);
            let rate_ppm = gained * 1_000_000 / i128::from(now_ns - then_ns);
            let rate_ppm = rate_ppm.clamp(i64::MIN.into(), i64::MAX.into()) as i64;
            self.rate_ppm = Some(rate_ppm);
            // Nobody sees through the strobe of another fault.
            let right = (rate_ppm - i64::from(self.wanted.rate_ppm)).abs() < 5000
                || self.wanted.strobe.is_some();
            self.right = if right { self.right + 1 } else { 0 };
        }
    }

    /// How far it jumped when it was set.
    fn jumped_ns(&self) -> Option<i64> {
        let (_, first_ns) = self.first?;
        Some(first_ns.saturating_sub(self.before_ns?))
    }

    fn does_as_asked(&self) -> bool {
        let Clock { offset_ms, rate_ppm, strobe } = self.asked;
        let offset_ns = offset_ms.saturating_mul(1_000_000);
        let jumps = offset_ms == 0
            || self.jumped_ns().is_some_and(|jumped| {
                jumped.signum() == offset_ns.signum() && jumped.abs() >= offset_ns.abs() / 5 * 4
            });
        let rate = i64::from(self.wanted.rate_ppm);
        let runs = rate_ppm == 0
            || self.rate_ppm.is_some_and(|seen| (seen - rate).abs() <= rate.abs() / 5);
        let strobes = strobe.is_none_or(|strobe| {
            let spread_ns = self.highest_ns.saturating_sub(self.lowest_ns);
            spread_ns >= i64::from(strobe.ahead_ms) * 800_000
        });
        self.first.is_some() && jumps && runs && strobes
    }

    fn goes_right(&self) -> bool {
        let back_ns = self.asked.offset_ms.saturating_mul(-1_000_000);
        let stands_still = self.rate_ppm.is_some_and(|rate| rate <= STANDS_STILL_PPM);
        let is_back = back_ns == 0
            || stands_still
            || self.jumped_ns().is_some_and(|jumped| {
                jumped.signum() == back_ns.signum() && jumped.abs() >= back_ns.abs() / 5 * 4
            });
        // A clock that still strobed would have jumped within half a period, which is two looks.
        let looks = if self.asked.strobe.is_some() { 3 } else { 1 };
        is_back && (self.right >= looks || stands_still && self.asked.strobe.is_none())
    }
}

impl Watch {
    pub(super) fn is_over(&self) -> bool {
        let fine = |one: &Watched| if self.undone { one.goes_right() } else { one.does_as_asked() };
        self.clocks.iter().all(fine)
    }

    pub(super) fn text(&self) -> String {
        let ms = |ns: i64| ns as f64 / 1e6;
        let words = self.clocks.iter().map(|one| {
            let node = one.node;
            let Some(jumped_ns) = one.jumped_ns() else {
                return format!("{node}: nobody sees its clock");
            };
            let rate = one
                .rate_ppm
                .map_or_else(String::new, |ppm| format!(", rate {:+.1} %", ppm as f64 / 10_000.0));
            let strobe = one.asked.strobe.map_or_else(String::new, |_| {
                format!(", to and fro by {:.0} ms", ms(one.highest_ns - one.lowest_ns))
            });
            format!("{node} jumped {:+.1} ms{rate}{strobe}", ms(jumped_ns))
        });
        words.collect::<Vec<_>>().join("; ")
    }

    pub(super) fn seen(&self) -> Value {
        let clocks = self.clocks.iter().map(|one| {
            json!({
                "node": one.node.to_string(),
                "jumped_ns": one.jumped_ns(),
                "rate_ppm": one.rate_ppm,
                "spread_ns": one.first.map(|_| one.highest_ns.saturating_sub(one.lowest_ns)),
            })
        });
        json!({ "clocks": clocks.collect::<Vec<_>>() })
    }
}
