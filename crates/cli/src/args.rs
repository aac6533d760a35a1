//! The command line: help texts are the doc comments.

mod agents;
mod consent;
mod doctor;
mod explain;
mod oncall;
mod preflight;
mod runs;
mod silence;
mod simulate;
mod tokens;
pub(crate) mod values;
mod watching;
mod workflows;

use std::{net::SocketAddr, path::PathBuf};

use clap::{Args, Parser, Subcommand, ValueEnum};
use config::Scope;
use domain::limits::DEAD_LETTERS_MAX;

use crate::bulk::BulkArgs;

pub(crate) use agents::{Agents, Approvals, Decision};
pub(crate) use consent::{Consent, ConsentImport, Proof};
pub(crate) use doctor::Doctor;
pub(crate) use explain::{Explain, Messages, TestPage};
pub(crate) use oncall::{
    Layer, OnCall, OnCallCalendar, OnCallImport, OnCallOverride, OnCallShow, OnCallSwap,
};
pub(crate) use preflight::Preflight;
use runs::parse_since;
pub(crate) use runs::{ReviewAnswer, Runs, RunsList, Settle};
pub(crate) use silence::{SilenceAdd, SilenceCommand};
pub(crate) use simulate::Simulate;
pub(crate) use tokens::{Tokens, TokensCreate};
use values::{http_url, listen, number};
pub(crate) use watching::{Erase, Status, Tail, Top};
pub(crate) use workflows::{Promote, Workflows, WorkflowsStatus};

/// SMS as an operations channel: events become texts that arrive, are answered, or are escalated.
///
/// Exit codes: 0 done, 1 failed, 2 wrong usage, 3 not found, 4 confirmation missing,
/// 78 a mistake in the configuration, 130 stopped by Ctrl-C.
///
/// `runs`, `dlq`, `oncall`, `silence`, `approvals`, `agents`, `consent`, `explain`, `messages`, `test-page`, `workflows`, `status`, `tail`, `top` and `audit` ask the API of another machine where CALLOUT_URL names it; CALLOUT_TOKEN, or CALLOUT_TOKEN_FILE,
/// holds the token then.
#[derive(Debug, Parser)]
#[command(name = "callout", version, max_term_width = 100)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) common: Common,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Args)]
pub(crate) struct Common {
    /// The main configuration file; contacts.toml, oncall.toml and workflows/ are read beside it.
    #[arg(long, global = true, env = "CALLOUT_CONFIG", default_value = "callout.toml")]
    pub(crate) config: PathBuf,
    /// How results are printed on standard output. Everything else goes to standard error.
    #[arg(long, global = true, value_enum, default_value_t = Output::Text)]
    pub(crate) output: Output,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Output {
    /// For people.
    Text,
    /// For scripts.
    Json,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Play a short scenario with everything in one process and a simulated Twilio, then keep running to be tried out.
    Demo(Demo),
    /// Run callout: every role in one process, or some roles of a fleet.
    ///
    /// On the embedded backend one process runs every role, on one SQLite file. On the fleet backend each role is
    /// scaled by starting it more often. Without TWILIO_ACCOUNT_SID the built-in simulator takes Twilio's place, except in production.
    Serve(Serve),
    /// Have the running process read its configuration again, as SIGHUP does.
    ///
    /// People, rotations, workflows, sources, replies, the log's filter and secrets from files come into force, all or
    /// nothing; runs keep the workflow that they were opened with. The processes of a fleet take SIGHUP only.
    Reload,
    /// Submit events.
    #[command(subcommand)]
    Events(Events),
    /// List and show runs; acknowledge, escalate, settle or cancel them.
    #[command(subcommand)]
    Runs(Runs),
    /// List and show dead letters; replay or discard them.
    #[command(subcommand)]
    Dlq(Dlq),
    /// Show how workflows do and what stands between each and its next stage; write the next stage into its file.
    #[command(subcommand)]
    Workflows(Workflows),
    /// Show who is on call; have somebody take over, or swap two people's shifts. In force at once.
    #[command(subcommand, name = "oncall")]
    OnCall(OnCall),
    /// Have nobody texted about some events for a while; list and end silences.
    #[command(subcommand)]
    Silence(SilenceCommand),
    /// List and show what software agents ask for; approve or deny it.
    #[command(subcommand)]
    Approvals(Approvals),
    /// List software agents; stop one or all, and let them go on.
    #[command(subcommand)]
    Agents(Agents),
    /// Show and record what owners of numbers agreed to, with the evidence.
    #[command(subcommand)]
    Consent(Consent),
    /// Say why somebody was texted around a time, or was not.
    ///
    /// Who was on call in their schedules, consent and silences then, the runs that texted them with every verdict and
    /// delivery, and runs whose workflows name them and did not reach them, with why. Overrides and silences are told as far
    /// as they are stored, and rotations are those that are configured now.
    Explain(Explain),
    /// List the texts to a number, latest first, with what became of them.
    Messages(Messages),
    /// Send a contact a text that is marked as a test, wait for its receipt and the reply, and say how long each leg took.
    ///
    /// It goes through policy, limits and the provider as pages do: opt-outs, silences and the environment hold it back,
    /// and it is said when they do. It opens no ticket, escalates to nobody and texts nobody else. Exit 0 if it was
    /// delivered and, unless --no-reply, acknowledged in time; else 1, with what is missing.
    TestPage(TestPage),
    /// Print what a workflow would do with events of a file, in simulated time, or what another configuration changes.
    ///
    /// Each text is delivered after 5 seconds and not acknowledged, unless --outcomes says otherwise. Only the
    /// configuration counts: opt-outs, grants, silences, overrides and rate limits of a running callout are not known here.
    Simulate(Simulate),
    /// Make, list and revoke tokens of the HTTP API.
    #[command(subcommand)]
    Tokens(Tokens),
    /// Declare, verify or export what a fleet needs in RabbitMQ.
    #[command(subcommand)]
    Topology(Topology),
    /// Check the configuration, and report every error with file and line.
    Check(Check),
    /// Look at the account, its senders, their registration, the way back and the workflows before anything is sent.
    ///
    /// Exit 1 if an error was found. A whole preflight is kept; a sender starts in production only with one that passed within
    /// a day.
    Preflight(Preflight),
    /// Check software beside callout that works with it.
    #[command(subcommand)]
    Doctor(Doctor),
    /// Say whether all is well and, if not, what to do first; list processes, queues and what waits.
    ///
    /// Exit 1 if there is a problem.
    Status(Status),
    /// Follow what happens, one line each: runs opened, escalated and ended, tickets, dead letters, opt-outs.
    ///
    /// Needs [api] listen in the configuration: where the API is served, the latest outcomes are kept.
    Tail(Tail),
    /// Show which workflows, recipients and senders were busy in the last minutes.
    Top(Top),
    /// Count how every event ended, and list what is unfinished; exit 1 if anything is lost.
    Audit(Audit),
    /// Print everything that is held about a number, as JSON: runs with their texts, consent, dead letters.
    ///
    /// For whoever asks what you know of them. The output is personal data.
    Export {
        /// The number, for example +14155550101.
        #[arg(long, value_name = "NUMBER")]
        recipient: domain::phone::E164,
    },
    /// Erase what is held about a number.
    ///
    /// Runs that texted it go, with their texts and timelines. Runs that are under way stay, and consent does: it says who
    /// must not be texted. So do runs that ended within the last seven days, unless --also-recent says otherwise: if their
    /// event came a second time, it would open a new run.
    Erase(Erase),
    /// Make keys for `[privacy] key_file`, by which texts and numbers are encrypted in the store.
    #[command(subcommand)]
    Privacy(Privacy),
    /// Copy the database of an embedded installation to a new file, also while callout runs on it.
    Backup {
        /// The new file.
        file: PathBuf,
    },
    /// Serve software agents over MCP on standard input and output, for hosts that start a program.
    ///
    /// It passes messages on to the role api, at CALLOUT_URL or [api] listen of the configuration, with the token in
    /// CALLOUT_TOKEN_FILE or CALLOUT_TOKEN; `callout tokens create --agent` makes one. Hosts that speak HTTP ask /mcp there.
    Mcp,
    /// Run the Twilio simulator on its own port.
    TwilioSim(TwilioSim),
    /// Run a tracker of issues on its own port, to try tickets with: as much of GitHub's API as callout uses.
    TrackerSim {
        /// The address to listen on; port 0 takes a free port.
        #[arg(long, default_value = "127.0.0.1:8092", value_parser = listen)]
        listen: SocketAddr,
    },
    /// Print completions for a shell, for example `callout completions bash > /etc/bash_completion.d/callout`.
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
    /// Print the manual page, or write one for each command to a folder.
    Man {
        /// The folder; it must exist.
        #[arg(long, value_name = "FOLDER")]
        folder: Option<PathBuf>,
    },
}

/// What concerns the encryption of texts and numbers.
#[derive(Debug, Subcommand)]
pub(crate) enum Privacy {
    /// Print a line with a new key, for the file that `[privacy] key_file` names.
    ///
    /// For example `umask 077; callout privacy new-key 2027-01 > privacy.key`. To change keys, put a new line before the
    /// others and restart; the line behind it may go once every process has started anew.
    NewKey {
        /// The key's name: at most 32 letters, digits, `-` and `_`.
        name: String,
    },
}

#[derive(Debug, Args)]
pub(crate) struct Check {
    /// Print every key of callout.toml with its default, and check nothing.
    #[arg(long)]
    pub(crate) defaults: bool,
    /// Check what a process with this role needs, instead of what all of them need; may be repeated.
    #[arg(long = "role", value_name = "ROLE")]
    pub(crate) roles: Vec<Role>,
}

#[derive(Debug, Args)]
pub(crate) struct Demo {
    /// Exit after the scenario, with 0 only if every outcome was as expected.
    #[arg(long)]
    pub(crate) exit: bool,
    /// The address that the demo's HTTP server listens on; port 0 takes a free port.
    #[arg(long, default_value = "127.0.0.1:8080", value_parser = listen)]
    pub(crate) listen: SocketAddr,
}

#[derive(Debug, Args)]
pub(crate) struct Serve {
    /// The roles to run; without any, all of them.
    #[arg(value_enum)]
    pub(crate) roles: Vec<Role>,
    /// Listen on this address instead of the configured one.
    #[arg(long, value_parser = listen)]
    pub(crate) listen: Option<SocketAddr>,
    /// Serve readiness and metrics on this address instead of the configured one.
    #[arg(long, value_parser = listen)]
    pub(crate) monitoring_listen: Option<SocketAddr>,
    /// Send in production although no preflight passed within a day, for this reason, which the log and the status say.
    #[arg(long, value_name = "REASON", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    pub(crate) without_preflight: Option<String>,
}

/// A part of the work that can be a process of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub(crate) enum Role {
    /// Takes events over HTTP.
    Ingest,
    /// Opens runs and sends texts.
    Sender,
    /// Takes Twilio's statuses and replies.
    Callback,
    /// Acts on deadlines.
    Escalation,
    /// Opens tickets and tells others what happened.
    Integrations,
    /// Answers tools and people over HTTP, where `[api] listen` says.
    Api,
}

impl Role {
    /// The roles that were named, each once, or all.
    pub(crate) fn chosen(named: &[Self]) -> Vec<Self> {
        let is_chosen = |role: &&Self| named.is_empty() || named.contains(role);
        Self::value_variants().iter().filter(is_chosen).copied().collect()
    }

    /// Its name on the command line and in heartbeats.
    pub(crate) fn name(self) -> String {
        self.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
    }

    /// The secrets that a process with these roles needs.
    pub(crate) fn scope(roles: &[Self]) -> Scope {
        Scope {
            sources: roles.contains(&Self::Ingest),
            provider: roles.contains(&Self::Sender),
            webhooks: roles.contains(&Self::Callback),
            destinations: roles.contains(&Self::Integrations),
            calendars: roles.contains(&Self::Escalation),
        }
    }
}

/// What a fleet needs in RabbitMQ.
#[derive(Debug, Subcommand)]
pub(crate) enum Topology {
    /// Make the exchanges, queues and bindings that are missing.
    Declare,
    /// Check that all of them are there and of the right kind; exit 1 if not. Bindings are seen through the management
    /// API or an export alone.
    Verify(Verify),
    /// Print them as definitions that `rabbitmqctl import_definitions` takes.
    Export {
        /// The virtual host they are for.
        #[arg(long, default_value = "/")]
        vhost: String,
    },
}

/// Where `topology verify` sees what AMQP does not show.
#[derive(Debug, Args)]
pub(crate) struct Verify {
    /// The management API; by default at the broker's host, on the port of the plugin.
    #[arg(long, value_name = "URL", value_parser = http_url)]
    pub(crate) management: Option<url::Url>,
    /// What `rabbitmqctl export_definitions FILE` wrote, instead of the management API.
    #[arg(long, value_name = "FILE", conflicts_with = "management")]
    pub(crate) definitions: Option<std::path::PathBuf>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Events {
    /// Submit one CloudEvent, or a JSON array of them.
    Send(EventsSend),
    /// Print the events of runs and those that resolved them, one CloudEvent on each line, for `callout simulate --events`.
    ///
    /// Whole numbers may be in their fields. Events whose fields were removed are left out, and it is said how many.
    Export(EventsExport),
}

#[derive(Debug, Args)]
pub(crate) struct EventsExport {
    /// Of runs opened at this time or later, or in so long: 30d, 2026-01-31T00:00:00Z.
    #[arg(long, value_name = "TIME", default_value = "30d", value_parser = parse_since)]
    pub(crate) since: jiff::Timestamp,
    /// Of this workflow alone.
    #[arg(long)]
    pub(crate) workflow: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct EventsSend {
    /// A file with JSON, or - for standard input.
    pub(crate) file: String,
    /// The address of callout; by default that of the API in CALLOUT_URL, which takes CALLOUT_TOKEN, else the configured one.
    #[arg(long, value_parser = http_url)]
    pub(crate) url: Option<url::Url>,
    /// The environment variable that holds the source's key.
    #[arg(long, value_name = "NAME", default_value = "CALLOUT_KEY")]
    pub(crate) key_env: String,
    /// For so many seconds, send again what got no answer, or one that asks for it (408, 429, 5xx). An event that was taken
    /// already is not taken twice.
    #[arg(long, value_name = "SECONDS", default_value_t = 0, value_parser = number::<u32>(0..=86_400))]
    pub(crate) retry_for: u32,
}

#[derive(Debug, Args)]
pub(crate) struct Audit {
    /// Ask the rules again for every stored verdict instead, and list those that are not the same, byte for byte.
    #[arg(long)]
    pub(crate) decisions: bool,
    /// List at most this many unfinished messages.
    #[arg(long, default_value_t = 1_000, value_parser = number::<usize>(1..=u64::MAX))]
    pub(crate) max: usize,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Dlq {
    /// List dead letters, oldest first.
    List(DlqFilter),
    /// Show one dead letter, its event included.
    Show(DlqId),
    /// Replay dead letters. Policy, age and epoch are checked again; what is too old stays a dead letter.
    Replay(DlqChange),
    /// Discard dead letters without sending them.
    Discard(DlqChange),
}

#[derive(Debug, Args)]
pub(crate) struct DlqFilter {
    /// Only dead letters with this reason: refused, composition, unroutable, invalid_event, too_large, unreadable, conflict,
    /// effect, misrouted, expired, poison.
    #[arg(long)]
    pub(crate) reason: Option<String>,
    /// Only dead letters of this workflow.
    #[arg(long)]
    pub(crate) workflow: Option<String>,
    /// Only dead letters from this source.
    #[arg(long)]
    pub(crate) source: Option<String>,
    /// Only dead letters since this time, for example 2026-01-31T09:30:00Z, or for so long, for example 2h or 3d.
    #[arg(long, value_name = "TIME", value_parser = runs::parse_since)]
    pub(crate) since: Option<jiff::Timestamp>,
    /// Only dead letters before this time, or before so long ago.
    #[arg(long, value_name = "TIME", value_parser = runs::parse_since)]
    pub(crate) until: Option<jiff::Timestamp>,
    /// After this letter of a list, which --since alone cannot name where many died in one millisecond: TIME,ID.
    #[arg(long, value_name = "TIME,ID", value_parser = parse_letter_cursor)]
    pub(crate) after: Option<control::LetterCursor>,
    /// List or change at most this many; 10000 is the most.
    #[arg(long, default_value_t = 100, value_parser = number::<u16>(1..=u64::from(DEAD_LETTERS_MAX)))]
    pub(crate) max: u16,
}

/// A place in a list of dead letters, as the list prints it.
fn parse_letter_cursor(text: &str) -> Result<control::LetterCursor, String> {
    let parsed = text.split_once(',').and_then(|(at, id)| Some((at.parse().ok()?, id.to_owned())));
    let (at, id) = parsed.ok_or_else(|| "expected TIME,ID as the list before prints it".to_owned())?;
    Ok(control::LetterCursor { at, id })
}

#[derive(Debug, Args)]
pub(crate) struct DlqId {
    /// The id of the dead letter, as `callout dlq list` shows it.
    pub(crate) id: String,
}

#[derive(Debug, Args)]
pub(crate) struct DlqChange {
    /// Ids of dead letters; without any, all that match the filter.
    pub(crate) ids: Vec<String>,
    #[command(flatten)]
    pub(crate) filter: DlqFilter,
    #[command(flatten)]
    pub(crate) bulk: BulkArgs,
    /// Your name, as timelines show it.
    #[arg(long, env = "USER", default_value = "operator")]
    pub(crate) by: String,
}

#[derive(Debug, Args)]
pub(crate) struct TwilioSim {
    /// The address to listen on; port 0 takes a free port.
    #[arg(long, default_value = "127.0.0.1:8090", value_parser = listen)]
    pub(crate) listen: SocketAddr,
    /// The SID of the simulated account.
    #[arg(long, env = "TWILIO_ACCOUNT_SID", default_value = "AC00000000000000000000000000000001")]
    pub(crate) account_sid: String,
    /// The environment variable that holds the auth token; without it the token is `simulated-auth-token`.
    #[arg(long, value_name = "NAME", default_value = "TWILIO_AUTH_TOKEN")]
    pub(crate) token_env: String,
    /// A number that the account owns. May be repeated.
    #[arg(long = "number", default_value = "+15005550006")]
    pub(crate) numbers: Vec<String>,
    /// Where replies are posted: callout's public URL and /v1/twilio/inbound.
    #[arg(long, default_value = "http://127.0.0.1:8080/v1/twilio/inbound", value_parser = http_url)]
    pub(crate) inbound_url: url::Url,
    /// The seed of all random choices.
    #[arg(long, default_value_t = 0, value_parser = number::<u64>(0..=u64::MAX))]
    pub(crate) seed: u64,
    /// Time from queued to sent, in milliseconds.
    #[arg(long, default_value_t = 300, value_parser = number::<u64>(0..=u64::MAX))]
    pub(crate) sent_ms: u64,
    /// Time from sent to the final status, in milliseconds.
    #[arg(long, default_value_t = 700, value_parser = number::<u64>(0..=u64::MAX))]
    pub(crate) delivered_ms: u64,
    /// A JSON file with the faults to inject, as PUT /sim/v1/faults takes them.
    #[arg(long, value_name = "FILE")]
    pub(crate) faults: Option<PathBuf>,
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory as _, Parser as _};

    #[test]
    fn the_command_line_is_consistent() {
        super::Cli::command().debug_assert();
    }

    #[test]
    fn a_sid_that_is_none_is_refused_with_the_shape_that_it_should_have() {
        let id = domain::id::RunId::derive("monitor", "e-1", "paging", None).to_string();
        let parse = |sid: &str| {
            super::Cli::try_parse_from(["callout", "runs", "settle", &id, "sent", "--sid", sid])
                .map(drop)
                .map_err(|error| error.to_string())
        };
        assert_eq!(parse(&format!("SM{}", "0f".repeat(16))), Ok(()));
        let refused = parse("7").unwrap_err();
        assert!(refused.contains("expected SM or MM and 32 hex digits"), "{refused}");
    }
}
