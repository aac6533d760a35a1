//! The text of a digest: how many runs it tells of, as many of their subjects as fit, and one code for all.
//!
//! In: what the runs are about. Out: a text that fits. Never: leaves the code out, or half a subject without a mark.

use super::{Rendered, clean, cut, fitting};
use crate::{ack_code::AckCode, provider::Text};

/// Longest subject that is named whole, in septets.
const SUBJECT_MAX: usize = 40;

/// What a digest says, and to whom.
#[derive(Debug, Clone, Copy)]
pub struct DigestRules<'a> {
    /// What each run is about, in the order in which they are named.
    pub about: &'a [&'a str],
    /// They waited for quiet hours to end; else they came after a text of their group.
    pub is_quiet: bool,
    /// The code that acknowledges all of them, where they wait for that.
    pub ack: Option<&'a AckCode>,
    /// The link that does.
    pub ack_url: Option<&'a str>,
    /// Most SMS parts; 0 counts as 1.
    pub max_segments: u8,
    /// The hosts that a link may lead to; others are made harmless.
    pub link_hosts: &'a [String],
}

/// The text of a digest, and how many segments it takes.
pub fn compose_digest(rules: &DigestRules<'_>) -> (Text, u8) {
    let mut subjects: Vec<String> = Vec::new();
    for about in rules.about {
        let subject = Rendered::new(clean(about).into_owned(), rules.link_hosts).text;
        let subject = cut(&subject, SUBJECT_MAX).into_owned();
        if !subject.is_empty() && !subjects.contains(&subject) {
            subjects.push(subject);
        }
    }
    let text_of = |named: usize, with_link: bool| {
        let count = rules.about.len();
        let head = if rules.is_quiet { format!("{count} while quiet") } else { format!("+{count} more") };
        let list = subjects[..named].join(", ");
        let colon = if named > 0 { ": " } else { "" };
        let end = if named < subjects.len() { " ..." } else { "." };
        let url = rules.ack_url.filter(|_| with_link);
        let reply = match (rules.ack, url) {
            (Some(code), Some(url)) => format!(" Reply ALL {code} or {url}"),
            (Some(code), None) => format!(" Reply ALL {code}"),
            (None, Some(url)) => format!(" {url}"),
            (None, None) => String::new(),
        };
        format!("{head}{colon}{list}{end}{reply}")
    };
    for with_link in [true, false] {
        let fits = |named: &usize| fitting(&text_of(*named, with_link), rules.max_segments).is_ok();
        // The more are named, the longer it is, but for a subject in the costlier encoding, which ends the list.
        let named = (0..=subjects.len()).take_while(fits).last();
        if let Some(named) = named {
            let text = text_of(named, with_link);
            let segments = fitting(&text, rules.max_segments).map_or(1, |segments| segments.count);
            return (Text(text.into()), segments);
        }
    }
    let text = text_of(0, false);
    (Text(text.as_str().into()), crate::segment::count(&text).count)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(about: &[&str], max_segments: u8, ack: bool, is_quiet: bool) -> String {
        let code: AckCode = "44MC".parse().unwrap();
        let rules = DigestRules {
            about,
            is_quiet,
            ack: ack.then_some(&code),
            ack_url: None,
            max_segments,
            link_hosts: &[],
        };
        let (text, segments) = compose_digest(&rules);
        assert!(segments <= max_segments.max(1), "{segments}");
        text.0.to_string()
    }

    #[test]
    fn it_names_what_fits_and_counts_the_rest() {
        assert_eq!(text(&["db-1", "db-2"], 1, true, false), "+2 more: db-1, db-2. Reply ALL 44MC");
        assert_eq!(text(&["db-1", "db-1"], 1, false, false), "+2 more: db-1.");
        assert_eq!(text(&["a"], 1, true, true), "1 while quiet: a. Reply ALL 44MC");
        let many: Vec<String> = (1..=200).map(|n| format!("host-{n}")).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        let one = text(&many, 1, true, false);
        assert!(
            one.starts_with("+200 more: host-1, host-2, ") && one.ends_with(" ... Reply ALL 44MC"),
            "{one}"
        );
        assert!(one.len() <= 160 && one.len() > 140, "{one}");
        assert!(text(&many, 2, true, false).len() > 160);
    }

    #[test]
    fn a_subject_is_one_line_without_a_foreign_link_and_cut_where_it_is_long() {
        let long = "x".repeat(100);
        let said = text(&["one\nline", "https://evil.example/a", &long], 1, true, false);
        assert!(said.starts_with("+3 more: one line, "), "{said}");
        assert!(!said.contains("https://evil.example"), "{said}");
        assert!(said.contains("xxx..."), "{said}");
    }
}
