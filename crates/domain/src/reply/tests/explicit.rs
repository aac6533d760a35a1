//! What may follow `ACK K7X4`, and what it may not. In: replies in four languages. Out: proof. Never: product code.

use super::{Meaning, acknowledges, meaning, means, two};

#[test]
fn b1_the_keyword_with_the_code_acknowledges_whatever_harmless_words_follow() {
    acknowledges(
        "K7X4",
        &[
            "Akc K7X4",
            "acl K7X4",
            "ACK K7X4 db-1",
            "ACK K7X4 disk full",
            "ACK K7X4 CRITICAL",
            "ACK K7X4 disk full again",
            "ACK K7X4 done",
            "ACK K7X4 fixed",
            "ACK K7X4 restarted",
            "ACK K7X4 again",
            "ACK K7X4 boss",
            "ACK K7X4 in 5",
            "ACK K7X4 eta 10",
            "ACK K7X4 ETA 10 min",
            "ACK K7X4 give me 5 min to boot laptop",
            "ACK K7X4 taking a look",
            "ACK K7X4 having a look",
            "ACK K7X4 joining bridge",
            "ACK K7X4 sorry was asleep",
            "Sorry. ACK K7X4",
            "ACK K7X4 😭",
            "ACK K7X4 🙄",
            "ACK K7X4 :(",
            "да K7X4",
            "はい K7X4",
            "好的 K7X4",
            "好的，K7X4",
            "收到 K7X4",
            "了解 K7X4",
            "ACK K7X4 (Ada)",
            "ACK K7X4 -Ada",
            "ACK K7X4 - Ada",
            "ACK K7X4\nAda",
            "vu K7X4",
            "ACKK7X4 done",
            "ok ack K7X4 opening laptop",
            "ACK K7X4 logging in",
            "ACK K7X4 ugh",
        ],
    );
}

#[test]
fn b1_so_it_is_in_other_languages_and_with_the_work_that_is_done() {
    acknowledges(
        "K7X4",
        &[
            "ACK K7X4 bin in 5 min da",
            "ACK K7X4 erledigt",
            "ACK K7X4 schon wieder",
            "ACK K7X4 Chef",
            "ack K7X4 bin wach",
            "ACK K7X4 fait",
            "ACK K7X4 encore",
            "ACK K7X4 dans 5 min",
            "ack K7X4 désolé je dormais",
            "ACK K7X4 hecho",
            "ACK K7X4 otra vez",
            "ACK K7X4 en 5 minutos",
            "ack K7X4 perdón estaba dormido",
            "taking a look K7X4",
            "je jette un œil K7X4",
            "je jette un oeil K7X4",
            "looking at db-1 K7X4",
            "looking at the logs K7X4",
            "prüfe die Datenbank K7X4",
            "je vérifie le serveur K7X4",
            "revisando el servidor K7X4",
            "hi team, ACK K7X4",
            "Ada: ACK K7X4",
            "ACK K7X4 5 min",
            "ACK K7X4 lmao",
            "ACK K7X4 rolling back",
            "ACK K7X4 my bad",
            "I'll look at it K7X4",
            "already on it K7X4",
            "estoy en camino K7X4",
            "ich nehme K7X4",
            "je le prends K7X4",
            "lo miro K7X4",
            "Guten Morgen, ok K7X4",
        ],
    );
}

#[test]
fn b2_what_follows_the_keyword_may_still_leave_it_open() {
    means(
        Meaning::NotUnderstood,
        &[
            "ACK K7X4 Bob",
            "ACK K7X4 (Bob)",
            "ACK K7X4 - Bob",
            "ACK K7X4 @bob takes it",
            "ACK K7X4 @bob",
            "ack K7X4 bob on it",
            "ack K7X4 bob is on it",
            "ack K7X4 bob please",
            // Robert is a contact.
            "ack K7X4 robert",
            "ACK K7X4 for bob",
            "ACK K7X4 over to bob",
            "ACK K7X4 passing to bob",
            "ACK K7X4 handing over",
            "ACK K7X4 the team is on it",
            "ACK K7X4 she is on it",
            "ACK K7X4 monday",
            "ACK K7X4 8am",
            "ACK K7X4 at 8",
            "ACK K7X4 in 20",
            "ACK K7X4 in 2 hours",
            "ACK K7X4 in the morning",
            "ACK K7X4 after lunch",
            "ACK K7X4 when home",
            "ACK K7X4 eventually",
            "ACK K7X4 in a bit",
            "ACK K7X4 next week",
            "ACK K7X4 driving",
            "ACK K7X4 afk",
            "ACK K7X4 giving up",
            "ACK K7X4 oops",
            "ACK K7X4 mistake",
            "ACK K7X4 cancel",
            "ACK K7X4 whatever",
            "ACK K7X4 looking at lunch",
            "ACK K7X4 one two three four five six",
            "ACK K7X4 grandma visits",
            "ACK K7X4 20 min",
            "ACK K7X4 xmas",
            "ACK K7X4 fri",
            "ACK K7X4 in 5 std",
            "ACK K7X4 in 3 moons",
            "ACK K7X4 hopefully",
            "ACK K7X4 try bob",
            "ACK K7X4 bob or me",
            "ACK K7X4 please take it",
            "ACK K7X4 escalating",
            "ACK K7X4 明天",
            "ACK K7X4 n",
            "ACK K7X4 but grandma visits",
            "ACK K7X4 Montag",
            "ACK K7X4 nach dem Essen",
            "ACK K7X4 übergebe an Bob",
            "ACK K7X4 gleich",
            "ACK K7X4 lundi",
            "ACK K7X4 après le dîner",
            "ACK K7X4 bientôt",
            "ACK K7X4 lunes",
            "ACK K7X4 después",
            "ACK K7X4 para Bob",
        ],
    );
}

#[test]
fn b2_only_the_keyword_at_the_start_of_the_text_says_enough() {
    means(
        Meaning::NotUnderstood,
        &["ok K7X4 boss", "Bob ack K7X4 done", "please ack K7X4 boss", "K7X4 ack boss"],
    );
}

#[test]
fn b2_a_refusal_is_about_what_it_stands_before() {
    acknowledges(
        "K7X4",
        &[
            "ACK K7X4 not 44MC",
            "ACK K7X4, not 44MC",
            "ack K7X4 don't ack 44MC",
            "Not 44MC but K7X4",
            "nicht 44MC sondern K7X4",
            "pas 44MC mais K7X4",
            "no 44MC sino K7X4",
            "ACK K7X4 not asleep anymore",
            "ACK K7X4, can't sleep anyway",
            "ACK K7X4 won't stop crashing",
            "ACK K7X4 not again",
            "ACK K7X4 kann nicht schlafen",
            "ACK K7X4 nicht schon wieder",
            "ACK K7X4 je ne dors pas",
            "ACK K7X4 no puedo dormir",
        ],
    );
    means(
        Meaning::Negated,
        &[
            "ACK K7X4 not me",
            "ACK K7X4 can't",
            "ACK K7X4 no laptop",
            "ACK K7X4 not available",
            "ACK K7X4, can't look at it",
            "ACK not K7X4",
            "do not ack K7X4",
            "not me but K7X4",
            "ok all but not K7X4",
            "ACK K7X4 kann nicht",
            "ACK K7X4 je ne peux pas",
            "ACK K7X4 no puedo",
        ],
    );
    assert_eq!(meaning("not K7X4 44MC", &two()).0, Meaning::Negated);
}
