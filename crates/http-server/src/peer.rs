//! Whose connection it is. In: its address. Out: what counts as one client.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

/// An IPv4 address, an IPv6 network of 64 bits (what one client usually has), or this machine over a Unix socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Peer(Option<IpAddr>);

/// The bits of an IPv6 address that a provider assigns; the others are the client's own.
const IPV6_NETWORK: u128 = u128::MAX << 64;

impl From<SocketAddr> for Peer {
    fn from(address: SocketAddr) -> Self {
        Self(Some(match address.ip().to_canonical() {
            IpAddr::V6(ip) => IpAddr::V6(Ipv6Addr::from_bits(ip.to_bits() & IPV6_NETWORK)),
            v4 @ IpAddr::V4(_) => v4,
        }))
    }
}

impl From<tokio::net::unix::SocketAddr> for Peer {
    fn from(_: tokio::net::unix::SocketAddr) -> Self {
        Self(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer(address: &str) -> Peer {
        Peer::from(address.parse::<SocketAddr>().unwrap())
    }

    #[test]
    fn a_client_is_an_ipv4_address_or_an_ipv6_network() {
        assert_eq!(peer("192.0.2.1:1"), peer("192.0.2.1:2"));
        assert_ne!(peer("192.0.2.1:1"), peer("192.0.2.2:1"));
        assert_eq!(peer("192.0.2.1:1"), peer("[::ffff:192.0.2.1]:1"));
        assert_eq!(peer("[2001:db8::1]:1"), peer("[2001:db8::2]:1"));
        assert_ne!(peer("[2001:db8::1]:1"), peer("[2001:db8:0:1::1]:1"));
    }
}
