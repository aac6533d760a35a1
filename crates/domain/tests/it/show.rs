//! Effects and times as words. In: effects. Out: one short line.
//!
//! Never: shows a text or a number.

use domain::timeline::{Command, Effects};
use jiff::Timestamp;
use serde::Serialize;

use crate::world::at;

/// The kinds of all effects, in the order of [`Effects`].
pub(crate) fn effects(fx: &Effects) -> String {
    let Effects {
        timeline,
        commands,
        repeats,
        outcomes,
        outbound,
        dead_letters,
        discarded,
        reply_routes,
        consent,
        sids,
        receipts: _,
    } = fx;
    let mut words: Vec<String> = timeline.iter().map(|entry| tag(entry, "what")).collect();
    words.extend(timeline.iter().filter_map(|entry| Some(format!("by:{}", field(entry, "by")?))));
    let named = |command: &Command| match command {
        Command::Dispatch { epoch, .. }
        | Command::ResolveDoubt { epoch, .. }
        | Command::PollStatus { epoch, .. } => format!("{}@{epoch}", tag(command, "do")),
        Command::LookNow { .. } => tag(command, "do"),
    };
    words.extend(commands.iter().map(|command| format!("!{}", named(command))));
    words.extend(repeats.iter().map(|command| format!("repeat:{}", named(command))));
    words.extend(outcomes.iter().map(|outcome| match &outcome.ticket {
        Some(ticket) => format!("outcome:{}+ticket:{ticket}", outcome.phase.as_str()),
        None => format!("outcome:{}", outcome.phase.as_str()),
    }));
    words.extend(outbound.iter().map(|effect| format!("effect:{}", effect.event.kind.as_str())));
    words.extend(dead_letters.iter().map(|letter| format!("dead_letter:{}", letter.reason)));
    words.extend(discarded.iter().map(|_| "discarded".to_owned()));
    words.extend(reply_routes.iter().map(|_| "reply_route".to_owned()));
    words.extend(consent.iter().map(|_| "opt_out".to_owned()));
    words.extend(sids.iter().map(|_| "sid".to_owned()));
    words.join(" ")
}

fn field(value: &impl Serialize, name: &str) -> Option<String> {
    let json = serde_json::to_value(value).unwrap();
    json.get(name).and_then(|text| text.as_str()).map(str::to_owned)
}

fn tag(value: &impl Serialize, name: &str) -> String {
    field(value, name).unwrap()
}

/// A time as seconds after noon.
pub(crate) fn second(time: Timestamp) -> String {
    let ms = time.duration_since(at(0)).as_millis();
    if ms % 1_000 == 0 { (ms / 1_000).to_string() } else { format!("{}.{:03}", ms / 1_000, ms % 1_000) }
}
