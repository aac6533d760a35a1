//! Words with a legal or agreed meaning. In: the whole text that somebody sent. Out: what it asks for, if it is one.
//!
//! Never: looks for a word in a sentence: `bus stop at 5` asks for nothing.

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
        ],
    ),
    ("en", Keyword::Start, &["start", "unstop"]),
    ("en", Keyword::Help, &["help", "info"]),
    ("fr", Keyword::Stop, &["arret", "arreter", "arretez", "desabonner"]),
    ("fr", Keyword::Help, &["aide"]),
    ("de", Keyword::Stop, &["stopp", "abmelden", "abbestellen"]),
    ("de", Keyword::Help, &["hilfe"]),
    ("nl", Keyword::Stop, &["afmelden"]),
    ("sv", Keyword::Stop, &["stopp", "avsluta"]),
    ("es", Keyword::Stop, &["alto", "parar", "pare", "baja", "darse de baja", "cancelar"]),
    ("es", Keyword::Help, &["ayuda"]),
    ("pt", Keyword::Stop, &["parar", "pare", "sair", "cancelar"]),
    ("pt", Keyword::Help, &["ajuda"]),
    ("it", Keyword::Stop, &["annulla", "disiscriviti"]),
    ("it", Keyword::Help, &["aiuto"]),
];
/// All languages whose keywords are known.
pub fn known_languages() -> Vec<String> {
    KEYWORD_LANGUAGES.iter().map(|language| (*language).to_owned()).collect()
}

/// Most bytes of a text that is looked at: the longest keyword, with as many invisible characters.
const BYTES_MAX: usize = 512;

/// Whether the whole text is one of the agreed words of English or of the languages listed, whatever its case, width,
/// accents and punctuation.
pub fn keyword(body: &str, languages: &[String]) -> Option<Keyword> {
    if body.len() > BYTES_MAX {
        return None;
    }
    let folded = words::fold(body);
    let mut words = words::words(words::before_signature(&folded));
    // `STOP STOP!`
    words.dedup();
    // `S.T.O.P`
    let is_spelt = words.len() > 1 && words.iter().all(|word| word.chars().count() == 1);
    let text = words.join(if is_spelt { "" } else { " " });
    let is_listed = |code: &str| code == "en" || languages.iter().any(|listed| listed == code);
    let mut known = KEYWORDS.iter().filter(|(language, ..)| is_listed(language));
    known.find(|(.., words)| words.contains(&text.as_str())).map(|(_, keyword, _)| *keyword)
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
            ],
        );
        check(
            Some(Keyword::Start),
            &["start", "Start.", "Unstop!", "(START)", "ＳＴＡＲＴ", "unstop🙏", "un\u{200b}stop"],
        );
        check(Some(Keyword::Help), &["help", "Info", "Help?", "HELP!!", "\"help\"", "ＨＥＬＰ"]);
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
                "Stop please",
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
