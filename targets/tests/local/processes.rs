//! Nodes: their lives, their rights, and clusters that cannot be.

use crate::cluster::{Echo, N1, PATIENCE, await_news, await_true, build, running, spec, start_all};
use std::net::{TcpListener, UdpSocket};
use std::path::Path;
use std::time::Duration;
use targets::environment::{Environment, EnvironmentError, NodeEvent, ProcessSeen};
use targets::links::{Endpoint, LinkMatrix, NodeId};
use targets::local::doctor::{Finding, State, examine};
use targets::local::enclosure::Enclosed;
use targets::local::refusal::{Facts, Piece};
use targets::local::{BuildError, Fabric, Local};

const FIRST: NodeId = NodeId(0);

fn killed() -> ProcessSeen {
    ProcessSeen::Gone { how: "signal 9".to_owned() }
}

fn reason(result: Result<ProcessSeen, EnvironmentError>) -> String {
    result.unwrap_err().to_string()
}

pub(crate) fn nodes_start_die_and_start_again(enclosed: Enclosed, folder: &Path) {
    let mut local = build(2, enclosed, folder);
    assert_eq!(reason(local.kill(FIRST)), "kill n1 failed: it has never been started");
    assert_eq!(reason(local.pause(FIRST)), "pause n1 failed: it does not run");
    start_all(&mut local);
    assert!(reason(local.start(FIRST)).contains("it runs already"));
    for _ in 0..3 {
        let echo = Echo::open(&local);
        echo.send_blindly(b"hello");
        assert_eq!(echo.receive(1), [b"hello"]);
        assert_eq!(local.kill(FIRST).unwrap(), killed());
        assert_eq!(local.kill(FIRST).unwrap(), killed(), "to kill a dead node changes nothing");
        echo.send_blindly(b"hello?");
        assert!(echo.receive_for(Duration::from_millis(50)).is_empty());
        assert!(matches!(local.start(FIRST), Ok(ProcessSeen::Started { .. })));
        assert_eq!(await_news(&mut local, FIRST).what, NodeEvent::Serving);
    }
    assert_eq!(local.news(), [], "an ordered death is no news");
}

pub(crate) fn a_paused_node_answers_when_resumed(enclosed: Enclosed, folder: &Path) {
    let mut local = running(2, enclosed, folder);
    let echo = Echo::open(&local);
    for _ in 0..3 {
        assert!(matches!(local.pause(FIRST), Ok(ProcessSeen::Stopped { .. })));
        echo.send_blindly(b"wake up");
        assert!(echo.receive_for(Duration::from_millis(50)).is_empty());
        assert!(matches!(local.resume(FIRST), Ok(ProcessSeen::Started { .. })));
        assert_eq!(echo.receive(1), [b"wake up"]);
    }
    local.pause(FIRST).unwrap();
    assert_eq!(local.kill(FIRST).unwrap(), killed(), "a paused node dies too");
    assert_eq!(local.news(), []);
}

pub(crate) fn an_unordered_death_is_news(enclosed: Enclosed, folder: &Path) {
    let mut local = running(2, enclosed, folder);
    Echo::open(&local).send_blindly(b"exit 3");
    let how = "exit code 3".to_owned();
    assert_eq!(await_news(&mut local, FIRST).what, NodeEvent::Died { how: how.clone() });
    assert_eq!(local.kill(FIRST).unwrap(), ProcessSeen::Gone { how });
    local.start(FIRST).unwrap();
    assert_eq!(await_news(&mut local, FIRST).what, NodeEvent::Serving);
}

pub(crate) fn orphans_of_nodes_are_buried(enclosed: Enclosed, folder: &Path) {
    let mut local = running(1, enclosed, folder);
    Echo::open(&local).send_blindly(b"orphan");
    await_true("we have inherited the orphan", || children() == 2);
    // A child of our own is left to us, dead or alive.
    let mut ours = std::process::Command::new("/bin/true").spawn().unwrap();
    await_true("only the node and our own child are left", || {
        local.news();
        children() == 2
    });
    assert!(ours.wait().unwrap().success());
    assert_eq!(local.kill(FIRST).unwrap(), killed());
    assert_eq!(children(), 0);
}

/// The children of this process, dead ones too, that have not been waited for.
fn children() -> usize {
    let own = std::fs::read_link("/proc/self").unwrap();
    let own = format!("PPid:\t{}\n", own.display());
    let status = |entry: std::fs::DirEntry| std::fs::read_to_string(entry.path().join("status"));
    let entries = std::fs::read_dir("/proc").unwrap();
    entries
        .filter_map(|entry| status(entry.ok()?).ok())
        .filter(|status| status.contains(&own))
        .count()
}

pub(crate) fn nodes_have_no_rights_and_no_terminal(enclosed: Enclosed, folder: &Path) {
    let _local = running(1, enclosed, folder);
    let is_root = nix::unistd::geteuid().is_root();
    // Root's nodes may read and write files, as root can; nothing else.
    let rights = if is_root { "0000000000000006" } else { "0000000000000000" };
    let expected = format!("CapEff:\t{rights} leads its session: true\n");
    let log = folder.join("nodes/n1/stderr.log");
    await_true("the log is written", || {
        std::fs::read_to_string(&log).is_ok_and(|text| text.ends_with('\n'))
    });
    assert_eq!(std::fs::read_to_string(&log).unwrap(), expected);
}

pub(crate) fn nodes_outlive_the_thread_that_asked(enclosed: Enclosed, folder: &Path) {
    let mut local = build(1, enclosed, folder);
    let mut local = std::thread::spawn(move || {
        start_all(&mut local);
        local
    })
    .join()
    .unwrap();
    let echo = Echo::open(&local);
    echo.send_blindly(b"still there?");
    assert_eq!(echo.receive(1), [b"still there?"]);
    assert_eq!(local.news(), []);
}

pub(crate) fn a_refused_namespace_is_explained(enclosed: Enclosed, folder: &Path) {
    if nix::unistd::geteuid().is_root() {
        println!("(only in a user namespace: root's limit is everybody's)");
        return;
    }
    std::fs::write("/proc/sys/user/max_net_namespaces", "0").unwrap();
    match Local::build(spec(3, Fabric::Namespaces(enclosed), folder)) {
        Err(BuildError::Refused(refused)) => {
            assert_eq!(refused.piece, Piece::NetworkNamespace);
            assert_eq!(
                refused.to_string(),
                "network namespaces cannot be had (the namespace of n1: no space left on device); \
                 none are allowed: run `sudo sysctl -w user.max_net_namespaces=10000`"
            );
        }
        other => panic!("no namespace was allowed: {other:?}"),
    }
}

pub(crate) fn loopback_runs_without_namespaces(folder: &Path) {
    let mut local = Local::build(spec(3, Fabric::Loopback, folder)).unwrap();
    let capabilities = local.capabilities();
    assert!(capabilities.process.is_ok() && capabilities.pause.is_ok());
    assert!(capabilities.links.unwrap_err().contains("tribunal doctor"));
    let address = local.addresses()[0];
    assert!(
        TcpListener::bind(address).is_ok(),
        "a node, which reuses addresses, may have the port"
    );
    start_all(&mut local);
    let client = UdpSocket::bind("127.0.0.1:0").unwrap();
    client.set_read_timeout(Some(PATIENCE)).unwrap();
    client.connect(address).unwrap();
    client.send(b"hello").unwrap();
    let mut buffer = [0; 16];
    assert_eq!(client.recv(&mut buffer).unwrap(), 5);
    let clear = LinkMatrix::clear(3);
    let unsupported = local.set_links(&clear).unwrap_err();
    assert!(matches!(unsupported, EnvironmentError::Unsupported { .. }), "{unsupported}");
    assert!(local.probe_links(1, Duration::ZERO).is_err());
    assert_eq!(local.link_counters(N1, Endpoint::Clients).passed, 0);
    local.clients_network().enter().unwrap();
    local.pause(FIRST).unwrap();
    local.resume(FIRST).unwrap();
    assert_eq!(local.kill(FIRST).unwrap(), killed());
    local.start(FIRST).unwrap();
    assert_eq!(await_news(&mut local, FIRST).what, NodeEvent::Serving);
}

pub(crate) fn impossible_clusters_are_explained(folder: &Path) {
    let says = |spec| Local::build(spec).map(drop).unwrap_err().to_string();
    assert_eq!(says(spec(0, Fabric::Loopback, folder)), "0 nodes: a local cluster has 1 to 64");
    assert_eq!(says(spec(65, Fabric::Loopback, folder)), "65 nodes: a local cluster has 1 to 64");
    let file = folder.join("a file");
    std::fs::write(&file, "").unwrap();
    let said = says(spec(1, Fabric::Loopback, &file));
    assert!(said.contains("a file/nodes/n1: Not a directory"), "{said}");
    let mut missing = spec(1, Fabric::Loopback, folder);
    missing.program = "/nowhere/tribunal".into();
    let said = reason(Local::build(missing).unwrap().start(FIRST));
    assert!(said.starts_with("start n1 failed: /nowhere/tribunal: No such file"), "{said}");
}

pub(crate) fn the_doctor_agrees(_: &Path) {
    let facts = Facts::read();
    let findings = examine(&facts);
    assert_eq!(findings.iter().map(|one| one.piece).collect::<Vec<_>>(), Piece::ALL);
    for finding in &findings {
        let is_spared = finding.state == State::NotNeeded;
        assert!(!is_spared || facts.is_privileged(), "{finding:?}");
    }
    let works = |one: &Finding| matches!(one.state, State::Works | State::NotNeeded);
    let mut enclosure = findings.iter().filter(|one| one.piece <= Piece::ProcessNamespace);
    let entered = crate::case_command("exit", Path::new("/")).status().unwrap();
    assert_eq!(entered.code() == Some(7), enclosure.all(works), "{findings:?}");
}
