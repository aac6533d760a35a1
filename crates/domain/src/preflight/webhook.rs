//! Whether what the provider posts can reach us. In: the public URL, and what a post to it came to. Out: findings.

use std::net::IpAddr;

use url::{Host, Url};

use super::{Check, Finding, Findings};

/// What a post to the status endpoint, signed as the provider signs, came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Probe {
    /// callout answered, and took the signature.
    Taken,
    /// It was answered that the signature does not match.
    Forged,
    /// Something answered that callout does not, with this HTTP status.
    NotOurs(u16),
    /// callout is there and cannot use its store.
    Unavailable(u16),
    /// Nothing answered, for this reason.
    Unreachable(String),
    /// There is no token to sign with.
    NoToken,
}

/// What is known of the way back to us.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebhookFacts {
    /// Scheme, host and port that the provider calls.
    pub public_url: Url,
    /// What a post there came to.
    pub probe: Probe,
}

/// What is wrong with the way back, or that it is right.
pub fn webhook(facts: &WebhookFacts) -> Vec<Finding> {
    let mut found = Findings::of(Check::Webhook);
    let WebhookFacts { public_url, probe } = facts;
    let host = public_url.host_str().unwrap_or_default();
    if public_url.scheme() != "https" && !is_local(public_url) {
        let what = "twilio.public_url is not https: replies and numbers travel readable";
        found.warning("not_https", what, "serve it by https, with a certificate that Twilio trusts");
    }
    if host.contains('_') {
        let what = format!("Twilio takes no address whose host has an underscore: {host} (21609)");
        found.error("underscore", what, "give twilio.public_url another host name");
    }
    if is_local(public_url) {
        let what = "twilio.public_url leads to this machine or network: Twilio cannot reach it";
        found.warning("private", what, "give an address that the internet reaches, or a tunnel to try it");
    }
    match probe {
        Probe::Taken => found.ok("taken", "a signed post to the public URL was taken"),
        Probe::Forged => found.error(
            "forged",
            "callout at the public URL does not take a post that is signed with TWILIO_AUTH_TOKEN for this URL",
            "see that the process there has the same TWILIO_AUTH_TOKEN and twilio.public_url, and that no proxy changes the \
             path or the query",
        ),
        Probe::NotOurs(status) => found.error(
            "not_ours",
            format!("something else than callout answers at the public URL, with HTTP {status}"),
            "see where the name leads, and that its proxy passes /v1/twilio/ on to callout",
        ),
        Probe::Unavailable(status) => found.error(
            "unavailable",
            format!("the public URL answers with HTTP {status}: statuses and replies cannot be stored now"),
            "see `callout status`, and the log of the process with role callback",
        ),
        Probe::Unreachable(why) => found.error(
            "unreachable",
            format!("the public URL cannot be reached from here: {why}"),
            "start the role callback, and see name, certificate and firewall; run the preflight where the internet is reached",
        ),
        Probe::NoToken => found.error(
            "no_token",
            "TWILIO_AUTH_TOKEN is not set: what Twilio posts could not be verified",
            "set it, also where an API key signs in",
        ),
    }
    found.found
}

/// Whether an address is one that only this machine or its network reaches.
fn is_local(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || !name.contains('.'),
        Some(Host::Ipv4(address)) => is_private(IpAddr::V4(address)),
        Some(Host::Ipv6(address)) => is_private(IpAddr::V6(address)),
        None => true,
    }
}

fn is_private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => v4.is_loopback() || v4.is_private() || v4.is_link_local() || v4.is_unspecified(),
        IpAddr::V6(v6) => {
            v6.is_loopback() || v6.is_unique_local() || v6.is_unicast_link_local() || v6.is_unspecified()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::preflight::Severity;

    #[track_caller]
    fn check(url: &str, probe: Probe, expected: &[(&str, Severity)]) {
        let findings = webhook(&WebhookFacts { public_url: url.parse().unwrap(), probe });
        let ids: Vec<_> =
            findings.iter().map(|f| (f.id.strip_prefix("webhook.").unwrap(), f.severity)).collect();
        assert_eq!(ids, expected);
    }

    #[test]
    fn each_answer_of_the_probe_is_one_finding() {
        let url = "https://sms.example.org";
        check(url, Probe::Taken, &[("taken", Severity::Ok)]);
        check(url, Probe::Forged, &[("forged", Severity::Error)]);
        check(url, Probe::NotOurs(404), &[("not_ours", Severity::Error)]);
        check(url, Probe::Unavailable(503), &[("unavailable", Severity::Error)]);
        check(url, Probe::Unreachable("no connection".into()), &[("unreachable", Severity::Error)]);
        check(url, Probe::NoToken, &[("no_token", Severity::Error)]);
    }

    #[test]
    fn an_address_that_twilio_cannot_use_is_said() {
        let taken = ("taken", Severity::Ok);
        check("http://sms.example.org", Probe::Taken, &[("not_https", Severity::Warning), taken]);
        check("https://sms_1.example.org", Probe::Taken, &[("underscore", Severity::Error), taken]);
        for local in [
            "http://127.0.0.1:8080",
            "https://localhost",
            "https://10.0.0.7",
            "http://[::1]:80",
            "https://callout",
        ] {
            check(local, Probe::Taken, &[("private", Severity::Warning), taken]);
        }
    }
}
