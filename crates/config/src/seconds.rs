//! Lengths of time as people write them. In: `90s`, `5m`, `2h` or `7d`. Out: seconds, and back.

/// A length of time such as `90s`, `5m`, `2h` or `7d`, in seconds.
pub(crate) fn parse_seconds(text: &str) -> Option<u32> {
    let unit_at = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = text.split_at(unit_at);
    let factor = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        _ => return None,
    };
    number.parse::<u32>().ok()?.checked_mul(factor)
}

/// The same length as [`parse_seconds`] reads it, in the largest unit that is exact.
pub(crate) fn in_units(seconds: u32) -> String {
    let (factor, unit) = [(86_400, "d"), (3_600, "h"), (60, "m")]
        .into_iter()
        .find(|(factor, _)| seconds >= *factor && seconds.is_multiple_of(*factor))
        .unwrap_or((1, "s"));
    format!("{}{unit}", seconds / factor)
}
