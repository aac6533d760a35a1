//! Finds links in a text. In: a text and the hosts a workflow lists. Out: the first host that is not among them.
//!
//! Never: rewrites a link. A phone makes more into a link than this does; `db-1.example.com` alone stays a name.

/// The top-level domains by which `host.tld/path` counts as a link although no scheme says so.
const TOP_LEVELS: &[&str] = &[
    "ai", "am", "app", "at", "au", "be", "biz", "br", "ca", "cc", "cf", "ch", "click", "cn", "co", "com",
    "de", "dev", "es", "eu", "fm", "fr", "ga", "gd", "gl", "gq", "gy", "help", "id", "im", "in", "info",
    "io", "is", "it", "jp", "la", "li", "link", "live", "ly", "me", "ml", "mobi", "net", "news", "nl", "one",
    "online", "org", "page", "ph", "pl", "pro", "pw", "ru", "sh", "shop", "site", "so", "space", "store",
    "su", "support", "tech", "tk", "to", "top", "tv", "ua", "uk", "us", "vip", "website", "work", "ws",
    "xyz", "zip",
];
/// Most characters of a host in an error.
const HOST_CHARS_MAX: usize = 64;

/// What counts as a link.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Shape {
    /// `scheme://`, `www.` and `host.tld/path`.
    Any,
    /// `scheme://` and `www.`: what cannot come about by a dot and a slash between two fields.
    Explicit,
}

/// The host of the first link that is not listed.
pub(super) fn unlisted(text: &str, hosts: &[String], shape: Shape) -> Option<String> {
    // Every shape has a dot, or a scheme's slashes; most texts have neither.
    if !text.contains('.') && !text.contains("://") {
        return None;
    }
    tokens(text).filter_map(|token| host_of(token, shape)).find_map(|host| {
        let listed = hosts.iter().any(|listed| listed.eq_ignore_ascii_case(host));
        (!listed).then(|| host.chars().take(HOST_CHARS_MAX).collect())
    })
}

/// Whether the text contains any link.
pub(super) fn contains(text: &str) -> bool {
    tokens(text).any(|token| host_of(token, Shape::Any).is_some())
}

fn tokens(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| {
        c.is_whitespace() || matches!(c, '<' | '>' | '"' | '\'' | '(' | ')' | '[' | ']' | ',' | ';')
    })
}

fn host_of(token: &str, shape: Shape) -> Option<&str> {
    if let Some((scheme, rest)) = token.split_once("://") {
        return scheme.ends_with(|c: char| c.is_ascii_alphanumeric()).then(|| authority_host(rest));
    }
    // What precedes the host in `see:www.example.com`, but not the port behind it.
    if let Some(at) = position_of_www(token) {
        return Some(authority_host(&token[at..]));
    }
    let (before, _) = token.split_once(['/', '?', '#'])?;
    let host = authority_host(before);
    let mut labels = host.rsplit('.');
    let is_top =
        labels.next().is_some_and(|top| TOP_LEVELS.iter().any(|known| known.eq_ignore_ascii_case(top)));
    let fits = |label: &str| {
        !label.is_empty() && label.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || !c.is_ascii())
    };
    let is_named = labels.next().is_some_and(fits);
    (shape == Shape::Any && is_top && is_named).then_some(host)
}

/// Where `www.` and a further character stand, at the start of a word, in either case.
fn position_of_www(token: &str) -> Option<usize> {
    let bytes = token.as_bytes();
    (0..bytes.len().saturating_sub(4)).find(|at| {
        let starts_word = *at == 0 || !bytes[at - 1].is_ascii_alphanumeric();
        starts_word
            && bytes[*at..at + 4].eq_ignore_ascii_case(b"www.")
            && bytes[at + 4].is_ascii_alphanumeric()
    })
}

/// The host of what stands behind `scheme://`: no user, port or path, and no full stop at its end.
fn authority_host(rest: &str) -> &str {
    // A backslash ends the authority as well for whoever follows the link.
    let authority = rest.split(['/', '\\', '?', '#']).next().unwrap_or_default();
    let host = authority.rsplit('@').next().unwrap_or_default();
    host.split(':').next().unwrap_or_default().trim_end_matches('.')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Option<&str>) {
        let hosts = ["status.example.com".to_owned()];
        assert_eq!(unlisted(text, &hosts, Shape::Any).as_deref(), expected, "{text}");
    }

    #[test]
    fn links_to_unlisted_hosts_are_found() {
        for (text, host) in [
            ("see https://evil.example/x now", "evil.example"),
            ("HTTP://Evil.Example:8080", "Evil.Example"),
            ("https://status.example.com@evil.example/x", "evil.example"),
            ("https://status.example.com.evil.example", "status.example.com.evil.example"),
            ("https://evil.example\\@status.example.com", "evil.example"),
            ("ftp://x", "x"),
            ("(www.evil.example)", "www.evil.example"),
            ("see:WWW.evil.example", "WWW.evil.example"),
            ("see:www.x.y", "www.x.y"),
            ("pay at bit.ly/x", "bit.ly"),
            ("my-bank.com/x", "my-bank.com"),
            ("bücher.com?x", "bücher.com"),
            ("https://", ""),
        ] {
            check(text, Some(host));
        }
    }

    #[test]
    fn listed_hosts_and_plain_names_are_no_offence() {
        for text in [
            "https://status.example.com/inc/1",
            "https://STATUS.example.com:443.",
            "status.example.com/inc",
            "db-1.prod is down",
            "db-1.prod/data is full",
            "db-1.example.com is down",
            "v1.2/v1.3",
            "load 0.9/1.0, 3.5/min",
            "and/or 1/2 ://",
            "node.js/express, src/main.rs",
            "Done.Next",
            ".com/x",
            "snake_case.com/x",
            "www.",
            "",
        ] {
            check(text, None);
        }
    }
}
