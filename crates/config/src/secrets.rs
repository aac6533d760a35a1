//! Secrets, from the environment or from files that it names. In: names of variables. Out: credentials and keys.
//!
//! Never: prints a value; problems name the variable.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use domain::{
    directory::{CalendarSource, Directory},
    recipient_hash::{RECIPIENT_KEY_CHARS_MIN, RecipientKey},
    source::{KeyHash, Source, WebhookSecret},
};
use twilio::{Credentials, Proxy, Secret, SidKind};
use url::Url;

use crate::{
    calendar::address,
    environment::{Env, Environment},
    infrastructure::{Backend, Infrastructure},
    integrations::Destination,
    people::ONCALL,
    problem::Problems,
    scope::Scope,
    server_url::{self, SENTINEL},
};

/// What hashes of recipients are keyed with.
const RECIPIENT_KEY: &str = "CALLOUT_RECIPIENT_KEY";

/// Everything secret, as far as the process needs it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Secrets {
    /// The credentials for Twilio; absent without an account, and the simulator is used.
    pub twilio: Option<TwilioSecrets>,
    /// The tokens that sign webhooks: the current one and, while it is being changed, the next.
    pub webhook_tokens: Vec<Secret>,
    /// The trusted sources with their keys.
    pub sources: Vec<Source>,
    /// The secrets of each destination, by its name.
    pub destinations: BTreeMap<String, Vec<Secret>>,
    /// The addresses of calendars, by the variables that hold them.
    pub calendars: BTreeMap<String, CalendarUrl>,
    /// What hashes of recipients are keyed with; absent where nobody wants them.
    pub recipient_key: Option<RecipientKey>,
    /// The addresses of a fleet's servers; absent in embedded mode.
    pub fleet: Option<FleetSecrets>,
}

/// Addresses with passwords in them.
#[derive(Clone, PartialEq, Eq)]
pub struct FleetSecrets {
    /// RabbitMQ, `amqp://` or `amqps://`.
    pub amqp_url: String,
    /// Redis, `redis://` or `rediss://`.
    pub redis_url: String,
}

impl std::fmt::Debug for FleetSecrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("FleetSecrets(***)")
    }
}

/// The credentials for Twilio.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TwilioSecrets {
    /// The SID of the account.
    pub account_sid: String,
    /// The user name and password of requests.
    pub credentials: Credentials,
    /// The address of the API; Twilio's own when absent.
    pub api_base: Option<Url>,
    /// The HTTP proxy on the way there.
    pub proxy: Option<Proxy>,
}

/// The address of a calendar, which holds a secret.
#[derive(Clone, PartialEq, Eq)]
pub struct CalendarUrl(pub Url);

impl std::fmt::Debug for CalendarUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("CalendarUrl(***)")
    }
}

pub(crate) fn read(
    infrastructure: &Infrastructure,
    integrations: &[Destination],
    directory: &Directory,
    file: &Path,
    env: &Env<'_>,
    scope: Scope,
    problems: &mut Problems,
) -> Secrets {
    let env = Environment::new(env, file);
    let mut reader = Reader { infrastructure, file, env, problems, faulty: BTreeSet::new() };
    Secrets {
        fleet: reader.fleet(),
        recipient_key: reader.recipient_key(),
        twilio: if scope.provider { reader.twilio() } else { None },
        webhook_tokens: if scope.webhooks { reader.webhook_tokens() } else { Vec::new() },
        sources: if scope.sources { reader.sources() } else { Vec::new() },
        calendars: if scope.calendars { reader.calendars(directory) } else { BTreeMap::new() },
        destinations: if scope.destinations { reader.destinations(integrations) } else { BTreeMap::new() },
    }
}

/// Under which name the line of a calendar's `url_env` is kept.
pub(crate) fn calendar_line(variable: &str) -> String {
    format!("calendar {variable}")
}

struct Reader<'a> {
    infrastructure: &'a Infrastructure,
    file: &'a Path,
    env: Environment<'a>,
    problems: &'a mut Problems,
    /// Variables of which it was said what is wrong.
    faulty: BTreeSet<String>,
}

impl Reader<'_> {
    fn problem(&mut self, message: impl Into<String>) {
        self.problems.add(self.file, None, message.into());
    }

    fn secret(&mut self, name: &str) -> Option<String> {
        let before = self.problems.0.len();
        let value = self.env.secret(name, self.problems);
        if self.problems.0.len() > before {
            self.faulty.insert(name.to_owned());
        }
        value
    }

    /// Whether none of these variables was found wrong already, so that one which is absent must be named.
    fn are_absent<'n>(&self, names: impl IntoIterator<Item = &'n str>) -> bool {
        !names.into_iter().any(|name| self.faulty.contains(name))
    }

    /// Whether the table `[twilio]` has no error from which this one would follow.
    fn is_twilio_read(&self) -> bool {
        !self
            .problems
            .0
            .iter()
            .any(|problem| problem.file == self.file && problem.message.starts_with("twilio."))
    }

    fn recipient_key(&mut self) -> Option<RecipientKey> {
        let key = RecipientKey::new(self.secret(RECIPIENT_KEY)?);
        if key.is_none() {
            self.problem(format!(
                "{RECIPIENT_KEY} is shorter than {RECIPIENT_KEY_CHARS_MIN} characters; `openssl rand -hex 32` makes a good one"
            ));
        }
        key
    }

    fn sources(&mut self) -> Vec<Source> {
        let mut sources: Vec<Source> = Vec::new();
        for source in &self.infrastructure.sources {
            let mut keys = source.key_hashes.clone();
            keys.extend(source.key_env.iter().filter_map(|name| Some(KeyHash::of(&self.secret(name)?))));
            let mut webhook_secrets = Vec::new();
            for name in &source.webhook_secret_env {
                let Some(text) = self.secret(name) else { continue };
                match WebhookSecret::parse(&text) {
                    Some(secret) => webhook_secrets.push(secret),
                    None => self.problem(format!("{name}: expected whsec_ and base64")),
                }
            }
            let names_any = !source.key_env.is_empty() || !source.webhook_secret_env.is_empty();
            let names = [source.key_env.as_slice(), &source.webhook_secret_env].concat();
            let is_absent = self.are_absent(names.iter().map(String::as_str));
            if names_any && keys.is_empty() && webhook_secrets.is_empty() && is_absent {
                let names = names.join(" or ");
                self.problem(format!(
                    "source {:?} has no key: set {names} in the environment, or the same with _FILE to a file",
                    source.name
                ));
            }
            let shared = sources.iter().find(|other| keys.iter().any(|key| other.keys.contains(key)));
            if let Some(other) = shared {
                let (one, other) = (&other.name, &source.name);
                self.problem(format!("sources {one:?} and {other:?} have the same key; give each its own"));
            }
            let (name, types, adapters) =
                (source.name.clone(), source.types.clone(), source.adapters.clone());
            sources.push(Source { name, types, keys, webhook_secrets, team: source.team.clone(), adapters });
        }
        sources
    }

    fn destinations(&mut self, integrations: &[Destination]) -> BTreeMap<String, Vec<Secret>> {
        let mut secrets = BTreeMap::new();
        for destination in integrations {
            let name = &destination.subscription.name;
            let found: Vec<Secret> =
                destination.secret_env.iter().filter_map(|name| self.secret(name)).map(Secret::new).collect();
            let is_absent = self.are_absent(destination.secret_env.iter().map(String::as_str));
            if found.is_empty() && !destination.secret_env.is_empty() && is_absent {
                let names = destination.secret_env.join(" or ");
                self.problem(format!(
                    "destination {name:?} has no secret: set {names} in the environment, or the same with _FILE to a file"
                ));
            }
            secrets.insert(name.clone(), found);
        }
        secrets
    }

    fn calendars(&mut self, directory: &Directory) -> BTreeMap<String, CalendarUrl> {
        let mut urls = BTreeMap::new();
        for ((schedule, layer), calendar) in &directory.calendars {
            let CalendarSource::UrlIn { variable, .. } = &calendar.source else { continue };
            if urls.contains_key(variable) {
                continue;
            }
            match self.secret(variable).as_deref().map(address) {
                Some(Ok(url)) => drop(urls.insert(variable.clone(), CalendarUrl(url))),
                Some(Err(fault)) => self.calendar_problem(variable, format!("{variable} {fault}")),
                None if self.are_absent([variable.as_str()]) => {
                    let message = format!(
                        "the calendar of {schedule}/{layer} has no address: set {variable} in the environment, or the same \
                         with _FILE to a file"
                    );
                    self.calendar_problem(variable, message);
                }
                None => {}
            }
        }
        urls
    }

    /// A problem at the line that names the variable.
    fn calendar_problem(&mut self, variable: &str, message: String) {
        let line = self.infrastructure.lines.get(&calendar_line(variable)).copied();
        self.problems.add(&self.file.with_file_name(ONCALL), line, message);
    }

    fn fleet(&mut self) -> Option<FleetSecrets> {
        if self.infrastructure.backend.is_embedded() {
            return None;
        }
        let amqp_url = self.server_url("CALLOUT_AMQP_URL", &["amqp://", "amqps://"]);
        let redis_url =
            self.server_url("CALLOUT_REDIS_URL", &["redis://", "rediss://", SENTINEL[0], SENTINEL[1]]);
        let (amqp_url, redis_url) = (amqp_url?, redis_url?);
        self.tls_files(&amqp_url, &redis_url);
        Some(FleetSecrets { amqp_url, redis_url })
    }

    /// Files for TLS where none is spoken, or where they cannot be used.
    fn tls_files(&mut self, amqp_url: &str, redis_url: &str) {
        let Backend::Fleet(fleet) = &self.infrastructure.backend else { return };
        let files = [
            ("amqp", &fleet.amqp_tls, "CALLOUT_AMQP_URL", amqp_url, "amqps://"),
            ("redis", &fleet.redis_tls, "CALLOUT_REDIS_URL", redis_url, "rediss://"),
        ];
        for (server, tls, name, url, scheme) in files {
            if tls.is_empty() || url.starts_with(scheme) {
                continue;
            }
            let message = if url.starts_with(SENTINEL[1]) {
                format!(
                    "backend.{server}_ca_file and its like are not taken with Sentinel; set SSL_CERT_FILE in the \
                     environment to a file with the root certificates"
                )
            } else {
                format!("backend.{server}_ca_file and its like need TLS: begin {name} with {scheme}")
            };
            self.problem(message);
        }
    }

    fn server_url(&mut self, name: &str, schemes: &[&str]) -> Option<String> {
        let value = self.secret(name);
        let fits = value.as_deref().is_some_and(|url| schemes.iter().any(|scheme| url.starts_with(scheme)));
        if !fits && self.are_absent([name]) {
            let found = if value.is_some() { "is not such an address" } else { "is not set" };
            self.problem(format!("a fleet needs {name} ({}), which {found}", schemes.join(" or ")));
        }
        if let Some(fault) = value.as_deref().filter(|_| fits).and_then(server_url::fault) {
            self.problem(format!("{name} {fault}"));
        }
        value.filter(|_| fits)
    }

    fn twilio(&mut self) -> Option<TwilioSecrets> {
        let is_production = self.infrastructure.environment == "production";
        let Some(account_sid) = self.secret("TWILIO_ACCOUNT_SID") else {
            if self.are_absent(["TWILIO_ACCOUNT_SID"]) {
                self.no_account(is_production);
            }
            return None;
        };
        self.check_sid(SidKind::Account, "TWILIO_ACCOUNT_SID", &account_sid);
        self.check_pin(&account_sid);
        let (key, key_secret) = (self.secret("TWILIO_API_KEY"), self.secret("TWILIO_API_KEY_SECRET"));
        let credentials = match (key, key_secret) {
            (Some(sid), Some(secret)) => {
                self.check_sid(SidKind::ApiKey, "TWILIO_API_KEY", &sid);
                Some(Credentials::ApiKey { sid, secret: Secret::new(secret) })
            }
            (None, None) => {
                self.secret("TWILIO_AUTH_TOKEN").map(|token| Credentials::AuthToken(Secret::new(token)))
            }
            _ => {
                if self.are_absent(["TWILIO_API_KEY", "TWILIO_API_KEY_SECRET"]) {
                    self.problem("set both TWILIO_API_KEY and TWILIO_API_KEY_SECRET, or neither");
                }
                return None;
            }
        };
        if credentials.is_none() && self.are_absent(["TWILIO_AUTH_TOKEN"]) {
            self.problem("set TWILIO_AUTH_TOKEN, or TWILIO_API_KEY and TWILIO_API_KEY_SECRET");
        }
        let api_base = self.secret("TWILIO_API_BASE").and_then(|text| match text.parse::<Url>() {
            Ok(url) if is_production && url.scheme() != "https" => {
                self.problem("TWILIO_API_BASE: production sends texts and credentials by https only");
                None
            }
            Ok(url) if matches!(url.scheme(), "http" | "https") && is_plain(&url) => Some(url),
            Ok(_) | Err(_) => {
                self.problem(
                    "TWILIO_API_BASE: expected scheme, host and perhaps port and path, such as http://127.0.0.1:8090",
                );
                None
            }
        });
        let twilio = &self.infrastructure.twilio;
        if twilio.lacks_originator() && self.is_twilio_read() {
            self.problem("twilio: give from, messaging_service_sid or [[twilio.originator]], so that texts come from somewhere");
        }
        self.public_url();
        let proxy = self.proxy();
        Some(TwilioSecrets { account_sid, credentials: credentials?, api_base, proxy })
    }

    /// Refuses the account of another environment.
    fn check_pin(&mut self, sid: &str) {
        let environment = self.infrastructure.environment.clone();
        if let Some(pinned) = self.infrastructure.pinned_account() {
            if pinned != sid {
                let message = format!(
                    "TWILIO_ACCOUNT_SID is not the account that [{environment}] account_sid names, {pinned}: give \
                     {environment} its own credentials, or correct the key"
                );
                self.problem(message);
            }
            return;
        }
        let others = self.infrastructure.account_sids.iter();
        let other = others.clone().find(|(_, pinned)| *pinned == sid).map(|(other, _)| other.clone());
        if let Some(other) = other {
            self.problem(format!(
                "TWILIO_ACCOUNT_SID is the account of {other}, as [{other}] account_sid says, and this is {environment}: give \
                 {environment} its own credentials"
            ));
        }
    }

    fn check_sid(&mut self, kind: SidKind, name: &str, sid: &str) {
        if !kind.matches(sid) {
            self.problem(format!("{name}: expected {}", kind.expected()));
        }
    }

    /// The configured proxy with its password, or the one that the environment names for every program.
    fn proxy(&mut self) -> Option<Proxy> {
        if let Some(mut url) = self.infrastructure.twilio.proxy.clone() {
            let password = self.secret("TWILIO_PROXY_PASSWORD");
            if password.is_some() && url.username().is_empty() {
                self.problem(
                    "TWILIO_PROXY_PASSWORD is set, and twilio.proxy names no user: write http://USER@HOST:PORT",
                );
            }
            // It fails for addresses without a host, which are refused where they are read.
            let _ = url.set_password(password.as_deref());
            return Some(Proxy { url, except: None });
        }
        let [proxy, except] = [["HTTPS_PROXY", "https_proxy"], ["NO_PROXY", "no_proxy"]]
            .map(|names| names.into_iter().find_map(|name| self.secret(name)));
        let proxy = proxy?;
        let text = if proxy.contains("://") { proxy } else { format!("http://{proxy}") };
        match text.parse::<Url>() {
            Ok(url) if matches!(url.scheme(), "http" | "https") && url.has_host() => {
                Some(Proxy { url, except })
            }
            Ok(_) | Err(_) => {
                self.problem("HTTPS_PROXY: expected an address such as http://proxy.example.org:3128");
                None
            }
        }
    }

    /// Without an account the simulator is used, where that can be meant.
    fn no_account(&mut self, is_production: bool) {
        for near in ["TWILIO_SID", "TWILIO_ACCOUNT", "TWILIO_ACCOUNT_ID"] {
            if self.env.has(near) {
                self.problem(format!("{near} is set, which nothing reads; the name is TWILIO_ACCOUNT_SID"));
            }
        }
        if is_production {
            self.problem("production needs TWILIO_ACCOUNT_SID in the environment");
        } else if !self.infrastructure.backend.is_embedded() {
            // A simulator inside every process would give each process a provider of its own.
            self.problem(
                "a fleet needs TWILIO_ACCOUNT_SID in the environment; to try it, run `callout twilio-sim` and set \
                 TWILIO_API_BASE",
            );
        }
    }

    fn webhook_tokens(&mut self) -> Vec<Secret> {
        if self.infrastructure.backend.is_embedded() && !self.env.has("TWILIO_ACCOUNT_SID") {
            return Vec::new();
        }
        let token = self.secret("TWILIO_AUTH_TOKEN");
        if token.is_none() && self.are_absent(["TWILIO_AUTH_TOKEN"]) {
            self.problem(
                "TWILIO_AUTH_TOKEN is not set; webhooks are signed with it, also when an API key signs in",
            );
        }
        self.public_url();
        [token, self.secret("TWILIO_AUTH_TOKEN_NEXT")].into_iter().flatten().map(Secret::new).collect()
    }

    fn public_url(&mut self) {
        if self.infrastructure.twilio.public_url.is_none() && self.is_twilio_read() {
            self.problem("twilio.public_url: required, or no status and no reply can arrive");
        }
    }
}

/// Whether an address has no parts that a path cannot be put behind, and no secret in it.
fn is_plain(url: &Url) -> bool {
    let names_user = !url.username().is_empty() || url.password().is_some();
    !names_user && url.query().is_none() && url.fragment().is_none()
}
