//! `[replies]`: what people are answered, in which language. In: the table. Out: the wording of notices, and the
//! languages of keywords.
//!
//! Never: leaves a template to fail when somebody replies.

use domain::notice::{Language, NoticeKind, Wording};

use crate::reader::{Document, Section};

/// The `[replies]` table.
#[derive(Debug, Clone, Default)]
pub struct ReplySettings {
    /// What is said by itself; absent where replies are not answered and nobody hears an all-clear.
    pub wording: Option<Wording>,
    /// The languages beside English in which STOP, START and HELP are understood. Where absent, those whose keywords are no words
    /// of every day, and the language of the answers.
    pub keyword_languages: Option<Vec<String>>,
}

pub(crate) fn read_replies(doc: &mut Document<'_>, top: &mut Section<'_>) -> ReplySettings {
    let Some(mut section) = top.section(doc, "replies") else {
        return ReplySettings { wording: Some(Wording::default()), keyword_languages: None };
    };
    let mut wording = Wording::new(read_language(doc, &mut section));
    for kind in NoticeKind::ALL {
        let Some(template) = section.text(doc, kind.key()) else { continue };
        for error in wording.replace(kind, &template.value).err().unwrap_or_default() {
            doc.problem(&template.at, format!("replies.{}: {}", kind.key(), error.message));
        }
    }
    let is_answered = section.boolean(doc, "answer").unwrap_or(true);
    let keyword_languages = section.has("keyword_languages").then(|| read_keywords(doc, &mut section));
    section.finish(doc);
    ReplySettings { wording: is_answered.then_some(wording), keyword_languages }
}

fn read_language(doc: &mut Document<'_>, section: &mut Section<'_>) -> Language {
    let Some(code) = section.text(doc, "language") else { return Language::default() };
    Language::ALL.into_iter().find(|language| language.code() == code.value).unwrap_or_else(|| {
        let codes = Language::ALL.map(Language::code).join(", ");
        doc.problem(&code.at, format!("replies.language: expected one of {codes}, not {:?}", code.value));
        Language::default()
    })
}

fn read_keywords(doc: &mut Document<'_>, section: &mut Section<'_>) -> Vec<String> {
    let languages = section.texts(doc, "keyword_languages");
    for language in
        languages.iter().filter(|language| !twilio::KEYWORD_LANGUAGES.contains(&language.value.as_str()))
    {
        let known = twilio::KEYWORD_LANGUAGES.join(", ");
        doc.problem(
            &language.at,
            format!("replies.keyword_languages: expected some of {known}, not {:?}", language.value),
        );
    }
    languages.into_iter().map(|language| language.value).collect()
}
