//! The scripts. In: their text. Out: one [`redis::Script`] per verb.
//!
//! Never: a script that may not be repeated.

use redis::Script;

use crate::write_arguments::{KEY_COUNT, RunKeys, WriteArguments};

/// All scripts, each loaded by the server on first use.
pub(crate) struct Scripts {
    pub(crate) write: Script,
    pub(crate) take: Script,
    pub(crate) resolve: Script,
    pub(crate) list: Script,
    pub(crate) letters: Script,
    pub(crate) add_letter: Script,
    pub(crate) remove_letter: Script,
    pub(crate) purge: Script,
    pub(crate) routes: Script,
    pub(crate) consent: Script,
    pub(crate) add_override: Script,
    pub(crate) end_override: Script,
    pub(crate) note_sending: Script,
    pub(crate) generation: Script,
    pub(crate) acquire: Script,
    pub(crate) accept: Script,
    pub(crate) conclude: Script,
    pub(crate) postpone: Script,
    pub(crate) add_effect: Script,
    pub(crate) take_effects: Script,
    pub(crate) postpone_effect: Script,
    pub(crate) end_effect: Script,
    pub(crate) keep_answer: Script,
    pub(crate) replace_answer: Script,
    pub(crate) log_outcome: Script,
    pub(crate) logged_outcomes: Script,
    pub(crate) replace_logged: Script,
    pub(crate) add_receipts: Script,
    pub(crate) report: Script,
    pub(crate) withdraw: Script,
    pub(crate) backlog: Script,
    pub(crate) keep_group: Script,
    pub(crate) keep_approval: Script,
    pub(crate) swap: Script,
    pub(crate) swap_field: Script,
    pub(crate) swap_line: Script,
}

macro_rules! text {
    ($($file:literal)*) => { concat!($(include_str!(concat!("lua/", $file, ".lua")), "\n"),*) };
}

macro_rules! script {
    ($($file:literal)*) => { Script::new(text!($($file)*)) };
}

/// A script that reads the keys of a run, and the arguments of a write, by name.
macro_rules! script_of_run {
    ($($file:literal)*) => {{
        let text = text!($($file)*).replace("ARGUMENT_COUNT", &WriteArguments::NAMES.len().to_string());
        let text = text.replace("KEY_COUNT", &KEY_COUNT.to_string());
        Script::new(&WriteArguments::resolve_names(&RunKeys::resolve_names(&text)))
    }};
}

impl Scripts {
    pub(crate) fn new() -> Self {
        Self {
            write: script_of_run!("common" "effect" "write" "open" "change" "write_each"),
            take: script!("take"),
            resolve: script!("resolve"),
            list: script!("common" "list"),
            letters: script!("letters"),
            add_letter: script!("common" "add_letter"),
            remove_letter: script!("common" "remove_letter"),
            purge: script_of_run!("common" "purge"),
            routes: script!("routes"),
            consent: script!("consent"),
            add_override: script!("override"),
            end_override: script!("end_override"),
            note_sending: script!("note_sending"),
            generation: script!("generation"),
            acquire: script!("acquire"),
            accept: script!("accept"),
            conclude: script!("conclude"),
            postpone: script!("postpone"),
            add_effect: script!("effect" "add_effect"),
            take_effects: script!("effect" "take_effects"),
            postpone_effect: script!("effect" "postpone_effect"),
            end_effect: script!("common" "effect" "end_effect"),
            keep_answer: script!("keep_answer"),
            replace_answer: script!("replace_answer"),
            log_outcome: script!("log_outcome"),
            logged_outcomes: script!("logged_outcomes"),
            replace_logged: script!("replace_logged"),
            add_receipts: script!("add_receipts"),
            report: script!("report"),
            withdraw: script!("withdraw"),
            backlog: script!("effect" "backlog"),
            keep_group: script!("keep_group"),
            keep_approval: script!("keep_approval"),
            swap: script!("swap"),
            swap_field: script!("swap_field"),
            swap_line: script!("swap_line"),
        }
    }
}
