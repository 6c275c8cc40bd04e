//! What the test itself covered: a verdict is worth what was tried.

use crate::happenings::{Effect, Happenings};
use crate::operations::{Operations, Outcome, Tally};
use crate::recovery::Clockwork;
use crate::series::Quantiles;
use crate::text;
use crate::view::Fact;
use checkers::history::Symbol;
use checkers::verdict::{Judgement, Verdict};
use rustc_hash::FxHashMap;

/// Rows of each table; the rest is counted.
const ROWS_MAX: usize = 24;

/// What became of the operations of one function or one node.
#[derive(Clone, Debug)]
pub(crate) struct TallyRow {
    pub(crate) name: String,
    pub(crate) ok: String,
    pub(crate) fail: String,
    pub(crate) info: String,
    pub(crate) info_share: String,
    pub(crate) latency: String,
}

/// A table that may have been cut.
#[derive(Clone, Debug, Default)]
pub(crate) struct Table<T> {
    pub(crate) rows: Vec<T>,
    pub(crate) omitted: usize,
}

impl<T> Table<T> {
    fn cut(mut rows: Vec<T>) -> Self {
        let omitted = rows.len().saturating_sub(ROWS_MAX);
        rows.truncate(ROWS_MAX);
        Self { rows, omitted }
    }
}

/// What the test covered.
#[derive(Debug)]
pub(crate) struct Coverage {
    /// Reasons why the verdict is weaker than it looks.
    pub(crate) reservations: Vec<String>,
    pub(crate) facts: Vec<Fact>,
    pub(crate) functions: Table<TallyRow>,
    pub(crate) nodes: Table<TallyRow>,
    pub(crate) errors: Table<Fact>,
}

impl Coverage {
    pub(crate) fn of(
        operations: &Operations<'_>,
        happenings: &Happenings,
        clockwork: &Clockwork,
        judgements: &[Judgement],
    ) -> Self {
        let mut functions: FxHashMap<Symbol, Group> = FxHashMap::default();
        let mut nodes: FxHashMap<Symbol, Group> = FxHashMap::default();
        let mut keys: FxHashMap<Symbol, u64> = FxHashMap::default();
        let mut errors: FxHashMap<Symbol, (Tally, u64)> = FxHashMap::default();
        for row in &operations.rows {
            let invocation = operations.invocation(row);
            functions.entry(invocation.f).or_default().add(row.outcome, row.latency_ns());
            if let Some(node) = invocation.node {
                nodes.entry(node).or_default().add(row.outcome, row.latency_ns());
            }
            if let Some(key) = invocation.key {
                *keys.entry(key).or_default() += 1;
            }
            if let Some(error) = operations.completion(row).and_then(|event| event.error) {
                let (tally, count) = errors.entry(error).or_default();
                tally.add(row.outcome);
                *count += 1;
            }
        }
        Self {
            reservations: reservations(judgements),
            facts: facts(operations, happenings, clockwork, keys),
            functions: Table::cut(group_rows(operations, functions)),
            nodes: Table::cut(group_rows(operations, nodes)),
            errors: error_rows(operations, errors),
        }
    }
}

/// Operations that have something in common.
#[derive(Debug, Default)]
struct Group {
    tally: Tally,
    latencies_ns: Vec<u64>,
}

impl Group {
    fn add(&mut self, outcome: Outcome, latency_ns: Option<u64>) {
        self.tally.add(outcome);
        if outcome == Outcome::Ok {
            self.latencies_ns.extend(latency_ns);
        }
    }
}

/// Rows in the order of their names: hash maps have no order of their own.
fn group_rows(operations: &Operations<'_>, groups: FxHashMap<Symbol, Group>) -> Vec<TallyRow> {
    let mut rows: Vec<TallyRow> = groups
        .into_iter()
        .map(|(symbol, mut group)| {
            let Tally { ok, fail, info } = group.tally;
            let latency = Quantiles::of(&mut group.latencies_ns).map(|quantiles| {
                let (p50, p99) = (quantiles.p50_ns, quantiles.p99_ns);
                format!("{} / {}", text::duration(p50), text::duration(p99))
            });
            TallyRow {
                name: text::bounded(operations.history.text(symbol), 60),
                ok: text::count(ok),
                fail: text::count(fail),
                info: text::count(info),
                info_share: text::share(info, group.tally.total()),
                latency: latency.unwrap_or_else(|| "–".to_owned()),
            }
        })
        .collect();
    rows.sort_by(|a, b| a.name.cmp(&b.name));
    rows
}

/// Errors from the most to the least frequent.
fn error_rows(operations: &Operations<'_>, errors: FxHashMap<Symbol, (Tally, u64)>) -> Table<Fact> {
    let mut errors: Vec<(u64, Symbol, Tally)> =
        errors.into_iter().map(|(symbol, (tally, count))| (count, symbol, tally)).collect();
    errors.sort_unstable_by_key(|(count, symbol, _)| (std::cmp::Reverse(*count), *symbol));
    let facts = errors.into_iter().map(|(count, symbol, tally)| {
        let outcome = match (tally.fail, tally.info) {
            (_, 0) => "fail",
            (0, _) => "info",
            _ => "fail and info",
        };
        let said = text::bounded(operations.history.text(symbol), 160);
        Fact::new(&said, format!("{} × {outcome}", text::count(count)))
    });
    Table::cut(facts.collect())
}

/// Why nothing, or less than it seems, was decided.
fn reservations(judgements: &[Judgement]) -> Vec<String> {
    let unknown = judgements.iter().filter_map(|judgement| match &judgement.verdict {
        Verdict::Unknown { why } => Some(format!("{}: {why}", judgement.checker)),
        Verdict::Valid | Verdict::Invalid { .. } => None,
    });
    unknown.take(ROWS_MAX).map(|said| text::plain(&said)).collect()
}

fn facts(
    operations: &Operations<'_>,
    happenings: &Happenings,
    clockwork: &Clockwork,
    keys: FxHashMap<Symbol, u64>,
) -> Vec<Fact> {
    let with_effect =
        happenings.faults.iter().filter(|fault| fault.effect == Effect::Installed).count();
    let asked = happenings.faults.len();
    let mut per_key: Vec<u64> = keys.into_values().collect();
    per_key.sort_unstable();
    let keys = match per_key.as_slice() {
        [] => "none".to_owned(),
        [least, ..] => format!(
            "{}, with {} to {} operations each, {} in the middle",
            text::count(per_key.len() as u64),
            text::count(*least),
            text::count(per_key[per_key.len() - 1]),
            text::count(per_key[per_key.len() / 2])
        ),
    };
    let tally = operations.tally;
    let (during, time_ns) = under_faults(operations, happenings, clockwork);
    vec![
        Fact::new("Faults observed", format!("{with_effect} of {asked}")),
        Fact::new(
            "Begun under a fault",
            format!(
                "{} operations, {} of all, in {}",
                text::count(during),
                text::share(during, tally.total()),
                text::duration(time_ns)
            ),
        ),
        Fact::new("Keys touched", keys),
        Fact::new("Open outcomes (info)", text::share(tally.info, tally.total())),
        Fact::new("Leader changes", text::count(happenings.leader_changes() as u64)),
        Fact::new("Most at once", format!("{} operations", text::count(concurrency(operations)))),
    ]
}

/// Operations that began while at least one fault was in force, and how long that was.
fn under_faults(
    operations: &Operations<'_>,
    happenings: &Happenings,
    clockwork: &Clockwork,
) -> (u64, u64) {
    let windows = happenings.faults.iter().filter_map(|fault| fault.window(operations.end_ns));
    let (mut begun, mut time_ns, mut until_ns) = (0, 0, 0);
    // Faults come in order of their start, so overlaps are cut off at the front.
    for (start_ns, end_ns) in windows {
        let start_ns = start_ns.max(until_ns);
        if start_ns < end_ns {
            begun += clockwork.begun(start_ns, end_ns).total();
            time_ns += end_ns - start_ns;
            until_ns = end_ns;
        }
    }
    (begun, time_ns)
}

/// The most operations that were open at once; a lost one counts until its client gave up.
fn concurrency(operations: &Operations<'_>) -> u64 {
    let mut steps: Vec<(u32, i64)> = Vec::with_capacity(operations.rows.len() * 2);
    for row in &operations.rows {
        steps.push((row.invoke, 1));
        steps.extend(row.complete.map(|complete| (complete, -1)));
    }
    steps.sort_unstable();
    let mut open = 0;
    steps.iter().fold(0, |most, (_, step)| {
        open += step;
        most.max(open)
    }) as u64
}
