//! Another stage in a workflow's file. In: its text. Out: the text with the stage, all else as it was.
//!
//! Never: writes the file, or changes a comment.

use toml::de::{DeTable, DeValue};

/// A file with another stage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Staged {
    /// The whole text.
    pub text: String,
    /// The line that says the stage, from 1.
    pub line: usize,
}

/// The text of a workflow's file with this stage and, for a canary whose file does not say whom it texts, this share of
/// its recipients.
///
/// # Errors
/// Says what to change by hand: the file is no TOML, or lacks what the stage takes.
pub fn with_stage(text: &str, stage: &str, percent: Option<u8>) -> Result<Staged, String> {
    let table = DeTable::parse(text).map_err(|error| format!("is no TOML: {}", error.message()))?;
    let table = table.into_inner();
    let canary = table.get("canary").map(|canary| line_of(text, canary.span().start));
    let canary = match (stage, canary, percent) {
        ("canary", None, None) => {
            return Err("says nobody whom the canary texts: add --percent N, or a table [canary]".to_owned());
        }
        ("canary", None, Some(percent)) => format!("\n[canary]\npercent = {percent}\n"),
        ("canary", Some(line), Some(_)) => {
            return Err(format!(
                "line {line} says whom the canary texts: change it there, without --percent"
            ));
        }
        _ => String::new(),
    };
    let stage = format!("\"{stage}\"");
    let (mut changed, at) = match table.get("stage") {
        Some(value) if matches!(value.get_ref(), DeValue::String(_)) => {
            let at = value.span();
            (format!("{}{stage}{}", &text[..at.start], &text[at.end..]), at.start)
        }
        Some(value) => return Err(format!("line {}: stage is no string", line_of(text, value.span().start))),
        // Before the first table, where it would be another's.
        None => (format!("stage = {stage}\n{text}"), 0),
    };
    if !canary.is_empty() && !changed.ends_with('\n') {
        changed.push('\n');
    }
    changed.push_str(&canary);
    Ok(Staged { line: line_of(&changed, at), text: changed })
}

/// The line of a place, from 1.
fn line_of(text: &str, at: usize) -> usize {
    text.bytes().take(at).filter(|byte| *byte == b'\n').count() + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_stage_is_another() {
        let text = "# Orders.\nevent = \"e\"\nstage = \"canary\" # since May\n[canary]\npercent = 5\n";
        let live = with_stage(text, "live", None).unwrap();
        assert_eq!(live, Staged { text: text.replace("\"canary\"", "\"live\""), line: 3 });
    }

    #[test]
    fn a_canary_needs_somebody_to_text() {
        let text = "event = \"e\"\nstage = 'shadow'";
        assert!(with_stage(text, "canary", None).unwrap_err().contains("--percent"));
        let canary = with_stage(text, "canary", Some(10)).unwrap();
        assert_eq!(canary.text, "event = \"e\"\nstage = \"canary\"\n\n[canary]\npercent = 10\n");
        assert!(with_stage(&canary.text, "canary", Some(20)).unwrap_err().contains("line 4"));
    }

    #[test]
    fn a_file_without_a_stage_gets_one_before_its_tables() {
        let canary = with_stage("[schema]\ntype = \"object\"\n", "canary", Some(1)).unwrap();
        assert!(canary.text.starts_with("stage = \"canary\"\n[schema]\n") && canary.line == 1);
        assert!(with_stage("stage = 3", "live", None).unwrap_err().contains("line 1"));
        assert!(with_stage("stage = ", "live", None).unwrap_err().contains("no TOML"));
    }
}
