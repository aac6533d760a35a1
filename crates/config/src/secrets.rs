//! Secrets, from the environment only. In: names of variables, and a lookup. Out: credentials and keys.
//!
//! Never: prints a value; problems name the variable.

use std::path::Path;

use domain::source::{KeyHash, Source, WebhookSecret};
use twilio::{Credentials, Secret};
use url::Url;

use crate::{
    infrastructure::{Backend, Infrastructure},
    problem::Problems,
    scope::Scope,
};

/// Everything that comes from the environment only.
#[derive(Debug, Default)]
pub struct Secrets {
    /// The credentials for Twilio; absent without an account, and the simulator is used.
    pub twilio: Option<TwilioSecrets>,
    /// The trusted sources with their keys.
    pub sources: Vec<Source>,
    /// The addresses of a fleet's servers; absent in embedded mode.
    pub fleet: Option<FleetSecrets>,
}

/// Addresses with passwords in them.
#[derive(Clone)]
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
#[derive(Debug)]
pub struct TwilioSecrets {
    /// The SID of the account.
    pub account_sid: String,
    /// The user name and password of requests.
    pub credentials: Credentials,
    /// The tokens that sign webhooks: the current one and, while it is being changed, the next.
    pub webhook_tokens: Vec<Secret>,
    /// The address of the API; Twilio's own when absent.
    pub api_base: Option<Url>,
}

pub(crate) fn read(
    infrastructure: &Infrastructure,
    file: &Path,
    env: &dyn Fn(&str) -> Option<String>,
    scope: Scope,
    problems: &mut Problems,
) -> Secrets {
    let env = |name: &str| env(name).filter(|value| !value.is_empty());
    let fleet = match &infrastructure.backend {
        Backend::Embedded { .. } => None,
        Backend::Fleet(_) => read_fleet(file, &env, problems),
    };
    if scope == Scope::Operator {
        return Secrets { fleet, ..Secrets::default() };
    }
    let twilio = read_twilio(infrastructure, file, &env, problems);
    let mut sources: Vec<Source> = Vec::new();
    for source in &infrastructure.sources {
        let mut keys = source.key_hashes.clone();
        keys.extend(source.key_env.iter().filter_map(|name| env(name)).map(|key| KeyHash::of(&key)));
        let mut webhook_secrets = Vec::new();
        for (name, text) in source.webhook_secret_env.iter().filter_map(|name| Some((name, env(name)?))) {
            match WebhookSecret::parse(&text) {
                Some(secret) => webhook_secrets.push(secret),
                None => problems.add(file, None, format!("{name}: expected whsec_ and base64")),
            }
        }
        let names_any = !source.key_env.is_empty() || !source.webhook_secret_env.is_empty();
        if names_any && keys.is_empty() && webhook_secrets.is_empty() {
            let names = [source.key_env.as_slice(), &source.webhook_secret_env].concat().join(" or ");
            let message = format!("source {:?} has no key: set {names} in the environment", source.name);
            problems.add(file, None, message);
        }
        let shared = sources.iter().find(|other| keys.iter().any(|key| other.keys.contains(key)));
        if let Some(other) = shared {
            let message = format!(
                "sources {:?} and {:?} have the same key; give each its own",
                other.name, source.name
            );
            problems.add(file, None, message);
        }
        sources.push(Source {
            name: source.name.clone(),
            types: source.types.clone(),
            keys,
            webhook_secrets,
        });
    }
    Secrets { twilio, sources, fleet }
}

fn read_fleet(
    file: &Path,
    env: &dyn Fn(&str) -> Option<String>,
    problems: &mut Problems,
) -> Option<FleetSecrets> {
    let mut url = |name: &str, schemes: [&str; 2]| {
        let value = env(name);
        let fits = value.as_deref().is_some_and(|url| schemes.iter().any(|scheme| url.starts_with(scheme)));
        if !fits {
            let found = if value.is_some() { "is not such an address" } else { "is not set" };
            problems.add(
                file,
                None,
                format!("a fleet needs {name} ({} or {}), which {found}", schemes[0], schemes[1]),
            );
        }
        value.filter(|_| fits)
    };
    let amqp_url = url("CALLOUT_AMQP_URL", ["amqp://", "amqps://"]);
    let redis_url = url("CALLOUT_REDIS_URL", ["redis://", "rediss://"]);
    Some(FleetSecrets { amqp_url: amqp_url?, redis_url: redis_url? })
}

fn read_twilio(
    infrastructure: &Infrastructure,
    file: &Path,
    env: &dyn Fn(&str) -> Option<String>,
    problems: &mut Problems,
) -> Option<TwilioSecrets> {
    let is_production = infrastructure.environment == "production";
    let Some(account_sid) = env("TWILIO_ACCOUNT_SID") else {
        let needed_by = match &infrastructure.backend {
            _ if is_production => Some("production needs TWILIO_ACCOUNT_SID in the environment"),
            // A simulator inside every process would give each process a provider of its own.
            Backend::Fleet(_) => Some(
                "a fleet needs TWILIO_ACCOUNT_SID in the environment; to try it, run `callout twilio-sim` and set \
                 TWILIO_API_BASE",
            ),
            Backend::Embedded { .. } => None,
        };
        if let Some(message) = needed_by {
            problems.add(file, None, message.to_owned());
        }
        return None;
    };
    let mut missing = |message: &str| problems.add(file, None, message.to_owned());
    let token = env("TWILIO_AUTH_TOKEN");
    if token.is_none() {
        missing("TWILIO_AUTH_TOKEN is not set; webhooks are signed with it, also when an API key signs in");
    }
    let key = env("TWILIO_API_KEY");
    let key_secret = env("TWILIO_API_KEY_SECRET");
    if key.is_some() != key_secret.is_some() {
        missing("set both TWILIO_API_KEY and TWILIO_API_KEY_SECRET, or neither");
    }
    let api_base = env("TWILIO_API_BASE").and_then(|text| match text.parse::<Url>() {
        Ok(url) => Some(url),
        Err(error) => {
            missing(&format!("TWILIO_API_BASE: {error}"));
            None
        }
    });
    let twilio = &infrastructure.twilio;
    if twilio.from.is_none() && twilio.messaging_service_sid.is_none() {
        missing("twilio: give from or messaging_service_sid, so that texts have a sender");
    }
    if twilio.public_url.is_none() {
        missing("twilio.public_url: required, or no status and no reply can arrive");
    }
    let token = token?;
    let credentials = match (key, key_secret) {
        (Some(sid), Some(secret)) => Credentials::ApiKey { sid, secret: Secret::new(secret) },
        _ => Credentials::AuthToken(Secret::new(token.clone())),
    };
    let webhook_tokens =
        [Some(token), env("TWILIO_AUTH_TOKEN_NEXT")].into_iter().flatten().map(Secret::new).collect();
    Some(TwilioSecrets { account_sid, credentials, webhook_tokens, api_base })
}
