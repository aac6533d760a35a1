//! In which time zones a number may be, as far as its first digits say. In: a number. Out: names of zones.
//!
//! Never: says where a phone is: mobile numbers travel, and keep the area code of where they were given out.

use std::{collections::BTreeMap, sync::LazyLock};

use super::E164;

/// The table, of which its head says where it is from.
const TABLE: &str = include_str!("zones.txt");

/// The longest prefix of the table, in digits.
const PREFIX_DIGITS_MAX: usize = 4;

static ZONES: LazyLock<BTreeMap<&'static str, &'static str>> = LazyLock::new(|| {
    TABLE.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.split_once(' ')).collect()
});

/// The IANA names of every zone that the number may be in; none where its first digits are of no country.
pub fn zones_of(number: &E164) -> impl Iterator<Item = &'static str> {
    let digits = number.as_str().trim_start_matches('+');
    let longest = (1..=PREFIX_DIGITS_MAX).rev().find_map(|length| ZONES.get(digits.get(..length)?).copied());
    longest.into_iter().flat_map(|names| names.split(','))
}

#[cfg(test)]
mod tests {
    use jiff::tz::TimeZone;

    use super::*;

    #[test]
    fn every_zone_of_the_table_is_known_and_every_prefix_has_one() {
        assert!(ZONES.len() > 600, "{}", ZONES.len());
        for (prefix, names) in ZONES.iter() {
            assert!(
                prefix.len() <= PREFIX_DIGITS_MAX && prefix.bytes().all(|byte| byte.is_ascii_digit()),
                "{prefix}"
            );
            for name in names.split(',') {
                assert!(TimeZone::get(name).is_ok(), "{prefix} {name}");
            }
        }
    }

    #[test]
    fn the_longest_prefix_counts_and_a_number_of_no_country_has_no_zone() {
        let of = |number: &str| zones_of(&number.parse().unwrap()).collect::<Vec<_>>();
        assert_eq!(of("+14155550100"), ["America/Los_Angeles"]);
        assert_eq!(of("+4915112345678"), ["Europe/Berlin"]);
        assert_eq!(of("+77011234567"), ["Asia/Almaty", "Asia/Aqtobe"]);
        assert!(of("+79161234567").len() > 10, "Russia has many, and its mobile numbers do not tell which");
        assert!(of("+18005550100").is_empty(), "a toll-free number");
        assert!(of("+88212345678").is_empty(), "a satellite phone");
    }
}
