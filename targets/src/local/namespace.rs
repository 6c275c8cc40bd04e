//! The world of a run: a network namespace for every endpoint and one for the hub, all anonymous.
//!
//! ```text
//!   n1 10.77.0.1 eth0 ---veth--- p0 \
//!   n2 10.77.0.2 eth0 ---veth--- p1  > hub: no addresses, no bridge, one packet socket a port
//!   clients .100 eth0 ---veth--- p2 /
//! ```
//!
//! A namespace lives as long as a process, a descriptor or a socket refers to it, so nothing has to
//! be taken down. One thread that is thrown away makes them all: it steps from each into the next
//! and leaves sockets behind; a socket belongs to the namespace in which it was opened, whoever
//! uses it.
//!
//! There is no route out: endpoints see each other and nothing else. IPv6 is not configured, and
//! the switch carries IPv4 only, so its neighbour chatter ends there.

use super::netlink::{Batch, FarEnd, LOOPBACK_INDEX, Mac, NearEnd, NetlinkError, RouteSocket};
use super::refusal::{Facts, Piece, Refused};
use super::{BuildError, sys};
use crate::links::{Endpoint, LinkMatrix};
use nix::errno::Errno;
use nix::sched::{CloneFlags, unshare};
use std::net::{Ipv4Addr, UdpSocket};
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;

/// The most nodes that a run can have: their addresses end below the clients'.
pub const NODES_MAX: u8 = 64;
/// Where an endpoint hears probes.
pub(super) const PROBE_PORT: u16 = 7007;

const CLIENTS_HOST: u8 = 100;
const PREFIX_BITS: u8 = 24;
/// The index of every endpoint's `eth0`.
const ETH0_INDEX: i32 = 2;
/// The hub's ports are numbered from here.
const PORT_INDEX: i32 = 10;

/// The namespaces, and the sockets that were opened in them.
#[derive(Debug)]
pub(super) struct World {
    /// By position in the link matrix.
    pub(super) endpoints: Vec<Arc<OwnedFd>>,
    /// By position: probes leave from here and arrive here.
    pub(super) probes: Vec<UdpSocket>,
    /// By position: the hub's end of each cable.
    pub(super) ports: Vec<OwnedFd>,
}

/// The address of the endpoint at a position of the link matrix.
pub(super) fn address(endpoint: Endpoint) -> Ipv4Addr {
    let host = match endpoint {
        Endpoint::Node(node) => node.0 + 1,
        Endpoint::Clients => CLIENTS_HOST,
    };
    Ipv4Addr::new(10, 77, 0, host)
}

/// The Ethernet address of a position: locally administered, the position in its last byte.
pub(super) fn mac(position: usize) -> Mac {
    [0x02, 0x54, 0x52, 0x49, 0x42, position as u8]
}

/// Moves the calling thread into a new network namespace and returns a descriptor of it.
pub(super) fn anonymous() -> Result<OwnedFd, Errno> {
    unshare(CloneFlags::CLONE_NEWNET)?;
    let file = std::fs::File::open("/proc/thread-self/ns/net");
    file.map(OwnedFd::from)
        .map_err(|error| error.raw_os_error().map_or(Errno::EIO, Errno::from_raw))
}

/// Builds the world for so many nodes and their clients.
pub(super) fn build(nodes: u8) -> Result<World, BuildError> {
    let builder = std::thread::Builder::new().name("namespaces".to_owned());
    let thread = builder.spawn(move || build_here(nodes)).map_err(BuildError::Thread)?;
    thread.join().expect("the builder of namespaces does not panic")
}

struct Site {
    endpoint: Endpoint,
    namespace: OwnedFd,
    route: RouteSocket,
    probe: UdpSocket,
}

fn build_here(nodes: u8) -> Result<World, BuildError> {
    let endpoints: Vec<Endpoint> = LinkMatrix::clear(nodes).endpoints().collect();
    let sites = endpoints.iter().map(|one| open_site(*one)).collect::<Result<Vec<_>, _>>()?;
    // The last namespace is the hub's. Its interfaces and ports keep it alive.
    anonymous().map_err(|errno| refused(Piece::NetworkNamespace, "the hub", errno))?;
    let route = RouteSocket::open().map_err(|error| refused_by(Piece::Veth, &error))?;
    let mut cables = Batch::default();
    for (position, site) in sites.iter().enumerate() {
        cables.add_veth(
            format!("the veth pair of {}", site.endpoint),
            &NearEnd { name: &format!("p{position}"), index: PORT_INDEX + position as i32 },
            &FarEnd {
                name: "eth0",
                index: ETH0_INDEX,
                mac: mac(position),
                namespace: site.namespace.as_fd(),
            },
        );
    }
    route.commit(&cables).map_err(|error| refused_by(Piece::Veth, &error))?;
    let mut world = World { endpoints: Vec::new(), probes: Vec::new(), ports: Vec::new() };
    for (position, site) in sites.into_iter().enumerate() {
        let port = sys::packet_socket(PORT_INDEX + position as i32).map_err(|(step, errno)| {
            refused(Piece::PacketSocket, &format!("the port of {}, {step}", site.endpoint), errno)
        })?;
        configure(&site, position, &endpoints)?;
        world.endpoints.push(Arc::new(site.namespace));
        world.probes.push(site.probe);
        world.ports.push(port);
    }
    Ok(world)
}

fn open_site(endpoint: Endpoint) -> Result<Site, BuildError> {
    let namespace = anonymous().map_err(|errno| {
        refused(Piece::NetworkNamespace, &format!("the namespace of {endpoint}"), errno)
    })?;
    let route = RouteSocket::open().map_err(|error| refused_by(Piece::NetworkNamespace, &error))?;
    let probe = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, PROBE_PORT))
        .and_then(|socket| socket.set_nonblocking(true).map(|()| socket))
        .map_err(|error| BuildError::ProbeSocket { endpoint, error })?;
    Ok(Site { endpoint, namespace, route, probe })
}

fn configure(site: &Site, position: usize, endpoints: &[Endpoint]) -> Result<(), BuildError> {
    let of = |what: &str| format!("the {what} of {}", site.endpoint);
    let mut batch = Batch::default();
    batch.set_up(of("loopback interface"), LOOPBACK_INDEX);
    batch.add_address(of("address"), ETH0_INDEX, address(site.endpoint), PREFIX_BITS);
    batch.set_up(of("eth0"), ETH0_INDEX);
    for (other, endpoint) in endpoints.iter().enumerate().filter(|(other, _)| *other != position) {
        let object = format!("the neighbour {endpoint} of {}", site.endpoint);
        batch.add_neighbour(object, ETH0_INDEX, address(*endpoint), mac(other));
    }
    site.route.commit(&batch).map_err(|error| refused_by(Piece::Veth, &error))
}

fn refused(piece: Piece, detail: &str, errno: Errno) -> BuildError {
    Refused::explain(piece, detail, errno, &Facts::read()).into()
}

fn refused_by(piece: Piece, error: &NetlinkError) -> BuildError {
    refused(piece, &error.object, error.errno)
}
