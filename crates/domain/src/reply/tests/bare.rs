//! Replies without a code. In: words, and runs that wait or not. Out: proof. Never: product code.

use super::{Meaning, OpenCode, meaning, open, two};

/// A phone with one run that waits.
fn one() -> Vec<OpenCode> {
    vec![two().remove(0)]
}

/// One with two that are over.
fn none() -> Vec<OpenCode> {
    two().into_iter().map(|open| OpenCode { is_active: false, ..open }).collect()
}

#[test]
fn a_short_yes_in_each_language_takes_the_only_run() {
    let mut wrong = Vec::new();
    for body in [
        "sure",
        "ja",
        "oui",
        "si",
        "Sí!",
        "roger that",
        "copy that",
        "Acknowledged. Looking",
        "ok on my way now",
        "ok, on my way",
        "bin dran",
        "ja, bin dran",
        "alles klar",
        "je m'en occupe",
        "oui, merci",
        "me encargo",
        "vale, gracias",
    ] {
        wrong.extend((meaning(body, &one()) != (Meaning::Acknowledge, "K7X4".into())).then_some(body));
        wrong.extend((meaning(body, &two()).0 != Meaning::Ambiguous).then_some(body));
    }
    assert!(wrong.is_empty(), "{wrong:?}");
    for body in [
        "ok 🚗",
        "ok :(",
        "ok?",
        "sure?",
        "looking",
        "now",
        "ok later",
        "ok boss",
        "ok not sure",
        "am I on it",
    ] {
        assert_eq!(meaning(body, &one()).0, Meaning::NotUnderstood, "{body}");
    }
}

#[test]
fn what_only_its_code_names_is_meant_by_no_other_word() {
    let asked =
        |event| OpenCode { bare_word: false, code_only: true, about: "a1".into(), ..open("N933", event) };
    let with = |mut pages: Vec<OpenCode>| {
        pages.insert(0, asked("three"));
        pages
    };
    for body in ["ack", "ack all", "ok, all of them", "ack both"] {
        let alone = [asked("three"), OpenCode { code: "MMM4".parse().unwrap(), ..asked("four") }];
        assert_ne!(meaning(body, &alone).0, Meaning::Acknowledge, "{body}");
        assert_ne!(meaning(body, &alone[..1]).0, Meaning::Acknowledge, "{body}");
        assert_eq!(meaning(body, &with(two())), meaning(body, &two()), "{body}");
    }
    assert_eq!(meaning("ok", &with(one())), (Meaning::Acknowledge, "K7X4".into()));
    assert_ne!(meaning("ack a1", &with(one())).0, Meaning::Acknowledge);
    assert_eq!(meaning("ack n933", &with(two())), (Meaning::Acknowledge, "N933".into()));
}

/// One that is allowed and refused in one text is neither, whatever else the text says.
#[test]
fn what_only_its_code_names_is_not_allowed_by_who_refuses_it_as_well() {
    let mut pages = two();
    pages.push(OpenCode { code_only: true, ..open("N933", "three") });
    for body in ["ack n933 esc n933", "ack n933, no: esc", "esc n933 ack n933"] {
        assert_ne!(meaning(body, &pages).0, Meaning::Acknowledge, "{body}");
    }
    // What follows on other lines may be a copy of the text that asked.
    let copied = "ack n933\n> reply esc n933 to refuse";
    assert_eq!(meaning(copied, &pages), (Meaning::Acknowledge, "N933".into()));
}

#[test]
fn b3_a_run_may_be_named_by_its_whole_subject() {
    for body in ["ack db-1", "OK db-1", "ok, db-1 thanks", "on it: db 1", "ja db-1"] {
        assert_eq!(meaning(body, &two()), (Meaning::Acknowledge, "K7X4".into()), "{body}");
    }
    assert_eq!(
        meaning("ack db-1", &none()),
        (Meaning::Acknowledge, "K7X4".into()),
        "late, and left to the run"
    );
    for body in [
        "db-1",
        "db-1 ok",
        "ack db",
        "ack db-1?",
        "ack db-1 replica",
        "ack db-1 later",
        "db-1 is ok",
        "ack it",
    ] {
        assert_ne!(meaning(body, &two()).0, Meaning::Acknowledge, "{body}");
    }
    let twins = [two().remove(0), OpenCode { about: "db-1".into(), ..open("44MC", "two") }];
    assert_ne!(meaning("ack db-1", &twins).0, Meaning::Acknowledge, "which?");
    let mut all = two();
    all[0].about = "all".into();
    assert_eq!(meaning("ack all", &all), (Meaning::Acknowledge, "K7X4 44MC".into()));
}

#[test]
fn b3_all_and_no_are_about_the_runs_that_are_over_where_none_waits() {
    let both = || "K7X4 44MC".to_owned();
    assert_eq!(meaning("ack all", &none()), (Meaning::Acknowledge, both()));
    assert_eq!(meaning("ack both", &none()), (Meaning::Acknowledge, both()));
    assert_eq!(meaning("ack", &none()).0, Meaning::NothingOpen);
    assert_eq!(meaning("no", &none()), (Meaning::Negated, both()));
    let mut one_left = two();
    one_left[0].is_active = false;
    assert_eq!(meaning("no", &one_left), (Meaning::Negated, "44MC".into()));
    assert_eq!(meaning("ack all", &[]).0, Meaning::NothingOpen);
}
