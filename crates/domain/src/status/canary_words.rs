//! What became of a canary, in words. In: how the latest canaries of an originator did. Out: a part of a sentence.

use jiff::Timestamp;

use super::age;
use crate::canary::CanaryStatus;

/// What became of the last canary of an originator, in a few words.
pub fn canary_in_words(canary: &CanaryStatus, now: Timestamp) -> String {
    let ago = age(now, canary.at);
    match (&canary.delivery_ms, &canary.missing) {
        (Some(ms), _) => format!("arrived {ago} ago, within {:.1} s", *ms as f64 / 1_000.0),
        (None, Some(missing)) => format!("did not arrive {ago} ago: {missing}"),
        (None, None) => format!("did not arrive {ago} ago"),
    }
}
