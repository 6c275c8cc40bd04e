//! Writes specimen pages of a synthetic run, valid and invalid, one of transactions with anomalies,
//! and a ladder in a file of its own.
//!
//! `cargo run --release -p reports --example specimen -- [operations] [directory]`

#[path = "../tests/synthetic/mod.rs"]
mod synthetic;
#[path = "../tests/synthetic/trace.rs"]
mod trace;
#[path = "../tests/transactions/mod.rs"]
mod transactions;

use checkers::verdict::{Evidence, Verdict};
use std::error::Error;
use std::path::PathBuf;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let operations = arguments.next().map_or(Ok(100_000), |text| text.parse())?;
    let directory = PathBuf::from(arguments.next().unwrap_or_else(|| ".".to_owned()));
    let history = synthetic::history(operations);
    let facts = synthetic::facts(operations);
    let verdicts = [
        ("specimen-valid.html", synthetic::judgements(&history, false)),
        ("specimen-invalid.html", synthetic::judgements(&history, true)),
    ];
    let trace = trace::trace();
    std::fs::write(directory.join("specimen-trace.txt"), reports::trace_text(&trace))?;
    for (name, judgements) in verdicts {
        let began = std::time::Instant::now();
        let trace = Some(&trace).filter(|_| name.contains("invalid"));
        let limits = reports::Limits::default();
        let page = reports::html(&facts, &history, &judgements, trace, &limits)?;
        let took = began.elapsed();
        let path = directory.join(name);
        std::fs::write(&path, &page)?;
        println!("{}: {} bytes, rendered in {took:.1?}", path.display(), page.len());
    }
    let (history, judgement) = transactions::write_skew(9);
    let page = reports::html(
        &facts,
        &history,
        std::slice::from_ref(&judgement),
        None,
        &Default::default(),
    )?;
    std::fs::write(directory.join("specimen-anomalies.html"), page)?;
    if let Verdict::Invalid { evidence } = &judgement.verdict
        && let Evidence::Anomalies(evidence) = evidence.as_ref()
        && let Some(ladder) = reports::ladder(evidence, 0)?
    {
        std::fs::write(directory.join("specimen-ladder.svg"), ladder)?;
    }
    Ok(())
}
