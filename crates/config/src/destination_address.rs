//! Addresses of destinations. In: a key that holds one. Out: the address, if a request to it can work.
//!
//! Never: takes an address with a secret in it, or looks up a name.

use std::net::IpAddr;

use domain::address::is_public;
use url::{Host, Url};

use crate::reader::{Document, Section};

const PRIVATE: &str = "is private or of this machine; give allow_private = true beside it if that is meant";

/// What the addresses of a destination may be.
#[derive(Debug, Clone, Copy)]
pub(crate) struct AddressRules {
    /// Whether it may be on a private address.
    pub(crate) allow_private: bool,
    /// Whether paths are added to it, so that a query would stand before them.
    pub(crate) takes_paths: bool,
}

impl AddressRules {
    /// The same for a kind that adds paths.
    pub(crate) fn with_paths(self) -> Self {
        Self { takes_paths: true, ..self }
    }

    /// Reads an address that must be there.
    pub(crate) fn required(self, doc: &mut Document<'_>, section: &mut Section<'_>) -> Option<Url> {
        if !section.has("url") {
            section.missing("url", "url: required".to_owned());
        }
        self.read(doc, section, "url")
    }

    /// Reads an address.
    pub(crate) fn read(
        self,
        doc: &mut Document<'_>,
        section: &mut Section<'_>,
        key: &'static str,
    ) -> Option<Url> {
        let url = section.value::<Url>(doc, key, "an address that begins with https://")?;
        let fault = self.fault(&url.value);
        if let Some(fault) = fault {
            doc.problem(&url.at, format!("{key}: {fault}"));
        }
        fault.is_none().then_some(url.value)
    }

    /// What is wrong with an address.
    fn fault(self, url: &Url) -> Option<&'static str> {
        let text = url.as_str();
        match url.scheme() {
            "https" | "http" => {}
            _ => return Some("must begin with https://"),
        }
        if url.host_str().is_none_or(str::is_empty) {
            Some("has no host")
        } else if !url.username().is_empty() || url.password().is_some() {
            Some("holds a user or a password; use secret_env")
        } else if url.scheme() == "http" && !is_local(url.host()) {
            Some("must begin with https://; plain http is for this machine only")
        } else if text.contains("{{") || text.contains("%7B%7B") {
            Some("is no template: write the whole address, without {{ }}")
        } else if url.fragment().is_some() {
            Some("has a fragment, #..., which no server is sent; leave it out")
        } else if self.takes_paths && url.query().is_some() {
            Some("has a query, ?..., and paths are added to this address; leave the query out")
        } else if !self.allow_private && is_private(url.host()) {
            Some(PRIVATE)
        } else {
            None
        }
    }

    /// What is wrong with the host of a mail server.
    pub(crate) fn host_fault(self, host: &str) -> Option<&'static str> {
        let is_private = Host::parse(host).is_ok_and(|host| is_private(Some(host)));
        (!self.allow_private && is_private).then_some(PRIVATE)
    }
}

/// Whether a host is this machine.
pub(crate) fn is_local<S: AsRef<str>>(host: Option<Host<S>>) -> bool {
    match host {
        Some(Host::Domain(name)) => name.as_ref() == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

/// Whether a host is certainly not of the public internet.
fn is_private<S: AsRef<str>>(host: Option<Host<S>>) -> bool {
    let address: IpAddr = match host {
        Some(Host::Ipv4(address)) => address.into(),
        Some(Host::Ipv6(address)) => address.into(),
        Some(Host::Domain(_)) | None => return is_local(host),
    };
    !is_public(address)
}
