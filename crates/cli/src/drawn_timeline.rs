//! A run's timeline as it is drawn on a terminal. In: lines. Out: the same with what each is about, steps, and waits.
//!
//! Never: tells two things apart by colour or by a sign alone: each line says in a word what it is about.

use control::TimelineLine;
use domain::{status::span, timeline::TimelineEvent};
use jiff::Timestamp;

use crate::output;

/// Where sentences begin, in characters.
const SENTENCES: usize = 30;
/// A shorter pause between two lines is not drawn, in seconds.
const PAUSE_S: i64 = 2;

/// Prints the lines, with the pauses between them.
pub(crate) fn print(lines: &[TimelineLine]) {
    let Some(first) = lines.first() else { return };
    output::line(format!("timeline   {} UTC", first.at.strftime("%Y-%m-%d")));
    for drawn in draw(lines) {
        output::wrapped(&drawn, SENTENCES);
    }
}

fn draw(lines: &[TimelineLine]) -> Vec<String> {
    let mut drawn = Vec::new();
    let mut before: Option<Timestamp> = None;
    for (index, line) in lines.iter().enumerate() {
        if let Some(pause) = before.and_then(|before| pause(before, line.at)) {
            drawn.push(format!("{:14}\u{250a} {pause}", ""));
        }
        let sign = if matches!(line.what, TimelineEvent::StepStarted { .. }) {
            "\u{251c}\u{2500}"
        } else if index == 0 {
            "\u{252c}\u{2500}"
        } else if index + 1 == lines.len() {
            "\u{2514}\u{2500}"
        } else {
            "\u{2502} "
        };
        let time = line.at.strftime("%H:%M:%S%.3f");
        drawn.push(format!("{time}  {sign} {:<10} {}", about(line), line.text));
        before = Some(line.at);
    }
    drawn
}

/// How long nothing happened, and the new date where there is one.
fn pause(before: Timestamp, at: Timestamp) -> Option<String> {
    let seconds = at.duration_since(before).as_secs();
    let date = |at: Timestamp| at.strftime("%Y-%m-%d").to_string();
    let day = if date(before) == date(at) { String::new() } else { format!(", now {}", date(at)) };
    (seconds >= PAUSE_S || !day.is_empty()).then(|| format!("{} later{day}", span(seconds)))
}

/// What a line is about, in one word.
fn about(line: &TimelineLine) -> String {
    let of_message = |word: &str| line.message.map_or_else(|| word.to_owned(), |n| format!("{word} {n}"));
    match &line.what {
        TimelineEvent::Opened { .. }
        | TimelineEvent::LaneLowered { .. }
        | TimelineEvent::Acknowledged { .. }
        | TimelineEvent::AcknowledgedPartly { .. }
        | TimelineEvent::AcknowledgementExpired { .. }
        | TimelineEvent::AcknowledgedLate { .. }
        | TimelineEvent::Observed { .. }
        | TimelineEvent::HeldByAgent { .. }
        | TimelineEvent::ResolvedLate { .. }
        | TimelineEvent::AllClear { .. }
        | TimelineEvent::TextsRemoved
        | TimelineEvent::Closed { .. } => "run".to_owned(),
        TimelineEvent::StepStarted { step, .. }
        | TimelineEvent::StepDelayed { step, .. }
        | TimelineEvent::StepSilenced { step, .. }
        | TimelineEvent::DelayCut { step, .. } => format!("step {}", step + 1),
        TimelineEvent::Escalated { .. } => "escalate".to_owned(),
        TimelineEvent::Decided(_) => of_message("policy"),
        TimelineEvent::Shortened { .. }
        | TimelineEvent::TextChanged { .. }
        | TimelineEvent::DispatchBegan { .. }
        | TimelineEvent::OriginatorChosen { .. }
        | TimelineEvent::Submitted { .. }
        | TimelineEvent::Refused { .. }
        | TimelineEvent::Died { .. }
        | TimelineEvent::Replayed { .. }
        | TimelineEvent::Discarded { .. }
        | TimelineEvent::NextNumber { .. }
        | TimelineEvent::Digest { .. }
        | TimelineEvent::Told { .. }
        | TimelineEvent::GoesAlone
        | TimelineEvent::Cancelled => of_message("text"),
        TimelineEvent::RetryScheduled { .. } => of_message("retry"),
        TimelineEvent::DoubtBegan { .. }
        | TimelineEvent::DoubtAsked { .. }
        | TimelineEvent::DoubtResolved { .. }
        | TimelineEvent::SecondSid { .. } => of_message("doubt"),
        TimelineEvent::Status { .. }
        | TimelineEvent::DigestStatus { .. }
        | TimelineEvent::StatusAsked { .. }
        | TimelineEvent::StatusUnknown
        | TimelineEvent::ContradictoryStatus { .. } => of_message("status"),
        TimelineEvent::ReplyUnclear { .. }
        | TimelineEvent::ReplyAnswered { .. }
        | TimelineEvent::ConsentChanged { .. } => of_message("reply"),
        TimelineEvent::EffectReplayed { .. }
        | TimelineEvent::TicketWanted { .. }
        | TimelineEvent::TicketOpened { .. }
        | TimelineEvent::TicketFailed { .. } => "ticket".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use domain::run::RunPhase;

    use super::*;

    #[test]
    fn steps_and_pauses_are_seen() {
        let line = |at: &str, message, text: &str, what| TimelineLine {
            at: at.parse().unwrap(),
            message,
            text: text.to_owned(),
            what,
        };
        let opened = TimelineEvent::Opened { event: "e".to_owned() };
        let started = TimelineEvent::StepStarted { step: 1, round: 0, unresolved: Vec::new() };
        let closed = TimelineEvent::Closed { phase: RunPhase::Exhausted, reason: String::new() };
        let drawn = draw(&[
            line("2026-01-31T23:59:00.250Z", None, "run opened", opened),
            line("2026-01-31T23:59:01Z", Some(1), "sending", TimelineEvent::DispatchBegan { attempt: 1 }),
            line("2026-02-01T00:04:01Z", None, "step 2 started", started),
            line("2026-02-01T00:04:01Z", None, "run ended", closed),
        ]);
        assert_eq!(
            drawn,
            [
                "23:59:00.250  \u{252c}\u{2500} run        run opened",
                "23:59:01.000  \u{2502}  text 1     sending",
                "              \u{250a} 5m later, now 2026-02-01",
                "00:04:01.000  \u{251c}\u{2500} step 2     step 2 started",
                "00:04:01.000  \u{2514}\u{2500} run        run ended",
            ]
        );
    }
}
