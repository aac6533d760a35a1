//! Values of options. In: a word of the command line. Out: the value, or what was expected.

use std::{net::SocketAddr, ops::RangeInclusive};

use domain::effect::OutcomeKind;
use url::Url;

/// A whole number in a range.
pub(crate) fn number<T: TryFrom<u64>>(
    range: RangeInclusive<u64>,
) -> impl Fn(&str) -> Result<T, String> + Clone {
    move |text| {
        let number = text.parse::<u64>().ok().filter(|number| range.contains(number));
        let number = number.and_then(|number| T::try_from(number).ok());
        number.ok_or_else(|| match (range.start(), range.end()) {
            (0, &u64::MAX) => "expected a whole number".to_owned(),
            (least, &u64::MAX) => format!("expected a whole number, {least} or more"),
            (least, most) => format!("expected a whole number from {least} to {most}"),
        })
    }
}

/// The type of an outcome.
pub(crate) fn outcome(text: &str) -> Result<OutcomeKind, String> {
    let found = OutcomeKind::ALL.into_iter().find(|kind| kind.as_str() == text);
    found.ok_or_else(|| {
        let all = OutcomeKind::ALL.map(OutcomeKind::as_str);
        format!("expected one of {}", all.join(", "))
    })
}

/// An address to listen on.
pub(crate) fn listen(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| "expected an IP address and a port, such as 127.0.0.1:8080".to_owned())
}

/// An address of HTTP.
pub(crate) fn http_url(text: &str) -> Result<Url, String> {
    let url: Option<Url> = text.parse().ok();
    url.filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
        .ok_or_else(|| "expected an address that begins with https:// or http://".to_owned())
}
