//! Words with a legal or agreed meaning. In: the whole text that somebody sent. Out: what it asks for, if it is one.
//!
//! Never: looks for a word in a sentence: `bus stop at 5` asks for nothing. `Please stop` and `stop texting me` say no
//! more than `STOP`, which is all that Twilio itself takes. A question asks for no change, and a word of every day, such
//! as `cancel`, is a keyword only where nothing else is said: who is paged must not be opted out in doubt.

use domain::words;

/// A word with a legal or agreed meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keyword {
    /// No more texts.
    Stop,
    /// Texts again.
    Start,
    /// What is this?
    Help,
}

/// The languages beside English whose keywords are known, by ISO 639-1.
pub const KEYWORD_LANGUAGES: &[&str] = &["fr", "de", "nl", "sv", "es", "pt", "it"];
/// Those of them whose keywords are no words of every day. In the others `alto`, `baja` or `ferma` are.
const UNMISTAKABLE_LANGUAGES: &[&str] = &["fr", "de", "nl", "sv"];

/// The words by language, folded: what Twilio takes, or what is sent all the same.
///
/// `OPT OUT` and `REVOKE` are in because the FCC lists them (47 CFR 64.1200(a)(10)), although Twilio does not.
/// `YES` is out, although Twilio takes it as an opt-in: people answer alerts with it, and an acknowledgement must
/// not pass for consent. Who opted out and sends `YES` is let through by Twilio, and still not by us.
const KEYWORDS: &[(&str, Keyword, &[&str])] = &[
    (
        "en",
        Keyword::Stop,
        &[
            "stop",
            "stopall",
            "stop all",
            "unsubscribe",
            "unsubscribe all",
            "cancel",
            "end",
            "quit",
            "revoke",
            "optout",
            "opt out",
            "opt me out",
            "unsubscribe me",
            "stop to opt out",
            "stop stopall",
            "remove me",
            "remove me from this list",
            "remove me from your list",
            "take me off this list",
            "take me off the list",
            "take me off your list",
            "stop paging me",
            "reply stop",
            "do not text me",
            "do not text me again",
            "dont text me",
            "dont text me again",
            "dont text me anymore",
            "never text me again",
            "do not contact me",
            "do not contact me again",
            "dont contact me",
            "dont contact me again",
            "leave me alone",
            "i want to opt out",
            "i would like to opt out",
            "id like to opt out",
            "i want to unsubscribe",
            "i would like to unsubscribe",
            "id like to unsubscribe",
            "no more texts",
            "no more messages",
            "no more sms",
            "wrong number stop",
            "stop wrong number",
        ],
    ),
    ("en", Keyword::Start, &["start", "unstop"]),
    ("en", Keyword::Help, &["help", "info"]),
    (
        "fr",
        Keyword::Stop,
        &["arret", "arreter", "arretez", "desabonner", "desabonnez moi", "plus de sms", "plus de messages"],
    ),
    ("fr", Keyword::Help, &["aide"]),
    (
        "de",
        Keyword::Stop,
        &[
            "stopp",
            "abmelden",
            "abbestellen",
            "keine sms mehr",
            "keine weiteren sms",
            "keine nachrichten mehr",
            "keine weiteren nachrichten",
        ],
    ),
    ("de", Keyword::Help, &["hilfe"]),
    ("nl", Keyword::Stop, &["afmelden", "annuleren", "geen sms meer", "geen berichten meer"]),
    ("sv", Keyword::Stop, &["stopp", "stoppa", "sluta", "avsluta", "inga fler sms", "inga fler meddelanden"]),
    (
        "es",
        Keyword::Stop,
        &[
            "alto",
            "parar",
            "pare",
            "baja",
            "darse de baja",
            "cancelar",
            "detener",
            "no mas sms",
            "no mas mensajes",
        ],
    ),
    ("es", Keyword::Help, &["ayuda"]),
    ("pt", Keyword::Stop, &["parar", "pare", "sair", "cancelar"]),
    ("pt", Keyword::Help, &["ajuda"]),
    ("it", Keyword::Stop, &["annulla", "disiscriviti", "ferma", "cancella"]),
    ("it", Keyword::Help, &["aiuto"]),
];
/// Keywords of Twilio's that answer many other questions as well: `please cancel`, `end now`. They count alone.
const EVERYDAY: &[&str] = &["cancel", "end", "quit"];
/// Words of politeness around a keyword for STOP or START, in any language, folded.
const COURTESIES: &[&str] = &[
    "please",
    "pls",
    "plz",
    "thanks",
    "thank",
    "you",
    "now",
    "bitte",
    "danke",
    "svp",
    "merci",
    "alstublieft",
    "tack",
];
/// Phrases of politeness.
const COURTEOUS_PHRASES: &[&str] = &["sil vous plait", "sil te plait", "por favor", "per favore"];
/// What is to stop, of which one must be named: `stop texting me`, `arretez de menvoyer des sms`.
const TEXTS: &[&str] = &[
    "texting",
    "messaging",
    "spamming",
    "sending",
    "texts",
    "text",
    "messages",
    "message",
    "sms",
    "smses",
    "nachrichten",
    "berichten",
    "mensajes",
    "mensagens",
    "messaggi",
    "meddelanden",
];
/// Words between.
const BESIDE_TEXTS: &[&str] = &[
    "me", "us", "these", "this", "the", "all", "any", "more", "your", "to", "my", "phone", "with", "mit",
    "den", "diesen", "de", "des", "les", "ces", "menvoyer", "enviarme", "enviar", "mandarme", "estos", "los",
    "met",
];

/// The languages whose keywords are understood where none are listed, beside that of the answers.
pub fn default_languages(of_answers: &str) -> Vec<String> {
    let understood =
        |language: &&&str| UNMISTAKABLE_LANGUAGES.contains(*language) || **language == of_answers;
    KEYWORD_LANGUAGES.iter().filter(understood).map(|language| (*language).to_owned()).collect()
}

/// All languages whose keywords are known.
pub fn known_languages() -> Vec<String> {
    KEYWORD_LANGUAGES.iter().map(|language| (*language).to_owned()).collect()
}

/// Most bytes of a text that is looked at: the longest keyword, with as many invisible characters.
const BYTES_MAX: usize = 512;

/// Whether the whole text is one of the agreed words of English or of the languages listed, whatever its case, width,
/// accents and punctuation. A word for STOP or START may be said politely, or name the texts that it is about.
pub fn keyword(body: &str, languages: &[String]) -> Option<Keyword> {
    if body.len() > BYTES_MAX {
        return None;
    }
    let folded = words::fold(body);
    let said = words::before_signature(&folded);
    let mut words = words::words(said);
    // `STOP STOP!`
    words.dedup();
    // `S.T.O.P`
    let is_spelt = words.len() > 1 && words.iter().all(|word| word.chars().count() == 1);
    let text = words.join(if is_spelt { "" } else { " " });
    let is_listed = |code: &str| code == "en" || languages.iter().any(|listed| listed == code);
    let keyword_of = |text: &str| {
        let mut known = KEYWORDS.iter().filter(|(language, ..)| is_listed(language));
        known.find(|(.., words)| words.contains(&text)).map(|(_, keyword, _)| *keyword)
    };
    let said_politely = || {
        let plain = without_courtesy(&text);
        let known = |rest: &str| keyword_of(rest).filter(|_| !EVERYDAY.contains(&rest));
        let keyword = known(&plain).or_else(|| known(before_texts(&plain)?));
        keyword.filter(|keyword| *keyword != Keyword::Help)
    };
    let asks = words::asks(said);
    keyword_of(&text).or_else(said_politely).filter(|keyword| *keyword == Keyword::Help || !asks)
}

/// A folded text without words of politeness.
fn without_courtesy(text: &str) -> String {
    let plain = COURTEOUS_PHRASES.iter().fold(text.to_owned(), |text, phrase| text.replace(phrase, ""));
    let mut words: Vec<&str> = plain.split_whitespace().filter(|word| !COURTESIES.contains(word)).collect();
    words.dedup();
    words.join(" ")
}

/// The first word of a text that names behind it nothing but the texts that are to stop.
fn before_texts(text: &str) -> Option<&str> {
    let (first, behind) = text.split_once(' ')?;
    let mut behind = behind.split(' ');
    let names_texts = behind.clone().any(|word| TEXTS.contains(&word))
        && behind.all(|word| TEXTS.contains(&word) || BESIDE_TEXTS.contains(&word));
    names_texts.then_some(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(expected: Option<Keyword>, bodies: &[&str]) {
        for body in bodies {
            assert_eq!(keyword(body, &known_languages()), expected, "{body:?}");
        }
    }

    #[test]
    fn every_keyword_is_written_as_it_is_compared() {
        for (language, expected, words) in KEYWORDS {
            assert!(*language == "en" || KEYWORD_LANGUAGES.contains(language), "{language}");
            for word in *words {
                assert_eq!(words::words(word).join(" "), *word);
                check(Some(*expected), &[word, &word.to_uppercase()]);
            }
        }
    }

    #[test]
    fn b6_a_keyword_is_read_however_it_is_written() {
        check(
            Some(Keyword::Stop),
            &[
                "STOP",
                " stop\n",
                "Stop!",
                "Stop.",
                "\"STOP\"",
                "“Stop”",
                "'stop'",
                "(stop)",
                "STOP🙏",
                "🛑 stop",
                "STOP\u{200b}",
                "\u{feff}ST\u{ad}OP",
                "ＳＴＯＰ",
                "ＳＴＯＰ！",
                "STOP ALL",
                "stop-all",
                "Stop stop stop",
                "StopAll",
                "Opt out.",
                "opt  out",
                "OPT-OUT",
                "S.T.O.P",
                "STOP\n\nSent from my iPhone",
                "Arrêt",
                "ARRÊTEZ !",
                "¡Alto!",
                "Stopp.",
                "STOP👍🏽",
                "stop please",
                "Please stop!",
                "please stop. Please stop.",
                "Stop, thank you",
                "stop texting me",
                "Please stop sending me messages.",
                "STOP ALL TEXTS",
                "unsubscribe me please",
                "bitte stop",
                "Stopp bitte",
                "Abmelden, bitte",
                "stop svp",
                "Arrêtez de m'envoyer des SMS, s'il vous plaît",
                "alto por favor",
                "pare de enviarme mensajes",
            ],
        );
        check(
            Some(Keyword::Start),
            &[
                "please start",
                "start please",
                "start",
                "Start.",
                "Unstop!",
                "(START)",
                "ＳＴＡＲＴ",
                "unstop🙏",
                "un\u{200b}stop",
            ],
        );
        check(Some(Keyword::Help), &["help", "Info", "Help?", "HELP!!", "\"help\"", "ＨＥＬＰ"]);
    }

    #[test]
    fn b6_other_words_for_stop_and_other_languages_opt_out() {
        check(
            Some(Keyword::Stop),
            &[
                "STOP TO OPT OUT",
                "STOP STOPALL",
                "Remove me!",
                "please remove me",
                "Detener",
                "FERMA",
                "cancella",
                "stoppa",
                "Sluta!",
                "annuleren",
                "Stop paging me",
                "please stop paging me!",
                "no more texts",
                "No more messages please",
                "wrong number stop",
                "Wrong number, please stop.",
                "take me off this list",
                "Please take me off this list",
                "unsubscribe me",
                "bitte keine SMS mehr",
                "Keine weiteren Nachrichten, danke",
                "plus de SMS svp",
                "Désabonnez-moi",
                "no más mensajes, por favor",
                "cancel",
                "End.",
                "QUIT",
            ],
        );
    }

    #[test]
    fn b6_other_languages_than_english_count_where_they_are_listed() {
        let german = ["de".to_owned()];
        assert_eq!(keyword("Abmelden", &german), Some(Keyword::Stop));
        assert_eq!(keyword("Abmelden", &[]), None);
        assert_eq!(keyword("Baja", &german), None);
        assert_eq!(keyword("Stop!", &[]), Some(Keyword::Stop));
    }

    #[test]
    fn b7_words_of_every_day_count_alone_and_where_their_language_is_listed() {
        let unlisted = default_languages("en");
        assert_eq!(unlisted, ["fr", "de", "nl", "sv"]);
        for body in ["alto", "Baja", "pare", "sair", "parar", "detener", "ferma", "cancella", "annulla"] {
            assert_eq!(keyword(body, &unlisted), None, "{body}");
        }
        assert_eq!(keyword("baja", &default_languages("es")), Some(Keyword::Stop));
        assert_eq!(keyword("Arrêt", &unlisted), Some(Keyword::Stop));
        check(
            None,
            &[
                "please cancel",
                "cancel please",
                "cancel thanks",
                "cancel the page",
                "please end",
                "end now",
                "please quit",
                "quit now",
                "cancel texts",
            ],
        );
    }

    #[test]
    fn b7_a_question_is_no_keyword() {
        check(
            None,
            &[
                "stop?",
                "Quit?",
                "end?",
                "STOP ?!",
                "stop\u{2049}",
                "stop please?",
                "¿alto?",
                "arrêt ?",
                "stopp?",
                "start?",
                "stop？",
                "unsubscribe me?",
                "stop texting me?",
            ],
        );
    }

    #[test]
    fn b7_a_word_in_a_sentence_is_no_keyword() {
        check(
            None,
            &[
                "",
                "!",
                "🙏",
                "bus stop at 5",
                "don't stop",
                "don’t stop",
                "STOP 777",
                "STOP K7X4",
                "stop paging Bob, ack K7X4",
                "stop texting Bob",
                "the service stopped",
                "please don't stop",
                "don't stop texting me",
                "please stop the service",
                "Bitte stoppen",
                "stop paging",
                "stop paging Bob",
                "no more",
                "wrong number",
                "no more texts from db-1, fix it",
                "please",
                "text me",
                "help please",
                "stop please K7X4",
                "non-stop",
                "stopped",
                "YES",
                "y",
                "ok",
                "ack 7K2P",
                "St op",
                "help me",
                "the end",
                "start 1",
                "STOP\nplease call me",
            ],
        );
        check(None, &[&format!("stop{}", " ".repeat(BYTES_MAX))]);
    }
}
