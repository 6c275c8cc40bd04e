//! A trial on real processes of this machine.

use crate::case::Case;
use crate::cluster::{self, Cluster};
use crate::exit::Failure;
use crate::judge;
use crate::progress::Progress;
use crate::runner::interrupt::Interrupts;
use crate::runner::nemesis_thread::NemesisThread;
use crate::runner::recorder::Recorder;
use crate::runner::{Conductor, Recorded};
use crate::store::RunDir;
use nemesis::engine::{Engine, EngineOptions};
use nemesis::ledger::Ledger;
use targets::environment::Environment;
use targets::kv_client::{KvClient, KvClientOptions};
use targets::local::Fabric;
use targets::raft::RaftRequest;

/// Brings the cluster up, carries the run out, and takes the cluster down again.
pub(super) fn take_place(
    case: &Case,
    run: &RunDir,
    fabric: Fabric,
    tag: &str,
    interrupts: &Interrupts,
) -> Result<Recorded, Failure> {
    let request = &case.request;
    let history = super::create_history(run)?;
    let ledger = Ledger::open(&run.file("faults.jsonl"))
        .map_err(|error| Failure::SetUp(error.to_string()))?;
    let Cluster { environment, addresses, network, news } =
        cluster::start(request, run, fabric, tag)?;
    let stream = request.seed.stream("nemesis engine");
    let options = EngineOptions::default();
    let mut engine = Engine::new(environment, case.plan.clone(), ledger, stream, options)
        .map_err(|error| Failure::SetUp(error.to_string()))?;
    engine.hear(news);

    let (sender, reports) = tokio::sync::mpsc::unbounded_channel();
    let nemesis = NemesisThread::spawn(engine, sender)
        .map_err(|error| Failure::SetUp(format!("the nemesis thread cannot start: {error}")))?;
    let options = KvClientOptions { op_timeout: request.args.op_timeout, ..Default::default() };
    let clients = (0..request.args.clients)
        .map(|_| KvClient::new(addresses.clone(), options, RaftRequest::Kv))
        .collect();
    let conductor = Conductor {
        case,
        scheduler: case.scheduler()?,
        clients,
        recorder: Recorder::new(history, request.args.nodes).watched(judge::watch(request)),
        reports,
        nemesis: &nemesis,
        interrupts,
        progress: Progress::new(request.args.progress),
    };
    // The driver has a thread of its own because it lives in the clients' network namespace.
    let recorded = std::thread::scope(|scope| {
        let driver = std::thread::Builder::new().name("driver".into()).spawn_scoped(scope, || {
            network.enter().map_err(|error| Failure::SetUp(error.to_string()))?;
            conductor.conduct()
        });
        let driver =
            driver.map_err(|error| Failure::SetUp(format!("no driver thread: {error}")))?;
        driver.join().unwrap_or_else(|_| Err(Failure::Internal("the driver panicked".into())))
    })?;
    let environment: Option<Box<dyn Environment>> = nemesis.join();
    drop(environment);
    cluster::remove_data(request, run);
    Ok(recorded)
}
