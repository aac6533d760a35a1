//! Which addresses are reached. In: an address, or a name to be looked up. Out: whether it is of the public internet.
//!
//! Never: looks a name up twice, once to check and once to connect: what was checked is what is used.

use std::{io, net::SocketAddr};

use domain::address::is_public;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use url::{Host, Url};

/// Resolves names, and leaves out private addresses.
pub(crate) struct PublicResolver;

impl Resolve for PublicResolver {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let public = reachable(name.as_str(), 0, false).await?;
            if public.is_empty() {
                return Err(io::Error::other(PRIVATE).into());
            }
            Ok(Box::new(public.into_iter()) as Addrs)
        })
    }
}

/// The addresses of a host that may be reached.
pub(crate) async fn reachable(host: &str, port: u16, allow_private: bool) -> io::Result<Vec<SocketAddr>> {
    let found = tokio::net::lookup_host((host, port)).await?;
    Ok(found.filter(|address| allow_private || is_public(address.ip())).collect())
}

/// What is said of a destination that may not be reached.
pub(crate) const PRIVATE: &str =
    "its address is private or of this machine; allow_private = true permits that";

/// Whether a URL names a private address itself, without a name to look up.
pub(crate) fn is_private_literal(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => !is_public(address.into()),
        Some(Host::Ipv6(address)) => !is_public(address.into()),
        Some(Host::Domain(_)) | None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_private_address_in_a_url_is_seen_however_it_is_written() {
        for url in ["http://127.1/", "http://0x7f000001/", "http://2130706433/", "http://[::ffff:7f00:1]/"] {
            assert!(is_private_literal(&url.parse().unwrap()), "{url}");
        }
        assert!(!is_private_literal(&"https://example.com/".parse().unwrap()));
    }
}
