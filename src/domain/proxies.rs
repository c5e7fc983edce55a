//! Proxies before the gateway: which are trusted, and from where the requests come that they pass on.

use std::{fmt, net::IpAddr, sync::Arc};

use ipnet::IpNet;

use super::network;

/// The header in which proxies name the address that called them, lower case.
pub const FORWARDED_FOR: &str = "x-forwarded-for";
/// The most addresses of that header that are looked at.
const MOST_HOPS: usize = 16;
/// The most bytes of that header that are looked at.
const LONGEST: usize = 2048;

/// The networks of trusted proxies. What any other address says of where a request comes from is ignored.
#[derive(Clone, Debug, Default)]
pub struct Proxies(Arc<[IpNet]>);

/// Where a request comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CallSource {
    /// The caller's address. `None` when a trusted proxy did not say it in a form that can be read: it is not guessed, and
    /// a list of allowed networks refuses it.
    pub address: Option<IpAddr>,
    /// The address that is connected, which may be a proxy's.
    pub peer: IpAddr,
}

impl CallSource {
    /// The address by which callers are told apart, where each has a limit.
    pub fn counted_as(&self) -> IpAddr {
        self.address.unwrap_or(self.peer)
    }
}

impl fmt::Display for CallSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.address {
            Some(address) => address.fmt(f),
            None => write!(f, "unknown, through {}", self.peer),
        }
    }
}

impl Proxies {
    /// The proxies of these networks.
    pub fn new(networks: Vec<IpNet>) -> Self {
        Self(networks.into())
    }

    /// Whether `address` is a trusted proxy's.
    pub fn include(&self, address: IpAddr) -> bool {
        !self.0.is_empty() && network::allows(&self.0, Some(address))
    }

    /// Names the source of a request on a connection of `peer`, which was opened for `sender`; `forwarded` are the values of
    /// [`FORWARDED_FOR`]. The caller is the last address that is not a trusted proxy's: what stands before it, anybody may
    /// have written.
    pub fn source<'a>(
        &self,
        peer: IpAddr,
        sender: Option<IpAddr>,
        forwarded: impl DoubleEndedIterator<Item = &'a [u8]>,
    ) -> CallSource {
        let address = sender.and_then(|sender| self.caller(sender.to_canonical(), forwarded));
        CallSource { address, peer: peer.to_canonical() }
    }

    fn caller<'a>(&self, mut nearest: IpAddr, forwarded: impl DoubleEndedIterator<Item = &'a [u8]>) -> Option<IpAddr> {
        let (mut length, mut hops) = (0, 0);
        for value in forwarded.rev() {
            for entry in value.rsplit(|byte| *byte == b',') {
                if !self.include(nearest) {
                    return Some(nearest);
                }
                length += entry.len() + 1;
                hops += 1;
                if hops > MOST_HOPS || length > LONGEST {
                    return None;
                }
                nearest = read(entry)?;
            }
        }
        Some(nearest)
    }
}

/// Reads an address as proxies write it, some with a port: `10.1.2.3`, `10.1.2.3:4711`, `2001:db8::1`, `[2001:db8::1]:4711`.
fn read(entry: &[u8]) -> Option<IpAddr> {
    let text = std::str::from_utf8(entry).ok()?.trim_matches([' ', '\t']);
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    let with_port = || text.parse().map(|address: std::net::SocketAddr| address.ip()).ok();
    bare.parse().ok().or_else(with_port).map(|address: IpAddr| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROXY: &str = "10.0.0.1";

    /// The caller of a request that `peer` passes on, where 10.0.0.0/8 is trusted.
    fn caller(peer: &str, forwarded: &[&str]) -> Option<String> {
        let proxies = Proxies::new(vec![network::parse("10.0.0.0/8").unwrap()]);
        let peer: IpAddr = peer.parse().unwrap();
        let source = proxies.source(peer, Some(peer), forwarded.iter().map(|value| value.as_bytes()));
        source.address.map(|address| address.to_string())
    }

    #[test]
    fn the_last_address_that_is_no_proxy_is_the_caller() {
        for (forwarded, expected) in [
            (&["203.0.113.7"][..], "203.0.113.7"),
            (&["198.51.100.9, 203.0.113.7"], "203.0.113.7"),
            (&["203.0.113.7, 10.9.9.9"], "203.0.113.7"),
            (&["203.0.113.7", "10.9.9.9,10.8.8.8"], "203.0.113.7"),
            (&["nonsense, 203.0.113.7"], "203.0.113.7"),
            (&["203.0.113.7:4711"], "203.0.113.7"),
            (&["[2001:db8::7]:4711"], "2001:db8::7"),
            (&["[2001:db8::7]"], "2001:db8::7"),
            (&["2001:db8::7"], "2001:db8::7"),
            (&["::ffff:203.0.113.7"], "203.0.113.7"),
            (&["10.2.2.2, 10.3.3.3"], "10.2.2.2"),
            (&[], PROXY),
        ] {
            assert_eq!(caller(PROXY, forwarded).as_deref(), Some(expected), "{forwarded:?}");
        }
        assert_eq!(caller("::ffff:10.0.0.1", &["203.0.113.7"]).as_deref(), Some("203.0.113.7"));
    }

    #[test]
    fn whoever_is_no_trusted_proxy_says_nothing_of_others() {
        assert_eq!(caller("198.51.100.9", &["203.0.113.7"]).as_deref(), Some("198.51.100.9"));
        let nobody = Proxies::default();
        let peer = PROXY.parse().unwrap();
        assert_eq!(nobody.source(peer, Some(peer), [&b"203.0.113.7"[..]].into_iter()).address, Some(peer));
    }

    #[test]
    fn what_a_proxy_says_in_no_form_that_can_be_read_is_not_guessed() {
        for wrong in ["", "nonsense", "203.0.113.7,", "203.0.113.7, unknown", "203.0.113.7;", "203.0.113", "\u{e4}"] {
            assert_eq!(caller(PROXY, &[wrong]), None, "{wrong:?}");
        }
        let proxies = Proxies::new(vec![network::parse(PROXY).unwrap()]);
        let source = proxies.source(PROXY.parse().unwrap(), None, [].into_iter());
        assert_eq!((source.address, source.to_string()), (None, format!("unknown, through {PROXY}")));
        assert_eq!(source.counted_as().to_string(), PROXY);
    }

    #[test]
    fn no_more_is_looked_at_than_a_chain_of_proxies_needs() {
        let chain = |hops: usize| format!("203.0.113.7{}", ", 10.1.1.1".repeat(hops - 1));
        assert_eq!(caller(PROXY, &[&chain(MOST_HOPS)]).as_deref(), Some("203.0.113.7"));
        assert_eq!(caller(PROXY, &[&chain(MOST_HOPS + 1)]), None);
        let padded = |spaces: usize| format!("{}203.0.113.7", " ".repeat(spaces));
        assert_eq!(caller(PROXY, &[&padded(LONGEST - 12)]).as_deref(), Some("203.0.113.7"));
        assert_eq!(caller(PROXY, &[&padded(LONGEST - 11)]), None);
    }
}
