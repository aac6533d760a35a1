//! In: replies as people and their phones write them. Out: proof that they are understood. Never: product code.

use proptest::prelude::*;

use super::*;
use crate::id::{MessageId, RunId};
use crate::provider::Text;

mod all_of;
mod bare;
mod everyday;
mod explicit;
mod hand_over;
mod quoting;
mod second_thoughts;
mod signed;
mod taken;
mod undecided;

const PAGE: &str = "CRITICAL: disk full (db-1). Reply ACK K7X4 to acknowledge.";

fn open(code: &str, event: &str) -> OpenCode {
    let message = MessageId { run: RunId::derive("monitor", event, "paging", None), number: 1 };
    OpenCode {
        code: code.parse().unwrap(),
        message,
        about: if event == "one" { "db-1" } else { "api" }.to_owned(),
        is_active: true,
        bare_word: true,
        code_only: false,
        page: None,
        answers: Vec::new(),
    }
}

/// Reads a reply of Ada, who has a colleague.
fn read(body: &str, open: &[OpenCode]) -> Reading {
    super::read(body, open, &People::new("Ada", ["Robert Miller"]))
}

/// A phone with two open runs, of which the first has its text at hand.
fn two() -> Vec<OpenCode> {
    vec![OpenCode { page: Some(Text(PAGE.into())), ..open("K7X4", "one") }, open("44MC", "two")]
}

/// What a text means to a phone, and the codes of the runs it is about.
fn meaning(body: &str, open: &[OpenCode]) -> (Meaning, String) {
    let Reading { meaning, messages } = read(body, open);
    let code =
        |message: &MessageId| open.iter().find(|open| open.message == *message).unwrap().code.to_string();
    (meaning, messages.iter().map(code).collect::<Vec<_>>().join(" "))
}

#[track_caller]
fn acknowledges(codes: &str, bodies: &[&str]) {
    let expected = (Meaning::Acknowledge, codes.to_owned());
    let wrong: Vec<_> = bodies
        .iter()
        .map(|body| (body, meaning(body, &two())))
        .filter(|(_, read)| *read != expected)
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[track_caller]
fn means(expected: Meaning, bodies: &[&str]) {
    let wrong: Vec<_> = bodies
        .iter()
        .map(|body| (body, meaning(body, &two())))
        .filter(|(_, read)| read.0 != expected)
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn b1_a_code_is_found_however_it_is_wrapped() {
    acknowledges(
        "K7X4",
        &[
            "ACK K7X4",
            "K7X4",
            " k7x4 \n",
            "y: k7x4!",
            "\"K7X4\" on it, thanks",
            "ACK K7X4 thanks, on it",
            "OK K7X4 to confirm",
            "ACKK7X4",
            "okk7x4",
            "K7X4ack",
            "Reply ACK K7X4",
            "Reply ACK K7X4 to acknowledge.",
            "reply \"ACK K7X4\"",
            "Hi, ACK K7X4, no need to call anybody",
            "ACK K7X4\n\nSent from my iPhone",
            "ACK K7X4\n-- \nAda Lovelace\nDo not reply to this number",
            "ＡＣＫ　Ｋ７Ｘ４",
            "ack k7 x4",
            "ack K7-X4",
            "ack К7Х4",
            "ACK\u{200b} K7\u{ad}X4",
            "👍 K7X4",
            "[K7X4]",
            "#K7X4",
            "ACK: K7X4.",
            "ack'd K7X4",
            "ACK K7X4, I am driving, there in ten",
            "ACK K7X4, no problem",
            "K7X4 don't worry",
            "ACK K7X4\n> CRITICAL: disk full (db-1). Reply ACK K7X4 to acknowledge.",
            "ACK K7X4\n\nCRITICAL: disk full (db-1). Reply ACK K7X4 to acknowledge.",
            "ich übernehme K7X4",
        ],
    );
    acknowledges("44MC", &["ACK44MC", "ok 44 mc", "Reply 44mc", "will do, 44MC"]);
}

#[test]
fn b2_a_refusal_acknowledges_nothing() {
    means(
        Meaning::Negated,
        &[
            "NACK K7X4",
            "NACKK7X4",
            "nack 44MC",
            "not K7X4",
            "no K7X4",
            "K7X4 no",
            "K7X4, not me",
            "K7X4\nnot me",
            "no, K7X4",
            "No! 44MC",
            "don't ack K7X4",
            "don’t ack K7X4",
            "do not ack K7X4",
            "can't ack 44MC",
            "un-ack K7X4",
            "ok K7X4, not mine",
            "the code K7X4 does not work for me, no",
            "wrong number K7X4",
            "K7X4 👎",
            "nicht K7X4",
            "kein ACK K7X4",
            "pas K7X4",
            "no puedo K7X4",
            "não posso K7X4",
            "stop K7X4",
            "ack all but K7X4",
            "nack",
            "no",
            "not me",
            "don't ack all",
        ],
    );
}

#[test]
fn b2_a_copy_of_the_text_acknowledges_nothing() {
    means(
        Meaning::Quoted,
        &[
            PAGE,
            "Liked “CRITICAL: disk full (db-1). Reply ACK K7X4 to acknowledge.”",
            "👍 to “CRITICAL: disk full (db-1). Reply ACK K7X4 to acknowledge.”",
            "Fwd: CRITICAL: disk full (db-1). Reply ACK K7X4",
            "> CRITICAL: disk full (db-1). Reply ACK K7X4 to acknowledge.",
            "Bob wrote:\nACK K7X4",
            "“Reply ACK K7X4”",
            // The text of this code is not at hand.
            "WARNING: 42 errors in the api. Reply ACK 44MC to acknowledge.",
        ],
    );
    let short = OpenCode { page: Some(Text("Down. Reply ACK K7X4".into())), ..open("K7X4", "one") };
    assert_eq!(read("Down. Reply ACK K7X4", std::slice::from_ref(&short)).meaning, Meaning::Quoted);
    assert_eq!(read("Reply ACK K7X4", &[short]).meaning, Meaning::Acknowledge);
}

#[test]
fn b2_an_automatic_answer_acknowledges_nothing() {
    means(
        Meaning::Automatic,
        &[
            "I am out of office until Monday. ACK K7X4",
            "Auto-reply: I'm away. K7X4",
            "I'm driving right now. Your message: ACK K7X4",
            "On vacation until 3 May, for K7X4 call Bob",
            "Automatische Antwort: K7X4",
            "Réponse automatique : K7X4",
            "Je suis absent. ok K7X4",
            "I am driving, I will get back to you",
        ],
    );
}

#[test]
fn b2_a_question_acknowledges_nothing() {
    means(
        Meaning::NotUnderstood,
        &["why do I get K7X4 again", "K7X4?", "who acked K7X4", "should I ack K7X4?", "is 44MC mine?", "ok?"],
    );
    means(
        Meaning::NotUnderstood,
        &[
            "ack K7X4!?",
            "ack K7X4 !?",
            "ack K7X4⁉️",
            "ack K7X4‽",
            "ack K7X4؟",
            "¿ack K7X4",
            "ack all!?",
            "ok!?",
        ],
    );
}

#[test]
fn b3_several_codes_and_all_mean_several_runs() {
    acknowledges(
        "K7X4 44MC",
        &[
            "ACK K7X4 44MC",
            "ack 44MC".replace("ack", "K7X4 and").as_str(),
            "K7X4, 44MC",
            "ack all",
            "ACK ALL!",
            "ok, both",
            "all of them ok",
        ],
    );
    acknowledges("K7X4", &["ack K7X4, not 44MC", "ack K7X4 but not 44MC", "ack K7X4, pass 44MC to Bob"]);
    let mut pair = two();
    pair[0].is_active = false;
    assert_eq!(meaning("ack all", &pair), (Meaning::Acknowledge, "44MC".into()));
    let three = [open("K7X4", "one"), open("44MC", "two"), open("N933", "three")];
    assert_eq!(meaning("ack both", &three).0, Meaning::Ambiguous, "which two?");
    assert_eq!(meaning("ack all", &three), (Meaning::Acknowledge, "K7X4 44MC N933".into()));
}

#[test]
fn b3_a_run_is_acknowledged_once_whatever_the_number_of_its_texts() {
    let mut open = two();
    open[1].message = MessageId { number: 2, ..open[0].message.clone() };
    for body in ["ack K7X4 44MC", "ack", "ack all"] {
        assert_eq!(meaning(body, &open), (Meaning::Acknowledge, "K7X4".into()), "{body}");
    }
}

#[test]
fn b4_what_acknowledges_nothing_says_why_and_which_runs_it_is_about() {
    let both = || "K7X4 44MC".to_owned();
    for (body, expected) in [
        ("ack", (Meaning::Ambiguous, both())),
        ("ack 7777 3F3F", (Meaning::UnknownCode, both())),
        ("ACK3F3F", (Meaning::UnknownCode, both())),
        ("hello", (Meaning::NotUnderstood, both())),
        ("not 44MC", (Meaning::Negated, "44MC".to_owned())),
        (PAGE, (Meaning::Quoted, "K7X4".to_owned())),
    ] {
        assert_eq!(meaning(body, &two()), expected, "{body}");
    }
    assert_eq!(read("ack", &[]).meaning, Meaning::NothingOpen);
    assert_eq!(read("ack K7X4", &[]).meaning, Meaning::UnknownCode);
}

#[test]
fn a_word_without_a_code_means_the_only_run_that_waits() {
    let mut open = two();
    open[1].is_active = false;
    for body in [
        "ACK",
        "ack.",
        "Ok!",
        "acknowledged",
        "on it",
        "ok on it",
        "ok, thank you",
        "yes ok",
        "👍",
        "I got it",
        "Yes!",
        "roger",
    ] {
        assert_eq!(meaning(body, &open), (Meaning::Acknowledge, "K7X4".into()), "{body}");
    }
    for body in
        ["", "?", "Y", "thanks", "ok whatever", "ack ack ack ack ack", "on", "ok thank you please thanks"]
    {
        assert_eq!(meaning(body, &open).0, Meaning::NotUnderstood, "{body}");
    }
    open[0].is_active = false;
    assert_eq!(meaning("ok", &open).0, Meaning::NothingOpen);
    assert_eq!(meaning("ok", &open[..1]), (Meaning::Acknowledge, "K7X4".into()), "late, and left to the run");
    assert_eq!(
        meaning("ack K7X4", &open),
        (Meaning::Acknowledge, "K7X4".into()),
        "late, and left to the run"
    );
}

proptest! {
    #[test]
    fn no_reply_panics(body in any::<String>(), words in "([a-z4K7X'>.,? -]{0,6}[ \n]){0,30}") {
        read(&body, &two());
        read(&words, &two());
    }

    #[test]
    fn no_reply_to_nothing_acknowledges(body in any::<String>()) {
        prop_assert_ne!(read(&body, &[]).meaning, Meaning::Acknowledge);
    }
}

#[test]
fn b2_a_copy_of_an_answer_acknowledges_nothing() {
    let answers = [
        "Not understood. Reply ACK K7X4 to take qa.",
        "Which one? Reply ACK with its code, or ACK ALL: K7X4 w1, 44MC w2",
    ];
    let open = |code, event| OpenCode {
        answers: answers.map(|text| Text(text.into())).to_vec(),
        ..open(code, event)
    };
    let open = [open("K7X4", "one"), open("44MC", "two")];
    for answer in answers {
        for body in [
            answer.to_owned(),
            format!("FW: {answer}"),
            format!("Loved “{answer}”"),
            format!("{answer} {answer}"),
        ] {
            assert_eq!(read(&body, &open).meaning, Meaning::Quoted, "{body}");
        }
    }
    assert_eq!(read("ACK K7X4", &open).meaning, Meaning::Acknowledge);
    assert_eq!(read("Reply ACK K7X4", &open).meaning, Meaning::Acknowledge);
}
