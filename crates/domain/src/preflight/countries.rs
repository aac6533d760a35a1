//! Whether texts to the countries of recipients are allowed, and what they cost. In: what the provider lists. Out: findings.
//!
//! Never: knows the countries of the world; the provider's list says which prefix is whose.

use std::collections::BTreeSet;

use super::{Check, Country, Finding, Findings, Read};
use crate::{phone::E164, plural::counted, preflight::templates::FilledText};

/// What one segment costs to one country, without what carriers add.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Price {
    /// The currency, for example `USD`.
    pub unit: String,
    /// The lowest price of all carriers, in millionths of the unit.
    pub low_micros: u64,
    /// The highest.
    pub high_micros: u64,
}

/// What is known of the countries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CountryFacts {
    /// All countries as the provider lists them.
    pub countries: Read<Vec<Country>>,
    /// Numbers that the configuration names.
    pub recipients: BTreeSet<E164>,
    /// What texts cost, by ISO code.
    pub prices: Vec<(String, Read<Price>)>,
    /// The longest text of each workflow.
    pub texts: Vec<FilledText>,
}

/// The ISO codes that these numbers may be of. Of +1 they are several.
pub fn isos_of(countries: &[Country], recipients: &BTreeSet<E164>) -> BTreeSet<String> {
    let of = |number: &E164| with_prefix_of(countries, number).into_iter().map(|country| country.iso.clone());
    recipients.iter().flat_map(of).collect()
}

/// The countries with the longest prefix that a number begins with.
fn with_prefix_of<'a>(countries: &'a [Country], number: &E164) -> Vec<&'a Country> {
    let fits = |country: &&Country| country.prefix.len() > 1 && number.as_str().starts_with(&country.prefix);
    let longest = countries.iter().filter(fits).map(|country| country.prefix.len()).max();
    countries.iter().filter(fits).filter(|country| Some(country.prefix.len()) == longest).collect()
}

/// What is wrong with the countries, or that they are right, and what texts cost.
pub fn countries(facts: &CountryFacts) -> Vec<Finding> {
    let mut found = Findings::of(Check::Countries);
    match &facts.countries {
        Ok(countries) => allowed(countries, &facts.recipients, &mut found),
        Err(why) => found.unread("unread", "which countries may be texted", why),
    }
    let longest = facts.texts.iter().max_by_key(|text| text.segments);
    for (iso, price) in &facts.prices {
        match price {
            Ok(price) => found.note("price", sentence(iso, price, longest), ""),
            Err(why) => {
                found.note(
                    "price_unread",
                    format!("the price of texts to {iso} could not be read: {}", why.reason()),
                    "",
                );
            }
        }
    }
    found.found
}

fn allowed(countries: &[Country], recipients: &BTreeSet<E164>, found: &mut Findings) {
    let (mut enabled, mut partly) = (BTreeSet::new(), BTreeSet::new());
    let mut disabled: BTreeSet<&str> = BTreeSet::new();
    let mut unlisted = 0;
    for number in recipients {
        let of = with_prefix_of(countries, number);
        let names = of.iter().map(|country| country.iso.as_str());
        if of.is_empty() {
            unlisted += 1;
        } else if of.iter().all(|country| country.is_enabled) {
            enabled.extend(names);
        } else if of.iter().any(|country| country.is_enabled) {
            partly
                .extend(of.iter().filter(|country| !country.is_enabled).map(|country| country.iso.as_str()));
            enabled
                .extend(of.iter().filter(|country| country.is_enabled).map(|country| country.iso.as_str()));
        } else {
            disabled.extend(names);
        }
    }
    let remedy = "enable it under Messaging > Settings > Geo permissions in Twilio's console";
    for iso in disabled {
        let what = format!("texts to {iso} are not allowed, and the configuration has numbers there (21408)");
        found.error("disabled", what, remedy);
    }
    for iso in partly {
        let what = format!(
            "texts to {iso} are not allowed, and numbers of the configuration may be there: its prefix is shared"
        );
        found.note("partly_disabled", what, remedy);
    }
    if unlisted > 0 {
        let what = format!("Twilio lists no country for {}", counted(unlisted, "number"));
        found.warning("unlisted", what, "check these numbers in contacts.toml");
    }
    if !enabled.is_empty() {
        let names: Vec<&str> = enabled.into_iter().collect();
        found.ok("allowed", format!("texts to {} are allowed", names.join(", ")));
    }
}

fn sentence(iso: &str, price: &Price, longest: Option<&FilledText>) -> String {
    let Price { unit, low_micros, high_micros } = price;
    let of = |micros: u64| format!("{}.{:04}", micros / 1_000_000, micros % 1_000_000 / 100);
    let range = if low_micros == high_micros {
        of(*low_micros)
    } else {
        format!("{} to {}", of(*low_micros), of(*high_micros))
    };
    let most = longest.map(|text| {
        let most = of(high_micros.saturating_mul(u64::from(text.segments)));
        let segments = counted(text.segments, "segment");
        format!("; the longest text, of workflow {}, takes {segments}: {most}", text.workflow)
    });
    format!("a segment to {iso} costs {range} {unit}, without what carriers add{}", most.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::preflight::{Severity, Unread};

    fn listed() -> Vec<Country> {
        let country = |(iso, prefix, is_enabled): (&str, &str, bool)| Country {
            iso: iso.into(),
            prefix: prefix.into(),
            is_enabled,
        };
        [
            ("US", "+1", true),
            ("CA", "+1", false),
            ("DO", "+1809", false),
            ("DE", "+49", true),
            ("FR", "+33", false),
        ]
        .map(country)
        .to_vec()
    }

    fn facts(recipients: &[&str]) -> CountryFacts {
        CountryFacts {
            countries: Ok(listed()),
            recipients: recipients.iter().map(|number| number.parse().unwrap()).collect(),
            prices: Vec::new(),
            texts: Vec::new(),
        }
    }

    #[track_caller]
    fn check(facts: &CountryFacts, expected: &[(&str, Severity)]) {
        let findings = countries(facts);
        let ids: Vec<_> =
            findings.iter().map(|f| (f.id.strip_prefix("countries.").unwrap(), f.severity)).collect();
        assert_eq!(ids, expected);
    }

    #[test]
    fn the_longest_prefix_says_which_country_it_is() {
        check(&facts(&["+4915112345678"]), &[("allowed", Severity::Ok)]);
        check(&facts(&["+33612345678"]), &[("disabled", Severity::Error)]);
        check(&facts(&["+18095550100"]), &[("disabled", Severity::Error)]);
        check(&facts(&["+14155550100"]), &[("partly_disabled", Severity::Note), ("allowed", Severity::Ok)]);
        check(&facts(&["+8801712345678"]), &[("unlisted", Severity::Warning)]);
        let unread = CountryFacts { countries: Err(Unread::NotPermitted), ..facts(&[]) };
        check(&unread, &[("unread", Severity::Warning)]);
        assert_eq!(
            isos_of(&listed(), &facts(&["+14155550100"]).recipients),
            ["CA".into(), "US".into()].into()
        );
    }

    #[test]
    fn the_longest_text_has_its_price() {
        let price = Price { unit: "USD".into(), low_micros: 7_900, high_micros: 8_300 };
        let text = FilledText { workflow: "paging".into(), segments: 3, has_links: false };
        let unread = ("DE".to_owned(), Err(Unread::NoAnswer("HTTP 503".into())));
        let facts = CountryFacts {
            prices: vec![("US".to_owned(), Ok(price)), unread],
            texts: vec![text],
            ..facts(&["+4915112345678"])
        };
        let said: Vec<String> = countries(&facts).into_iter().map(|finding| finding.what).collect();
        assert_eq!(
            said[1],
            "a segment to US costs 0.0079 to 0.0083 USD, without what carriers add; the longest text, of workflow paging, \
             takes 3 segments: 0.0249"
        );
        assert_eq!(said[2], "the price of texts to DE could not be read: HTTP 503");
    }
}
