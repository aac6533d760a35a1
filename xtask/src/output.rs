//! What a chore prints. In: a line. Out: standard error, so that a chore's results can be piped.

/// Says what the chore does.
#[expect(clippy::print_stderr, reason = "a chore says what it does")]
pub(crate) fn say(text: &str) {
    eprintln!("xtask: {text}");
}

/// Prints what a program printed.
pub(crate) fn print(output: &[u8]) {
    // Where nobody reads it, nothing can be said of that either.
    let _ = std::io::Write::write_all(&mut std::io::stderr(), output);
}
