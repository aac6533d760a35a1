//! Replies that leave open who takes a page on, or when. In: replies in four languages. Out: proof that none of them
//! acknowledges, and that each is answered. Never: product code.

use super::{Meaning, meaning, two};

/// Neither acknowledges nor passes for a machine's.
#[track_caller]
pub(super) fn leaves_open(bodies: &[&str]) {
    let is_open = |meaning| matches!(meaning, Meaning::NotUnderstood | Meaning::Negated);
    let wrong: Vec<_> = bodies
        .iter()
        .map(|body| (body, meaning(body, &two())))
        .filter(|(_, read)| !is_open(read.0))
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn b2_who_does_not_know_acknowledges_nothing() {
    leaves_open(&[
        "not sure K7X4",
        "K7X4 not sure",
        "Not sure. K7X4",
        "not sure ack K7X4",
        "not sure. ok K7X4",
        "no idea K7X4",
        "no idea. ack K7X4",
        "keine Ahnung K7X4",
        "no clue K7X4",
        "not so sure K7X4",
        "ACK K7X4 not sure",
        "ACK K7X4, not sure though",
        "ack K7X4 idk",
        "ack K7X4 dunno",
        "I don't know K7X4",
        "unsure, ok K7X4",
        "ok K7X4 keine Ahnung",
        "bin nicht sicher, ok K7X4",
        "weiß nicht K7X4",
        "weiß ich nicht, ack K7X4",
        "aucune idée K7X4",
        "pas sûr, ok K7X4",
        "je ne sais pas K7X4",
        "ni idea K7X4",
        "no estoy seguro, ok K7X4",
        "no sé K7X4",
        "ACK K7X4 🤷",
        "probably K7X4",
        "ack K7X4 probably",
    ]);
}

#[test]
fn b2_a_question_leaves_it_open_wherever_its_mark_stands() {
    leaves_open(&[
        "ack? K7X4",
        "ok? K7X4",
        "on it? K7X4",
        "mine? K7X4",
        "mine? ack K7X4",
        "ok? ack K7X4",
        "is it mine? K7X4",
        "am I on it K7X4",
        "ok is K7X4 on",
        "? K7X4",
        "ack K7X4\n?",
        "ack K7X4. ?",
        "dran? K7X4",
        "bin ich dran K7X4",
        "soll ich? ack K7X4",
        "ist es meins? ok K7X4",
        "c'est pour moi ? K7X4",
        "est-ce que je prends K7X4",
        "oui ? K7X4",
        "¿voy? K7X4",
        "¿es mío? ok K7X4",
        "ok K7X4 am I on it",
        "should I take K7X4",
        "ok do I take K7X4",
        "ACK K7X4 is it bad",
    ]);
}

#[test]
fn b2_who_works_on_something_else_or_later_acknowledges_nothing() {
    leaves_open(&[
        "I'll take a look at K7X4 monday",
        "looking at K7X4 monday",
        "looking at it monday K7X4",
        "taking a look at monday K7X4",
        "looking at K7X4 morning",
        "schaue K7X4 montag",
        "je regarde K7X4 lundi",
        "restarting monday K7X4",
        "look at K7X4 bob",
        "looking at bob K7X4",
        "checking bob K7X4",
        "checking holiday K7X4",
        "working on lunch K7X4",
        "working on sleep K7X4",
        "fixing dinner K7X4",
        "I'm looking at bed K7X4",
        "fixing itself K7X4",
        "checking K7X4 friday",
        "look into K7X4 tonight",
        "will check K7X4 at noon",
        "looking at K7X4 next week",
        "prüfe K7X4 Freitag",
        "schaue heute Abend K7X4",
        "schaue K7X4 am Nachmittag",
        "je vérifie K7X4 vendredi",
        "je regarde ce soir K7X4",
        "je regarde K7X4 cet après-midi",
        "lo reviso K7X4 el lunes",
        "revisando K7X4 esta tarde",
        "mirando K7X4 esta noche",
        // The page of this code is not known.
        "looking at the budget 44MC",
    ]);
}

#[test]
fn b2_what_a_machine_confirms_is_its_receipt() {
    leaves_open(&[
        "We received K7X4",
        "Hello, we received K7X4. Thank you",
        "We have received K7X4 thank you",
        "Confirmed: K7X4",
        "Confirmed K7X4 thank you",
        "Thank you K7X4 received",
        "Thank you, noted K7X4",
        "Received: K7X4",
        "Bestätigt: K7X4",
        "Confirmé : K7X4",
        "Confirmado: K7X4. Gracias",
        "Hemos recibido K7X4",
    ]);
}

#[test]
fn b2_how_it_is_who_else_does_it_and_signs_of_doubt_take_nothing_on() {
    leaves_open(&[
        "🚗 K7X4",
        "ack != K7X4",
        "ack ≠ K7X4",
        "~~ACK K7X4~~",
        "A\u{336}C\u{336}K\u{336} K7X4",
        "!ack K7X4",
        "team is on it K7X4",
        "the team is on it K7X4",
        "ok K7X4 team is on it",
        "K7X4 team is on it",
        "all good K7X4",
        "it is ok K7X4",
        "looking good K7X4",
        "K7X4 :(",
        "K7X4 :-(",
        "K7X4 :/",
        "🏃 K7X4",
        "er ist dran K7X4",
        "er ist unterwegs K7X4",
        "das Team ist dran K7X4",
        "l'équipe s'en occupe K7X4",
        "il est dessus K7X4",
        "el equipo se encarga K7X4",
        "ella lo revisa K7X4",
        "alles gut K7X4",
        "ça va K7X4",
        "c'est bon K7X4",
        "todo bien K7X4",
        "one is on it K7X4",
        "they are on it K7X4",
        "💤 K7X4",
        "😭 K7X4",
    ]);
}

#[test]
fn b4_a_person_who_names_a_code_is_no_machine() {
    leaves_open(&[
        "driving K7X4",
        "I'm on vacation K7X4",
        "I'll look at K7X4 vacation",
        "looking into vacation K7X4",
        "in a meeting K7X4",
        "bin im Urlaub K7X4",
        "fahre gerade K7X4",
        "je conduis K7X4",
        "en vacances K7X4",
        "conduciendo K7X4",
        "de vacaciones K7X4",
    ]);
    super::means(
        Meaning::Automatic,
        &[
            "I'm driving with Focus turned on. I'll see your message later when I get where I'm going. ACK K7X4",
            "Auto-reply: K7X4",
            "I'm on vacation until monday. K7X4",
            "Ich bin im Urlaub bis Montag. K7X4",
            "En vacances jusqu'au 3 mai. K7X4",
            "De vacaciones hasta el lunes. K7X4",
            "In a meeting, I'll get back to you. K7X4",
        ],
    );
}
