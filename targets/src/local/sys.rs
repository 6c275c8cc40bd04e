//! System calls that no safe wrapper covers: all the `unsafe` of this environment.
//!
//! Everything else (namespaces, signals, waiting, plain sockets) goes through `nix` and the
//! standard library. Sources: packet(7), capabilities(7), fork(2), Linux
//! `include/uapi/linux/if_packet.h`.

use nix::errno::Errno;
use nix::sys::socket::{AddressFamily, SockFlag, SockType, socket};
use nix::unistd::{ForkResult, Pid};
use std::ffi::c_int;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::process::Command;

/// Asked of a port's receive buffer. The system grants an ordinary user less (`net.core.rmem_max`).
const RECEIVE_BUFFER_BYTES: c_int = 16 << 20;
/// Root's rights to read and write files of others: a node may live in a folder of somebody else.
const CAPABILITIES_KEPT: [c_int; 2] =
    [1 /* CAP_DAC_OVERRIDE */, 2 /* CAP_DAC_READ_SEARCH */];

/// Forks a process that has one thread.
///
/// # Errors
/// What fork(2) says.
pub(super) fn fork() -> Result<ForkResult, Errno> {
    let threads = std::fs::read_dir("/proc/self/task").map_or(1, Iterator::count);
    assert_eq!(threads, 1, "a process forks before it starts threads");
    // SAFETY: there is no other thread, so no lock can be left held in the child's copy.
    unsafe { nix::unistd::fork() }
}

/// Ends this process at once: no destructor runs, no buffer is flushed a second time.
pub(super) fn exit_now(code: i32) -> ! {
    // SAFETY: `_exit` takes any number and never returns.
    unsafe { libc::_exit(code) }
}

/// Runs `prepare` in the child between fork and exec.
///
/// `prepare` must do nothing but system calls: other threads of the parent may have held locks, of
/// the allocator too, when it forked.
pub(super) fn between_fork_and_exec(
    command: &mut Command,
    prepare: impl FnMut() -> io::Result<()> + Send + Sync + 'static,
) {
    // SAFETY: the only caller (`process::prepare_child`) makes system calls and nothing else.
    unsafe {
        command.pre_exec(prepare);
    }
}

/// Takes from what the next exec grants to root all rights but those to files. For an ordinary user
/// exec grants nothing anyway, and the refusal to touch the bounding set changes nothing.
pub(super) fn drop_capabilities() {
    for capability in (0..64).filter(|one| !CAPABILITIES_KEPT.contains(one)) {
        // SAFETY: this prctl takes one number and touches no memory; numbers that the kernel does
        // not know are answered with EINVAL.
        unsafe { libc::prctl(libc::PR_CAPBSET_DROP, capability, 0, 0, 0) };
    }
}

/// A packet socket that hears one interface, with offloads intact: every packet carries a
/// `virtio_net_hdr`, so that a large segment crosses in one piece, its checksum not yet computed.
///
/// # Errors
/// Which step failed, and what the system said.
pub(super) fn packet_socket(interface_index: c_int) -> Result<OwnedFd, (&'static str, Errno)> {
    let fd = socket(
        AddressFamily::Packet,
        SockType::Raw,
        SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK,
        None,
    )
    .map_err(|errno| ("opening it", errno))?;
    set(&fd, libc::SOL_PACKET, libc::PACKET_VNET_HDR, 1)
        .map_err(|errno| ("setting PACKET_VNET_HDR", errno))?;
    set(&fd, libc::SOL_PACKET, libc::PACKET_IGNORE_OUTGOING, 1)
        .map_err(|errno| ("setting PACKET_IGNORE_OUTGOING (Linux 4.20)", errno))?;
    // An ordinary user may not force a large buffer, but may ask for what the system allows.
    if set(&fd, libc::SOL_SOCKET, libc::SO_RCVBUFFORCE, RECEIVE_BUFFER_BYTES).is_err() {
        set(&fd, libc::SOL_SOCKET, libc::SO_RCVBUF, RECEIVE_BUFFER_BYTES)
            .map_err(|errno| ("setting its buffer", errno))?;
    }
    bind_to_interface(&fd, interface_index).map_err(|errno| ("binding it", errno))?;
    Ok(fd)
}

/// Packets that the kernel dropped because the port's buffer was full, since the last call.
pub(super) fn packets_overflowed(socket: BorrowedFd<'_>) -> u32 {
    let mut stats = libc::tpacket_stats { tp_packets: 0, tp_drops: 0 };
    let mut length = size_of::<libc::tpacket_stats>() as libc::socklen_t;
    // SAFETY: `stats` and `length` are live, and `length` is the size of `stats`.
    let result = unsafe {
        libc::getsockopt(
            socket.as_raw_fd(),
            libc::SOL_PACKET,
            libc::PACKET_STATISTICS,
            (&raw mut stats).cast(),
            &raw mut length,
        )
    };
    if result == 0 { stats.tp_drops } else { 0 }
}

/// The session of a process, which may be dead but not yet waited for.
pub(super) fn session_of(pid: Pid) -> Option<Pid> {
    nix::unistd::getsid(Some(pid)).ok()
}

fn set(fd: &OwnedFd, level: c_int, option: c_int, value: c_int) -> Result<(), Errno> {
    // SAFETY: `value` is live for the call and its size is given.
    let result = unsafe {
        libc::setsockopt(
            fd.as_raw_fd(),
            level,
            option,
            (&raw const value).cast(),
            size_of::<c_int>() as libc::socklen_t,
        )
    };
    Errno::result(result).map(drop)
}

fn bind_to_interface(fd: &OwnedFd, interface_index: c_int) -> Result<(), Errno> {
    let address = libc::sockaddr_ll {
        sll_family: libc::AF_PACKET as u16,
        sll_protocol: (libc::ETH_P_ALL as u16).to_be(),
        sll_ifindex: interface_index,
        sll_hatype: 0,
        sll_pkttype: 0,
        sll_halen: 0,
        sll_addr: [0; 8],
    };
    // SAFETY: `address` is a whole `sockaddr_ll`, live for the call, and its size is given.
    let result = unsafe {
        libc::bind(
            fd.as_raw_fd(),
            (&raw const address).cast(),
            size_of::<libc::sockaddr_ll>() as libc::socklen_t,
        )
    };
    Errno::result(result).map(drop)
}
