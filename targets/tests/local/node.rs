//! The test's node: it answers every datagram and every byte of a stream with the same.
//!
//! A datagram `exit N` makes it exit, `orphan` leaves a grandchild behind, without a parent.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::path::Path;
use std::process::{Command, ExitCode, exit};

/// Serves for ever at the address that the file holds.
pub(crate) fn serve(file: &Path) -> ExitCode {
    let address: SocketAddr = std::fs::read_to_string(file).unwrap().parse().unwrap();
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let session = nix::unistd::getsid(None).unwrap();
    let rights = status.lines().find(|line| line.starts_with("CapEff")).unwrap();
    eprintln!("{rights} leads its session: {}", session == nix::unistd::getpid());
    let listener = TcpListener::bind(address).unwrap();
    let socket = UdpSocket::bind(address).unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            std::thread::spawn(move || echo(stream));
        }
    });
    println!("serving");
    let mut buffer = [0; 2048];
    loop {
        let Ok((length, sender)) = socket.recv_from(&mut buffer) else { continue };
        let datagram = &buffer[..length];
        if let Some(code) = datagram.strip_prefix(b"exit ") {
            exit(std::str::from_utf8(code).unwrap().parse().unwrap());
        }
        if datagram == b"orphan" {
            // The shell's child outlives the shell by a moment, and has no parent then.
            Command::new("/bin/sh").args(["-c", "sleep 0.1 &"]).status().unwrap();
        }
        let _ = socket.send_to(datagram, sender);
    }
}

fn echo(mut stream: std::net::TcpStream) {
    let _ = stream.set_nodelay(true);
    let mut buffer = vec![0; 1 << 18];
    while let Ok(length @ 1..) = stream.read(&mut buffer) {
        // A stream that begins with `S` is swallowed: it is for measuring.
        if buffer[0] != b'S' && stream.write_all(&buffer[..length]).is_err() {
            return;
        }
    }
}
