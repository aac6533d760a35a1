//! How people say that they take a page on. In: replies in four languages. Out: proof that they acknowledge. Never: product
//! code.

use super::{Meaning, acknowledges, meaning, means, two};

#[test]
fn b1_everyday_words_with_a_code_acknowledge() {
    acknowledges(
        "K7X4",
        &[
            "ack K7X4 right away",
            "K7X4 now",
            "on it asap K7X4",
            "ack K7X4 sorry for the delay",
            "damn, ack K7X4",
            "cool, on it K7X4",
            "all good, on it K7X4",
            "done, ack K7X4",
            "ok K7X4 false alarm",
            "let me check K7X4",
            "I can take it K7X4",
            "will investigate K7X4",
            "I'll do it K7X4",
            "take K7X4",
            "I own K7X4",
            "yea K7X4",
            "ya K7X4",
            "yess K7X4",
            "acknowledgement K7X4",
            "aknowledge K7X4",
            "1/1 ACK K7X4",
            "on it, K7X4, will restart the server",
            "straight away K7X4",
            "wow, ack K7X4",
            "oh, ack K7X4",
            "let me look at it K7X4",
            "I'll investigate K7X4",
            "yesss K7X4",
            "okkk K7X4",
            "ackkkk K7X4",
            "acknowlege K7X4",
            "(2/2) ok K7X4",
            "great, on it K7X4",
            "fixed, ack K7X4",
        ],
    );
}

#[test]
fn b1_a_short_time_of_arrival_acknowledges() {
    acknowledges(
        "K7X4",
        &[
            "ack K7X4 10min",
            "ack K7X4 5min",
            "ack K7X4 5m",
            "ack K7X4 10",
            "ack K7X4 in 5m",
            "ack K7X4 eta 10min",
            "ack K7X4 15mins",
            "ack K7X4 3",
        ],
    );
}

#[test]
fn b1_everyday_words_of_other_languages_acknowledge() {
    acknowledges(
        "K7X4",
        &[
            "klar K7X4",
            "jo K7X4",
            "passt K7X4",
            "hab ich K7X4",
            "bin schon dran K7X4",
            "ich kümmere mich darum K7X4",
            "ich schau's mir an K7X4",
            "K7X4 sofort",
            "jaa K7X4",
            "ok K7X4 Fehlalarm",
            "ça marche K7X4",
            "pris en charge K7X4",
            "je vais regarder K7X4",
            "K7X4 maintenant",
            "ouiii K7X4",
            "je m'en charge K7X4",
            "ok K7X4 fausse alerte",
            "tout de suite, ok K7X4",
            "estoy en ello K7X4",
            "claro K7X4",
            "dale K7X4",
            "perfecto K7X4",
            "sii K7X4",
            "yo me encargo K7X4",
            "K7X4 ahora",
            "ok K7X4 falsa alarma",
        ],
    );
}

#[test]
fn b2_the_same_words_for_somebody_else_or_later_do_not() {
    super::undecided::leaves_open(&[
        "ack K7X4 5h",
        "ack K7X4 8am",
        "ack K7X4 20",
        "ack K7X4 45min",
        "ack K7X4 10 pm",
        "let bob check K7X4",
        "can bob take it K7X4",
        "he can take it K7X4",
        "please take K7X4",
        "it will restart itself K7X4",
        "all good K7X4",
        "K7X4 false alarm",
        "unklar K7X4",
        "passt nicht K7X4",
        "ça ne marche pas K7X4",
        "claro que no K7X4",
        "now? K7X4",
        "bob will do it K7X4",
    ]);
}

#[test]
fn b1_capitals_at_the_start_of_a_sentence_and_in_whole_words_are_no_names() {
    acknowledges(
        "K7X4",
        &[
            "ack K7X4 draining",
            "ACK K7X4. Draining",
            "Ack K7X4. Joining the call",
            "ACK K7X4 NODE DOWN",
            "ACK K7X4 URGENT",
            "ACK K7X4 SRE",
            "ACK K7X4\nRebalancing",
            "ACK K7X4 PROD",
            "ACK K7X4. Drenando",
            "ack K7X4. Sofort",
            "ACK K7X4. Urgence",
            "ACK K7X4 rebuilding",
        ],
    );
    means(
        Meaning::NotUnderstood,
        &["ACK K7X4 Bob", "ACK K7X4 robert", "ACK K7X4 Sterling", "ACK K7X4. Robert", "ACK K7X4 ROBERT"],
    );
}

#[test]
fn b1_a_code_beside_its_own_subject_is_that_code() {
    acknowledges(
        "K7X4",
        &[
            "K7X4 db-1",
            "ack db-1 K7X4",
            "K7X4 (db-1)",
            "K7X4: db-1",
            "db-1 K7X4",
            "ok K7X4 db-1",
            "K7X4, db-1",
        ],
    );
    acknowledges("44MC", &["44MC api", "44MC api thanks", "ok api 44MC"]);
    acknowledges("K7X4 44MC", &["K7X4 db-1, 44MC api", "K7X4 db-1 and 44MC api", "K7X4 db-1\n44MC api"]);
    means(
        Meaning::NotUnderstood,
        &["K7X4 api", "44MC db-1", "K7X4 db-1 later", "K7X4 db-1 is ok", "K7X4 db-1 bob", "K7X4 db-2"],
    );
}

#[test]
fn b4_a_no_that_is_about_something_else_refuses_nothing() {
    acknowledges(
        "K7X4",
        &[
            "oh no, ack K7X4",
            "not again... ack K7X4",
            "nicht schon wieder, ack K7X4",
            "don't page bob, I'm on it K7X4",
            "ack K7X4, don't call bob",
            "ack K7X4 db-1, not api",
            "ack K7X4, not api",
            "(no subject) ACK K7X4",
            "(kein Betreff) ACK K7X4",
            "sans objet: ACK K7X4",
            "sin asunto - ACK K7X4",
            "K7X4 yes 44MC no",
            "no 44MC yes K7X4",
            "yes K7X4 no 44MC",
            "K7X4 ja 44MC nein",
            "K7X4 oui 44MC non",
            "K7X4 si 44MC no",
        ],
    );
    acknowledges("44MC", &["no K7X4 yes 44MC", "K7X4 no 44MC yes", "ack api 44MC, not db-1"]);
    assert_eq!(meaning("K7X4 no 44MC no", &two()), (Meaning::Negated, "K7X4 44MC".into()));
}
