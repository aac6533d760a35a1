//! What a chore prints. In: a line. Out: standard error, so that a chore's results can be piped.

/// Says what the chore does.
#[expect(clippy::print_stderr, reason = "a chore says what it does")]
pub(crate) fn say(text: &str) {
    eprintln!("xtask: {text}");
}
