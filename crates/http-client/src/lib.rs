//! The HTTP client underneath. In: what will be called. Out: a `reqwest` builder with our TLS and our bounds.
//!
//! Never: follows a redirect, repeats a request, or uses a proxy named by the environment.

use reqwest::{ClientBuilder, redirect::Policy};
use rustls::crypto::{CryptoProvider, ring};

/// What a client will be asked to reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reach {
    /// `http` alone. Needs no root certificates, so it starts on a machine that has none.
    Plain,
    /// `https` as well, trusted by the system's roots.
    Tls,
}

impl Reach {
    /// What a URL with this scheme needs.
    pub fn of_scheme(scheme: &str) -> Self {
        if scheme == "http" { Self::Plain } else { Self::Tls }
    }
}

/// A builder for HTTP/1.1 without redirects and retries.
///
/// HTTP/2 is left out: one shared connection would make one stall everyone's, and a POST that a multiplexed
/// connection lost is harder to classify than one on a connection of its own.
pub fn client_builder(reach: Reach) -> ClientBuilder {
    if CryptoProvider::get_default().is_none() {
        // Losing this race means that another thread installed a provider, which serves as well.
        let _ = ring::default_provider().install_default();
    }
    let builder = reqwest::Client::builder()
        .http1_only()
        .redirect(Policy::none())
        .retry(reqwest::retry::never())
        .referer(false)
        .no_proxy()
        .tcp_nodelay(true);
    match reach {
        Reach::Plain => builder.tls_certs_only([]),
        Reach::Tls => builder,
    }
}
