//! The roles of one process, wired to their ports. In: configuration and secrets. Out: a running server.
//!
//! Never: decides anything, or knows which backend it runs on.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use ::destinations::CalendarClient;
use anyhow::Context as _;
use api::ApiSettings;
use axum::Router;
use config::{Config, Infrastructure, RetentionSettings, Secrets};
use control::Control;
use domain::{source_quota::QuotaRates, time::after_s, workflow::Workflow};
use futures::future::OptionFuture;
use ingest::access::Sources;
use jiff::SignedDuration;
use ports::{Clock, SystemClock};
use runtime::Sweep;
use sender::SenderRate;
use tokio::{sync::watch, task::JoinSet};
use tokio_util::sync::CancellationToken;
use twilio::{TwilioClient, TwilioWebhooks};
use twilio_sim::{SimHandle, Timing};
use url::Url;

use crate::{
    admission::Admission,
    args::Role,
    backend::{self, Backend},
    calendars, canaries,
    exit::Usage,
    health::{self, Readiness},
    heartbeat::{self, Reporter},
    installation_metrics,
    listeners::{self, Listeners},
    provider::Account,
    reload::{Parts, Reloader},
    replaceable::Replaceable,
    shared_state,
    wiring::Wiring,
};

/// Requests to the event endpoint worked on at once.
const INGEST_IN_FLIGHT_MAX: usize = 512;

/// The running roles of one process.
pub(crate) struct Server {
    /// The ports of its roles.
    pub(crate) wiring: Wiring,
    /// The time.
    pub(crate) clock: Arc<dyn Clock>,
    /// Where it listens for HTTP.
    pub(crate) url: Url,
    /// Where its API is, if it serves one.
    pub(crate) api_url: Option<Url>,
    /// The simulator, where one stands in for Twilio.
    pub(crate) simulator: Option<SimHandle>,
    backend: Backend,
    roles: JoinSet<anyhow::Result<()>>,
    shutdown: CancellationToken,
    socket: Option<PathBuf>,
}

/// The roles whose broker users may publish events sweep for those that have not ended.
fn sweeps(chosen: &[Role]) -> Sweep {
    let publishes = |role: &Role| matches!(role, Role::Ingest | Role::Api);
    if chosen.iter().any(publishes) { Sweep::Here } else { Sweep::Elsewhere }
}

/// Says every minute how many warnings were left out because they repeat.
async fn count_repeats(clock: Arc<dyn Clock>, shutdown: CancellationToken) -> anyhow::Result<()> {
    let minute = SignedDuration::from_mins(1);
    while shutdown.run_until_cancelled(clock.sleep_until(clock.now() + minute)).await.is_some() {
        for (module, lines) in telemetry::left_out() {
            tracing::warn!(module, lines, "warnings like those before were left out in the last minute");
        }
    }
    Ok(())
}

/// What monitors and operators ask of this process, and the tasks that keep it true.
fn observed(
    backend: &Backend,
    settings: &Infrastructure,
    reporter: Reporter,
    clock: &Arc<dyn Clock>,
    roles: &mut JoinSet<anyhow::Result<()>>,
    shutdown: &CancellationToken,
) -> Router {
    let readiness = Readiness::new(backend.dependencies(), clock.clone());
    let (watching, wal, stop) = (readiness.clone(), Backend::wal(&settings.backend), shutdown.clone());
    roles.spawn(async {
        watching.watch(wal, stop).await;
        Ok(())
    });
    let (store, stop) = (backend.store(), shutdown.clone());
    roles.spawn(heartbeat::report(reporter, store, readiness.clone(), clock.clone(), stop));
    roles.spawn(count_repeats(clock.clone(), shutdown.clone()));
    health::monitoring(readiness)
}

/// Says in the metrics what this process is, and which names they may use.
fn describe(config: &Config, chosen: &[Role], clock: &dyn Clock) {
    let metrics = telemetry::metrics();
    let roles: Vec<_> = chosen.iter().map(|role| role.name()).collect();
    metrics.process.started(env!("CARGO_PKG_VERSION"), &roles.join(","), &config.digest, clock.now());
    metrics.intake.know_sources(config.infrastructure.sources.iter().map(|source| source.name.as_str()));
    metrics.runs.classify_with(twilio::error_code::class_of_callback);
    metrics.runs.expect(config.workflows.iter().map(Workflow::name));
}

impl Server {
    /// Starts everything. `timing` is the simulator's, where one is needed. With its file, and what that said, the
    /// configuration can be reloaded. `without_preflight` is why production starts without one.
    pub(crate) async fn start(
        mut config: Config,
        mut secrets: Secrets,
        chosen: &[Role],
        timing: Timing,
        reloadable: Option<(&Path, (Config, Secrets))>,
        without_preflight: Option<String>,
        shutdown: CancellationToken,
    ) -> anyhow::Result<Self> {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let all = Role::chosen(&[]);
        if config.infrastructure.backend.is_embedded() && !all.iter().all(|role| chosen.contains(role)) {
            let message =
                "the embedded backend is one process with every role; name none, or configure a fleet";
            return Err(Usage(message.to_owned()).into());
        }
        let backend = Backend::open(&config, secrets.fleet.as_ref(), clock.clone(), sweeps(chosen)).await?;
        let listeners = Listeners::bind(&config.infrastructure, chosen.contains(&Role::Api))?;
        let (url, api_url) = (listeners.url()?, listeners.api_url()?);
        crate::unlikely::log_unopened_tickets(&config);
        let settings = config.infrastructure.clone();
        let mut destinations = destinations_of(chosen, &config, &secrets)?;
        describe(&config, chosen, clock.as_ref());
        let sources = watch::Sender::new(Arc::new(Sources(std::mem::take(&mut secrets.sources))));
        let recipient_key = secrets.recipient_key.clone();
        let calendar_client = calendars::client(&secrets)?;
        let (account, simulator) = Account::open(&settings, secrets, &url, timing).await?;
        let without = without_preflight.as_deref();
        let sends = chosen.contains(&Role::Sender) && simulator.is_none();
        let asked = sends.then(|| Admission::ask(&config, &account, backend.store(), clock.clone(), without));
        let admission = OptionFuture::from(asked).await.transpose()?;
        let socket = backend::control_socket(&config.infrastructure.backend);
        // Where the simulator stands in for the provider, it calls the address that we listen on.
        config.infrastructure.twilio.public_url.get_or_insert_with(|| url.clone());
        let wiring = Wiring::new(config, recipient_key, backend.store(), backend.bus(), clock.clone());
        wiring.keep_workflows().await?;
        wiring.runs().refresh_calendars().await?;
        let stream = settings.api_listen.filter(|_| chosen.contains(&Role::Integrations));
        let stream = stream.map(|_| crate::destinations::stream(wiring.stream()));
        destinations.extend(stream.clone());
        let destinations = watch::Sender::new(Arc::new(destinations));
        let role_settings = RoleSettings {
            sources: sources.subscribe(),
            destinations: destinations.subscribe(),
            webhooks: Replaceable::new(account.webhooks(&settings)),
            provider: account.client(&settings)?.map(Replaceable::new),
            in_flight_max: settings.twilio.in_flight_max,
            quotas: settings.quota_rates(),
            rate: account.rate(&settings),
            retention: retention(&settings.retention),
        };
        let (app, mut roles) = role_settings.start(&wiring, chosen, &shutdown)?;
        admission.map(|admission| roles.spawn(admission.watch(shutdown.clone())));
        let reporter = Reporter { roles: chosen.to_vec(), without_preflight, own: wiring.own_heartbeat() };
        let monitoring = observed(&backend, &settings, reporter, &clock, &mut roles, &shutdown);
        let api = api_routes(api_url.is_some(), &wiring, &settings, &mut roles, &shutdown);
        keep_up(chosen, &wiring, &mut roles, &shutdown);
        let reads = chosen.contains(&Role::Escalation);
        keep_schedules(reads, &wiring, &calendar_client, &mut roles, &shutdown);
        let parts = Parts {
            calendars: calendar_client,
            runs: wiring.runs(),
            sources,
            destinations,
            stream,
            webhooks: role_settings.webhooks.clone(),
            client: role_settings.provider.clone(),
            is_simulated: simulator.is_some(),
        };
        let reload = reloading(reloadable, chosen, parts, &mut roles, &shutdown)?;
        if let Some(socket) = &socket {
            let routes = control::router(wiring.control()).merge(reload);
            listeners::serve_control(socket, routes, &mut roles, &shutdown)?;
        }
        // Last, so that who finds it ready can ask it for everything.
        listeners.serve(app, health::liveness(), monitoring, api, &mut roles, &shutdown);
        Ok(Self { wiring, clock, url, api_url, simulator, backend, roles, shutdown, socket })
    }

    /// Waits until it is told to stop or a role fails, then stops in order: listeners, roles, backend.
    pub(crate) async fn finish(mut self) -> anyhow::Result<()> {
        let mut result = Ok(());
        while let Some(ended) = self.roles.join_next().await {
            let ended = ended.map_err(anyhow::Error::from).and_then(|ended| ended);
            if !self.shutdown.is_cancelled() {
                tracing::error!("a role ended although nobody asked it to; stopping the others");
                self.shutdown.cancel();
            }
            result = result.and(ended);
        }
        if let Some(socket) = &self.socket {
            drop(std::fs::remove_file(socket));
        }
        self.backend.close().await;
        if let Some(simulator) = self.simulator {
            simulator.shutdown().await;
        }
        tracing::info!("stopped");
        result
    }
}

/// Watches the installation, and exchanges what processes share, where roles of this process want it.
fn keep_up(
    chosen: &[Role],
    wiring: &Wiring,
    roles: &mut JoinSet<anyhow::Result<()>>,
    shutdown: &CancellationToken,
) {
    // Of two roles, so that one of them can be missed.
    if chosen.iter().any(|role| matches!(role, Role::Escalation | Role::Callback)) {
        roles.spawn(installation_metrics::watch(wiring.control(), wiring.clock(), shutdown.clone()));
    }
    if chosen.iter().any(|role| matches!(role, Role::Sender | Role::Callback | Role::Escalation)) {
        roles.spawn(shared_state::exchange(wiring.runs(), wiring.clock(), shutdown.clone()));
    }
}

/// Takes calendars into force and, where this process `reads` them, reads them; sends canaries there.
fn keep_schedules(
    reads: bool,
    wiring: &Wiring,
    client: &Arc<CalendarClient>,
    roles: &mut JoinSet<anyhow::Result<()>>,
    shutdown: &CancellationToken,
) {
    if reads {
        roles.spawn(canaries::send(wiring.runs(), wiring.clock(), shutdown.clone()));
    }
    let reading = reads.then(|| wiring.calendar_reading(client.clone()));
    roles.spawn(calendars::follow(wiring.runs(), reading, wiring.clock(), shutdown.clone()));
}

fn destinations_of(
    chosen: &[Role],
    config: &Config,
    secrets: &Secrets,
) -> anyhow::Result<Vec<integrations::Destination>> {
    if chosen.contains(&Role::Integrations) {
        crate::destinations::all(config, secrets)
    } else {
        Ok(Vec::new())
    }
}

/// Has the configuration read again when the process is told to. Returns the route of `callout reload`.
fn reloading(
    reloadable: Option<(&Path, (Config, Secrets))>,
    chosen: &[Role],
    parts: Parts,
    roles: &mut JoinSet<anyhow::Result<()>>,
    shutdown: &CancellationToken,
) -> anyhow::Result<Router> {
    let Some((file, as_read)) = reloadable else { return Ok(Router::new()) };
    let reloader = Reloader::new(file.to_owned(), chosen, parts, as_read);
    let routes = reloader.routes();
    let on_hangup = reloader.on_hangup(shutdown.clone())?;
    roles.spawn(async {
        on_hangup.await;
        Ok(())
    });
    Ok(routes)
}

/// The routes of the API, where it has an address.
fn api_routes(
    is_served: bool,
    wiring: &Wiring,
    settings: &Infrastructure,
    roles: &mut JoinSet<anyhow::Result<()>>,
    stop: &CancellationToken,
) -> Router {
    if !is_served {
        return Router::new();
    }
    roles.spawn(approvals_loop(wiring.control(), wiring.clock(), stop.clone()));
    let environment = settings.environment.clone();
    let version = env!("CARGO_PKG_VERSION");
    let agents = mcp::router(wiring.mcp(), stop.clone());
    api::router(wiring.api(), ApiSettings { environment, version, stop: stop.clone() }).merge(agents)
}

/// How often the API looks for what was approved and not done, because a process died between.
const CARRY_ON_EVERY_S: u32 = 5;

/// Has what was approved and not done be done, until told to stop.
async fn approvals_loop(
    control: Control,
    clock: Arc<dyn Clock>,
    stop: CancellationToken,
) -> anyhow::Result<()> {
    loop {
        if let Err(error) = control.carry_on_approvals().await {
            tracing::warn!(%error, "what was approved could not be looked for; it is tried again");
        }
        tokio::select! {
            () = clock.sleep_until(after_s(clock.now(), CARRY_ON_EVERY_S)) => {}
            () = stop.cancelled() => return Ok(()),
        }
    }
}

/// What the roles of one process are made with.
struct RoleSettings {
    sources: watch::Receiver<Arc<Sources>>,
    destinations: watch::Receiver<Arc<Vec<integrations::Destination>>>,
    webhooks: Arc<Replaceable<TwilioWebhooks>>,
    provider: Option<Arc<Replaceable<TwilioClient>>>,
    in_flight_max: u16,
    quotas: QuotaRates,
    rate: Option<SenderRate>,
    retention: escalation::Retention,
}

fn retention(settings: &RetentionSettings) -> escalation::Retention {
    let RetentionSettings { ended_runs_s, texts_s, dead_letters_s } = *settings;
    let [runs, texts, letters] =
        [ended_runs_s, texts_s, dead_letters_s].map(|seconds| Duration::from_secs(seconds.into()));
    escalation::Retention { runs, texts, letters }
}

impl RoleSettings {
    /// Starts the roles that work by themselves, and returns the routes of those that answer.
    fn start(
        &self,
        wiring: &Wiring,
        chosen: &[Role],
        shutdown: &CancellationToken,
    ) -> anyhow::Result<(Router, JoinSet<anyhow::Result<()>>)> {
        let mut app = Router::new();
        let mut roles = JoinSet::new();
        for role in chosen {
            let stop = shutdown.clone();
            match role {
                Role::Ingest => {
                    let config = ingest::IngestConfig {
                        sources: self.sources.clone(),
                        in_flight_max: INGEST_IN_FLIGHT_MAX,
                        quotas: self.quotas.clone(),
                    };
                    app = app.merge(ingest::router(wiring.ingest(), config));
                }
                Role::Callback => {
                    app = app.merge(callback::router(wiring.callback(self.webhooks.clone())));
                }
                Role::Sender => {
                    let config =
                        sender::SenderConfig::new(self.in_flight_max, self.quotas.clone(), self.rate.clone());
                    let provider = self.provider.clone().context("a sender needs an account")?;
                    let ports = Arc::new(wiring.sender(provider));
                    roles.spawn(async move { Ok(sender::run(ports, config, stop).await?) });
                }
                Role::Integrations => {
                    let (ports, destinations) = (Arc::new(wiring.integrations()), self.destinations.clone());
                    roles.spawn(async move { Ok(integrations::run(ports, destinations, stop).await?) });
                }
                // Its routes are served on an address of their own.
                Role::Api => {}
                Role::Escalation => {
                    let retention = self.retention;
                    let config = escalation::EscalationConfig { retention, ..Default::default() };
                    let ports = Arc::new(wiring.escalation());
                    roles.spawn(async move { Ok(escalation::run(ports, config, stop).await?) });
                }
            }
        }
        Ok((app, roles))
    }
}
