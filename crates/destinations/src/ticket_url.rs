//! The address of a ticket, as a service says it. In: a text of an answer. Out: an address that a browser may be sent to.
//!
//! Never: an address of another scheme, which a browser might run.

use url::Url;

const CHARS_MAX: usize = 2_000;

/// The address, if it is one of the web. The ticket is taken without it otherwise.
pub(crate) fn shown(said: Option<String>, destination: &str, key: &str) -> Option<String> {
    let said = said?;
    let is_web =
        said.parse::<Url>().is_ok_and(|url| matches!(url.scheme(), "https" | "http") && url.has_host());
    let is_shown = is_web && said.chars().count() <= CHARS_MAX && !said.contains(char::is_control);
    if !is_shown {
        tracing::warn!(destination, key, "the address of a ticket is none of the web, and is left out");
    }
    is_shown.then_some(said)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_of_the_web_is_kept_and_nothing_else() {
        let shown = |text: &str| shown(Some(text.to_owned()), "desk", "#7").is_some();
        assert!(shown("https://desk.example/7") && shown("http://127.0.0.1:8092/issues/1"));
        let long = format!("https://desk.example/{}", "x".repeat(CHARS_MAX));
        for text in ["javascript:alert(1)", "desk/7", "", "https://a/\n7", "ftp://a/7", &long] {
            assert!(!shown(text), "{text}");
        }
    }
}
