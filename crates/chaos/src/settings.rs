//! The configuration that the fleet runs with. In: addresses and deadlines. Out: files in a folder.
//!
//! Never: holds a secret that is one: the keys are for this run alone.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
};

use anyhow::Result;

use crate::{event_outcome::SOURCE, plan::Plan};

/// What names in the servers begin with.
pub(crate) const AMQP_PREFIX: &str = "chaos.";
/// The same in Redis.
pub(crate) const REDIS_PREFIX: &str = "chaos:";
/// The key of the one source.
pub(crate) const KEY: &str = "chaos-key";
/// The provider's token, which signs its callbacks.
pub(crate) const AUTH_TOKEN: &str = "token-of-chaos-4711";
/// The token that takes its place when it is rotated.
pub(crate) const NEXT_AUTH_TOKEN: &str = "next-token-of-chaos-4711";
/// The broker's user, and its password.
pub(crate) const BROKER_USER: &str = "chaos-user";
pub(crate) const BROKER_PASSWORD: &str = "broker-of-chaos-4711";
/// The password of Redis, where it is one server.
pub(crate) const STORE_PASSWORD: &str = "store-of-chaos-4711";
/// How long an answer of the provider is waited for, in seconds.
const ANSWER_MAX_S: u32 = 2;

/// What all workflows share. The provider is asked about a doubt twice, so that a status may come in between although the
/// receiver of callbacks was killed: its lists lag behind. It is asked for a status soon after that should have come.
const COMMON: &str = r#"
stage = "live"
on_doubt = "resend"
doubt_ask_after = ["3s", "8s"]
poll_after = ["5s", "15s", "1m"]
[retry]
base = "1s"
cap = "4s"
[schema]
type = "object"
required = ["text", "first", "second"]
properties = { text = { type = "string" }, first = { type = "string" }, second = { type = "string" } }
"#;

/// What the text of a note ends with once its workflow has been changed.
pub(crate) const REWORDED: &str = " (second wording)";
const NOTE_STEP: &str = "[[step]]\nnotify = [\"field:first\"]\ndeliver_within = \"10m\"\n";

/// Where the processes find one another.
pub(crate) struct Addresses {
    pub(crate) ingest: SocketAddr,
    pub(crate) public: SocketAddr,
}

/// Who has Twilio's tokens in files of its own: they change at different moments of a rotation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TokenHolder {
    /// Receivers of callbacks, which check signatures.
    Callback,
    /// All others, of which senders sign in.
    Sender,
}

impl TokenHolder {
    pub(crate) fn of(role: &str) -> Self {
        if role == "callback" { Self::Callback } else { Self::Sender }
    }

    /// The files of the token and of the next one.
    pub(crate) fn files(self, folder: &Path) -> [PathBuf; 2] {
        let who = if self == Self::Callback { "callback" } else { "sender" };
        ["token", "next-token"].map(|name| folder.join(format!("{name}.{who}")))
    }

    /// Writes them; an empty next token counts as none.
    pub(crate) fn write(self, folder: &Path, token: &str, next: &str) -> Result<()> {
        let files = self.files(folder);
        for (file, token) in files.iter().zip([token, next]) {
            // A process that starts meanwhile reads the old one or the new one, never half of it.
            let new = file.with_extension("new");
            std::fs::write(&new, token)?;
            std::fs::rename(new, file)?;
        }
        Ok(())
    }
}

/// Writes the workflow of notes, whose texts end with so much more than what they are given.
pub(crate) fn write_note(folder: &Path, ending: &str) -> Result<()> {
    let note = format!("event = \"note.created\"\ntemplate = \"{{{{ text }}}}{ending}\"{COMMON}{NOTE_STEP}");
    let (file, new) = (folder.join("workflows/note.toml"), folder.join("note.new"));
    std::fs::write(&new, note)?;
    Ok(std::fs::rename(new, file)?)
}

/// Writes them.
pub(crate) fn write(folder: &Path, plan: &Plan, addresses: &Addresses) -> Result<()> {
    let Addresses { ingest, public } = addresses;
    let quota = plan.quota_per_s.map_or(String::new(), |quota| format!("events_per_second = {quota}\n"));
    let main = format!(
        "environment = \"test\"\n[http]\nlisten = \"{ingest}\"\n\
         [twilio]\nfrom = \"+15005550006\"\npublic_url = \"http://{public}\"\nanswer_max = \"{ANSWER_MAX_S}s\"\n\
         in_flight_max = 100\n\
         [[source]]\nname = \"{SOURCE}\"\ntypes = [\"*\"]\nkey_env = [\"CALLOUT_KEY_CHAOS\"]\n{quota}\
         [log]\nformat = \"json\"\n\
         [backend]\nkind = \"fleet\"\namqp_prefix = \"{AMQP_PREFIX}\"\nredis_prefix = \"{REDIS_PREFIX}\"\n"
    );
    let workflows = folder.join("workflows");
    std::fs::create_dir(&workflows)?;
    std::fs::write(folder.join("callout.toml"), main)?;
    write_note(folder, "")?;
    for holder in [TokenHolder::Callback, TokenHolder::Sender] {
        holder.write(folder, AUTH_TOKEN, "")?;
    }
    std::fs::write(workflows.join("page.toml"), page("page", plan.ack_s, plan.ack_s))?;
    // The first person is given up at once, the second never: see the recovery figures.
    std::fs::write(workflows.join("burst.toml"), page("burst", 1, 3_600))?;
    Ok(())
}

fn page(name: &str, first_s: u32, second_s: u32) -> String {
    format!(
        "event = \"{name}.created\"\nlane = \"critical\"\ncategory = \"operational\"\n\
         template = \"{{{{ text }}}}. Reply ACK {{{{ ack }}}}\"\n{COMMON}\
         [[step]]\nnotify = [\"field:first\"]\nack_within = \"{first_s}s\"\n\
         [[step]]\nnotify = [\"field:second\"]\nack_within = \"{second_s}s\"\n\
         [exhausted]\nticket = \"desk\"\n"
    )
}
