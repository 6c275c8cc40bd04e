//! The page in a real browser, when there is one: it opens from a disk, draws, and complains of
//! nothing. Without a browser the test says `skipped`.

mod synthetic;

use checkers::verdict::Verdict;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

const BROWSERS: [&str; 3] = ["chromium", "chromium-browser", "google-chrome"];

/// A browser that hangs is not waited for.
const DEADLINE: Duration = Duration::from_secs(120);

fn browser() -> Option<PathBuf> {
    let paths = std::env::var_os("PATH")?;
    std::env::split_paths(&paths)
        .flat_map(|directory| BROWSERS.map(|name| directory.join(name)))
        .find(|path| path.is_file())
}

/// The page after its scripts ran, and what the browser said; nothing if it did not come up.
fn dump(browser: &Path, directory: &Path, address: &str) -> Option<(String, String)> {
    let (out, err) = (directory.join("dom.html"), directory.join("log.txt"));
    let mut child = Command::new(browser)
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"])
        .args(["--disable-background-networking", "--disable-component-update", "--disable-sync"])
        .args(["--enable-logging=stderr", "--window-size=1440,2400"])
        .args(["--virtual-time-budget=10000", "--dump-dom"])
        .arg(format!("--user-data-dir={}", directory.join("profile").display()))
        .arg(address)
        .stdout(std::fs::File::create(&out).ok()?)
        .stderr(std::fs::File::create(&err).ok()?)
        .stdin(Stdio::null())
        .spawn()
        .ok()?;
    let began = std::time::Instant::now();
    while child.try_wait().ok()?.is_none() {
        if began.elapsed() > DEADLINE {
            child.kill().ok()?;
            child.wait().ok()?;
            return None;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    let dom = String::from_utf8_lossy(&std::fs::read(out).ok()?).into_owned();
    let log = String::from_utf8_lossy(&std::fs::read(err).ok()?).into_owned();
    (!dom.trim().is_empty()).then_some((dom, log))
}

#[test]
fn the_page_opens_from_a_disk_draws_its_timeline_and_complains_of_nothing() {
    let Some(browser) = browser() else {
        eprintln!("skipped: no browser in PATH ({})", BROWSERS.join(", "));
        return;
    };
    let directory = tempfile::tempdir().unwrap();
    let history = synthetic::history(20_000);
    let judgements = synthetic::judgements(&history, true);
    let facts = synthetic::facts(20_000);
    let page =
        reports::html(&facts, &history, &judgements, None, &reports::Limits::default()).unwrap();
    let file = directory.path().join("report.html");
    std::fs::write(&file, page).unwrap();
    // The contradiction's last operation: what the page says of it was packed here and read there.
    let Verdict::Invalid { evidence } = &judgements[0].verdict else { panic!("it is invalid") };
    let last = evidence.ops().last().unwrap();
    let op = last.invoke_index;
    let address = format!("file://{}#op={op}&theme=dark", file.display());
    let Some((dom, log)) = dump(&browser, directory.path(), &address) else {
        eprintln!("skipped: {} did not come up", browser.display());
        return;
    };
    assert!(dom.contains("data-timeline=\"ready\""), "the canvas is empty:\n{log}");
    assert!(dom.contains("data-theme=\"dark\""), "the address chooses the theme");
    assert!(dom.contains(&format!("Link to this operation: #op={op}")), "the link was followed");
    let when = "at 17.931200 s, took 1.7 ms";
    for said in ["read → 3</strong>", "process 50006 on n4, key 99", when] {
        assert!(dom.contains(said), "{said}");
    }
    assert!(!dom.contains("id=\"payload\""), "the payload is dropped after reading");
    let complaints: Vec<&str> = log.lines().filter(|line| line.contains("CONSOLE")).collect();
    assert!(complaints.is_empty(), "{complaints:#?}");
}
