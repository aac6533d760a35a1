//! HTTP clients of operators' commands. In: what will be called. Out: a client.
//!
//! Never: follows a redirect, repeats a request, or uses a proxy that the environment names.

use reqwest::{ClientBuilder, redirect::Policy};
use rustls::crypto::{CryptoProvider, ring};

/// A builder for plain HTTP. It needs no root certificates, so it works on a machine that has none.
pub(crate) fn plain() -> ClientBuilder {
    builder().tls_certs_only([])
}

/// A builder for whatever this scheme needs; `https` is trusted by the system's root certificates.
pub(crate) fn of_scheme(scheme: &str) -> ClientBuilder {
    if scheme == "http" { plain() } else { builder() }
}

fn builder() -> ClientBuilder {
    if CryptoProvider::get_default().is_none() {
        // If another thread was faster, its provider serves as well.
        let _ = ring::default_provider().install_default();
    }
    reqwest::Client::builder()
        .redirect(Policy::none())
        .retry(reqwest::retry::never())
        .referer(false)
        .no_proxy()
        .tcp_nodelay(true)
}
