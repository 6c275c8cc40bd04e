//! Writes two specimen pages, one valid and one invalid, from a synthetic run.
//!
//! `cargo run --release -p reports --example specimen -- [operations] [directory]`

#[path = "../tests/synthetic/mod.rs"]
mod synthetic;
#[path = "../tests/synthetic/trace.rs"]
mod trace;

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
    Ok(())
}
