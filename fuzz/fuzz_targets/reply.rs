//! Replies. In: a text as a phone sends it. Out: what it acknowledges is open, each run once; it is named by its code,
//! unless the text means all runs; and a phone without open codes acknowledges nothing.
#![no_main]

use std::collections::BTreeSet;

use domain::{
    id::{MessageId, RunId},
    provider::Text,
    reply::{Meaning, OpenCode, People, read},
    words,
};
use libfuzzer_sys::fuzz_target;

const PAGE: &str = "CRITICAL: disk full (db-1). Reply ACK K7X4 to acknowledge.";

fn phone(codes: [&str; 3], bare_word: bool) -> Vec<OpenCode> {
    let open = |(at, code): (usize, &str)| OpenCode {
        code: code.parse().expect("a code"),
        message: MessageId { run: RunId::derive("monitor", &at.to_string(), "paging", None), number: 1 },
        about: format!("db-{at}"),
        is_active: at != 1,
        bare_word,
        page: (at == 0).then(|| Text(PAGE.replace("K7X4", code).into())),
        answers: vec![Text(format!("{code} was acknowledged by Ada.").into())],
    };
    codes.into_iter().enumerate().map(open).collect()
}

/// Whether a code stands in a text, however it is spaced. A letter outside ASCII may be any: some look like Latin ones.
fn names(body: &str, code: &str) -> bool {
    let letters: Vec<char> = words::fold(body).chars().filter(|c| c.is_alphanumeric() || *c == '×').collect();
    let is_code = |window: &[char]| {
        window.iter().zip(code.chars()).all(|(c, of_code)| !c.is_ascii() || c.eq_ignore_ascii_case(&of_code))
    };
    letters.windows(code.len()).any(is_code)
}

fuzz_target!(|body: &str| {
    let people = People::new("Ada", ["Bob"]);
    assert_ne!(read(body, &[], &people).meaning, Meaning::Acknowledge);
    for bare_word in [false, true] {
        let open = phone(["K7X4", "44MC", "9HPR"], bare_word);
        let reading = read(body, &open, &people);
        assert_eq!(reading, read(body, &open, &people), "a reply means one thing");
        let runs: BTreeSet<_> = reading.messages.iter().map(|message| &message.run).collect();
        assert_eq!(runs.len(), reading.messages.len(), "each run once");
        let codes: Vec<_> = open
            .iter()
            .filter(|open| reading.messages.contains(&open.message))
            .map(|open| open.code.to_string())
            .collect();
        assert_eq!(codes.len(), reading.messages.len(), "every message is open");
        assert_eq!(reading.meaning.reason().is_none(), reading.meaning == Meaning::Acknowledge);
        if reading.meaning == Meaning::Acknowledge {
            assert!(!codes.is_empty());
            // A text that means all runs, or names one by its subject, acknowledges those of other codes too.
            let needs_no_code = || {
                read(body, &phone(["MW7T", "C3VN", "NF4K"], bare_word), &people).meaning
                    == Meaning::Acknowledge
            };
            assert!(codes.iter().all(|code| names(body, code)) || needs_no_code(), "{codes:?} in {body:?}");
        }
    }
});
