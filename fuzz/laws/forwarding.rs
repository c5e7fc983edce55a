//! The caller's address comes from trusted proxies alone, and is one that they wrote.

use std::net::IpAddr;

use corefy_gateway::{
    domain::{network, proxies::Proxies},
    port::proxy_header::{self, Sender},
};

use super::choices::Choices;

/// Addresses of connections: of a proxy, of a proxy as IPv6 has it, of strangers.
const PEERS: [&str; 4] = ["10.0.0.1", "::ffff:10.0.0.1", "203.0.113.7", "2001:db8::7"];
/// The networks of the proxies.
const TRUSTED: [&str; 2] = ["10.0.0.0/8", "2001:db8:ffff::/48"];

/// Takes a byte for the peer, and values of `X-Forwarded-For`, each up to a line's end.
pub fn only_proxies_say_who_called(bytes: &[u8]) {
    let trusted: Vec<_> = TRUSTED.iter().filter_map(|network| network::parse(network)).collect();
    let proxies = Proxies::new(trusted);
    let mut choices = Choices::new(bytes);
    let peer: IpAddr = choices.one(&PEERS).parse().expect("it is an address");
    let values: Vec<_> = choices.rest().split(|byte| *byte == b'\n').collect();
    let source = proxies.source(peer, Some(peer), values.iter().copied());
    assert_eq!(source.peer, peer.to_canonical());
    if !proxies.include(peer.to_canonical()) {
        assert_eq!(source.address, Some(peer.to_canonical()), "a stranger names another");
        return;
    }
    let Some(caller) = source.address else { return };
    assert_eq!(caller, caller.to_canonical());
    assert!(caller == peer.to_canonical() || is_written(caller, &values), "{caller} stands nowhere");
}

/// Whether one of the entries is this address, with a port or without.
fn is_written(address: IpAddr, values: &[&[u8]]) -> bool {
    let entries = values.iter().flat_map(|value| value.split(|byte| *byte == b','));
    entries.map(String::from_utf8_lossy).any(|entry| {
        let entry = entry.trim_matches([' ', '\t']);
        let of_socket = entry.parse::<std::net::SocketAddr>().map(|socket| socket.ip());
        let bare = entry.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
        bare.or(of_socket).is_ok_and(|read| read.to_canonical() == address)
    })
}

/// The bytes of a header of the PROXY protocol before its addresses.
const FIXED: usize = 16;

/// Reads any bytes as a header of the PROXY protocol: what follows it is left for the connection, to the byte.
pub fn a_proxy_header_takes_its_own_bytes(bytes: &[u8]) {
    let mut rest = bytes;
    let read = super::at_once(proxy_header::read(&mut rest));
    let Ok(sender) = read else { return };
    let taken = bytes.len() - rest.len();
    let length = usize::from(u16::from_be_bytes([bytes[14], bytes[15]]));
    assert_eq!(taken, FIXED + length, "{sender:?}");
    if let Sender::Address(address) = sender {
        assert!(length >= 12, "an address of nothing");
        assert_eq!(address, address.to_canonical());
    }
}
