//! The detection matrix: which planted bugs are found, how soon, by whom, and how small it gets.
//!
//! ```text
//!   row = a target and a planted bug, or the target without one
//!   row <- hunts, each from another seed: found after so many runs, or not
//! ```
//!
//! Pure: from what hunts came to, to a table for the terminal, a Markdown page and JSON.

use super::screen::span;
use crate::exit::Ending;
use crate::screen::listing;
use serde::Serialize;
use std::fmt::Write;

/// One hunt for one bug; on real processes, one run.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Hunted {
    /// The seed that its cases were drawn from; on real processes, the run's.
    pub seed: u64,
    /// Runs that were tried.
    pub runs: u64,
    /// Virtual time that went by, in nanoseconds; nothing on real processes.
    pub simulated_ns: Option<u64>,
    /// How long it took, in milliseconds.
    pub wall_ms: u64,
    /// What was found.
    pub caught: Option<Caught>,
}

/// What a hunt found.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Caught {
    /// Who found it.
    pub checker: String,
    /// Operations of the evidence.
    pub evidence_ops: usize,
    /// The command line of the run, word by word.
    pub words: Vec<String>,
    /// What shrinking made of it, if that was asked for.
    pub shrunk: Option<Smaller>,
}

/// What shrinking made of a finding.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Smaller {
    /// Operations of the whole run that is left.
    pub operations: usize,
    /// Faults that are left.
    pub faults: usize,
    /// Operations of its evidence.
    pub evidence_ops: usize,
    /// Runs that it took.
    pub runs: u64,
}

/// A target, a planted bug, and the hunts for it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Row {
    /// The target.
    pub target: String,
    /// The planted bug.
    pub bug: Option<String>,
    /// What every run was given, if it was given something.
    pub arguments: Option<String>,
    /// Why there are no hunts.
    pub skipped: Option<String>,
    /// The hunts.
    pub hunts: Vec<Hunted>,
}

impl Row {
    /// The hunts that found something.
    pub fn caught(&self) -> impl Iterator<Item = &Caught> + Clone {
        self.hunts.iter().filter_map(|hunt| hunt.caught.as_ref())
    }

    /// Whether it came out as it must: every hunt finds a planted bug, none accuses a target
    /// without one. A row that was skipped says nothing.
    pub fn is_good(&self) -> bool {
        let caught = self.caught().count();
        let wanted = if self.bug.is_some() { self.hunts.len() } else { 0 };
        caught == wanted
    }

    fn name(&self) -> String {
        let bug = self.bug.as_deref().unwrap_or("(none)");
        format!("{} {bug}", self.target)
    }
}

const HEADINGS: [&str; 9] = [
    "planted bug",
    "found",
    "by",
    "runs, median",
    "simulated, median",
    "wall, median (max)",
    "evidence",
    "shrunk: operations, faults",
    "shrunk evidence",
];

/// The middle one, the lower of two.
fn median<T: Ord + Copy>(mut values: Vec<T>) -> Option<T> {
    values.sort_unstable();
    values.get(values.len().checked_sub(1)? / 2).copied()
}

/// `3`, `2 to 4`, or nothing known.
fn range(values: impl Iterator<Item = usize> + Clone) -> String {
    match (values.clone().min(), values.max()) {
        (Some(low), Some(high)) if low == high => low.to_string(),
        (Some(low), Some(high)) => format!("{low} to {high}"),
        _ => "-".to_owned(),
    }
}

fn seconds(ms: u64) -> String {
    format!("{:.1} s", ms as f64 / 1e3)
}

fn cells(row: &Row) -> [String; 9] {
    if let Some(why) = &row.skipped {
        let mut cells: [String; 9] = std::array::from_fn(|_| "-".to_owned());
        (cells[0], cells[1]) = (row.name(), why.clone());
        return cells;
    }
    let hunts = &row.hunts;
    let mut checkers: Vec<&str> = row.caught().map(|caught| caught.checker.as_str()).collect();
    checkers.sort_unstable();
    checkers.dedup();
    let walls: Vec<u64> = hunts.iter().map(|hunt| hunt.wall_ms).collect();
    let longest = walls.iter().max().copied().unwrap_or_default();
    let simulated = median(hunts.iter().filter_map(|hunt| hunt.simulated_ns).collect());
    let shrunk: Vec<&Smaller> = row.caught().filter_map(|caught| caught.shrunk.as_ref()).collect();
    let of = |part: fn(&Smaller) -> usize| range(shrunk.iter().map(|smaller| part(smaller)));
    [
        row.name(),
        format!("{} of {}", row.caught().count(), hunts.len()),
        if checkers.is_empty() { "-".to_owned() } else { checkers.join(", ") },
        median(hunts.iter().map(|hunt| hunt.runs).collect()).map_or("-".into(), |n| n.to_string()),
        simulated.map_or("-".to_owned(), span),
        format!("{} ({})", seconds(median(walls).unwrap_or_default()), seconds(longest)),
        range(row.caught().map(|caught| caught.evidence_ops)),
        if shrunk.is_empty() {
            "-".to_owned()
        } else {
            format!("{}, {}", of(|smaller| smaller.operations), of(|smaller| smaller.faults))
        },
        of(|smaller| smaller.evidence_ops),
    ]
}

/// How a matrix ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Closing {
    /// One line.
    pub text: String,
    /// Whether the user ended it, so that it is not whole.
    pub interrupted: bool,
    good: bool,
}

impl Closing {
    /// A bug that was missed outweighs an interruption: only whole hunts are counted.
    pub fn ending(&self) -> Ending {
        match (self.good, self.interrupted) {
            (false, _) => Ending::Invalid,
            (true, true) => Ending::Interrupted,
            (true, false) => Ending::Valid,
        }
    }
}

/// How it ended, if so many hunts were wanted.
pub fn closing(rows: &[Row], wanted: u64, cancelled: bool) -> Closing {
    let good = rows.iter().all(Row::is_good);
    let hunts: u64 = rows.iter().map(|row| row.hunts.len() as u64).sum();
    // A run on real processes can be ended by itself: then nobody told us.
    let interrupted = cancelled || hunts < wanted;
    let mut text = match (good, interrupted) {
        (false, _) => {
            "NOT AS IT MUST BE: a planted bug was missed, or a target without one was \
                       accused."
        }
        (true, false) => "Every planted bug was found, and nothing else.",
        (true, true) => "",
    }
    .to_owned();
    if interrupted {
        let gap = if good { "" } else { "\n" };
        let _ = write!(text, "{gap}interrupted: {hunts} of {wanted} hunts");
    }
    Closing { text, interrupted, good }
}

/// The table for the terminal.
pub fn table(rows: &[Row]) -> String {
    let cells: Vec<[String; 9]> = rows.iter().map(cells).collect();
    listing(HEADINGS, &cells)
}

/// The table as Markdown, under a heading that says where it was made and how.
pub fn markdown(rows: &[Row], on: &str, command: &str) -> String {
    let escape = |cell: &str| cell.replace('|', "\\|");
    let line = |cells: &[String]| {
        let cells: Vec<String> = cells.iter().map(|cell| escape(cell)).collect();
        format!("| {} |", cells.join(" | "))
    };
    let mut text = format!("### Detection matrix, `--on {on}`\n\nMade by `{command}`.\n\n");
    let _ = writeln!(text, "{}", line(&HEADINGS.map(str::to_owned)));
    let _ = writeln!(text, "|---|---:|---|---:|---:|---:|---:|---:|---:|");
    for row in rows {
        let _ = writeln!(text, "{}", line(&cells(row)));
    }
    let arguments: Vec<&Row> = rows.iter().filter(|row| row.arguments.is_some()).collect();
    if !arguments.is_empty() {
        let _ = writeln!(text, "\nThe runs were given:\n");
    }
    for row in arguments {
        let given = row.arguments.as_deref().unwrap_or_default();
        let _ = writeln!(text, "* {}: `{given}`", row.name());
    }
    text
}

/// Puts the text between its marks on the page: in place of what stood there, or at the end.
pub fn on_page(page: &str, on: &str, text: &str) -> String {
    let begin = format!("<!-- tribunal matrix --on {on}: begin -->");
    let end = format!("<!-- tribunal matrix --on {on}: end -->");
    let block = format!("{begin}\n{}\n{end}", text.trim_end());
    let place = page.find(&begin).and_then(|from| {
        let to = page[from..].find(&end)? + from + end.len();
        Some((from, to))
    });
    match place {
        Some((from, to)) => format!("{}{block}{}", &page[..from], &page[to..]),
        None if page.trim().is_empty() => format!("{block}\n"),
        None => format!("{}\n\n{block}\n", page.trim_end()),
    }
}

#[cfg(test)]
mod tests {
    use super::{Caught, Hunted, Row, Smaller, closing, markdown, median, on_page, table};
    use crate::exit::Ending;

    fn hunted(seed: u64, runs: u64, found: bool) -> Hunted {
        let shrunk = Smaller { operations: 3, faults: 1, evidence_ops: 2, runs: 900 };
        let caught = Caught {
            checker: "linearizable".to_owned(),
            evidence_ops: 2 + seed as usize,
            words: Vec::new(),
            shrunk: (seed == 0).then_some(shrunk),
        };
        let (simulated_ns, wall_ms) = (Some(runs * 20_000_000_000), runs * 10);
        Hunted { seed, runs, simulated_ns, wall_ms, caught: found.then_some(caught) }
    }

    fn row(bug: Option<&str>, hunts: Vec<Hunted>) -> Row {
        let bug = bug.map(str::to_owned);
        Row { target: "raft".to_owned(), bug, arguments: None, skipped: None, hunts }
    }

    #[test]
    fn a_missed_bug_and_an_accused_target_are_seen() {
        assert!(row(Some("x"), vec![hunted(0, 5, true), hunted(1, 9, true)]).is_good());
        assert!(!row(Some("x"), vec![hunted(0, 5, true), hunted(1, 9, false)]).is_good());
        assert!(row(None, vec![hunted(0, 5, false)]).is_good());
        assert!(!row(None, vec![hunted(0, 5, true)]).is_good());
    }

    #[test]
    fn a_matrix_that_was_interrupted_says_how_far_it_came_and_not_that_all_is_well() {
        let rows = [row(Some("x"), vec![hunted(0, 5, true)]), row(Some("y"), Vec::new())];
        let whole = closing(&rows[..1], 1, false);
        assert_eq!((whole.ending(), whole.interrupted), (Ending::Valid, false));
        for (wanted, cancelled) in [(40, true), (40, false)] {
            let closing = closing(&rows, wanted, cancelled);
            assert_eq!(closing.ending(), Ending::Interrupted);
            assert!(closing.text.starts_with("interrupted: 1 of 40 hunts"), "{closing:?}");
        }
        // Ended while the last finding was shrunk: every hunt is there, the row is not whole.
        assert_eq!(closing(&rows[..1], 1, true).ending(), Ending::Interrupted);
        let missed = [row(Some("x"), vec![hunted(0, 5, false)])];
        assert_eq!(closing(&missed, 40, true).ending(), Ending::Invalid);
    }

    #[test]
    fn a_row_says_medians_and_what_shrinking_left() {
        let hunts = vec![hunted(0, 5, true), hunted(1, 9, true), hunted(2, 7, true)];
        let text = markdown(&[row(Some("forget-vote"), hunts.clone())], "sim", "tribunal matrix");
        let expected = "| raft forget-vote | 3 of 3 | linearizable | 7 | 2 min 20 s | 0.1 s \
                        (0.1 s) | 2 to 4 | 3, 1 | 2 |";
        assert!(text.contains(expected), "{text}");
        assert!(table(&[row(Some("forget-vote"), hunts)]).contains("3 of 3"));
    }

    #[test]
    fn the_median_is_the_lower_middle() {
        assert_eq!(median(vec![4, 1, 3, 2]), Some(2));
        assert_eq!(median(Vec::<u64>::new()), None);
    }

    #[test]
    fn a_page_keeps_what_people_wrote_and_the_other_matrix() {
        let page = on_page("# By hand\n", "sim", "one");
        let page = on_page(&page, "local", "two");
        let page = on_page(&page, "sim", "three");
        assert!(page.starts_with("# By hand\n") && page.contains("two") && page.contains("three"));
        assert!(!page.contains("one"), "{page}");
        assert_eq!(on_page(&page, "sim", "three"), page);
    }
}
