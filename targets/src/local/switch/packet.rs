//! The little that the switch reads of a packet: where it goes, and where its payload begins.
//!
//! ```text
//!   virtio_net_hdr 10 | Ethernet 14 | IPv4 20.. | TCP 20.. or UDP 8 | payload
//! ```
//!
//! Packets come from systems under test: every offset is checked, nothing is trusted.

use crate::local::namespace::mac;

/// `struct virtio_net_hdr`, which the kernel puts before every packet of such a socket.
pub(super) const VNET_HEADER_BYTES: usize = 10;
const ETHERNET_BYTES: usize = 14;
const IPV4: [u8; 2] = [0x08, 0x00];
const TCP: u8 = 6;
const UDP: u8 = 17;

/// The position that an IPv4 packet is addressed to, if it is one of `ports`. Everything else (ARP,
/// IPv6 chatter, multicast) ends at the switch.
pub(super) fn destination(packet: &[u8], ports: usize) -> Option<usize> {
    let ethernet = packet.get(VNET_HEADER_BYTES..VNET_HEADER_BYTES + ETHERNET_BYTES)?;
    let position = usize::from(ethernet[5]);
    let known = position < ports && ethernet[..6] == mac(position) && ethernet[12..14] == IPV4;
    known.then_some(position)
}

/// Flips one bit of the payload, chosen by `entropy`; says whether there was one.
///
/// The checksum is left as it is. Between namespaces it is never computed: the sender leaves it to
/// the (virtual) hardware, and the header before the packet tells the receiver to take it for good.
/// So the bit gets past TCP, as one that is flipped in a faulty card's memory does.
pub(super) fn flip_payload_bit(packet: &mut [u8], entropy: u64) -> bool {
    let Some(start) = payload_start(packet) else { return false };
    let Some(payload) = packet.get_mut(start..).filter(|bytes| !bytes.is_empty()) else {
        return false;
    };
    let bits = payload.len() as u64 * 8;
    let bit = entropy % bits;
    payload[(bit / 8) as usize] ^= 1 << (bit % 8);
    true
}

fn payload_start(packet: &[u8]) -> Option<usize> {
    let ip = VNET_HEADER_BYTES + ETHERNET_BYTES;
    let transport = ip + usize::from(packet.get(ip)? & 0x0f) * 4;
    let header_bytes = match *packet.get(ip + 9)? {
        TCP => usize::from(packet.get(transport + 12)? >> 4) * 4,
        UDP => 8,
        _ => return None,
    };
    Some(transport + header_bytes)
}

#[cfg(test)]
mod tests {
    use super::{ETHERNET_BYTES, VNET_HEADER_BYTES, destination, flip_payload_bit};
    use crate::local::namespace::mac;
    use proptest::prelude::*;

    fn packet(to: usize, protocol: u8, payload: &[u8]) -> Vec<u8> {
        let mut bytes = vec![0; VNET_HEADER_BYTES];
        bytes.extend(mac(to));
        bytes.extend(mac(9));
        bytes.extend([0x08, 0x00]);
        let mut ip = [0; 20];
        ip[0] = 0x45;
        ip[9] = protocol;
        bytes.extend(ip);
        let mut transport = vec![0; if protocol == 6 { 20 } else { 8 }];
        if protocol == 6 {
            transport[12] = 0x50;
        }
        bytes.extend(transport);
        bytes.extend(payload);
        bytes
    }

    #[test]
    fn packets_go_where_their_address_says_and_chatter_goes_nowhere() {
        assert_eq!(destination(&packet(2, 17, b"x"), 4), Some(2));
        assert_eq!(destination(&packet(4, 17, b"x"), 4), None, "no such port");
        let mut multicast = packet(2, 17, b"x");
        multicast[VNET_HEADER_BYTES] |= 1;
        assert_eq!(destination(&multicast, 4), None);
        let mut arp = packet(2, 17, b"x");
        arp[VNET_HEADER_BYTES + 13] = 0x06;
        assert_eq!(destination(&arp, 4), None);
        assert_eq!(destination(&arp[..VNET_HEADER_BYTES + ETHERNET_BYTES - 1], 4), None);
    }

    proptest! {
        #[test]
        fn exactly_one_bit_flips_and_it_is_in_the_payload(
            tcp: bool, payload in prop::collection::vec(any::<u8>(), 0..40), entropy: u64,
        ) {
            let before = packet(1, if tcp { 6 } else { 17 }, &payload);
            let mut after = before.clone();
            prop_assert_eq!(flip_payload_bit(&mut after, entropy), !payload.is_empty());
            let differing = |range: std::ops::Range<usize>| -> u32 {
                let pairs = before[range.clone()].iter().zip(&after[range]);
                pairs.map(|(a, b)| (a ^ b).count_ones()).sum()
            };
            let start = before.len() - payload.len();
            prop_assert_eq!(differing(0..start), 0);
            prop_assert_eq!(differing(start..before.len()), u32::from(!payload.is_empty()));
        }

        #[test]
        fn hostile_bytes_are_never_read_beyond_their_end(
            mut bytes in prop::collection::vec(any::<u8>(), 0..80), entropy: u64,
        ) {
            destination(&bytes, 6);
            flip_payload_bit(&mut bytes, entropy);
        }
    }
}
