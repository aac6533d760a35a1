//! Replies that hand a run on.

use super::*;

#[track_caller]
fn hands_over(codes: &str, bodies: &[&str]) {
    let expected = (Meaning::HandOver, codes.to_owned());
    let wrong: Vec<_> = bodies
        .iter()
        .map(|body| (body, meaning(body, &two())))
        .filter(|(_, read)| *read != expected)
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn a_code_behind_the_keyword_hands_its_run_on() {
    hands_over(
        "K7X4",
        &[
            "ESC K7X4",
            "esc k7x4",
            "Esc: K7X4.",
            "ESCK7X4",
            "esc k7 x4",
            "Escalate K7X4 please",
            "please escalate K7X4",
            "hand over K7X4",
            "handover K7X4, thanks",
            "sorry, esc K7X4",
            "ESC K7X4\n\nSent from my iPhone",
            "ESC K7X4\n> CRITICAL: disk full (db-1). Reply ACK K7X4 to acknowledge.",
            "eskalieren K7X4",
            "ＥＳＣ K7X4",
        ],
    );
    hands_over("44MC", &["esc 44mc", "ESC api"]);
}

#[test]
fn without_a_code_it_is_read_as_cautiously_as_an_acknowledgement() {
    means(Meaning::Ambiguous, &["esc", "ESC please"]);
    let one = [open("44MC", "two")];
    assert_eq!(meaning("esc", &one), (Meaning::HandOver, "44MC".to_owned()));
    let strict = [OpenCode { bare_word: false, ..open("44MC", "two") }];
    assert_eq!(meaning("esc", &strict), (Meaning::NeedsCode, "44MC".to_owned()));
    let taken = [OpenCode { is_active: false, ..open("44MC", "two") }];
    assert_eq!(meaning("esc", &taken).0, Meaning::HandOver, "also what somebody has taken on");
    assert_eq!(meaning("esc", &[]).0, Meaning::NothingOpen);
    means(Meaning::UnknownCode, &["ESC N933"]);
}

#[test]
fn what_is_in_doubt_is_handed_to_nobody() {
    means(
        Meaning::NotUnderstood,
        &[
            "esc K7X4?",
            "escalate K7X4 to Robert",
            "ESC K7X4, I am on it",
            "ack K7X4 or esc 44MC?",
            "esc K7X4 if it happens again",
            "the esc key is broken, K7X4",
        ],
    );
    means(Meaning::Negated, &["don't esc K7X4", "do not escalate K7X4", "esc K7X4 no"]);
    acknowledges("K7X4", &["ack k7x4"]);
}
