//! The configuration, read again while the process runs. In: SIGHUP, or `callout reload`. Out: what changed, or every
//! error that keeps the old one in force.
//!
//! Never: applies a part of a configuration that has an error, or ends the process.

use std::{path::PathBuf, sync::Arc};

use axum::{Json, Router, extract::State, http::StatusCode, routing::post};
use config::{Config, Secrets};
use destinations::CalendarClient;
use domain::{
    directory::{Calendar, CalendarSource},
    workflow::Workflow,
};
use ingest::access::Sources;
use runtime::RunService;
use serde::{Deserialize, Serialize};
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::{Mutex, watch},
};
use tokio_util::sync::CancellationToken;
use twilio::{TwilioClient, TwilioWebhooks};

use crate::{
    args::Role,
    backend, calendars,
    configuration::{self, LOG_FILTER, env},
    exit::Misconfigured,
    provider::Account,
    replaceable::Replaceable,
    service_manager, wiring,
};

/// Where `callout reload` asks for it, on the control socket.
pub(crate) const RELOAD_PATH: &str = "/v1/reload";

/// From now on SIGHUP does not end the process, which may still be starting.
///
/// # Errors
/// When the signal cannot be waited for.
pub(crate) fn survive_hangups() -> std::io::Result<()> {
    signal(SignalKind::hangup()).map(drop)
}

/// What a reload did.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Reloaded {
    /// What is in force now and was not before.
    pub(crate) changed: Vec<String>,
    /// What the files say otherwise and the process will not do before it is started again.
    pub(crate) needs_restart: Vec<String>,
}

/// What a reload replaces in the roles of this process.
pub(crate) struct Parts {
    pub(crate) runs: Arc<RunService>,
    pub(crate) sources: watch::Sender<Arc<Sources>>,
    pub(crate) destinations: watch::Sender<Arc<Vec<integrations::Destination>>>,
    /// The stream of the API, where this process writes it.
    pub(crate) stream: Option<integrations::Destination>,
    pub(crate) webhooks: Arc<Replaceable<TwilioWebhooks>>,
    /// Absent where no role of this process sends.
    pub(crate) client: Option<Arc<Replaceable<TwilioClient>>>,
    /// The simulator stands in for Twilio, and stays.
    pub(crate) is_simulated: bool,
    /// What reads calendars.
    pub(crate) calendars: Arc<CalendarClient>,
}

/// Reads the configuration again on demand, one reload at a time.
pub(crate) struct Reloader {
    file: PathBuf,
    roles: Vec<Role>,
    parts: Parts,
    /// What the process was started with: what needs a restart stays as it was then.
    started: (Config, Secrets),
    in_force: Mutex<(Config, Secrets)>,
}

impl Reloader {
    /// `started` is what the files said when the process started.
    pub(crate) fn new(file: PathBuf, roles: &[Role], parts: Parts, started: (Config, Secrets)) -> Arc<Self> {
        let in_force = Mutex::new(started.clone());
        Arc::new(Self { file, roles: roles.to_vec(), parts, started, in_force })
    }

    /// Reads the files and puts them in force, all or nothing.
    pub(crate) async fn reload(&self) -> anyhow::Result<Reloaded> {
        let mut in_force = self.in_force.lock().await;
        service_manager::reloading();
        let reloaded = self.replace(&mut in_force).await;
        let digest = reloaded.as_ref().ok().map(|_| in_force.0.digest.as_str());
        telemetry::metrics().process.reloaded(digest, self.parts.runs.now());
        service_manager::ready();
        reloaded
    }

    async fn replace(&self, in_force: &mut (Config, Secrets)) -> anyhow::Result<Reloaded> {
        let (config, secrets) = configuration::load(&self.file, Role::scope(&self.roles))?;
        let reloaded = Reloaded {
            changed: changes(in_force, &config, &secrets),
            needs_restart: unapplied(&self.started, &config, &secrets),
        };
        // Everything that may fail comes first.
        let account = Account::configured(&config.infrastructure, secrets.clone());
        let client = account.client(&config.infrastructure)?;
        let mut destinations = if self.roles.contains(&Role::Integrations) {
            crate::destinations::all(&config, &secrets)?
        } else {
            Vec::new()
        };
        destinations.extend(self.parts.stream.clone());
        if env(LOG_FILTER).is_none() {
            telemetry::set_filter(&config.infrastructure.log.filter).map_err(anyhow::Error::msg)?;
        }
        self.parts.calendars.replace(calendars::urls(&secrets));
        self.parts
            .runs
            .replace(wiring::workflows(&config), config.directory.clone(), config.destinations())
            .await?;
        self.parts.runs.set_canary(config.infrastructure.canary.clone());
        if config.integrations != in_force.0.integrations || secrets.destinations != in_force.1.destinations {
            self.parts.destinations.send_replace(Arc::new(destinations));
        }
        self.parts.sources.send_replace(Arc::new(Sources(secrets.sources.clone())));
        if !self.parts.is_simulated {
            self.parts.webhooks.replace(account.webhooks(&config.infrastructure));
            if let (Some(part), Some(client)) = (&self.parts.client, client)
                && in_force.1.twilio != secrets.twilio
            {
                part.replace(client);
            }
        }
        let names = config.infrastructure.sources.iter().map(|source| source.name.as_str());
        telemetry::metrics().intake.know_sources(names);
        telemetry::metrics().runs.expect(config.workflows.iter().map(Workflow::name));
        *in_force = (config, secrets);
        Ok(reloaded)
    }

    /// Reloads at each SIGHUP, until the process stops.
    ///
    /// # Errors
    /// When the signal cannot be waited for.
    pub(crate) fn on_hangup(
        self: &Arc<Self>,
        stop: CancellationToken,
    ) -> anyhow::Result<impl Future<Output = ()> + use<>> {
        let mut hangup = signal(SignalKind::hangup())?;
        let reloader = self.clone();
        Ok(async move {
            loop {
                tokio::select! {
                    _ = hangup.recv() => report(&reloader.reload().await),
                    () = stop.cancelled() => return,
                }
            }
        })
    }

    /// The route of `callout reload`.
    pub(crate) fn routes(self: &Arc<Self>) -> Router {
        Router::new().route(RELOAD_PATH, post(reload)).with_state(self.clone())
    }
}

async fn reload(State(reloader): State<Arc<Reloader>>) -> Result<Json<Reloaded>, (StatusCode, String)> {
    let done = reloader.reload().await;
    report(&done);
    done.map(Json).map_err(|error| {
        let is_mistake = error.is::<Misconfigured>();
        let status =
            if is_mistake { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::INTERNAL_SERVER_ERROR };
        (status, format!("{error:#}"))
    })
}

fn report(done: &anyhow::Result<Reloaded>) {
    match done {
        Ok(Reloaded { changed, needs_restart }) => {
            tracing::info!(changed = changed.join("; "), "the configuration was read again");
            for what in needs_restart {
                tracing::warn!("changed in the configuration, and in force after a restart only: {what}");
            }
        }
        Err(error) => tracing::error!("the configuration stays as it was: {error:#}"),
    }
}

/// What comes into force, in words.
fn changes((old, old_secrets): &(Config, Secrets), new: &Config, new_secrets: &Secrets) -> Vec<String> {
    let mut changed = Vec::new();
    let workflows = |config: &Config| {
        let of = |workflow: &Workflow| {
            (workflow.name().to_owned(), (workflow.hash.clone(), workflow.team.clone()))
        };
        config.workflows.iter().map(of).collect()
    };
    differences("workflow", workflows(old), workflows(new), &mut changed);
    let contacts = |config: &Config| config.directory.contacts.clone().into_iter().collect();
    differences("contact", contacts(old), contacts(new), &mut changed);
    let rotations = |config: &Config| {
        let named = |((schedule, layer), rotation): (&(String, String), _)| {
            (format!("{schedule}/{layer}"), Clone::clone(rotation))
        };
        config.directory.rotations.iter().map(named).collect()
    };
    differences("rotation", rotations(old), rotations(new), &mut changed);
    let calendars = |config: &Config, secrets: &Secrets| {
        let with_secret = |((schedule, layer), calendar): (&(String, String), &Calendar)| {
            let url = match &calendar.source {
                CalendarSource::UrlIn { variable, .. } => secrets.calendars.get(variable).cloned(),
                CalendarSource::File(_) => None,
            };
            (format!("{schedule}/{layer}"), (calendar.clone(), url))
        };
        config.directory.calendars.iter().map(with_secret).collect()
    };
    differences("calendar", calendars(old, old_secrets), calendars(new, new_secrets), &mut changed);
    let sources = |secrets: &Secrets| {
        secrets.sources.iter().map(|source| (source.name.clone(), source.clone())).collect()
    };
    differences("source", sources(old_secrets), sources(new_secrets), &mut changed);
    let destinations = |config: &Config, secrets: &Secrets| {
        let with_secrets = |destination: &config::Destination| {
            let name = destination.subscription.name.clone();
            let secrets = secrets.destinations.get(&name).cloned();
            (name, (destination.clone(), secrets))
        };
        config.integrations.iter().map(with_secrets).collect()
    };
    differences("destination", destinations(old, old_secrets), destinations(new, new_secrets), &mut changed);
    let (was, is) = (&old.infrastructure, &new.infrastructure);
    changed.extend(named([
        ("log.filter", was.log.filter != is.log.filter),
        ("[replies]", format!("{:?}", was.replies) != format!("{:?}", is.replies)),
        ("[canary]", was.canary != is.canary),
        ("webhook tokens", old_secrets.webhook_tokens != new_secrets.webhook_tokens),
        ("Twilio's credentials", old_secrets.twilio != new_secrets.twilio),
    ]));
    changed
}

fn named<const N: usize>(settings: [(&str, bool); N]) -> impl Iterator<Item = String> + use<'_, N> {
    settings.into_iter().filter(|(_, differs)| *differs).map(|(name, _)| name.to_owned())
}

/// What the files say otherwise than at the start of the process and that needs a restart, in words.
fn unapplied((old, old_secrets): &(Config, Secrets), new: &Config, new_secrets: &Secrets) -> Vec<String> {
    let (was, is) = (&old.infrastructure, &new.infrastructure);
    let settings = [
        (
            "environment or its allow_recipients",
            was.environment != is.environment || was.allow_recipients != is.allow_recipients,
        ),
        ("[backend]", was.backend != is.backend || old_secrets.fleet != new_secrets.fleet),
        ("[http]", (was.listen, was.monitoring_listen) != (is.listen, is.monitoring_listen)),
        ("[api]", (was.api_listen, &was.api_public_url) != (is.api_listen, &is.api_public_url)),
        ("[privacy]", was.key_file != is.key_file),
        ("[retention]", was.retention != is.retention),
        ("[twilio]", was.twilio != is.twilio),
        ("CALLOUT_RECIPIENT_KEY", old_secrets.recipient_key != new_secrets.recipient_key),
        ("log.format", was.log.json != is.log.json),
        ("events_per_second or amqp_user of a source", rates(old) != rates(new)),
        ("the lane of an event type", backend::lanes(old) != backend::lanes(new)),
    ];
    named(settings).collect()
}

fn rates(config: &Config) -> Vec<(&str, Option<u32>, Option<&str>)> {
    let sources = &config.infrastructure.sources;
    sources.iter().map(|s| (s.name.as_str(), s.events_per_second, s.amqp_user.as_deref())).collect()
}

fn differences<T: PartialEq>(
    what: &str,
    old: std::collections::BTreeMap<String, T>,
    new: std::collections::BTreeMap<String, T>,
    changed: &mut Vec<String>,
) {
    for (name, value) in &new {
        match old.get(name) {
            None => changed.push(format!("{what} {name} is new")),
            Some(before) if before != value => changed.push(format!("{what} {name} changed")),
            Some(_) => {}
        }
    }
    let gone = old.keys().filter(|name| !new.contains_key(*name));
    changed.extend(gone.map(|name| format!("{what} {name} is gone")));
}
