//! Every property of a link, seen by real packets, beside a link that does not have it.

use crate::cluster::{
    Echo, N1, N2, build, heal, numbered, running, seen_of, set_one, spec, start_all,
};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::time::{Duration, Instant};
use targets::environment::{Environment, LinkSeen};
use targets::links::{Endpoint, Link, LinkMatrix};
use targets::local::enclosure::Enclosed;
use targets::local::{Fabric, Local};

const CLIENTS: Endpoint = Endpoint::Clients;
const ROUND: Duration = Duration::from_secs(10);
/// How long a round waits for packets that will not come.
const SHORT_ROUND: Duration = Duration::from_millis(300);

fn whole(seen: &LinkSeen) -> bool {
    seen.sent > 0 && seen.arrived == seen.sent
}

pub(crate) fn clear_links_pass_everything(enclosed: Enclosed, folder: &Path) {
    let mut local = build(5, enclosed, folder);
    let seen = local.probe_links(10, ROUND).unwrap();
    assert_eq!(seen.len(), 30, "five nodes and the clients, each to all others");
    for link in &seen {
        assert!(whole(link) && link.sent == 10 && link.delay_us.is_some(), "{link:?}");
        let counters = local.link_counters(link.from, link.to);
        assert_eq!((counters.passed, counters.dropped), (10, 0), "{link:?}");
    }
    assert_eq!(local.switch_overflows(), 0);
}

pub(crate) fn a_cut_is_seen_both_ways_and_one_way(enclosed: Enclosed, folder: &Path) {
    let mut local = build(3, enclosed, folder);
    let mut matrix = LinkMatrix::clear(3);
    *matrix.link_mut(N1, N2) = Link::CUT;
    *matrix.link_mut(CLIENTS, N1) = Link::CUT;
    *matrix.link_mut(N1, CLIENTS) = Link::CUT;
    let is_cut = |from, to| [(N1, N2), (CLIENTS, N1), (N1, CLIENTS)].contains(&(from, to));
    // Twice: a one-way cut must not turn into a two-way cut after a while.
    for _ in 0..2 {
        local.set_links(&matrix).unwrap();
        for link in local.probe_links(5, SHORT_ROUND).unwrap() {
            if is_cut(link.from, link.to) {
                assert_eq!(link.arrived, 0, "{link:?}");
                assert!(local.link_counters(link.from, link.to).dropped >= 5);
            } else {
                assert!(whole(&link), "{link:?}");
            }
        }
        heal(&mut local);
        assert!(local.probe_links(5, ROUND).unwrap().iter().all(whole));
    }
}

pub(crate) fn a_delay_is_added_to_one_direction(enclosed: Enclosed, folder: &Path) {
    let mut local = build(2, enclosed, folder);
    set_one(&mut local, N1, N2, Link { delay_us: 20_000, ..Link::default() });
    // A busy machine adds to every delay, so the best of some rounds counts.
    let mut best = [u32::MAX; 2];
    for _ in 0..10 {
        let seen = local.probe_links(5, ROUND).unwrap();
        assert!(seen.iter().all(whole));
        let delays =
            [seen_of(&seen, N1, N2), seen_of(&seen, N2, N1)].map(|link| link.delay_us.unwrap());
        assert!(delays[0] >= 20_000, "a packet was early: {delays:?}");
        best = [best[0].min(delays[0]), best[1].min(delays[1])];
    }
    assert!(best[0] <= 40_000 && best[1] < 20_000, "{best:?}");
    println!("(20 ms asked: {} us; the other way {} us)", best[0], best[1]);
}

pub(crate) fn loss_is_near_what_was_asked(enclosed: Enclosed, folder: &Path) {
    let mut local = running(1, enclosed, folder);
    let echo = Echo::open(&local);
    set_one(&mut local, CLIENTS, N1, Link { loss_ppm: 300_000, ..Link::default() });
    // The seed is fixed, so the switch loses the same number in every run. What passes is taken in
    // portions, because a socket that nobody reads overflows and loses more.
    for portion in numbered(2000, 8).chunks(50) {
        let before = local.link_counters(CLIENTS, N1).passed;
        echo.send(&local, portion);
        echo.receive((local.link_counters(CLIENTS, N1).passed - before) as usize);
    }
    let seen = local.link_counters(CLIENTS, N1);
    assert_eq!(seen.passed + seen.dropped, 2000);
    assert!((500..=700).contains(&seen.dropped), "{seen:?}");
    heal(&mut local);
    echo.send(&local, &numbered(200, 8));
    assert_eq!(echo.receive(200), numbered(200, 8), "without the fault all come, in order");
}

pub(crate) fn duplicates_arrive_twice(enclosed: Enclosed, folder: &Path) {
    let mut local = running(1, enclosed, folder);
    let echo = Echo::open(&local);
    set_one(&mut local, CLIENTS, N1, Link { duplicate_ppm: 1_000_000, ..Link::default() });
    echo.send(&local, &numbered(40, 8));
    let twice: Vec<Vec<u8>> =
        numbered(40, 8).into_iter().flat_map(|one| [one.clone(), one]).collect();
    assert_eq!(echo.receive(80), twice);
    heal(&mut local);
    echo.send(&local, &numbered(40, 8));
    assert_eq!(echo.receive(40), numbered(40, 8));
    assert_eq!(echo.receive_for(Duration::from_millis(100)), Vec::<Vec<u8>>::new());
}

pub(crate) fn reordering_overtakes_and_jitter_does_not(enclosed: Enclosed, folder: &Path) {
    let mut local = running(1, enclosed, folder);
    let echo = Echo::open(&local);
    let jittery = Link { delay_us: 20_000, jitter_us: 10_000, ..Link::default() };
    set_one(&mut local, CLIENTS, N1, jittery);
    echo.send(&local, &numbered(60, 8));
    assert_eq!(echo.receive(60), numbered(60, 8), "jitter keeps order");
    set_one(&mut local, CLIENTS, N1, Link { reorder_ppm: 300_000, delay_us: 50_000, ..jittery });
    for datagram in numbered(60, 8) {
        echo.send_blindly(&datagram);
    }
    let mut came = echo.receive(60);
    assert_ne!(came, numbered(60, 8), "nobody has overtaken anybody");
    came.sort();
    assert_eq!(came, numbered(60, 8), "and nobody is lost");
}

pub(crate) fn corruption_passes_the_checksums(enclosed: Enclosed, folder: &Path) {
    let mut local = running(1, enclosed, folder);
    let echo = Echo::open(&local);
    let mut stream = connect(&local);
    let sent = numbered(40, 100);
    set_one(&mut local, CLIENTS, N1, Link { corrupt_ppm: 1_000_000, ..Link::default() });
    echo.send(&local, &sent);
    for (came, sent) in echo.receive(40).iter().zip(&sent) {
        let bits: u32 = came.iter().zip(sent).map(|(a, b)| (a ^ b).count_ones()).sum();
        assert_eq!(bits, 1, "one bit of each datagram");
    }
    // TCP would throw a segment away whose checksum is wrong: the flip must be hidden from it.
    assert_ne!(over(&mut stream, &[b'x'; 1000]), [b'x'; 1000]);
    heal(&mut local);
    assert_eq!(over(&mut stream, &[b'x'; 1000]), [b'x'; 1000]);
    echo.send(&local, &sent);
    assert_eq!(echo.receive(40), sent);
}

pub(crate) fn a_rate_slows_a_burst(enclosed: Enclosed, folder: &Path) {
    let mut local = running(1, enclosed, folder);
    let echo = Echo::open(&local);
    set_one(&mut local, CLIENTS, N1, Link { rate_bytes_per_s: Some(100_000), ..Link::default() });
    let began = Instant::now();
    let burst = numbered(30, 1000);
    echo.send(&local, &burst);
    assert_eq!(echo.receive(30), burst);
    // 30 000 bytes and their headers at 100 000 a second; later is always possible, earlier never.
    assert!(began.elapsed() >= Duration::from_millis(300), "{:?}", began.elapsed());
    assert_eq!(local.link_counters(CLIENTS, N1).delayed, 30);
    heal(&mut local);
    echo.send(&local, &burst);
    assert_eq!(echo.receive(30), burst);
    assert_eq!(local.link_counters(CLIENTS, N1).delayed, 30, "a healed link delays nothing");
}

pub(crate) fn a_hold_delivers_later_and_in_order(enclosed: Enclosed, folder: &Path) {
    let mut local = running(1, enclosed, folder);
    let echo = Echo::open(&local);
    set_one(&mut local, CLIENTS, N1, Link { hold: true, ..Link::default() });
    let sent = numbered(50, 8);
    echo.send(&local, &sent);
    assert_eq!(echo.receive_for(Duration::from_millis(100)), Vec::<Vec<u8>>::new());
    heal(&mut local);
    assert_eq!(echo.receive(50), sent);
}

/// Prints what the switch costs; run with `cargo test --release --test local -- measure`.
pub(crate) fn measure(enclosed: Enclosed, folder: &Path) {
    let mut plain = Local::build(spec(1, Fabric::Loopback, &folder.join("loopback"))).unwrap();
    start_all(&mut plain);
    let (direct, _) = round_trips(&mut connect(&plain), 10_000);
    drop(plain);
    let began = Instant::now();
    let mut local = build(5, enclosed, folder);
    let built = began.elapsed();
    start_all(&mut local);
    let serving = began.elapsed();
    let mut stream = connect(&local);
    let (median, p99) = round_trips(&mut stream, 10_000);
    let gigabits = bulk_gigabits_per_s(&mut stream);
    println!("built {built:?}, serving {serving:?}; {gigabits:.2} Gbit/s");
    println!("round trip {median:?}, p99 {p99:?}; by loopback {direct:?}");
    println!("small packets: {}", flood(&local));
    let mut sets: Vec<Duration> = (0..1000).map(|_| timed(|| heal(&mut local))).collect();
    sets.sort();
    set_one(&mut local, CLIENTS, N1, Link { delay_us: 20_000, ..Link::default() });
    let (delayed, _) = round_trips(&mut connect(&local), 50);
    println!("20 ms asked: round trip {delayed:?}; links set {:?}, max {:?}", sets[500], sets[999]);
    println!("torn down {:?}", timed(|| drop(local)));
}

fn timed(action: impl FnOnce()) -> Duration {
    let began = Instant::now();
    action();
    began.elapsed()
}

fn round_trips(stream: &mut TcpStream, count: usize) -> (Duration, Duration) {
    let mut times: Vec<Duration> = (0..count).map(|_| timed(|| drop(over(stream, b"x")))).collect();
    times.sort();
    (times[count / 2], times[count * 99 / 100])
}

fn bulk_gigabits_per_s(stream: &mut TcpStream) -> f64 {
    let data = vec![b'S'; 1 << 18];
    let began = Instant::now();
    let mut bytes = 0;
    while began.elapsed() < Duration::from_secs(3) {
        stream.write_all(&data).unwrap();
        bytes += data.len();
    }
    bytes as f64 * 8.0 / 1e9 / began.elapsed().as_secs_f64()
}

fn flood(local: &Local) -> String {
    let echo = Echo::open(local);
    let (before, began) = (local.link_counters(CLIENTS, N1).passed, Instant::now());
    let mut sent = 0_u64;
    while began.elapsed() < Duration::from_secs(2) {
        echo.send_blindly(&[0; 100]);
        sent += 1;
    }
    let passed = local.link_counters(CLIENTS, N1).passed - before;
    format!(
        "{} a second sent, {} passed, {} overflowed",
        sent / 2,
        passed / 2,
        local.switch_overflows() / 2
    )
}

fn connect(local: &Local) -> TcpStream {
    let (network, server) = (local.clients_network(), local.addresses()[0]);
    let stream = std::thread::spawn(move || {
        network.enter().unwrap();
        TcpStream::connect(server).unwrap()
    });
    let stream = stream.join().unwrap();
    stream.set_nodelay(true).unwrap();
    stream
}

/// What comes back of what is sent.
fn over(stream: &mut TcpStream, sent: &[u8]) -> Vec<u8> {
    stream.write_all(sent).unwrap();
    let mut came = vec![0; sent.len()];
    stream.read_exact(&mut came).unwrap();
    came
}
