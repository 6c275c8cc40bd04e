//! An anomaly as a ladder: a rail for each process, time running down, an arrow for each edge.
//!
//! ```text
//!      process 0              process 1
//!   +-------------+        +-------------+
//!   | T2          |        | T3          |        beginnings and ends stand in the order of the
//!   | append x 1 -|---wr-->| r x [1]     |        history, exactly; distances are not to scale
//!   | r y []    <-|- -rw- -| append y 1  |
//!   +-------------+        +-------------+
//! ```
//!
//! The rails follow the order of the cycle, so that most arrows cross one gap only. Kinds of edges
//! differ in their lines and have their names on them: nothing is said by colour alone.

use crate::text;
use askama::Template;
use checkers::transactions::explain::{op_name, plain};
use checkers::verdict::{AnomalyEvidence, EvidenceEdge, EvidenceOp, FoundAnomaly};
use std::fmt::Write as _;

/// More transactions than this are no longer looked at in a picture.
const BOXES_MAX: usize = 24;

/// Micro-operations of a transaction that are drawn.
const MOPS_MAX: usize = 12;

/// Edges that are drawn.
const ARROWS_MAX: usize = 48;

/// A longer line in a box is cut; the table has it in full.
const LINE_CHARS_MAX: usize = 44;

/// A character of the typeface.
const CHARACTER: f64 = 7.3;
const LINE: f64 = 18.0;
const PADDING: f64 = 10.0;
/// Between two ends of operations.
const GAP: f64 = 20.0;
/// Between two rails, where the labels of the arrows are.
const CHANNEL: f64 = 190.0;
/// Above the first box, where the names of the rails are.
const TOP: f64 = 34.0;
const MARGIN: f64 = 12.0;
const HEAD: f64 = 8.0;
const LABEL_HEIGHT: f64 = 17.0;

/// A process of the picture.
#[derive(Clone, Debug)]
pub(crate) struct Rail {
    pub(crate) x: f64,
    pub(crate) label: String,
}

/// A line of text in a box.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    pub(crate) y: f64,
    pub(crate) text: String,
}

/// A transaction of the picture.
#[derive(Clone, Debug)]
pub(crate) struct TxnBox {
    pub(crate) x: f64,
    pub(crate) y: f64,
    pub(crate) width: f64,
    pub(crate) height: f64,
    /// `ok`, `info` or `fail`.
    pub(crate) class: &'static str,
    pub(crate) name: String,
    pub(crate) lines: Vec<Line>,
    pub(crate) title: String,
    rail: usize,
    places: Vec<u32>,
}

impl TxnBox {
    pub(crate) fn text_x(&self) -> f64 {
        self.x + PADDING
    }

    pub(crate) fn name_y(&self) -> f64 {
        self.y + LINE
    }

    /// Where an edge to or from this micro-operation ends; the name's line if it is not shown.
    fn mop_y(&self, mop: Option<u32>) -> f64 {
        let shown = mop.and_then(|mop| self.places.iter().position(|place| *place == mop));
        let line = shown.and_then(|at| self.lines.get(at)).map_or(self.name_y(), |line| line.y);
        line - 4.0
    }
}

/// An edge of the picture.
#[derive(Clone, Debug)]
pub(crate) struct Arrow {
    /// The kind, for the style sheet: one of a closed list.
    pub(crate) class: &'static str,
    pub(crate) path: String,
    pub(crate) head: String,
    pub(crate) label: String,
    pub(crate) label_x: f64,
    pub(crate) label_y: f64,
    pub(crate) label_width: f64,
    pub(crate) title: String,
}

impl Arrow {
    pub(crate) fn plate_x(&self) -> f64 {
        self.label_x - self.label_width / 2.0
    }

    pub(crate) fn plate_y(&self) -> f64 {
        self.label_y - LABEL_HEIGHT + 4.5
    }
}

/// The picture.
#[derive(Clone, Debug)]
pub(crate) struct Ladder {
    /// Unique on the page.
    pub(crate) id: String,
    pub(crate) title: String,
    pub(crate) summary: String,
    pub(crate) rails: Vec<Rail>,
    pub(crate) boxes: Vec<TxnBox>,
    pub(crate) arrows: Vec<Arrow>,
    pub(crate) width: f64,
    pub(crate) height: f64,
    /// Transactions and edges that are not drawn.
    pub(crate) omitted: usize,
}

impl Ladder {
    pub(crate) fn of(evidence: &AnomalyEvidence, found: &FoundAnomaly, id: String) -> Self {
        let mut drawn: Vec<usize> = Vec::new();
        for at in found.ops.iter().copied().filter(|at| *at < evidence.ops.len()) {
            if drawn.len() < BOXES_MAX && !drawn.contains(&at) {
                drawn.push(at);
            }
        }
        let (boxes, rails, right) = boxes(evidence, &drawn);
        let mut ladder = Self {
            id,
            title: text::plain(&found.name),
            summary: String::new(),
            height: boxes.iter().map(|one| one.y + one.height).fold(TOP, f64::max) + MARGIN,
            rails,
            boxes,
            arrows: Vec::new(),
            width: right + MARGIN,
            omitted: found.ops.len().saturating_sub(drawn.len()),
        };
        ladder.connect(&drawn, &found.edges);
        ladder.summarize();
        ladder
    }

    fn connect(&mut self, drawn: &[usize], edges: &[EvidenceEdge]) {
        let mut curves: Vec<(&EvidenceEdge, [usize; 2], Curve)> = Vec::new();
        for edge in edges {
            let at = |op| drawn.iter().position(|drawn| *drawn == op);
            let ends = at(edge.from).zip(at(edge.to)).filter(|(from, to)| from != to);
            let Some((from, to)) = ends.filter(|_| curves.len() < ARROWS_MAX) else {
                self.omitted += 1;
                continue;
            };
            let curve = self.curve(edge, class(&edge.kind), &self.boxes[from], &self.boxes[to]);
            curves.push((edge, [from, to], curve));
        }
        let mut plates = Vec::new();
        for (at, (edge, ends, curve)) in curves.iter().enumerate() {
            let others: Vec<Curve> = (curves.iter().enumerate())
                .filter(|(other, _)| *other != at)
                .map(|(_, (.., curve))| *curve)
                .collect();
            let arrow = self.arrow(edge, *ends, curve, &others, &mut plates);
            self.width = self.width.max(arrow.plate_x() + arrow.label_width + MARGIN);
            self.arrows.push(arrow);
        }
    }

    fn arrow(
        &self,
        edge: &EvidenceEdge,
        [from, to]: [usize; 2],
        curve: &Curve,
        others: &[Curve],
        plates: &mut Vec<[f64; 4]>,
    ) -> Arrow {
        let key = edge.key.as_deref().map_or(String::new(), |key| format!(" {}", plain(key)));
        let label = text::bounded(&format!("{}{key}", edge.kind), 16);
        let label_width = label.chars().count() as f64 * CHARACTER + 8.0;
        let (label_x, label_y) = self.label_place(curve, label_width, others, plates);
        let names = (&self.boxes[from].name, &self.boxes[to].name);
        Arrow {
            class: class(&edge.kind),
            path: curve.path(),
            head: curve.head(),
            title: format!("{} → {}, {label}: {}", names.0, names.1, text::plain(&edge.reason)),
            label,
            label_x,
            label_y,
            label_width,
        }
    }

    fn curve(&self, edge: &EvidenceEdge, class: &str, from: &TxnBox, to: &TxnBox) -> Curve {
        let is_order = matches!(class, "process" | "realtime");
        let (start_y, end_y) = if is_order {
            (from.y + from.height - 6.0, to.y + 6.0)
        } else {
            (from.mop_y(edge.from_mop), to.mop_y(edge.to_mop))
        };
        if from.rail == to.rail {
            let below = from.y + from.height < to.y;
            if is_order && below {
                let x = self.rails[from.rail].x;
                return Curve::straight((x, from.y + from.height), (x, to.y));
            }
            let (start, end) = ((from.x + from.width, start_y), (to.x + to.width, end_y));
            let bulge = start.0.max(end.0) + CHANNEL / 2.0;
            return Curve { start, one: (bulge, start_y), two: (bulge, end_y), end };
        }
        let rightwards = from.rail < to.rail;
        let (start_x, end_x) =
            if rightwards { (from.x + from.width, to.x) } else { (from.x, to.x + to.width) };
        let reach = (end_x - start_x) * 0.45;
        Curve {
            start: (start_x, start_y),
            one: (start_x + reach, start_y),
            two: (end_x - reach, end_y),
            end: (end_x, end_y),
        }
    }

    /// Where along the curve its label covers no box, no other label and no other arrow; if there
    /// is no such place, as few of them as can be.
    fn label_place(
        &self,
        curve: &Curve,
        width: f64,
        others: &[Curve],
        plates: &mut Vec<[f64; 4]>,
    ) -> (f64, f64) {
        const TRIES: [f64; 9] = [0.5, 0.4, 0.6, 0.3, 0.7, 0.22, 0.78, 0.15, 0.85];
        // A short way down a rail would vanish behind its label, which stands beside it.
        let aside = if curve.start.0 == curve.two.0 { width / 2.0 + HEAD } else { 0.0 };
        let plate = |t: f64| {
            let (x, y) = curve.at(t);
            let x = x + aside;
            [x - width / 2.0, y - LABEL_HEIGHT / 2.0, x + width / 2.0, y + LABEL_HEIGHT / 2.0]
        };
        let area = |one: &TxnBox| [one.x, one.y, one.x + one.width, one.y + one.height];
        let cost = |plate: &[f64; 4]| {
            let labels = plates.iter().filter(|other| overlap(plate, other)).count();
            let boxes = self.boxes.iter().filter(|one| overlap(plate, &area(one))).count();
            let crossed = others.iter().filter(|other| other.crosses(plate)).count();
            100 * labels + 10 * boxes + crossed
        };
        let best = TRIES.map(plate).into_iter().min_by_key(cost).expect("there are places to try");
        plates.push(best);
        (f64::midpoint(best[0], best[2]), f64::midpoint(best[1], best[3]) + 4.0)
    }

    /// The picture in words, for those who cannot see it.
    fn summarize(&mut self) {
        let mut out = format!("{} transactions. ", self.boxes.len());
        for part in self.boxes.iter().map(|one| &one.title) {
            write!(out, "{part}. ").expect("a string takes everything");
        }
        for part in self.arrows.iter().map(|arrow| &arrow.title) {
            write!(out, "{part}. ").expect("a string takes everything");
        }
        self.summary = out;
    }
}

/// A cubic curve.
#[derive(Clone, Copy, Debug)]
struct Curve {
    start: (f64, f64),
    one: (f64, f64),
    two: (f64, f64),
    end: (f64, f64),
}

impl Curve {
    fn straight(start: (f64, f64), end: (f64, f64)) -> Self {
        let part = |t: f64| (start.0 + (end.0 - start.0) * t, start.1 + (end.1 - start.1) * t);
        Self { start, one: part(1.0 / 3.0), two: part(2.0 / 3.0), end }
    }

    fn at(&self, t: f64) -> (f64, f64) {
        let s = 1.0 - t;
        let [a, b, c, d] = [s * s * s, 3.0 * s * s * t, 3.0 * s * t * t, t * t * t];
        let of = |pick: fn((f64, f64)) -> f64| {
            a * pick(self.start) + b * pick(self.one) + c * pick(self.two) + d * pick(self.end)
        };
        (of(|point| point.0), of(|point| point.1))
    }

    /// Whether it passes through an area, by points that are closer together than a label is high.
    fn crosses(&self, area: &[f64; 4]) -> bool {
        (0..=64)
            .map(|step| self.at(f64::from(step) / 64.0))
            .any(|(x, y)| (area[0]..area[2]).contains(&x) && (area[1]..area[3]).contains(&y))
    }

    fn path(&self) -> String {
        let [a, b, c, d] = [self.start, self.one, self.two, self.end];
        format!(
            "M{:.1} {:.1}C{:.1} {:.1} {:.1} {:.1} {:.1} {:.1}",
            a.0, a.1, b.0, b.1, c.0, c.1, d.0, d.1
        )
    }

    /// A triangle at the end, along the curve's last direction.
    fn head(&self) -> String {
        let (dx, dy) = (self.end.0 - self.two.0, self.end.1 - self.two.1);
        let length = dx.hypot(dy).max(1e-6);
        let (dx, dy) = (dx / length * HEAD, dy / length * HEAD);
        let back = (self.end.0 - dx, self.end.1 - dy);
        format!(
            "M{:.1} {:.1}L{:.1} {:.1}L{:.1} {:.1}Z",
            self.end.0,
            self.end.1,
            back.0 - dy / 2.0,
            back.1 + dx / 2.0,
            back.0 + dy / 2.0,
            back.1 - dx / 2.0
        )
    }
}

fn overlap(a: &[f64; 4], b: &[f64; 4]) -> bool {
    a[0] < b[2] && b[0] < a[2] && a[1] < b[3] && b[1] < a[3]
}

/// The kind as a name of the style sheet: a kind nobody knows is drawn plainly.
fn class(kind: &str) -> &'static str {
    const KINDS: [&str; 8] = ["ww", "wr", "rw", "wwp", "wrp", "rwp", "process", "realtime"];
    KINDS.into_iter().find(|known| *known == kind).unwrap_or("other")
}

/// The boxes in the order of `drawn`, their rails, and where the last rail ends.
fn boxes(evidence: &AnomalyEvidence, drawn: &[usize]) -> (Vec<TxnBox>, Vec<Rail>, f64) {
    let ops: Vec<&EvidenceOp> = drawn.iter().map(|at| &evidence.ops[*at]).collect();
    let mut boxes: Vec<TxnBox> = drawn.iter().map(|at| measured(evidence, *at)).collect();
    let count = rails(&ops, &mut boxes);
    place_ends(&ops, &mut boxes);
    let mut x = MARGIN;
    let mut rails = Vec::new();
    for rail in 0..count {
        let mine = || boxes.iter().filter(|one| one.rail == rail);
        let process = mine().map(|one| one.title.as_str()).next().unwrap_or_default();
        let label = process.split(':').next().and_then(|title| title.split_once(", "));
        let label = label.map_or(String::new(), |(_, process)| process.to_owned());
        let named = label.chars().count() as f64 * CHARACTER;
        let width = mine().map(|one| one.width).fold(named, f64::max);
        rails.push(Rail { x: x + width / 2.0, label });
        for one in boxes.iter_mut().filter(|one| one.rail == rail) {
            one.x = x;
            one.width = width;
        }
        x += width + CHANNEL;
    }
    (boxes, rails, x - CHANNEL)
}

/// A box with its texts and its least size, at no place yet.
fn measured(evidence: &AnomalyEvidence, at: usize) -> TxnBox {
    let op = &evidence.ops[at];
    let mops = evidence.mops.get(at).map_or(&[][..], Vec::as_slice);
    let shown = &mops[..mops.len().min(MOPS_MAX)];
    let line = |text: String| Line { y: 0.0, text };
    let mut lines: Vec<Line> =
        shown.iter().map(|mop| line(text::bounded(&mop.text, LINE_CHARS_MAX))).collect();
    if let Some((_, more)) = op.text.rsplit_once(" (and ").filter(|(_, more)| more.len() < 24) {
        lines.push(line(format!("and {}", text::bounded(more.trim_end_matches(')'), 24))));
    }
    let outcome = if op.outcome == "ok" { String::new() } else { format!(" ({})", op.outcome) };
    let name = format!("{}{}", op_name(op), text::bounded(&outcome, 12));
    let longest = lines.iter().map(|line| line.text.chars().count()).max().unwrap_or(0);
    TxnBox {
        x: 0.0,
        y: 0.0,
        width: longest.max(name.chars().count()) as f64 * CHARACTER + 2.0 * PADDING,
        height: (lines.len() + 1) as f64 * LINE + PADDING,
        class: match op.outcome.as_str() {
            "ok" => "ok",
            "fail" => "fail",
            _ => "info",
        },
        title: format!(
            "{name}, process {}: {}",
            text::bounded(&op.process, 20),
            text::plain(&op.text)
        ),
        name,
        lines,
        rail: 0,
        places: shown.iter().map(|mop| mop.place).collect(),
    }
}

/// A rail for each process, in the order of the cycle. A process whose operations overlap (a
/// strange history) gets several.
fn rails(ops: &[&EvidenceOp], boxes: &mut [TxnBox]) -> usize {
    let mut rails: Vec<Vec<usize>> = Vec::new();
    for (at, op) in ops.iter().enumerate() {
        let fits = |rail: &Vec<usize>| {
            rail.iter().all(|other| {
                let other = ops[*other];
                other.process == op.process && (before(other, op) || before(op, other))
            })
        };
        let rail = rails.iter().position(fits).unwrap_or_else(|| {
            rails.push(Vec::new());
            rails.len() - 1
        });
        rails[rail].push(at);
        boxes[at].rail = rail;
    }
    rails.len()
}

/// Whether one operation completed before another began.
fn before(one: &EvidenceOp, other: &EvidenceOp) -> bool {
    end(one).is_some_and(|end| end < other.invoke_index)
}

/// Nobody knows whether an `info` happened, so it is open however early its client gave up.
fn end(op: &EvidenceOp) -> Option<usize> {
    op.complete_index.filter(|_| op.outcome != "info").map(|index| index.max(op.invoke_index + 1))
}

/// From top to bottom: every beginning and end a gap below the one before, and every end below its
/// own beginning by what the box's lines need.
fn place_ends(ops: &[&EvidenceOp], boxes: &mut [TxnBox]) {
    let mut ends: Vec<(usize, bool, usize)> = Vec::new();
    for (at, op) in ops.iter().enumerate() {
        ends.push((op.invoke_index, false, at));
        ends.extend(end(op).map(|index| (index, true, at)));
    }
    ends.sort_unstable();
    let mut y = TOP;
    for (_, is_end, at) in ends {
        if is_end {
            y = y.max(boxes[at].y + boxes[at].height);
            boxes[at].height = y - boxes[at].y;
        } else {
            boxes[at].y = y;
        }
        y += GAP;
    }
    let open = || ops.iter().enumerate().filter(|(_, op)| end(op).is_none());
    let bottom = open().map(|(at, _)| boxes[at].y + boxes[at].height).fold(y, f64::max);
    for (at, _) in open() {
        boxes[at].height = bottom - boxes[at].y;
    }
    for one in boxes {
        for (number, line) in (2..).zip(&mut one.lines) {
            line.y = one.y + f64::from(number) * LINE;
        }
    }
}

#[derive(Template)]
#[template(path = "ladder.svg", escape = "html")]
struct Standalone<'a> {
    ladder: &'a Ladder,
    style: &'static str,
}

/// The style of a ladder in a file of its own.
const STANDALONE_STYLE: &str =
    concat!(include_str!("../assets/ladder-file.css"), include_str!("../assets/ladder.css"));

/// An anomaly of the evidence as a picture: an SVG file of its own, without script, which follows
/// the reader's choice of light and dark. Nothing if there is no anomaly of that number.
///
/// # Errors
/// When the template fails: a mistake in this crate.
pub fn ladder(
    evidence: &AnomalyEvidence,
    which: usize,
) -> Result<Option<String>, crate::ReportError> {
    let Some(found) = evidence.found.get(which) else { return Ok(None) };
    let ladder = Ladder::of(evidence, found, format!("ladder-{which}"));
    Ok(Some(Standalone { ladder: &ladder, style: STANDALONE_STYLE }.render()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use checkers::verdict::EvidenceMop;
    use proptest::prelude::*;

    fn op(invoke_index: usize, length: Option<usize>, process: usize) -> EvidenceOp {
        EvidenceOp {
            invoke_index,
            complete_index: length.map(|length| invoke_index + length),
            process: process.to_string(),
            node: None,
            f: "txn".to_owned(),
            text: "[append 1 1]".to_owned(),
            outcome: if length.is_some() { "ok" } else { "info" }.to_owned(),
            invoke_ns: 0,
            complete_ns: None,
            note: None,
        }
    }

    fn evidence(
        ops: Vec<EvidenceOp>,
        lines: &[usize],
        edges: &[(usize, usize)],
    ) -> AnomalyEvidence {
        let mop = |place| EvidenceMop { place, text: format!("append 1 {place}") };
        let edges = edges.iter().map(|(from, to)| EvidenceEdge {
            from: *from,
            to: *to,
            kind: "rw".to_owned(),
            key: Some("1".to_owned()),
            from_mop: Some(0),
            to_mop: Some(9),
            reason: "T1 read it".to_owned(),
        });
        let found = FoundAnomaly {
            name: "G2-item".to_owned(),
            key: None,
            ops: (0..ops.len()).collect(),
            edges: edges.collect(),
            count: None,
            sentence: String::new(),
        };
        AnomalyEvidence {
            found: vec![found],
            types: Vec::new(),
            not: Vec::new(),
            also_not: Vec::new(),
            may_hold: Vec::new(),
            mops: lines.iter().map(|count| (0..*count as u32).map(mop).collect()).collect(),
            ops,
            sentence: String::new(),
        }
    }

    proptest! {
        /// The picture's promises: above means before, in the order of the history, and no two
        /// transactions are drawn over each other.
        #[test]
        fn beginnings_and_ends_keep_the_order_of_the_history(
            spans in prop::collection::vec(
                (1_usize..40, prop::option::of(1_usize..20), 0_usize..4, 0_usize..14), 1..20)
        ) {
            let mut index = 0;
            let ops: Vec<EvidenceOp> = spans.iter().enumerate().map(|(at, span)| {
                index += span.0;
                op(index * 50, span.1.map(|length| length * 50 + at + 1), span.2)
            }).collect();
            let lines: Vec<usize> = spans.iter().map(|span| span.3).collect();
            let evidence = evidence(ops.clone(), &lines, &[]);
            let ladder = Ladder::of(&evidence, &evidence.found[0], "a".to_owned());
            for (a, a_box) in ops.iter().zip(&ladder.boxes) {
                let bottom = a_box.y + a_box.height;
                prop_assert!(bottom <= ladder.height && a_box.x + a_box.width <= ladder.width);
                prop_assert!(a_box.lines.last().is_none_or(|line| line.y < bottom), "they fit");
                for (b, b_box) in ops.iter().zip(&ladder.boxes) {
                    prop_assert_eq!(before(a, b), bottom < b_box.y, "{:?} {:?}", a, b);
                    let area = |one: &TxnBox| [one.x, one.y, one.x + one.width, one.y + one.height];
                    let same = std::ptr::eq(a_box, b_box);
                    prop_assert!(same || !overlap(&area(a_box), &area(b_box)), "{:?} {:?}", a, b);
                }
            }
        }
    }

    #[test]
    fn arrows_go_from_line_to_line_and_their_labels_cover_nothing() {
        let ops = vec![op(0, Some(9), 0), op(1, Some(9), 1), op(2, Some(20), 2)];
        let evidence =
            evidence(ops, &[2, 10, 1], &[(0, 1), (1, 0), (1, 2), (2, 0), (0, 7), (1, 1)]);
        let ladder = Ladder::of(&evidence, &evidence.found[0], "a".to_owned());
        assert_eq!(
            (ladder.arrows.len(), ladder.omitted),
            (4, 2),
            "no edge from nowhere or to itself"
        );
        let (first, second) = (&ladder.boxes[0], &ladder.boxes[1]);
        let (from, to) = (first.lines[0].y - 4.0, second.lines[9].y - 4.0);
        let path = &ladder.arrows[0].path;
        assert!(path.starts_with(&format!("M{:.1} {from:.1}C", first.x + first.width)), "{path}");
        assert!(path.ends_with(&format!(" {:.1} {to:.1}", second.x)), "{path}");
        let plate = |arrow: &Arrow| {
            let (x, y) = (arrow.plate_x(), arrow.plate_y());
            [x, y, x + arrow.label_width, y + LABEL_HEIGHT]
        };
        for (at, arrow) in ladder.arrows.iter().enumerate() {
            for other in &ladder.arrows[at + 1..] {
                assert!(!overlap(&plate(arrow), &plate(other)), "{arrow:?} {other:?}");
            }
        }
    }

    #[test]
    fn a_file_of_its_own_runs_nothing_and_is_told_to_those_who_cannot_see_it() {
        let mut evidence = evidence(vec![op(0, Some(9), 0), op(1, None, 1)], &[1, 1], &[(0, 1)]);
        evidence.mops[0][0].text = "append <script>alert(1)</script> \"' &\u{8}".to_owned();
        evidence.found[0].name = "</title><script>".to_owned();
        let svg = ladder(&evidence, 0).unwrap().expect("there is one");
        assert!(svg.starts_with("<svg xmlns=\"http://www.w3.org/2000/svg\""), "{svg}");
        assert!(!svg.contains("<script") && !svg.contains('\u{8}'), "{svg}");
        for part in ["<title id=\"ladder-0-title\">", "<desc id=\"ladder-0-desc\">", "--ink"] {
            assert!(svg.contains(part), "{part}");
        }
        assert_eq!(ladder(&evidence, 1).unwrap(), None);
    }
}
