//! Makes links harmless that lead to unlisted hosts. In: a whole text and the hosts that a workflow lists. Out: the text
//! in which a phone makes a link of listed hosts only, and the hosts that were changed.
//!
//! Never: drops a word. A host keeps its letters: its dots are written `(.)` and its scheme goes, so that a reader still
//! sees what was meant. What is a domain is decided by the public suffix list (publicsuffix.org, crate `psl`).

use std::ops::Range;

/// Top-level domains that no registry has, used in documentation and in onion addresses. Some phones link them.
const RESERVED: [&str; 4] = ["example", "test", "invalid", "onion"];
/// Most characters of a host in a timeline.
const HOST_CHARS_MAX: usize = 64;

/// A host within a text, with the scheme before it if there is one.
struct Found {
    /// From the scheme, or from the host, to the end of the host.
    span: Range<usize>,
    /// The host alone.
    host: Range<usize>,
}

/// The text without links to unlisted hosts, and the hosts that were changed, in order, each at most 64 characters.
pub(super) fn defang(text: &str, listed: &[String]) -> Option<(String, Vec<String>)> {
    let (mut shown, mut hosts) = defang_once(text, listed)?;
    // Where a scheme is gone, what stood before it may be a host. Each time there are fewer dots or schemes.
    while let Some((again, more)) = defang_once(&shown, listed) {
        shown = again;
        hosts.extend(more);
    }
    Some((shown, hosts))
}

fn defang_once(text: &str, listed: &[String]) -> Option<(String, Vec<String>)> {
    // Every link has a dot, or a scheme's slashes; most texts have neither.
    if !text.contains('.') && !text.contains("://") {
        return None;
    }
    let (mut out, mut hosts, mut end) = (String::with_capacity(text.len() + 8), Vec::new(), 0);
    for found in links(text) {
        let host = &text[found.host.clone()];
        if is_listed(host, listed) {
            continue;
        }
        out.push_str(&text[end..found.span.start]);
        // Without the scheme between them, two hosts would be another one.
        if out.ends_with(is_host_char) {
            out.push(' ');
        }
        out.push_str(&host.replace('.', "(.)"));
        end = found.span.end;
        hosts.push(host.chars().take(HOST_CHARS_MAX).collect());
    }
    if hosts.is_empty() {
        return None;
    }
    out.push_str(&text[end..]);
    Some((out, hosts))
}

/// The host of our own link.
pub(super) fn host_of(url: &str) -> Option<String> {
    url.parse::<url::Url>().ok()?.host_str().map(str::to_owned)
}

/// Where the host of the first link in a text ends; `None` if there is no link.
pub(super) fn first_host_end(text: &str) -> Option<usize> {
    let may_have = text.contains('.') || text.contains("://");
    may_have.then(|| links(text).next().map(|found| found.host.end)).flatten()
}

/// Whether a host is one of the listed ones: exactly, or below one that is listed as `*.example.com`.
fn is_listed(host: &str, listed: &[String]) -> bool {
    let host = host.to_ascii_lowercase();
    listed.iter().map(|listed| listed.to_ascii_lowercase()).any(|listed| match listed.strip_prefix('*') {
        Some(below) => below.starts_with('.') && host.ends_with(below) && host.len() > below.len(),
        None => listed == host,
    })
}

fn is_host_char(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '.' | '-' | '_')
}

/// Everything that a phone may make a link of.
fn links(text: &str) -> impl Iterator<Item = Found> {
    let mut last_end = 0;
    runs(text).filter_map(move |run| {
        // What a host begins or ends with is never a dot or a hyphen.
        let trimmed = text[run.clone()].trim_start_matches(['.', '-', '_']);
        let start = run.end - trimmed.len();
        let host = start..start + trimmed.trim_end_matches(['.', '-', '_']).len();
        let (before, after) = (&text[..start], &text[host.end..]);
        let scheme = scheme_before(before);
        let has_dot = text[host.clone()].contains('.');
        let is_authority = scheme.is_some() || has_dot && (before.ends_with("//") || before.ends_with('@'));
        let is_link = !host.is_empty() && (is_authority || is_bare_link(&text[host.clone()], after));
        // In `https://one://two` the host of the first link is the scheme of the second.
        let begin = scheme.unwrap_or(start).max(last_end);
        is_link.then(|| {
            last_end = host.end;
            Found { span: begin..host.end, host }
        })
    })
}

/// The longest runs of characters that a host may have, and IPv6 addresses in brackets behind a scheme.
fn runs(text: &str) -> impl Iterator<Item = Range<usize>> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let is_bracket = |at: usize| text[..at].ends_with("://") && text[at..].starts_with('[');
        let start =
            at + text[at..].char_indices().find(|(from, c)| is_host_char(*c) || is_bracket(at + from))?.0;
        if let Some(length) = ipv6_length(&text[start..]) {
            at = start + length;
            return Some(start..at);
        }
        let start = start + text[start..].find(is_host_char)?;
        let length = text[start..].find(|c| !is_host_char(c)).unwrap_or(text.len() - start);
        at = start + length;
        Some(start..at)
    })
}

/// How long the IPv6 address in brackets is that the text begins with. Brackets around anything else hide no link.
fn ipv6_length(text: &str) -> Option<usize> {
    let (address, _) = text.strip_prefix('[')?.split_once(']')?;
    let is_of_address = |c: char| c.is_ascii_hexdigit() || matches!(c, ':' | '.' | '%');
    address.chars().all(is_of_address).then_some(address.len() + 2)
}

/// Where the scheme begins, if `://` and a scheme stand right before the host, with or without a user.
fn scheme_before(before: &str) -> Option<usize> {
    let slashes = before.strip_suffix("://")?;
    let letters = slashes.trim_end_matches(|c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '-'));
    (letters.len() < slashes.len()).then_some(letters.len())
}

/// Whether a phone makes a link of a host without a scheme, given what follows it.
fn is_bare_link(host: &str, after: &str) -> bool {
    let Some((_, top)) = host.rsplit_once('.') else { return false };
    let is_address = host.split('.').count() == 4 && host.split('.').all(|part| part.parse::<u8>().is_ok());
    if is_address {
        return after.starts_with(['/', ':']);
    }
    let lower = host.to_lowercase();
    let is_www = lower.strip_prefix("www.").is_some_and(|rest| !rest.is_empty());
    let is_reserved = RESERVED.iter().any(|reserved| top.eq_ignore_ascii_case(reserved));
    is_www || is_reserved || top.to_ascii_lowercase().starts_with("xn--") || has_public_suffix(&lower)
}

/// Whether the host is a name below a suffix that the public suffix list knows.
fn has_public_suffix(host: &str) -> bool {
    let Some(suffix) = psl::suffix(host.as_bytes()).filter(psl::Suffix::is_known) else { return false };
    host.len() > suffix.as_bytes().len() && !host.contains('_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &str) {
        let listed = ["status.example.com".to_owned(), "*.acme.net".to_owned()];
        let shown = defang(text, &listed).map_or_else(|| text.to_owned(), |(text, _)| text);
        assert_eq!(shown, expected);
        assert!(defang(&shown, &listed).is_none(), "{shown} has a link still");
    }

    #[test]
    fn a4_an_image_name_or_a_path_stays_readable_and_is_no_link() {
        check("ImagePullBackOff quay.io/acme/api:1.2", "ImagePullBackOff quay(.)io/acme/api:1.2");
        check("see https://wiki.corp.example/x now", "see wiki(.)corp(.)example/x now");
        check("backup.sh/daily", "backup(.)sh/daily");
    }

    #[test]
    fn a5_whatever_a_phone_links_is_found() {
        for (text, expected) in [
            ("Pay here:evil.example/pay", "Pay here:evil(.)example/pay"),
            ("*bit.ly/abc*", "*bit(.)ly/abc*"),
            ("chase-alerts.com", "chase-alerts(.)com"),
            (
                "https://status.example.com/1 or evil.example/2",
                "https://status.example.com/1 or evil(.)example/2",
            ),
            ("https://x.example", "x(.)example"),
            ("1.2.3.4/x", "1(.)2(.)3(.)4/x"),
            ("evil.xn--p1ai/x", "evil(.)xn--p1ai/x"),
            ("HTTP://Evil.Example:8080", "Evil(.)Example:8080"),
            ("https://status.example.com@evil.example/x", "https://status.example.com@evil(.)example/x"),
            ("https://status.example.com.evil.example", "status(.)example(.)com(.)evil(.)example"),
            ("https://evil.example\\@status.example.com", "evil(.)example\\@status.example.com"),
            ("ftp://x", "x"),
            ("http://[::1]/x", "[::1]/x"),
            ("see https://[2001:db8::1]:8080/x and bit.ly/x", "see [2001:db8::1]:8080/x and bit(.)ly/x"),
            ("http://[::ffff:10.0.0.1]/", "[::ffff:10(.)0(.)0(.)1]/"),
            ("http://[evil.example", "http://[evil(.)example"),
            ("http://[see https://evil for more]", "http://[see evil for more]"),
            ("(www.evil.example)", "(www(.)evil(.)example)"),
            ("bücher.com?x", "bücher(.)com?x"),
            ("evil.co.uk", "evil(.)co(.)uk"),
        ] {
            check(text, expected);
        }
    }

    #[test]
    fn a_host_that_is_the_scheme_of_the_next_link_stays_a_word_of_its_own() {
        check("https://one://two", "one two");
        check("https://one://two://three/x", "one two three/x");
        check("https://status.example.com://co/x", "https://status.example.com co/x");
        check("https://db.acme.net://evil.example", "https://db.acme.net evil(.)example");
        check("https://one+more://two", "one two");
        check("place.http://eu", "place. eu");
        check("evil.place.s://eu", "evil(.)place. eu");
    }

    #[test]
    fn listed_hosts_and_plain_names_stay_as_they_are() {
        for text in [
            "https://status.example.com/inc/1",
            "https://STATUS.example.com:443.",
            "status.example.com/inc, db-1.acme.net",
            "db-1.internal is down",
            "db-1.internal/data is full",
            "v1.2/v1.3",
            "load 0.9/1.0, 3.5/min, 10.0.0.7 is up",
            "and/or 1/2 ://",
            "node.js/express",
            ".com/x",
            "www.",
            "",
        ] {
            check(text, text);
        }
    }

    #[test]
    fn the_hosts_are_named_in_order() {
        let (_, hosts) = defang("a bit.ly/x and https://evil.example", &[]).unwrap();
        assert_eq!(hosts, ["bit.ly", "evil.example"]);
    }
}
