//! Replies to a digest. In: replies. Out: proof. Never: product code.

use super::{Meaning, OpenCode, Text, meaning, open};

#[test]
fn all_and_the_code_of_a_digest_acknowledge_as_the_code_alone_does() {
    let page = Some(Text("+2 more: db-1, db-2. Reply ALL 44MC".into()));
    let codes = [open("K7X4", "one"), OpenCode { page, ..open("44MC", "two") }];
    for body in [
        "ALL 44MC",
        "all 44mc",
        "All 44MC.",
        "ok all 44MC",
        "ack all 44MC",
        "44MC",
        "ACK 44MC",
        "Reply ALL 44MC",
    ] {
        assert_eq!(meaning(body, &codes), (Meaning::Acknowledge, "44MC".to_owned()), "{body}");
    }
    assert_eq!(meaning("ESC ALL 44MC", &codes).0, Meaning::HandOver);
    for body in ["not all 44MC", "ALL K7X4 is fine?", "who takes all 44MC?"] {
        assert_ne!(meaning(body, &codes).0, Meaning::Acknowledge, "{body}");
    }
    let copy = "+2 more: db-1, db-2. Reply ALL 44MC";
    assert_ne!(meaning(copy, &codes).0, Meaning::Acknowledge, "a copy of the text is no answer");
    let beside = format!("{copy}\nok on it");
    assert_eq!(meaning(&beside, &codes), (Meaning::Acknowledge, "44MC".to_owned()));
}
