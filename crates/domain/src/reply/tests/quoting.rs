//! Answers beside a copy of the page. In: replies that quote it. Out: proof that they name it. Never: product code.

use super::{Meaning, PAGE, acknowledges, meaning, two};

#[test]
fn b2_who_quotes_the_page_and_takes_it_acknowledges_it() {
    for body in [
        format!("ACK K7X4 \"{PAGE}\""),
        format!("ACK K7X4 “{PAGE}”"),
        format!("{PAGE} ack"),
        format!("{PAGE}\nok on it"),
        format!("> {PAGE}\nACK"),
        format!("ACK\n> {PAGE}"),
        format!("ok\n\nOn Monday callout wrote:\n> {PAGE}"),
        format!("{PAGE}\nACK K7X4"),
        format!("ok \"{PAGE}\""),
        format!("> {PAGE}\nbin dran"),
        format!("> {PAGE}\nje m'en occupe"),
        format!("> {PAGE}\nme encargo"),
    ] {
        acknowledges("K7X4", &[&body]);
    }
}

#[test]
fn b4_who_quotes_a_text_and_says_something_is_answered() {
    let another = "WARNING: 42 errors in the api. Reply ACK 44MC to acknowledge.";
    for (expected, code, body) in [
        (Meaning::NotUnderstood, "K7X4", format!("{PAGE}\nwhat is this")),
        (Meaning::NotUnderstood, "K7X4", format!("{PAGE}\nthanks")),
        (Meaning::NotUnderstood, "K7X4", format!("> {PAGE}\nACK?")),
        (Meaning::NotUnderstood, "K7X4", format!("> {PAGE}\nok later")),
        (Meaning::NotUnderstood, "K7X4", format!("> {PAGE}\nbob is on it")),
        (Meaning::Negated, "K7X4", format!("> {PAGE}\nnot me")),
        // Somebody else's words, and a text that is not at hand, name no page.
        (Meaning::NotUnderstood, "K7X4", "ok\nBob wrote:\n> ACK K7X4".to_owned()),
        (Meaning::NotUnderstood, "44MC", format!("> {another}\nACK")),
    ] {
        assert_eq!(meaning(&body, &two()), (expected, code.to_owned()), "{body}");
    }
    for body in
        [format!("Fwd: {PAGE}"), format!("WG: {PAGE}"), format!("> {PAGE}"), format!("Liked “{PAGE}”")]
    {
        assert_eq!(meaning(&body, &two()).0, Meaning::Quoted, "{body}");
    }
}
