//! The words by which replies are understood, as data. In: folded words. Out: what they say.
//!
//! Never: grammar; a phrase is a row here, and how rows weigh against each other is the parent's matter.

/// Words that take something on.
const AFFIRM: &[&str] = &[
    "ack",
    "acks",
    "ackd",
    "acked",
    "acking",
    "acknowledge",
    "acknowledged",
    "acknowledging",
    "ok",
    "okay",
    "k",
    "kk",
    "confirm",
    "confirmed",
    "roger",
    "copy",
    "yes",
    "yep",
    "yeah",
    "mine",
    "taking",
    "oui",
    "si",
    "sim",
    "ja",
    "confirmo",
    "confirmado",
    "confirme",
    "bestatigt",
    "bestatige",
    "quittiert",
    "ubernehme",
];
/// Those of them that say it without a code. Bare `YES` is the provider's opt-in keyword, so it needs a code, or
/// another word.
const AFFIRM_ALONE: &[&str] = &["ack", "ackd", "acked", "acknowledge", "acknowledged", "ok", "okay"];
/// Words that may stand beside, in a reply without a code.
const BESIDE: &[&str] = &[
    "yes", "y", "please", "pls", "thanks", "thank", "you", "thx", "ty", "code", "i", "im", "we", "it", "got",
    "on", "this", "reply",
];
/// Words that mean every open run.
const ALL: &[&str] =
    &["all", "both", "everything", "alle", "alles", "todo", "todos", "todas", "tout", "toutes", "tous"];
/// Words that may stand beside those.
const BESIDE_ALL: &[&str] =
    &["of", "them", "the", "open", "runs", "pages", "alerts", "incidents", "these", "those"];
/// Words that refuse.
const NEGATE: &[&str] = &[
    // English.
    "not",
    "no",
    "nope",
    "nah",
    "nack",
    "nacks",
    "nacked",
    "nak",
    "noack",
    "unack",
    "unacked",
    "unacknowledge",
    "never",
    "dont",
    "doesnt",
    "didnt",
    "cant",
    "cannot",
    "couldnt",
    "wont",
    "wouldnt",
    "shouldnt",
    "isnt",
    "aint",
    "havent",
    "unable",
    "refuse",
    "refused",
    "refusing",
    "decline",
    "declined",
    "declining",
    "reject",
    "rejected",
    "rejecting",
    "deny",
    "denied",
    "negative",
    "nobody",
    "noone",
    "neither",
    "nor",
    "none",
    "without",
    // German, Dutch, the Nordic languages, Finnish.
    "nicht",
    "kein",
    "keine",
    "keinen",
    "nein",
    "nie",
    "niemals",
    "niet",
    "geen",
    "nee",
    "inte",
    "ej",
    "nej",
    "ikke",
    "nei",
    // French, Spanish, Portuguese, Italian, Polish, Turkish, Russian.
    "non",
    "pas",
    "ne",
    "jamais",
    "nunca",
    "jamas",
    "nao",
    "degil",
    "hayir",
    "не",
    "нет",
];
/// Words that ask for something else than to take it on, unless it is taken on in the same breath.
const DECLINE: &[&str] = &[
    "stop",
    "cancel",
    "unsubscribe",
    "end",
    "quit",
    "escalate",
    "reassign",
    "forward",
    "delegate",
    "pass",
    "skip",
    "ignore",
    "wrong",
    "invalid",
    "expired",
];
/// Phrases that refuse whatever stands around them.
const DENIALS: &[&str] = &[
    "not me",
    "not mine",
    "not my",
    "not us",
    "not on call",
    "not oncall",
    "not on duty",
    "not available",
    "not taking",
    "not acking",
    "wrong person",
    "wrong number",
    "cant take",
    "cannot take",
    "wont take",
    "un ack",
    "n ack",
    "n ack",
    "no ack",
    "cant ack",
    "cannot ack",
    "wont ack",
    "dont ack",
    "do not ack",
    "unavailable",
    "someone else",
    "somebody else",
    "nicht ich",
    "nicht meins",
    "pas moi",
    "yo no",
    "no soy",
    "nao sou",
    "niet ik",
];
/// Phrases that hold a refusing word and refuse nothing.
const HARMLESS: &[&str] = &[
    "no problem",
    "no problems",
    "no problemo",
    "no prob",
    "no probs",
    "no worries",
    "no worry",
    "no further",
    "not at my desk",
    "no rush",
    "no need",
    "no idea",
    "no doubt",
    "no biggie",
    "no stress",
    "no sweat",
    "dont worry",
    "do not worry",
    "not sure",
    "not yet sure",
    "not a problem",
    "not bad",
    "why not",
    "no hay problema",
    "kein problem",
    "kein ding",
    "keine sorge",
    "keine ahnung",
    "pas de probleme",
    "pas de souci",
    "pas de soucis",
    "nao tem problema",
    "nessun problema",
    "geen probleem",
    "inga problem",
    "ikke noe problem",
    "en route",
    "en camino",
    "en ello",
    "will do",
    "can do",
];
/// Words that begin or mark a question, or speak of somebody else.
const ASK: &[&str] = &[
    "who", "whos", "what", "whats", "why", "when", "where", "which", "how", "did", "do", "does", "should",
    "can", "could", "would", "will", "is", "was", "are", "has", "have", "someone", "somebody", "anyone",
    "anybody", "wer", "was", "warum", "wann", "wo", "wie", "qui", "quoi", "pourquoi", "quand", "quien",
    "que", "porque", "cuando", "quem",
];
/// Phrases of a machine that answers for a person.
const AUTOMATIC: &[&str] = &[
    "auto reply",
    "autoreply",
    "auto response",
    "autoresponse",
    "auto responder",
    "autoresponder",
    "auto message",
    "automatic reply",
    "automatic response",
    "automatic message",
    "automated",
    "out of office",
    "out of the office",
    "ooo",
    "do not disturb",
    "not monitored",
    "automatische antwort",
    "automatisch antwoord",
    "automatische nachricht",
    "abwesenheitsnotiz",
    "abwesenheit",
    "abwesend",
    "reponse automatique",
    "absence du bureau",
    "absent du bureau",
    "absente du bureau",
    "respuesta automatica",
    "mensaje automatico",
    "fuera de la oficina",
    "resposta automatica",
    "fora do escritorio",
    "risposta automatica",
    "fuori ufficio",
    "afwezig",
    "autosvar",
    "nicht im buro",
];
/// Phrases that machines use, and people too.
const MAYBE_AUTOMATIC: &[&str] = &[
    "driving",
    "vacation",
    "on holiday",
    "on holidays",
    "on leave",
    "annual leave",
    "parental leave",
    "maternity leave",
    "sick leave",
    "in a meeting",
    "cant talk",
    "cannot talk",
    "cant answer",
    "get back to you",
    "call you later",
    "call you back",
    "currently unavailable",
    "away from my phone",
    "away from my desk",
    "away from keyboard",
    "focus turned on",
    "notifications silenced",
    "limited access",
    "im urlaub",
    "fahre gerade",
    "am steuer",
    "en vacances",
    "en conge",
    "je conduis",
    "au volant",
    "de vacaciones",
    "conduciendo",
    "manejando",
    "de ferias",
    "dirigindo",
    "in ferie",
    "op vakantie",
    "semester",
];
/// How a program introduces the text that it quotes, at the end of a line.
const QUOTE_HEADERS: &[&str] =
    &["wrote:", "schrieb:", "ecrit:", "ecrit :", "escribio:", "escreveu:", "scritto:", "schreef:"];

/// Whether a word takes something on, beside a code.
pub(super) fn affirms(word: &str) -> bool {
    AFFIRM.contains(&word)
}

/// Whether a word takes something on by itself.
pub(super) fn affirms_alone(word: &str) -> bool {
    AFFIRM_ALONE.contains(&word)
}

/// Whether a word may stand beside in a reply without a code.
pub(super) fn stands_beside(word: &str) -> bool {
    BESIDE.contains(&word)
}

/// Whether a word means every open run.
pub(super) fn means_all(word: &str) -> bool {
    ALL.contains(&word)
}

/// Whether a word may stand beside one that means every open run.
pub(super) fn stands_beside_all(word: &str) -> bool {
    BESIDE_ALL.contains(&word)
}

/// Whether these words refuse.
pub(super) fn negates(words: &[&str]) -> bool {
    without(words, HARMLESS).iter().any(|word| NEGATE.contains(word))
}

/// Whether one word refuses.
pub(super) fn is_negation(word: &str) -> bool {
    NEGATE.contains(&word)
}

/// Whether these words ask for something else.
pub(super) fn declines(words: &[&str]) -> bool {
    words.iter().any(|word| DECLINE.contains(word))
}

/// Whether these words refuse whatever else is said.
pub(super) fn denies(words: &[&str]) -> bool {
    holds(&without(words, HARMLESS), DENIALS)
}

/// Whether a question begins here, or somebody else is spoken of.
pub(super) fn asks(words: &[&str]) -> bool {
    without(words, HARMLESS).first().is_some_and(|word| ASK.contains(word))
}

/// Whether one of these words asks.
pub(super) fn asks_anywhere(words: &[&str]) -> bool {
    without(words, HARMLESS).iter().any(|word| ASK.contains(word))
}

/// Whether a machine says so.
pub(super) fn is_automatic(words: &[&str]) -> bool {
    holds(words, AUTOMATIC)
}

/// Whether a machine may say so.
pub(super) fn may_be_automatic(words: &[&str]) -> bool {
    holds(words, MAYBE_AUTOMATIC)
}

/// Whether a folded line introduces a quoted text.
pub(super) fn introduces_quote(line: &str) -> bool {
    let line = line.trim();
    line.contains("original message") || QUOTE_HEADERS.iter().any(|end| line.ends_with(end))
}

fn holds(words: &[&str], phrases: &[&str]) -> bool {
    (0..words.len()).any(|at| phrases.iter().any(|phrase| begins(&words[at..], phrase).is_some()))
}

fn without<'a>(words: &[&'a str], phrases: &[&str]) -> Vec<&'a str> {
    let (mut rest, mut at) = (Vec::with_capacity(words.len()), 0);
    while at < words.len() {
        match phrases.iter().filter_map(|phrase| begins(&words[at..], phrase)).max() {
            Some(length) => at += length,
            None => {
                rest.push(words[at]);
                at += 1;
            }
        }
    }
    rest
}

/// How many words the phrase has, if the words begin with it.
fn begins(words: &[&str], phrase: &str) -> Option<usize> {
    let mut length = 0;
    for part in phrase.split(' ') {
        if words.get(length) != Some(&part) {
            return None;
        }
        length += 1;
    }
    Some(length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_phrase_is_written_as_it_is_compared() {
        let tables = [
            AFFIRM,
            AFFIRM_ALONE,
            BESIDE,
            ALL,
            BESIDE_ALL,
            NEGATE,
            DECLINE,
            DENIALS,
            HARMLESS,
            ASK,
            AUTOMATIC,
            MAYBE_AUTOMATIC,
        ];
        for phrase in tables.into_iter().flatten() {
            assert_eq!(crate::words::words(phrase).join(" "), *phrase);
        }
    }
}
