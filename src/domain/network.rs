//! Addresses: networks that may call, of an API key or of the webhook port, what is on this machine, and the proxy on the
//! way to what is not.

use std::{
    fmt,
    net::{IpAddr, Ipv6Addr},
};

use ipnet::IpNet;
use url::{Host, Url};

/// The bits of an IPv6 address that tell one customer of a network from another; the rest each chooses freely.
const IPV6_NETWORK_BITS: u32 = 64;

/// The address, or for IPv6 the first of its network: what one customer has one of.
pub fn of_customer(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => address.into(),
        IpAddr::V6(address) => {
            let network = u128::MAX << (Ipv6Addr::BITS - IPV6_NETWORK_BITS);
            Ipv6Addr::from_bits(address.to_bits() & network).into()
        }
    }
}

/// Whether the address can be one of the internet: not of this machine, of a private network, or of a provider's own.
pub fn is_public(address: IpAddr) -> bool {
    /// Shared address space of providers (RFC 6598).
    const SHARED: (u8, u8) = (100, 64);
    match address.to_canonical() {
        IpAddr::V4(address) => {
            let [first, second, ..] = address.octets();
            let is_shared = first == SHARED.0 && second & 0b1100_0000 == SHARED.1;
            let is_here = address.is_loopback() || address.is_private() || address.is_link_local() || first == 0;
            !(is_here || is_shared || address.is_broadcast() || address.is_multicast())
        }
        IpAddr::V6(address) => {
            let is_here = address.is_loopback() || address.is_unspecified();
            let is_local = address.is_unique_local() || address.is_unicast_link_local();
            !(is_here || is_local || address.is_multicast())
        }
    }
}

/// Reads a network, `10.0.0.0/8`, or a single address, `10.1.2.3`.
pub fn parse(text: &str) -> Option<IpNet> {
    text.parse().ok().or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from))
}

/// Whether `address` is in one of `allowed`. An empty list allows every address; any other refuses an unknown one.
pub fn allows(allowed: &[IpNet], address: Option<IpAddr>) -> bool {
    allowed.is_empty() || address.is_some_and(|address| allowed.iter().any(|net| contains(net, address)))
}

/// A socket that listens on IPv6 sees IPv4 callers as `::ffff:a.b.c.d`: both spellings are the same address.
fn contains(net: &IpNet, address: IpAddr) -> bool {
    match (net, address.to_canonical()) {
        (IpNet::V4(net), IpAddr::V4(address)) => net.contains(&address),
        (IpNet::V4(_), IpAddr::V6(_)) => false,
        (IpNet::V6(net), IpAddr::V4(address)) => net.contains(&address.to_ipv6_mapped()),
        (IpNet::V6(net), IpAddr::V6(address)) => net.contains(&address),
    }
}

/// Whether the host of `url` is this machine, so that nobody can listen in on the way.
pub fn is_this_machine(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name.trim_end_matches('.') == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.to_canonical().is_loopback(),
        None => false,
    }
}

/// Whether calls of `target` may go by a proxy: only where they are encrypted, so that a proxy has to tunnel what it cannot
/// read, and never within this machine.
pub fn may_use_proxy(target: &Url) -> bool {
    target.scheme() == "https" && !is_this_machine(target)
}

/// A proxy, which may want a user and a password. Shows its host and port only.
#[derive(Clone, PartialEq, Eq)]
pub struct Proxy(Url);

impl Proxy {
    /// Reads `http://host:port` or `https://host:port`; what has no scheme is reached by `http`.
    pub fn parse(text: &str) -> Option<Self> {
        let text = if text.contains("://") { text.to_owned() } else { format!("http://{text}") };
        let is_proxy = |url: &Url| ["http", "https"].contains(&url.scheme()) && url.has_host();
        Url::parse(&text).ok().filter(is_proxy).map(Self)
    }

    /// Its address, with user and password.
    pub fn url(&self) -> &Url {
        &self.0
    }
}

impl fmt::Display for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let port = self.0.port_or_known_default().unwrap_or_default();
        write!(f, "{}:{port}", self.0.host_str().unwrap_or_default())
    }
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Proxy({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allows(allowed: &[&str], address: &str) -> bool {
        let allowed: Vec<_> = allowed.iter().map(|text| parse(text).unwrap()).collect();
        super::allows(&allowed, address.parse().ok())
    }

    #[test]
    fn an_ipv6_network_counts_as_one_and_ipv4_in_its_spelling_as_itself() {
        let network = |text: &str| of_customer(text.parse().unwrap());
        assert_eq!(network("2001:db8:1:2:3:4:5:6"), network("2001:db8:1:2::1"));
        assert_ne!(network("2001:db8:1:2::1"), network("2001:db8:1:3::1"));
        assert_eq!(network("::ffff:10.0.0.1"), network("10.0.0.1"));
        assert_ne!(network("10.0.0.1"), network("10.0.0.2"));
    }

    #[test]
    fn a_list_allows_its_networks_and_nothing_else() {
        assert!(allows(&["10.0.0.0/8", "192.168.1.7"], "10.255.0.1"));
        assert!(allows(&["10.0.0.0/8", "192.168.1.7"], "192.168.1.7"));
        assert!(!allows(&["10.0.0.0/8", "192.168.1.7"], "192.168.1.8"));
        assert!(allows(&["2001:db8::/32"], "2001:db8::1"));
        assert!(!allows(&["2001:db8::/32"], "10.0.0.1"));
    }

    #[test]
    fn an_empty_list_allows_all_and_any_other_refuses_an_unknown_address() {
        assert!(allows(&[], "not known"));
        assert!(!allows(&["0.0.0.0/0"], "not known"));
    }

    #[test]
    fn an_ipv4_address_in_ipv6_spelling_is_the_same_address() {
        assert!(allows(&["10.0.0.0/8"], "::ffff:10.0.0.1"));
        assert!(allows(&["::ffff:10.0.0.0/104"], "10.0.0.1"));
        assert!(!allows(&["10.0.0.0/8"], "::ffff:11.0.0.1"));
    }

    #[test]
    fn what_is_no_network_is_refused() {
        for text in ["", "10.0.0.0/33", "10.0.0", "localhost", "10.0.0.1 "] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    #[test]
    fn only_addresses_of_the_internet_are_public() {
        let is_public = |text: &str| is_public(text.parse().unwrap());
        for text in ["203.0.113.7", "100.63.0.1", "100.128.0.1", "2001:db8::1", "::ffff:8.8.8.8"] {
            assert!(is_public(text), "{text}");
        }
        let others = ["127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.0.1", "169.254.1.1", "100.64.0.1", "0.0.0.0"];
        for text in others.into_iter().chain([
            "255.255.255.255",
            "224.0.0.1",
            "::",
            "::1",
            "fd00::1",
            "fe80::1",
            "::ffff:10.0.0.1",
        ]) {
            assert!(!is_public(text), "{text}");
        }
    }

    #[test]
    fn this_machine_is_known_by_its_loopback_addresses_and_name() {
        let here = |text| is_this_machine(&Url::parse(text).unwrap());
        assert!(
            ["http://127.0.0.1:1", "http://localhost/a", "http://[::1]:1", "http://127.9.9.9"].into_iter().all(here)
        );
        let others = ["http://10.0.0.1", "http://127.0.0.1.example", "http://localhost.example", "mailto:a@localhost"];
        assert!(!others.into_iter().any(here));
    }
}
