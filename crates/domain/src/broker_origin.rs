//! Where a message on a broker came from: what its dead letter keeps of it.
//!
//! In: the broker user, the content type and the headers of a message. Out: the same, within bounds.
//! Never: decides whether that user is trusted.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::limits::{ORIGIN_BYTES_MAX, ORIGIN_HEADERS_MAX, ORIGIN_VALUE_BYTES_MAX};

/// How a message of a producer came over a broker.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct BrokerOrigin {
    /// The broker user who published it, as the broker vouches for it. Absent: the message named none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// The media type that it claimed for its body.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content_type: Option<String>,
    /// Its headers in the order of their names, values as text. Long values are cut.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
    /// How many more headers it had.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub headers_left_out: usize,
}

impl BrokerOrigin {
    /// What is kept of a message. Headers past the bounds are counted only.
    pub fn new(
        user: Option<String>,
        content_type: Option<String>,
        headers: impl IntoIterator<Item = (String, String)>,
    ) -> Self {
        let mut origin = Self { user, content_type, ..Self::default() };
        let mut bytes = 0;
        for (name, mut value) in headers {
            value.truncate(value.floor_char_boundary(ORIGIN_VALUE_BYTES_MAX));
            bytes += name.len() + value.len();
            if origin.headers.len() < ORIGIN_HEADERS_MAX && bytes <= ORIGIN_BYTES_MAX {
                origin.headers.insert(name, value);
            } else {
                origin.headers_left_out += 1;
            }
        }
        origin
    }
}

fn is_zero(count: &usize) -> bool {
    *count == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn d9_headers_are_kept_within_bounds_of_count_and_bytes() {
        let origin = |count: usize, value: &str| {
            let headers = (0..count).map(|n| (format!("h{n:02}"), value.to_owned()));
            BrokerOrigin::new(Some("billing".to_owned()), None, headers)
        };
        let kept = |origin: &BrokerOrigin| (origin.headers.len(), origin.headers_left_out);
        assert_eq!(kept(&origin(3, "a")), (3, 0));
        assert_eq!(kept(&origin(40, "a")), (ORIGIN_HEADERS_MAX, 40 - ORIGIN_HEADERS_MAX));
        let long = origin(30, &"ü".repeat(ORIGIN_VALUE_BYTES_MAX));
        let bytes: usize = long.headers.iter().map(|(name, value)| name.len() + value.len()).sum();
        assert!(bytes <= ORIGIN_BYTES_MAX && !long.headers.is_empty() && long.headers_left_out > 0);
        assert!(long.headers.values().all(|value| value.len() <= ORIGIN_VALUE_BYTES_MAX));
    }
}
