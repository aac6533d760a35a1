//! STOP, START and HELP. In: a text as a phone sends it. Out: the same keyword whatever its case and the blanks around
//! it; and a word of English is one whatever other languages are listed.
#![no_main]

use libfuzzer_sys::fuzz_target;
use twilio::{keyword, known_languages};

fuzz_target!(|body: &str| {
    let all = known_languages();
    let found = keyword(body, &all);
    // A text at the bound may pass it by the blanks.
    if found.is_some() && body.len() < 500 {
        assert_eq!(keyword(&body.to_ascii_uppercase(), &all), found);
        assert_eq!(keyword(&format!(" {body}\n"), &all), found);
    }
    if let Some(english) = keyword(body, &[]) {
        assert_eq!(found, Some(english));
    }
    assert!(keyword(&format!("xyzzy {body}"), &all).is_none(), "a word in a sentence is no keyword");
});
