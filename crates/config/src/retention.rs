//! `[retention]`: how long what has ended is kept. In: the table. Out: seconds of each kind.
//!
//! Never: texts that outlive their run.

use domain::limits::{
    RETENTION_LETTERS_S_DEFAULT, RETENTION_LETTERS_S_MIN, RETENTION_S_DEFAULT, RETENTION_S_MAX,
    RETENTION_S_MIN, RETENTION_TEXTS_S_MIN,
};

use crate::reader::{Document, Section};

/// How long what has ended is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetentionSettings {
    /// A run, after its end, in seconds.
    pub ended_runs_s: u32,
    /// Its texts and the fields of its event, after its end, in seconds; at most as long as the run.
    pub texts_s: u32,
    /// A dead letter of no run, in seconds.
    pub dead_letters_s: u32,
}

impl Default for RetentionSettings {
    fn default() -> Self {
        Self {
            ended_runs_s: RETENTION_S_DEFAULT,
            texts_s: RETENTION_S_DEFAULT,
            dead_letters_s: RETENTION_LETTERS_S_DEFAULT,
        }
    }
}

pub(crate) fn read_retention(doc: &mut Document<'_>, top: &mut Section<'_>) -> RetentionSettings {
    let defaults = RetentionSettings::default();
    let Some(mut section) = top.section(doc, "retention") else { return defaults };
    let runs = section.seconds(doc, "ended_runs", RETENTION_S_MIN..RETENTION_S_MAX + 1);
    let ended_runs_s = runs.unwrap_or(defaults.ended_runs_s);
    let texts = section.seconds(doc, "texts", RETENTION_TEXTS_S_MIN..ended_runs_s + 1);
    let letters = section.seconds(doc, "dead_letters", RETENTION_LETTERS_S_MIN..RETENTION_S_MAX + 1);
    section.finish(doc);
    RetentionSettings {
        ended_runs_s,
        texts_s: texts.unwrap_or(ended_runs_s),
        dead_letters_s: letters.unwrap_or(defaults.dead_letters_s),
    }
}
