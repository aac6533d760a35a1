//! The keys and arguments of the scripts that write a run.
//!
//! In: names, and what each stands for. Out: the same names for Rust and for `write.lua`. Never: a value.

use crate::arguments::arguments;

arguments! {
    /// The keys of a run's shard.
    RunKeys, "KEYS" behind "keys_at" {
        run: String,
        timeline: String,
        /// Runs by due time.
        due: String,
        /// Slots for which a timer was asked for.
        timers: String,
        counts: String,
        /// Runs by opening time.
        runs: String,
        /// Runs that need nothing more, by end: those that are as this one, with texts that may go or without.
        ended: String,
        /// The others of those.
        ended_other: String,
        /// Runs with a message that needs review, by opening time.
        review: String,
        outcomes: String,
        /// What is to be done outside, by id.
        effects: String,
        /// What the keys of the due rows of each destination begin with.
        effects_due: String,
        letters: String,
        /// Dead letters by time.
        letters_at: String,
        /// Runs of the subject that a resolution ends; absent without a subject.
        subject: Option<String>,
        /// Runs of the subject that are over and whose tickets hear of a resolution; absent without a subject.
        subject_over: Option<String>,
        /// Absent without a subject, and when a run is purged.
        resolution: Option<String>,
    }
}

/// How many keys each change has at least.
pub(crate) const KEY_COUNT: usize = RunKeys::NAMES.len() - 3;

arguments! {
    /// The arguments of `write.lua` for one change. Behind them come the timeline lines, the outcomes, for each effect its id,
    /// destination, due time and document, for each dead letter its id, time, reason and document, the ids of the discarded
    /// ones, and for each SID its field and message.
    WriteArguments<'a>, "ARGV" behind "arguments_at" {
        /// Names the call.
        token: &'a str,
        id: &'a str,
        /// In milliseconds; empty for a run that is not due.
        due_ms: String,
        /// The slot of its timer, in Unix seconds; empty for a run that needs none.
        timer_slot: String,
        /// The letter of the run's phase.
        phase: String,
        /// `f` if no process would look at the run again; then `h` if a message needs review, `u` if it is unfinished.
        flags: String,
        /// How many messages are in each phase.
        tally: String,
        document: Vec<u8>,
        /// In milliseconds; empty for a run that is still due or open.
        ended_ms: String,
        /// `t` for a run with texts that may go, else empty.
        texts: &'a str,
        opened_ms: i64,
        /// `open` for a run that a resolution of its subject ends, `over` for one whose ticket hears of it, else empty.
        resolvable: &'a str,
        /// The version to replace; 0 for a new run.
        version: u64,
        /// `open` or `closed`.
        state: &'a str,
        /// The event's time in microseconds; `-` for a change.
        happened_us: &'a str,
        /// How many timeline lines follow.
        line_count: usize,
        /// How many outcomes follow them.
        outcome_count: usize,
        /// How many effects follow those.
        effect_count: usize,
        /// How many dead letters follow those.
        letter_count: usize,
        /// How many discarded ones follow those.
        discarded_count: usize,
        /// How many SIDs follow those; their keys come behind the run's.
        sid_count: usize,
        /// What the event says, if its key is still to be bound to that; its key comes last. Else empty.
        content: String,
        /// For how many seconds it is bound.
        content_kept_s: u32,
        /// How many keys come behind the run's.
        more_keys: usize,
        /// How many arguments follow, all together.
        following: usize,
        /// How many of the optional keys there are: 0, 2 with a subject, or 3 with a resolution's as well.
        optional_keys: usize,
    }
}
