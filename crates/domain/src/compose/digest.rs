//! The text of a digest: how many runs it tells of, as many of their subjects as fit, and one code for all.
//!
//! In: what the runs are about. Out: a text that fits. Never: leaves the code out, or half a subject without a mark.

use super::{Rendered, clean, cut, fitting};
use crate::{ack_code::AckCode, provider::Text};

/// Longest group that is named, in septets.
const GROUP_MAX: usize = 40;
/// How long a subject may be that is named whole, in septets: the longest with which all fit, else that with which most do.
const SUBJECT_MAX: [usize; 3] = [40, 24, 14];

/// What a digest says, and to whom.
#[derive(Debug, Clone, Copy)]
pub struct DigestRules<'a> {
    /// What all of it has in common, as the fields say by which it is grouped; empty where that is nothing.
    pub group: &'a str,
    /// What each run is about, in the order in which they are named.
    pub about: &'a [&'a str],
    /// What it tells of them.
    pub of: DigestOf,
    /// The code that acknowledges all of them, where they wait for that.
    pub ack: Option<&'a AckCode>,
    /// The link that does.
    pub ack_url: Option<&'a str>,
    /// Most SMS parts; 0 counts as 1.
    pub max_segments: u8,
    /// The hosts that a link may lead to; others are made harmless.
    pub link_hosts: &'a [String],
}

/// What a digest tells of its runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DigestOf {
    /// They came after a text of their group.
    More,
    /// They waited for quiet hours to end.
    Quiet,
    /// They were resolved.
    Resolved,
}

/// The text of a digest, and how many segments it takes.
pub fn compose_digest(rules: &DigestRules<'_>) -> (Text, u8) {
    for with_link in [true, false] {
        let fits =
            |names: &[&str], all| fitting(&text_of(rules, names, all, with_link), rules.max_segments).is_ok();
        if !fits(&[], false) {
            continue;
        }
        let mut best: (Vec<String>, bool) = (Vec::new(), false);
        for subject_max in SUBJECT_MAX {
            let subjects = subjects(rules, subject_max);
            let mut named: Vec<&str> = Vec::new();
            for subject in &subjects {
                // One that does not fit, for its length or its letters, hides none behind it.
                named.push(subject);
                if !fits(&named, false) {
                    named.pop();
                }
            }
            let all = named.len() == subjects.len() && fits(&named, true);
            if named.len() > best.0.len() || best.0.is_empty() {
                best = (named.into_iter().map(str::to_owned).collect(), all);
            }
            if all {
                break;
            }
        }
        let (named, all) = best;
        let named: Vec<&str> = named.iter().map(String::as_str).collect();
        let text = text_of(rules, &named, all, with_link);
        let segments = fitting(&text, rules.max_segments).map_or(1, |segments| segments.count);
        return (Text(text.into()), segments);
    }
    let text = text_of(rules, &[], false, false);
    (Text(text.as_str().into()), crate::segment::count(&text).count)
}

/// What the runs are about, each once, none longer than so many septets.
fn subjects(rules: &DigestRules<'_>, septets_max: usize) -> Vec<String> {
    let mut subjects: Vec<String> = Vec::new();
    for about in rules.about {
        let subject = line(about, septets_max, rules);
        if !subject.is_empty() && !subjects.contains(&subject) {
            subjects.push(subject);
        }
    }
    subjects
}

fn line(text: &str, septets_max: usize, rules: &DigestRules<'_>) -> String {
    let text = Rendered::new(clean(text).into_owned(), rules.link_hosts).text;
    cut(&text, septets_max).into_owned()
}

fn text_of(rules: &DigestRules<'_>, names: &[&str], all: bool, with_link: bool) -> String {
    let count = rules.about.len();
    let group = line(rules.group, GROUP_MAX, rules);
    let of = if group.is_empty() { String::new() } else { format!("{group}: ") };
    let head = match rules.of {
        DigestOf::More => format!("{of}+{count} more"),
        DigestOf::Quiet => format!("{of}{count} while quiet"),
        DigestOf::Resolved => format!("{of}+{count} resolved"),
    };
    let colon = if names.is_empty() { "" } else { ": " };
    let list = names.join(", ");
    let end = if all { "." } else { " ..." };
    let url = rules.ack_url.filter(|_| with_link);
    let reply = match (rules.ack, url) {
        (Some(code), Some(url)) => format!(" Reply ALL {code} or {url}"),
        (Some(code), None) => format!(" Reply ALL {code}"),
        (None, Some(url)) => format!(" {url}"),
        (None, None) => String::new(),
    };
    format!("{head}{colon}{list}{end}{reply}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(about: &[&str], max_segments: u8, ack: bool, is_quiet: bool) -> String {
        let code: AckCode = "44MC".parse().unwrap();
        let rules = DigestRules {
            group: "",
            about,
            of: if is_quiet { DigestOf::Quiet } else { DigestOf::More },
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

    #[test]
    fn its_group_comes_first_and_long_names_are_cut_so_that_those_behind_are_named() {
        let code: AckCode = "44MC".parse().unwrap();
        let said = |group: &str, about: &[&str], of| {
            let rules = DigestRules {
                group,
                about,
                of,
                ack: Some(&code),
                ack_url: None,
                max_segments: 1,
                link_hosts: &[],
            };
            compose_digest(&rules).0.0.to_string()
        };
        assert_eq!(
            said("checkout, eu", &["db-1", "db-2"], DigestOf::More),
            "checkout, eu: +2 more: db-1, db-2. Reply ALL 44MC"
        );
        assert_eq!(said("", &["db-1"], DigestOf::Resolved), "+1 resolved: db-1. Reply ALL 44MC");
        let long: Vec<String> = (1..=4).map(|n| format!("db-{n} {}", "is not reachable".repeat(3))).collect();
        let mut about: Vec<&str> = long.iter().map(String::as_str).collect();
        about.push("api");
        let text = said("checkout", &about, DigestOf::More);
        for name in ["db-1 ", "db-2 ", "db-3 ", "db-4 ", "api. "] {
            assert!(text.contains(name) && text.len() <= 160, "{name}: {text}");
        }
        // One in a costlier alphabet hides none of those behind it.
        let emoji = format!("\u{1f525} {}", "x".repeat(60));
        let text = said("", &["db-1", &emoji, "db-2", &"y".repeat(50)], DigestOf::More);
        for name in ["db-1, ", "db-2, ", "yyy", " Reply ALL 44MC"] {
            assert!(text.contains(name), "{name}: {text}");
        }
    }
}
