//! What `tribunal doctor` wants to know: which pieces of the fabric this machine grants.
//!
//! Nothing is guessed from versions or settings: every piece is *tried* in a child process that is
//! thrown away, with those pieces below it that it needs. Settings are read only for the advice.

use super::enclosure::{open, try_in_child};
use super::netlink::{Batch, FarEnd, NearEnd, RouteSocket};
use super::refusal::{Facts, Piece, Refused};
use super::{namespace, sys};
use nix::errno::Errno;
use std::os::fd::AsFd;

/// One row of the doctor's table.
#[derive(Clone, Debug)]
pub struct Finding {
    /// What was tried.
    pub piece: Piece,
    /// What it is for.
    pub needed_for: &'static str,
    /// Whether it is there, or why not and how to get it.
    pub state: State,
}

/// The state of a piece.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// It works.
    Works,
    /// It is not needed: root does without.
    NotNeeded,
    /// It was tried and refused.
    Refused(Refused),
    /// It could not be tried, because this other piece is missing.
    Behind(Piece),
}

/// Tries every piece. Takes some milliseconds.
///
/// # Panics
/// If the process has a second thread: it forks.
pub fn examine(facts: &Facts) -> Vec<Finding> {
    Piece::ALL
        .map(|piece| Finding { piece, needed_for: needed_for(piece), state: state(piece, facts) })
        .into()
}

fn needed_for(piece: Piece) -> &'static str {
    match piece {
        Piece::Proc => "reading what this process may do",
        Piece::UserNamespace | Piece::IdentityMap => "runs without root",
        Piece::ProcessNamespace => "no node outlives a killed controller",
        Piece::NetworkNamespace => "a network of its own for every node",
        Piece::Veth => "cables from nodes to the switch",
        Piece::PacketSocket => "partitions, delay, loss and all other link faults",
    }
}

fn state(piece: Piece, facts: &Facts) -> State {
    let is_user = matches!(piece, Piece::UserNamespace | Piece::IdentityMap);
    if is_user && facts.is_privileged() {
        return State::NotNeeded;
    }
    match try_in_child(|| attempt(piece, facts)) {
        Ok(()) => State::Works,
        Err((refused, errno)) if refused == piece => {
            State::Refused(Refused::explain(piece, "", errno, facts))
        }
        // The attempt went beyond the piece: AppArmor grants the user namespace and refuses its
        // map.
        Err((other, _)) if other > piece => State::Works,
        Err((other, _)) => State::Behind(other),
    }
}

/// Gets hold of one piece, for good: this is the body of a child.
fn attempt(piece: Piece, facts: &Facts) -> Result<(), (Piece, Errno)> {
    if piece == Piece::Proc {
        let known = facts.capabilities.is_some();
        return if known { Ok(()) } else { Err((Piece::Proc, Errno::ENOENT)) };
    }
    open(facts, piece.min(Piece::NetworkNamespace))?;
    if piece < Piece::Veth {
        return Ok(());
    }
    // We are in one namespace already, keep hold of a second, and end up in a third.
    let network = |errno| (Piece::NetworkNamespace, errno);
    let far = namespace::anonymous().map_err(network)?;
    namespace::anonymous().map_err(network)?;
    let veth = |error: super::netlink::NetlinkError| (Piece::Veth, error.errno);
    let route = RouteSocket::open().map_err(veth)?;
    let mut batch = Batch::default();
    batch.add_veth(
        "a veth pair".to_owned(),
        &NearEnd { name: "near", index: 10 },
        &FarEnd { name: "far", index: 11, mac: [2, 0, 0, 0, 0, 1], namespace: far.as_fd() },
    );
    route.commit(&batch).map_err(veth)?;
    if piece == Piece::PacketSocket {
        sys::packet_socket(10).map_err(|(_, errno)| (Piece::PacketSocket, errno))?;
    }
    Ok(())
}
