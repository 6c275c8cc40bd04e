//! The page: a view and the packed operations in one file, within its budget of bytes.
//!
//! ```text
//!   facts first:   everything the view says is rendered and measured
//!   then the raw:  what is left of the budget goes to the timeline's operations; when not all
//!                  fit, the telling ones stay (see `selection`) and a banner says how many went
//! ```
//!
//! The page loads nothing. Its content security policy allows exactly one script and one style,
//! by their hashes, so that even a text that broke out of its place could not run.

use crate::happenings::Happenings;
use crate::operations::Operations;
use crate::selection::Selection;
use crate::view::View;
use crate::{Limits, ReportError, RunFacts, payload, text};
use askama::Template;
use base64::Engine as _;
use checkers::history::History;
use checkers::history::trace::Trace;
use checkers::verdict::Judgement;
use sha2::{Digest as _, Sha256};

pub(crate) const STYLE: &str = concat!(
    include_str!("../assets/base.css"),
    include_str!("../assets/figures.css"),
    include_str!("../assets/ladder.css"),
    include_str!("../assets/timeline.css"),
    include_str!("../assets/sequence.css"),
);

/// One script of small files that share a scope: pure functions first, the page's wiring last.
pub(crate) const SCRIPT: &str = concat!(
    "(() => {\n\"use strict\";\n",
    include_str!("../assets/payload.js"),
    include_str!("../assets/viewport.js"),
    include_str!("../assets/raster.js"),
    include_str!("../assets/timeline.js"),
    include_str!("../assets/controls.js"),
    include_str!("../assets/page.js"),
    "})();\n",
);

/// Guesses of how many operations fit before the budget is given up on.
const ATTEMPTS_MAX: usize = 6;

/// What a banner about left-out operations may take.
const BANNER_BYTES: usize = 400;

#[derive(Template)]
#[template(path = "page.html")]
struct Page<'a> {
    view: &'a View,
    style: &'a str,
    script: &'a str,
    style_hash: String,
    script_hash: String,
    payload: &'a str,
    left_out: &'a str,
}

impl<'a> Page<'a> {
    fn new(view: &'a View, payload: &'a str, left_out: &'a str) -> Self {
        let (style_hash, script_hash) = (source_hash(STYLE), source_hash(SCRIPT));
        Self { view, style: STYLE, script: SCRIPT, style_hash, script_hash, payload, left_out }
    }
}

/// The hash by which a content security policy names a source.
pub(crate) fn source_hash(source: &str) -> String {
    let digest = Sha256::digest(source.as_bytes());
    format!("sha256-{}", base64::engine::general_purpose::STANDARD.encode(digest))
}

pub(crate) fn render(
    facts: &RunFacts,
    history: &History,
    judgements: &[Judgement],
    trace: Option<&Trace>,
    limits: &Limits,
) -> Result<String, ReportError> {
    let operations = Operations::of(history, facts.clients);
    let happenings = Happenings::of(history);
    let view = View::of(facts, &operations, &happenings, judgements, trace);
    let bare = Page::new(&view, "", "").render()?.len() + BANNER_BYTES;
    let Some(payload_bytes_max) = limits.bytes_max.checked_sub(bare) else {
        return Err(ReportError::TooLarge { bytes: bare, bytes_max: limits.bytes_max });
    };
    let selection =
        Selection::of(&operations, &happenings, &view.evidence_rows, &view.evidence_windows());
    let packed = pack(&operations, &view, &selection, facts, payload_bytes_max);
    let left_out = left_out_words(packed.kept, operations.rows.len(), limits.bytes_max);
    let html = Page::new(&view, &packed.payload, &left_out).render()?;
    assert!(html.len() <= limits.bytes_max, "the payload was cut to what the page leaves free");
    Ok(html)
}

/// The packed operations, and how many they are.
struct Packed {
    payload: String,
    kept: usize,
}

/// Packs as many operations as the bytes allow: all, or ever fewer until they fit.
fn pack(
    operations: &Operations<'_>,
    view: &View,
    selection: &Selection,
    facts: &RunFacts,
    bytes_max: usize,
) -> Packed {
    let mut count = operations.rows.len();
    for _ in 0..ATTEMPTS_MAX {
        let rows = selection.keep(count);
        let evidence: Vec<usize> =
            view.evidence_rows.iter().filter_map(|row| rows.binary_search(row).ok()).collect();
        let payload = payload::encode(operations, facts.clients, &view.bands, &rows, &evidence);
        if payload.len() <= bytes_max {
            return Packed { payload, kept: rows.len() };
        }
        // A little less than the proportion, since texts are shared and the rest is noise.
        count = (count as u128 * bytes_max as u128 * 95 / 100 / payload.len() as u128) as usize;
    }
    Packed { payload: String::new(), kept: 0 }
}

fn left_out_words(kept: usize, all: usize, bytes_max: usize) -> String {
    if kept == all {
        return String::new();
    }
    format!(
        "To keep this page below {}, the timeline holds {} of {} operations: those around the \
         counterexample, the failed and open ones and those around faults first, the others \
         evenly thinned. All figures count every operation.",
        text::bytes(bytes_max),
        text::count(kept as u64),
        text::count(all as u64)
    )
}
