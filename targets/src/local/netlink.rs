//! rtnetlink, the little of it that joins namespaces: links, addresses, neighbours.
//!
//! A [`Batch`] holds several requests, each with the name of its object. They go to the kernel in
//! one message and every one is acknowledged, so that an error names what it is about.
//!
//! ```text
//!   nlmsghdr | ifinfomsg  | IFLA_IFNAME | IFLA_LINKINFO { kind veth, data { peer ifinfomsg ... } }
//!   nlmsghdr | ifaddrmsg  | IFA_LOCAL | IFA_ADDRESS
//!   nlmsghdr | ndmsg      | NDA_DST | NDA_LLADDR
//! ```
//!
//! Sources: netlink(7), rtnetlink(7), Linux `include/uapi/linux/{rtnetlink,if_link,veth}.h`.

use nix::errno::Errno;
use nix::sys::socket::{
    AddressFamily, MsgFlags, SockFlag, SockProtocol, SockType, recv, send, socket,
};
use std::net::Ipv4Addr;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};

/// An Ethernet address.
pub(super) type Mac = [u8; 6];

/// The loopback interface is the first of every network namespace.
pub(super) const LOOPBACK_INDEX: i32 = 1;

const HEADER_BYTES: usize = 16;
/// Attribute `IFLA_INFO_KIND`, `IFLA_INFO_DATA` of `IFLA_LINKINFO`; `VETH_INFO_PEER` of veth's
/// data.
const INFO_KIND: u16 = 1;
const INFO_DATA: u16 = 2;
const VETH_INFO_PEER: u16 = 1;
/// Acknowledgements come at once; a kernel that takes longer than this is not going to answer.
const ACK_WAIT: std::time::Duration = std::time::Duration::from_secs(10);

/// The kernel refused to make or change something.
#[derive(Debug, thiserror::Error)]
#[error("{object}: {errno}")]
pub(super) struct NetlinkError {
    /// What was to be made: `the veth pair of n1`.
    pub(super) object: String,
    /// What the kernel said.
    pub(super) errno: Errno,
}

/// A socket to the routing part of the kernel, for the namespace in which it was opened.
#[derive(Debug)]
pub(super) struct RouteSocket(OwnedFd);

impl RouteSocket {
    /// Opens a socket for the calling thread's network namespace.
    pub(super) fn open() -> Result<Self, NetlinkError> {
        let failed = |errno| NetlinkError { object: "a netlink socket".to_owned(), errno };
        let flags = SockFlag::SOCK_CLOEXEC;
        let protocol = SockProtocol::NetlinkRoute;
        let fd = socket(AddressFamily::Netlink, SockType::Raw, flags, protocol).map_err(failed)?;
        socket2::SockRef::from(&fd)
            .set_read_timeout(Some(ACK_WAIT))
            .map_err(|error| failed(Errno::from_raw(error.raw_os_error().unwrap_or(0))))?;
        Ok(Self(fd))
    }

    /// Has all requests of a batch done. All are tried; the first failure is returned.
    pub(super) fn commit(&self, batch: &Batch) -> Result<(), NetlinkError> {
        let whole = |errno| NetlinkError { object: "a netlink exchange".to_owned(), errno };
        send(self.0.as_raw_fd(), &batch.bytes, MsgFlags::empty()).map_err(whole)?;
        let mut failure = None;
        let mut left = batch.objects.len();
        let mut buffer = vec![0; 64 << 10];
        while left > 0 {
            let length = recv(self.0.as_raw_fd(), &mut buffer, MsgFlags::empty()).map_err(whole)?;
            for (sequence, code) in acknowledgements(&buffer[..length]) {
                left = left.saturating_sub(1);
                let object = batch.objects.get(sequence as usize);
                if let (true, Some(object), None) = (code != 0, object, &failure) {
                    let errno = Errno::from_raw(-code);
                    failure = Some(NetlinkError { object: object.clone(), errno });
                }
            }
        }
        failure.map_or(Ok(()), Err)
    }
}

/// The (sequence number, negative error code or zero) of every acknowledgement in a datagram.
fn acknowledgements(datagram: &[u8]) -> impl Iterator<Item = (u32, i32)> {
    let number = |at: usize| Some(i32::from_ne_bytes(datagram.get(at..at + 4)?.try_into().ok()?));
    let mut at = 0;
    std::iter::from_fn(move || {
        loop {
            let start = at;
            let length = usize::try_from(number(start)?).ok().filter(|n| *n >= HEADER_BYTES)?;
            at += length.next_multiple_of(4);
            let kind = u16::from_ne_bytes(datagram.get(start + 4..start + 6)?.try_into().ok()?);
            if i32::from(kind) == libc::NLMSG_ERROR {
                let sequence = number(start + 8)?;
                return Some((sequence as u32, number(start + HEADER_BYTES)?));
            }
        }
    })
}

/// Requests that go to the kernel together.
#[derive(Debug, Default)]
pub(super) struct Batch {
    bytes: Vec<u8>,
    objects: Vec<String>,
}

impl Batch {
    /// A veth pair. One end, up at once, stays in the socket's namespace; the other, still down, is
    /// made straight in `peer_namespace`. Both indexes are chosen by the caller.
    pub(super) fn add_veth(&mut self, object: String, near: &NearEnd<'_>, far: &FarEnd<'_>) {
        self.request(object, libc::RTM_NEWLINK, libc::NLM_F_CREATE | libc::NLM_F_EXCL, |b| {
            b.interface(near.index, true);
            b.attribute(libc::IFLA_IFNAME, &text(near.name));
            b.nest(libc::IFLA_LINKINFO, |b| {
                b.attribute(INFO_KIND, b"veth");
                b.nest(INFO_DATA, |b| {
                    b.nest(VETH_INFO_PEER, |b| {
                        b.interface(far.index, false);
                        b.attribute(libc::IFLA_IFNAME, &text(far.name));
                        b.attribute(libc::IFLA_ADDRESS, &far.mac);
                        let namespace = far.namespace.as_raw_fd();
                        b.attribute(libc::IFLA_NET_NS_FD, &namespace.to_ne_bytes());
                    });
                });
            });
        });
    }

    /// Brings an interface up.
    pub(super) fn set_up(&mut self, object: String, index: i32) {
        self.request(object, libc::RTM_NEWLINK, 0, |b| b.interface(index, true));
    }

    /// Gives an interface its address.
    pub(super) fn add_address(&mut self, object: String, index: i32, ip: Ipv4Addr, prefix: u8) {
        self.request(object, libc::RTM_NEWADDR, libc::NLM_F_CREATE | libc::NLM_F_EXCL, |b| {
            // struct ifaddrmsg: family, prefix length, flags, scope, index
            b.bytes.extend([libc::AF_INET as u8, prefix, 0, 0]);
            b.bytes.extend(index.to_ne_bytes());
            b.attribute(libc::IFA_LOCAL, &ip.octets());
            b.attribute(libc::IFA_ADDRESS, &ip.octets());
        });
    }

    /// A neighbour that never has to be asked for. Without it a one-way cut would turn into a
    /// two-way cut as soon as an ARP entry expires: the question passes, the answer does not.
    pub(super) fn add_neighbour(&mut self, object: String, index: i32, ip: Ipv4Addr, mac: Mac) {
        self.request(object, libc::RTM_NEWNEIGH, libc::NLM_F_CREATE | libc::NLM_F_EXCL, |b| {
            // struct ndmsg: family, padding, index, state, flags, type
            b.bytes.extend([libc::AF_INET as u8, 0, 0, 0]);
            b.bytes.extend(index.to_ne_bytes());
            b.bytes.extend(libc::NUD_PERMANENT.to_ne_bytes());
            b.bytes.extend([0, 0]);
            b.attribute(libc::NDA_DST, &ip.octets());
            b.attribute(libc::NDA_LLADDR, &mac);
        });
    }

    fn request(&mut self, object: String, kind: u16, flags: i32, body: impl FnOnce(&mut Self)) {
        let start = self.bytes.len();
        let flags = (libc::NLM_F_REQUEST | libc::NLM_F_ACK | flags) as u16;
        self.bytes.extend(0_u32.to_ne_bytes());
        self.bytes.extend(kind.to_ne_bytes());
        self.bytes.extend(flags.to_ne_bytes());
        self.bytes.extend((self.objects.len() as u32).to_ne_bytes());
        self.bytes.extend(0_u32.to_ne_bytes());
        body(self);
        let length = (self.bytes.len() - start) as u32;
        self.bytes[start..start + 4].copy_from_slice(&length.to_ne_bytes());
        self.objects.push(object);
    }

    /// struct ifinfomsg: family, padding, type, index, flags, change mask
    fn interface(&mut self, index: i32, up: bool) {
        let flags = if up { libc::IFF_UP as u32 } else { 0 };
        self.bytes.extend(0_u32.to_ne_bytes());
        self.bytes.extend(index.to_ne_bytes());
        self.bytes.extend(flags.to_ne_bytes());
        self.bytes.extend(flags.to_ne_bytes());
    }

    fn attribute(&mut self, kind: u16, value: &[u8]) {
        self.bytes.extend((value.len() as u16 + 4).to_ne_bytes());
        self.bytes.extend(kind.to_ne_bytes());
        self.bytes.extend(value);
        self.bytes.resize(self.bytes.len().next_multiple_of(4), 0);
    }

    fn nest(&mut self, kind: u16, body: impl FnOnce(&mut Self)) {
        let start = self.bytes.len();
        self.bytes.extend(0_u16.to_ne_bytes());
        self.bytes.extend(kind.to_ne_bytes());
        body(self);
        let length = (self.bytes.len() - start) as u16;
        self.bytes[start..start + 2].copy_from_slice(&length.to_ne_bytes());
    }
}

/// The end of a veth pair that stays.
#[derive(Debug)]
pub(super) struct NearEnd<'a> {
    pub(super) name: &'a str,
    pub(super) index: i32,
}

/// The end of a veth pair that is made in another namespace.
#[derive(Debug)]
pub(super) struct FarEnd<'a> {
    pub(super) name: &'a str,
    pub(super) index: i32,
    pub(super) mac: Mac,
    pub(super) namespace: BorrowedFd<'a>,
}

fn text(name: &str) -> Vec<u8> {
    [name.as_bytes(), &[0]].concat()
}

#[cfg(test)]
mod tests {
    use super::{Batch, acknowledgements};
    use std::net::Ipv4Addr;

    #[test]
    fn a_neighbour_request_has_the_documented_bytes() {
        let mut batch = Batch::default();
        batch.add_neighbour("n2".to_owned(), 2, Ipv4Addr::new(10, 77, 0, 2), [2, 0, 0, 0, 0, 9]);
        #[rustfmt::skip]
        let expected = if cfg!(target_endian = "little") { vec![
            48, 0, 0, 0,  28, 0, 5, 6,  0, 0, 0, 0,  0, 0, 0, 0,
            2, 0, 0, 0,  2, 0, 0, 0,  0x80, 0, 0, 0,
            8, 0, 1, 0,  10, 77, 0, 2,
            10, 0, 2, 0,  2, 0, 0, 0,  0, 9, 0, 0,
        ] } else { batch.bytes.clone() };
        assert_eq!(batch.bytes, expected);
    }

    #[test]
    fn acknowledgements_name_their_request_and_a_torn_one_ends_the_list() {
        let mut datagram = Vec::new();
        for (sequence, code) in [(0_u32, 0_i32), (1, -17)] {
            datagram.extend(36_u32.to_ne_bytes());
            datagram.extend((libc::NLMSG_ERROR as u16).to_ne_bytes());
            datagram.extend([0; 2]);
            datagram.extend(sequence.to_ne_bytes());
            datagram.extend([0; 4]);
            datagram.extend(code.to_ne_bytes());
            datagram.extend([0; 16]);
        }
        assert_eq!(acknowledgements(&datagram).collect::<Vec<_>>(), [(0, 0), (1, -17)]);
        assert_eq!(acknowledgements(&datagram[..50]).count(), 1);
        assert_eq!(acknowledgements(&[0; 40]).count(), 0, "a length of zero is not a message");
    }
}
