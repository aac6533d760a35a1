//! The configuration: one typed tree, read once.
//!
//! In: `callout.toml`, `calendars.toml`, `contacts.toml`, `oncall.toml`, `integrations.toml`, `workflows/*.toml` beside it, and
//! the environment's secrets.
//! Out: [`Config`], or every error with file and line.
//! Never: takes a secret from a file of its own, or a key it does not know.

mod adapters;
mod calendar;
mod canary;
mod destination_address;
mod destination_kind;
mod environment;
mod escalation;
mod grouping;
mod http_kind;
mod infrastructure;
mod integrations;
mod kind_reader;
mod near;
mod originators;
mod people;
mod privacy;
mod problem;
mod quiet_hours;
mod reader;
mod replies;
mod retention;
mod scope;
mod seconds;
mod secrets;
mod server_url;
mod source;
mod stage;
mod team;
mod tls_files;
mod twilio_settings;
mod weekdays;
mod workflow;
mod zone_check;

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use domain::{
    directory::Directory,
    effect::OutcomeKind,
    id::short,
    outbound::{Destinations, Subscription},
    policy::Environment,
    workflow::Workflow,
};

pub use calendar::address as calendar_address;
pub use destination_kind::{DestinationKind, MailTls};
pub use environment::Env;
pub use infrastructure::{Backend, FleetSettings, Infrastructure, LogSettings};
pub use integrations::Destination;
pub use near::meant;
pub use originators::OriginatorSettings;
pub use privacy::KeysInFile;
pub use problem::{Problem, Problems};
pub use quiet_hours::QuietDefaults;
pub use replies::ReplySettings;
pub use retention::RetentionSettings;
pub use scope::Scope;
pub use secrets::{CalendarUrl, FleetSecrets, Secrets, TwilioSecrets};
pub use source::SourceSettings;
pub use stage::{Staged, with_stage};
pub use tls_files::TlsFiles;
pub use twilio_settings::TwilioSettings;

/// Every key of `callout.toml` with its default and what it means, as a file.
pub const DEFAULTS: &str = include_str!("../../../examples/callout.default.toml");

/// The whole configuration, checked.
#[derive(Debug, Clone)]
pub struct Config {
    /// `callout.toml`.
    pub infrastructure: Infrastructure,
    /// The environment, as the policy needs it.
    pub environment: Environment,
    /// `contacts.toml` and `oncall.toml`, and the lines of the latter that name the addresses of calendars.
    pub directory: Directory,
    /// `workflows/*.toml`.
    pub workflows: Vec<Workflow>,
    /// `integrations.toml`.
    pub integrations: Vec<Destination>,
    /// The files that were read, in the order of reading.
    pub files: Vec<PathBuf>,
    /// Tells two configurations apart: a digest of the texts of all files. Secrets are not part of it.
    pub digest: String,
}

impl Config {
    /// What each destination is told of; the stream of the API is one of them.
    pub fn destinations(&self) -> Destinations {
        let configured = self.integrations.iter().map(|destination| destination.subscription.clone());
        let stream = self.infrastructure.api_listen.map(|_| Subscription {
            name: domain::outbound::STREAM.to_owned(),
            events: OutcomeKind::ALL.into_iter().collect(),
            ..Subscription::default()
        });
        Destinations(configured.chain(stream).collect())
    }
}

/// The backend that the main file names, whatever is wrong with the other files: a command still finds the process that
/// runs with what it read before. `None` where the main file cannot be read.
pub fn backend_of(main_file: &Path) -> Option<Backend> {
    let mut problems = Problems::default();
    let text = text_of(main_file, std::fs::read(main_file).ok()?, &mut problems)?;
    let read = infrastructure::read(main_file, &text, &Default::default(), &mut problems);
    problems.is_empty().then_some(read.backend)
}

/// Reads the configuration around the main file.
///
/// `env` looks up environment variables. `scope` says which secrets must be there.
///
/// # Errors
/// Every problem of every file, not only the first.
pub fn load(main_file: &Path, env: &Env<'_>, scope: Scope) -> Result<(Config, Secrets), Problems> {
    let mut problems = Problems::default();
    let (mut files, mut texts) = (Vec::new(), Vec::new());
    let folder = main_file.parent().unwrap_or(Path::new("."));
    let mut read = |path: &Path, required: bool, problems: &mut Problems| -> Option<String> {
        match std::fs::read(path) {
            Ok(bytes) => {
                files.push(path.to_owned());
                let text = text_of(path, bytes, problems)?;
                texts.push(text.clone());
                Some(text)
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound && !required => None,
            Err(error) => {
                problems.add(path, None, format!("cannot be read: {error}"));
                None
            }
        }
    };
    let main_text = read(main_file, true, &mut problems);
    let calendars =
        beside(folder, quiet_hours::CALENDARS, &mut read, &mut problems, quiet_hours::read_calendars);
    let infrastructure =
        main_text.map(|text| infrastructure::read(main_file, &text, &calendars, &mut problems));
    let mut infrastructure = infrastructure.unwrap_or_default();
    let (directory, lines) = read_directory(folder, &mut read, &mut problems);
    let named = |(variable, line): (String, usize)| (secrets::calendar_line(&variable), line);
    infrastructure.lines.extend(lines.into_iter().map(named));
    canary::check_canary(main_file, &infrastructure.canary, &infrastructure.lines, &directory, &mut problems);
    let around = workflow::Around {
        directory: &directory,
        calendars: &calendars,
        quiet_defaults: &infrastructure.quiet_hours,
    };
    let mut workflows: Vec<Workflow> = Vec::new();
    let workflow_files = workflow_files(&folder.join("workflows"), &mut problems);
    for path in &workflow_files {
        let Some(text) = read(path, true, &mut problems) else { continue };
        workflows.extend(workflow::read(path, &text, &around, &mut problems));
    }
    // One that cannot be read might have been of a team that is missed.
    if workflows.len() == workflow_files.len() {
        source::check_teams(main_file, &infrastructure.sources, &workflows, &mut problems);
    }
    let named = |path: &PathBuf| Some(path.file_stem()?.to_string_lossy().into_owned());
    let names: Vec<String> = workflow_files.iter().filter_map(named).collect();
    let read_integrations =
        |path: &Path, text: &str, problems: &mut Problems| integrations::read(path, text, &names, problems);
    let integrations =
        beside(folder, integrations::INTEGRATIONS, &mut read, &mut problems, read_integrations);
    problems.without_consequences(folder, quiet_hours::CALENDARS);
    problems.without_consequences(folder, people::CONTACTS);
    problems.without_consequences(folder, people::ONCALL);
    if workflows.is_empty() && problems.is_empty() {
        let message = "there is no workflow; copy one from examples/workflows";
        problems.add(&folder.join("workflows"), None, message.to_owned());
    }
    let secrets =
        secrets::read(&infrastructure, &integrations, &directory, main_file, env, scope, &mut problems);
    if !problems.is_empty() {
        return Err(problems);
    }
    let environment = Environment {
        name: infrastructure.environment.clone(),
        allow_recipients: infrastructure.allow_recipients.clone(),
        grant_needs: infrastructure.grant_needs.clone(),
    };
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let digest = short(&texts);
    Ok((Config { infrastructure, environment, directory, workflows, integrations, files, digest }, secrets))
}

/// `contacts.toml` and `oncall.toml`.
fn read_directory(
    folder: &Path,
    read: &mut dyn FnMut(&Path, bool, &mut Problems) -> Option<String>,
    problems: &mut Problems,
) -> (Directory, BTreeMap<String, usize>) {
    let contacts = beside(folder, people::CONTACTS, read, problems, people::read_contacts);
    let read_on_call = |path: &Path, text: &str, problems: &mut Problems| {
        people::read_on_call(path, text, &contacts, problems)
    };
    let (rotations, (calendars, lines)) = beside(folder, people::ONCALL, read, problems, read_on_call);
    (Directory { contacts, rotations, calendars }, lines)
}

/// What an optional file beside the main one says.
fn beside<T: Default>(
    folder: &Path,
    name: &str,
    read: &mut dyn FnMut(&Path, bool, &mut Problems) -> Option<String>,
    problems: &mut Problems,
    parse: impl FnOnce(&Path, &str, &mut Problems) -> T,
) -> T {
    let file = folder.join(name);
    read(&file, false, problems).map(|text| parse(&file, &text, problems)).unwrap_or_default()
}

/// A file's text.
fn text_of(path: &Path, bytes: Vec<u8>, problems: &mut Problems) -> Option<String> {
    String::from_utf8(bytes)
        .map_err(|error| {
            let good = error.as_bytes().get(..error.utf8_error().valid_up_to()).unwrap_or_default();
            let line = good.iter().filter(|byte| **byte == b'\n').count() + 1;
            problems.add(
                path,
                Some(line),
                "holds a byte that is no UTF-8: save the file as UTF-8".to_owned(),
            );
        })
        .ok()
}

fn workflow_files(folder: &Path, problems: &mut Problems) -> Vec<PathBuf> {
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) => {
            problems.add(
                folder,
                None,
                format!("cannot be read: {error}; put one TOML file per workflow there"),
            );
            return Vec::new();
        }
    };
    let mut files: Vec<_> = entries
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .filter(|path| path.extension().is_some_and(|extension| extension == "toml"))
        .collect();
    files.sort();
    files
}
