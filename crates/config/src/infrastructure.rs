//! `callout.toml`. In: its text. Out: the backend, the addresses, the sources, the sender.
//!
//! Never: holds a secret; it names the environment variables that do.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::Read as _,
    net::SocketAddr,
    path::{Path, PathBuf},
};

use domain::{
    canary::CanarySettings, consent::GrantNeeds, limits::QUOTA_PER_S_DEFAULT, notice::Wording, phone::E164,
    source_quota::QuotaRates, workflow::Category,
};
use twilio::SidKind;
use url::Url;

use crate::{
    canary::read_canary,
    privacy::{KeysInFile, read_privacy},
    problem::Problems,
    quiet_hours::{Calendars, QuietDefaults, read_defaults},
    reader::{Document, Placed, Section},
    replies::{ReplySettings, read_replies},
    retention::{RetentionSettings, read_retention},
    source::{BrokerUsers, SourceSettings, read_source},
    tls_files::{TlsFiles, read_tls_files},
    twilio_settings::{TwilioSettings, read_twilio},
};

/// `callout.toml`, checked.
#[derive(Debug, Clone)]
pub struct Infrastructure {
    /// The environment's name, for example `staging`.
    pub environment: String,
    /// The numbers that may get texts in this environment; all numbers when absent, and in staging none.
    pub allow_recipients: Option<BTreeSet<E164>>,
    /// The accounts that environments are pinned to, by the environment's name.
    pub account_sids: BTreeMap<String, String>,
    /// The store and the bus.
    pub backend: Backend,
    /// How long what has ended is kept.
    pub retention: RetentionSettings,
    /// Texts that tell whether originators still send; absent where they are off.
    pub canary: Option<CanarySettings>,
    /// The file with the keys by which texts and numbers are encrypted; absent where they are not.
    pub key_file: Option<KeysInFile>,
    /// The address of the HTTP server.
    pub listen: SocketAddr,
    /// The address of readiness and metrics; with the others when absent.
    pub monitoring_listen: Option<SocketAddr>,
    /// The address of the API; absent where it is not served.
    pub api_listen: Option<SocketAddr>,
    /// The address by which others reach the API, for tickets.
    pub api_public_url: Option<Url>,
    /// The sender of texts, and the address that Twilio calls.
    pub twilio: TwilioSettings,
    /// How replies are understood and answered.
    pub replies: ReplySettings,
    /// The trusted sources, without their secrets.
    pub sources: Vec<SourceSettings>,
    /// Which categories take a grant of the recipient.
    pub grant_needs: GrantNeeds,
    /// The quiet hours of workflows that set none themselves.
    pub quiet_hours: QuietDefaults,
    /// Format and filter of the log.
    pub log: LogSettings,
    /// The lines of settings that are judged together with others: `log.filter`, `source NAME`; of `oncall.toml`:
    /// `calendar VARIABLE`.
    pub lines: BTreeMap<String, usize>,
}

/// The store and the bus.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Backend {
    /// One process, one SQLite file.
    Embedded {
        /// The file; relative to the folder of `callout.toml`.
        path: PathBuf,
        /// The largest size of the file, in MB of a million bytes; limited by the disk alone when absent.
        max_mb: Option<u32>,
    },
    /// Roles as processes, on RabbitMQ and Redis.
    Fleet(FleetSettings),
}

impl Backend {
    /// Whether one process runs everything.
    pub fn is_embedded(&self) -> bool {
        matches!(self, Self::Embedded { .. })
    }
}

/// `[backend]` with `kind = "fleet"`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FleetSettings {
    /// Delayed work goes through an `x-delayed-message` exchange instead of queues with a fixed time to live.
    pub delay_plugin: bool,
    /// Exchanges and queues are only checked at start; an operator has declared them.
    pub verify_topology: bool,
    /// The prefix of exchange and queue names; the default of the bus when absent.
    pub amqp_prefix: Option<String>,
    /// Broker users of our own roles. Their events are trusted, as are those of the user in `CALLOUT_AMQP_URL`.
    pub amqp_own_users: Vec<String>,
    /// The prefix of key names; the default of the store when absent.
    pub redis_prefix: Option<String>,
    /// Ends of runs are also published to the exchange of outcomes.
    pub publishes_outcomes: bool,
    /// How the broker is reached over TLS.
    pub amqp_tls: TlsFiles,
    /// How Redis is reached over TLS.
    pub redis_tls: TlsFiles,
    /// Redis' settings are not checked, because the server does not show them.
    pub trust_redis_settings: bool,
}

impl Infrastructure {
    /// The account that this environment is pinned to.
    pub fn pinned_account(&self) -> Option<&str> {
        self.account_sids.get(&self.environment).map(String::as_str)
    }

    /// The quota of each source. It is at most half of what the sending number can send, so that no source alone uses
    /// all of it.
    pub fn quota_rates(&self) -> QuotaRates {
        let of_sender = self.twilio.segments_per_second.map_or(u32::MAX, |rate| (rate / 2).max(1));
        let per_s =
            self.sources.iter().filter_map(|source| Some((source.name.clone(), source.events_per_second?)));
        QuotaRates { default_per_s: QUOTA_PER_S_DEFAULT.min(of_sender), per_s: per_s.collect() }
    }
}

/// The `[log]` table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogSettings {
    /// Whether each line is a JSON object instead of text.
    pub json: bool,
    /// Which lines are logged, for example `info,sender=debug`. What logs says whether it can be read.
    pub filter: String,
}

impl Default for Infrastructure {
    fn default() -> Self {
        Self {
            environment: "development".to_owned(),
            allow_recipients: None,
            account_sids: BTreeMap::new(),
            backend: Backend::Embedded { path: PathBuf::from("callout.db"), max_mb: None },
            retention: RetentionSettings::default(),
            canary: None,
            key_file: None,
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
            monitoring_listen: None,
            api_listen: None,
            api_public_url: None,
            twilio: TwilioSettings::default(),
            replies: ReplySettings { wording: Some(Wording::default()), keyword_languages: None },
            sources: Vec::new(),
            lines: BTreeMap::new(),
            grant_needs: GrantNeeds::default(),
            quiet_hours: QuietDefaults::new(),
            log: LogSettings { json: false, filter: "info".to_owned() },
        }
    }
}

/// How a database begins (SQLite, "Database File Format", 1.3.1).
const SQLITE: &[u8] = b"SQLite format 3\0";

const LISTEN: &str = "an IP address and a port, such as \"127.0.0.1:8080\"";

/// The environment that texts nobody whom it does not list.
const LISTED_ONLY: &str = "staging";

const ENVIRONMENTS: [&str; 4] = ["production", "staging", "development", "test"];

pub(crate) fn read(
    path: &Path,
    text: &str,
    calendars: &Calendars,
    problems: &mut Problems,
) -> Infrastructure {
    let mut doc = Document::new(path, text, problems);
    let mut top = doc.parse();
    let folder = path.parent().unwrap_or(Path::new(""));
    let defaults = Infrastructure::default();
    let environment = top.required_text(&mut doc, "environment");
    let name = environment.as_ref().map_or("", |name| name.value.as_str()).to_owned();
    if let Some(environment) = environment.filter(|name| !ENVIRONMENTS.contains(&name.value.as_str())) {
        doc.problem(&environment.at, format!("environment: expected one of {}", ENVIRONMENTS.join(", ")));
    }
    let (allow_recipients, account_sids) = read_environments(&mut doc, &mut top, &name);
    let (backend, own_users) = read_backend(&mut doc, &mut top, folder);
    let retention = read_retention(&mut doc, &mut top);
    let key_file = read_privacy(&mut doc, &mut top, folder);
    let (mut listen, mut monitoring_listen) = (None, None);
    if let Some(mut section) = top.section(&mut doc, "http") {
        listen = section.value(&mut doc, "listen", LISTEN);
        monitoring_listen = section.value(&mut doc, "monitoring_listen", LISTEN);
        section.finish(&mut doc);
    }
    let (api_listen, api_public_url) =
        top.section(&mut doc, "api").map_or((None, None), |section| read_api(&mut doc, section));
    let mut lines = BTreeMap::new();
    doc.note_line(&mut lines, "http.listen", listen.as_ref());
    doc.note_line(&mut lines, "http.monitoring_listen", monitoring_listen.as_ref());
    doc.note_line(&mut lines, "api.listen", api_listen.as_ref());
    let twilio = top
        .section(&mut doc, "twilio")
        .map_or_else(TwilioSettings::default, |section| read_twilio(&mut doc, section, folder, &mut lines));
    let canary = read_canary(&mut doc, &mut top, &mut lines);
    let replies = read_replies(&mut doc, &mut top);
    let mut users = BrokerUsers { own: own_users, producers: BTreeSet::new() };
    let sources = top
        .sections(&mut doc, "source")
        .into_iter()
        .filter_map(|section| {
            let line = doc.line(&section.at);
            let source = read_source(&mut doc, section, &mut users)?;
            lines.extend(line.map(|line| (format!("source {}", source.name), line)));
            Some(source)
        })
        .collect();
    let grant_needs = top.section(&mut doc, "consent").map(|section| read_consent(&mut doc, section));
    let quiet_hours = read_defaults(&mut doc, &mut top, calendars);
    let log = read_log(&mut doc, &mut top, defaults.log, &mut lines);
    top.finish(&mut doc);
    Infrastructure {
        environment: name,
        allow_recipients,
        account_sids,
        backend,
        retention,
        canary,
        key_file,
        listen: listen.map_or(defaults.listen, |listen| listen.value),
        monitoring_listen: monitoring_listen.map(|listen| listen.value),
        api_listen: api_listen.map(|listen| listen.value),
        api_public_url: api_public_url.map(|url| url.value),
        lines,
        twilio,
        replies,
        sources,
        grant_needs: grant_needs.unwrap_or_default(),
        quiet_hours,
        log,
    }
}

fn read_api(
    doc: &mut Document<'_>,
    mut section: Section<'_>,
) -> (Option<Placed<SocketAddr>>, Option<Placed<Url>>) {
    if !section.has("listen") {
        section.missing("listen", "api.listen: required, for example \"127.0.0.1:8081\"".to_owned());
    }
    let listen = section.value(doc, "listen", LISTEN);
    let public_url =
        section.value::<Url>(doc, "public_url", "an address such as https://callout.example.org");
    let is_plain = |url: &Url| {
        let has_more = url.query().is_some() || url.fragment().is_some() || !url.username().is_empty();
        matches!(url.scheme(), "http" | "https") && url.has_host() && !has_more && url.password().is_none()
    };
    if let Some(url) = public_url.as_ref().filter(|url| !is_plain(&url.value)) {
        let message = "api.public_url: expected scheme, host and, where a proxy adds one, a path only";
        doc.problem(&url.at, message.to_owned());
    }
    section.finish(doc);
    (listen, public_url)
}

/// The `[consent]` table: which categories take a grant.
fn read_consent(doc: &mut Document<'_>, mut section: Section<'_>) -> GrantNeeds {
    let (is_given, mut needs) = (section.has("requires_grant"), BTreeSet::new());
    for text in section.texts(doc, "requires_grant") {
        match Category::ALL.into_iter().find(|category| category.as_str() == text.value) {
            Some(category) => drop(needs.insert(category)),
            None => {
                let names = Category::ALL.map(Category::as_str).join(", ");
                let message =
                    format!("consent.requires_grant: expected some of {names}, not {:?}", text.value);
                doc.problem(&text.at, message);
            }
        }
    }
    section.finish(doc);
    if is_given { GrantNeeds(needs) } else { GrantNeeds::default() }
}

/// Who may be texted in this environment, and the accounts that environments are pinned to.
fn read_environments(
    doc: &mut Document<'_>,
    top: &mut Section<'_>,
    name: &str,
) -> (Option<BTreeSet<E164>>, BTreeMap<String, String>) {
    let mut allow_recipients = (name == LISTED_ONLY).then(BTreeSet::new);
    let mut account_sids = BTreeMap::new();
    for environment in ENVIRONMENTS {
        let Some(mut section) = top.section(doc, environment) else { continue };
        let allowed = read_allowed(doc, &mut section);
        account_sids.extend(read_pin(doc, &mut section, environment));
        section.finish(doc);
        if environment == name {
            allow_recipients = allowed.or(allow_recipients);
        }
    }
    (allow_recipients, account_sids)
}

/// The account that an environment is pinned to.
fn read_pin(
    doc: &mut Document<'_>,
    section: &mut Section<'_>,
    environment: &str,
) -> Option<(String, String)> {
    let sid = section.text(doc, "account_sid")?;
    if !SidKind::Account.matches(&sid.value) {
        let expected = SidKind::Account.expected();
        doc.problem(&sid.at, format!("{environment}.account_sid: expected {expected}"));
        return None;
    }
    Some((environment.to_owned(), sid.value))
}

fn read_allowed(doc: &mut Document<'_>, section: &mut Section<'_>) -> Option<BTreeSet<E164>> {
    if !section.has("allow_recipients") {
        return None;
    }
    let mut allowed = BTreeSet::new();
    for text in section.texts(doc, "allow_recipients") {
        match text.value.parse::<E164>() {
            Ok(number) => drop(allowed.insert(number)),
            Err(error) => doc.problem(&text.at, format!("allow_recipients: {error}")),
        }
    }
    Some(allowed)
}

/// The backend, and the broker users of our own roles.
fn read_backend(doc: &mut Document<'_>, top: &mut Section<'_>, folder: &Path) -> (Backend, Vec<String>) {
    let beside = |path: &str| folder.join(path);
    let usual = || (Backend::Embedded { path: beside("callout.db"), max_mb: None }, Vec::new());
    let Some(mut section) = top.section(doc, "backend") else { return usual() };
    let kind = section.text(doc, "kind");
    let backend = match kind.as_ref().map_or("embedded", |kind| kind.value.as_str()) {
        "fleet" => Backend::Fleet(read_fleet(doc, &mut section, folder)),
        "embedded" => {
            let text = section.text(doc, "path");
            let path = beside(text.as_ref().map_or("callout.db", |path| &path.value));
            if let Some(fault) = database_fault(&path) {
                doc.problem(&text.map_or_else(|| section.at.clone(), |text| text.at), fault);
            }
            Backend::Embedded { path, max_mb: section.integer(doc, "max_mb", 1..1_000_000) }
        }
        other => {
            let message = format!("backend.kind: expected \"embedded\" or \"fleet\", not {other:?}");
            doc.problem(&kind.as_ref().map_or(0..0, |kind| kind.at.clone()), message);
            return usual();
        }
    };
    section.finish(doc);
    let own_users = match &backend {
        Backend::Embedded { .. } => Vec::new(),
        Backend::Fleet(fleet) => fleet.amqp_own_users.clone(),
    };
    (backend, own_users)
}

/// Why a path can be no database. What this user may not see is left to those who open it.
fn database_fault(path: &Path) -> Option<String> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    if let Some(folder) = folder.filter(|folder| !folder.is_dir()) {
        return Some(format!("backend.path: there is no folder {}: create it", folder.display()));
    }
    if path.is_dir() {
        return Some(format!("backend.path: {} is a folder: name a file in it", path.display()));
    }
    let mut begins = Vec::new();
    // Opening what is no file may wait for somebody who writes.
    let file = if path.is_file() { std::fs::File::open(path).ok() } else { None };
    let is_read = file.is_some_and(|file| file.take(SQLITE.len() as u64).read_to_end(&mut begins).is_ok());
    (is_read && !begins.is_empty() && begins != SQLITE).then(|| {
        format!("backend.path: {} is no database: name another path, or move that file away", path.display())
    })
}

fn read_fleet(doc: &mut Document<'_>, section: &mut Section<'_>, folder: &Path) -> FleetSettings {
    let amqp_tls = read_tls_files(doc, section, folder, ["amqp_ca_file", "amqp_cert_file", "amqp_key_file"]);
    let redis_tls =
        read_tls_files(doc, section, folder, ["redis_ca_file", "redis_cert_file", "redis_key_file"]);
    let mut one_of = |key: &'static str, usual: &str, other: &str| {
        let Some(text) = section.text(doc, key) else { return false };
        if text.value != usual && text.value != other {
            doc.problem(
                &text.at,
                format!("backend.{key}: expected {usual:?} or {other:?}, not {:?}", text.value),
            );
        }
        text.value == other
    };
    FleetSettings {
        amqp_tls,
        redis_tls,
        delay_plugin: one_of("delay", "buckets", "plugin"),
        verify_topology: one_of("topology", "declare", "verify"),
        trust_redis_settings: one_of("redis_settings", "check", "trust"),
        publishes_outcomes: one_of("outcomes", "store", "publish"),
        amqp_prefix: section.text(doc, "amqp_prefix").map(|prefix| prefix.value),
        amqp_own_users: section.texts(doc, "amqp_own_users").into_iter().map(|user| user.value).collect(),
        redis_prefix: section.text(doc, "redis_prefix").map(|prefix| prefix.value),
    }
}

fn read_log(
    doc: &mut Document<'_>,
    top: &mut Section<'_>,
    defaults: LogSettings,
    lines: &mut BTreeMap<String, usize>,
) -> LogSettings {
    let Some(mut section) = top.section(doc, "log") else { return defaults };
    let format = section.text(doc, "format");
    if let Some(format) = format.as_ref().filter(|format| !matches!(format.value.as_str(), "json" | "text")) {
        doc.problem(&format.at, "log.format: expected \"json\" or \"text\"".to_owned());
    }
    let filter = section.text(doc, "filter");
    doc.note_line(lines, "log.filter", filter.as_ref());
    section.finish(doc);
    let is_json = format.is_some_and(|format| format.value == "json");
    LogSettings { json: is_json, filter: filter.map_or(defaults.filter, |filter| filter.value) }
}
