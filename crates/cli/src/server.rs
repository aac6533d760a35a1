//! The roles of one process, wired to their ports. In: configuration and secrets. Out: a running installation.
//!
//! Never: decides anything, or knows which backend it runs on.

use std::{
    net::SocketAddr,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use anyhow::{Context as _, bail};
use axum::{Router, extract::State, http::StatusCode, routing::get};
use config::{Config, Secrets, TwilioSecrets};
use control::Control;
use domain::source_quota::QuotaRates;
use ingest::access::Sources;
use ports::{Clock, DueStore, SystemClock};
use sender::SenderRate;
use tokio::{
    net::{TcpListener, UnixListener},
    task::JoinSet,
};
use tokio_util::sync::CancellationToken;
use tower_http::timeout::TimeoutLayer;
use twilio::{Secret, SenderIdentity, SignatureVerifier, TwilioClient, TwilioConfig, TwilioWebhooks};
use twilio_sim::{SimHandle, Timing};
use url::Url;

use crate::{
    args::Role,
    backend::{self, Backend},
    exit::Usage,
    simulator,
    wiring::Wiring,
};

/// Requests to the event endpoint worked on at once.
const INGEST_IN_FLIGHT_MAX: usize = 512;
/// How long the listeners may take to finish open requests.
const LISTENERS_DRAIN_MAX: Duration = Duration::from_secs(10);
/// How long one request may take, its body included.
const REQUEST_MAX: Duration = Duration::from_secs(30);

/// A running installation.
pub(crate) struct Server {
    /// The ports of its roles.
    pub(crate) wiring: Wiring,
    /// The time.
    pub(crate) clock: Arc<dyn Clock>,
    /// Where it listens for HTTP.
    pub(crate) url: Url,
    /// The simulator, where one stands in for Twilio.
    pub(crate) simulator: Option<SimHandle>,
    backend: Backend,
    roles: JoinSet<anyhow::Result<()>>,
    shutdown: CancellationToken,
    socket: Option<PathBuf>,
}

impl Server {
    /// Starts everything. `timing` is the simulator's, where one is needed.
    pub(crate) async fn start(
        config: Config,
        secrets: Secrets,
        chosen: &[Role],
        listen: SocketAddr,
        timing: Timing,
        shutdown: CancellationToken,
    ) -> anyhow::Result<Self> {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let all = Role::chosen(&[]);
        if config.infrastructure.backend.is_embedded() && !all.iter().all(|role| chosen.contains(role)) {
            let message =
                "the embedded backend is one process with every role; name none, or configure a fleet";
            return Err(Usage(message.to_owned()).into());
        }
        let backend = Backend::open(&config, secrets.fleet.as_ref(), clock.clone()).await?;
        let listener = TcpListener::bind(listen).await.with_context(|| {
            format!("cannot listen on {listen}; give another address with --listen or under [http] in the configuration")
        })?;
        let url: Url = format!("http://{}", listener.local_addr()?).parse()?;
        let retention_s = config.infrastructure.retention_s;
        let keyword_languages = config.infrastructure.replies.keyword_languages.clone();
        let keyword_languages = keyword_languages.unwrap_or_else(twilio::known_languages);
        let (settings, quotas) = (config.infrastructure.twilio.clone(), config.infrastructure.quota_rates());
        let sender = match (&settings.messaging_service_sid, &settings.from) {
            (Some(service), _) if secrets.twilio.is_some() => {
                SenderIdentity::MessagingService(service.clone())
            }
            (_, from) => {
                SenderIdentity::From(from.clone().unwrap_or_else(|| simulator::SIMULATED_FROM.to_owned()))
            }
        };
        let (simulator, twilio, public_url) = match secrets.twilio {
            Some(twilio) => (None, twilio, settings.public_url.context("twilio.public_url is missing")?),
            None => {
                let SenderIdentity::From(from) = &sender else {
                    bail!("the simulator needs a sending number")
                };
                let (handle, twilio) = simulator::start(&url, from, timing).await?;
                tracing::warn!(api = %handle.base_url(), "no TWILIO_ACCOUNT_SID: the built-in simulator stands in, no text leaves this machine");
                (Some(handle), twilio, url.clone())
            }
        };
        let rate = settings.segments_per_second.map(|rate| rate_of(&sender, rate));
        let (mut provider, verifier) = provider(twilio, sender, &public_url)?;
        provider.answer_max = Duration::from_secs(settings.answer_max_s.into());
        provider.in_flight_max = settings.in_flight_max;
        let provider = TwilioClient::new(provider)?;
        let socket = backend::control_socket(&config.infrastructure.backend);
        let wiring = Wiring::new(config, backend.store(), backend.bus(), clock.clone());
        wiring.keep_workflows().await?;
        let public_url = public_url.as_str().trim_end_matches('/').to_owned();
        let role_settings = RoleSettings {
            sources: Sources(secrets.sources),
            webhooks: Arc::new(TwilioWebhooks { public_url, verifier, keyword_languages }),
            provider: Arc::new(provider),
            in_flight_max: settings.in_flight_max,
            quotas,
            rate,
            retention: Duration::from_secs(retention_s.into()),
        };
        let (app, mut roles) = role_settings.start(&wiring, chosen, &shutdown);
        let app = app.layer(TimeoutLayer::with_status_code(StatusCode::REQUEST_TIMEOUT, REQUEST_MAX));
        roles.spawn(serve(listener, app, shutdown.clone()));
        if let Some(socket) = &socket {
            roles.spawn(serve(
                bind_control(socket)?,
                control::router(Control::new(wiring.control())),
                shutdown.clone(),
            ));
        }
        Ok(Self { wiring, clock, url, simulator, backend, roles, shutdown, socket })
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

/// What the roles of one process are made with.
struct RoleSettings {
    sources: Sources,
    webhooks: Arc<TwilioWebhooks>,
    provider: Arc<TwilioClient>,
    in_flight_max: u16,
    quotas: QuotaRates,
    rate: Option<SenderRate>,
    retention: Duration,
}

impl RoleSettings {
    /// Starts the roles that work by themselves, and returns the routes of those that answer.
    fn start(
        &self,
        wiring: &Wiring,
        chosen: &[Role],
        shutdown: &CancellationToken,
    ) -> (Router, JoinSet<anyhow::Result<()>>) {
        let mut app = health(wiring.due());
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
                    let ports = Arc::new(wiring.sender(self.provider.clone()));
                    roles.spawn(async move { Ok(sender::run(ports, config, stop).await?) });
                }
                Role::Escalation => {
                    let retention = self.retention;
                    let config = escalation::EscalationConfig { retention, ..Default::default() };
                    let ports = Arc::new(wiring.escalation());
                    roles.spawn(async move { Ok(escalation::run(ports, config, stop).await?) });
                }
            }
        }
        (app, roles)
    }
}

fn provider(
    secrets: TwilioSecrets,
    sender: SenderIdentity,
    public_url: &Url,
) -> anyhow::Result<(TwilioConfig, SignatureVerifier)> {
    let api_base = match secrets.api_base {
        Some(api_base) => api_base,
        None => twilio::API_BASE.parse()?,
    };
    let tokens: Vec<Secret> = secrets.webhook_tokens;
    let mut settings = TwilioConfig::new(api_base, secrets.account_sid, secrets.credentials, sender);
    settings.status_callback = Some(public_url.join(twilio::STATUS_PATH)?);
    Ok((settings, SignatureVerifier::new(tokens)))
}

/// All senders share the rate of the number or service that they send from.
fn rate_of(sender: &SenderIdentity, segments_per_second: u32) -> SenderRate {
    let queue = match sender {
        SenderIdentity::From(name) | SenderIdentity::MessagingService(name) => format!("sender {name}"),
    };
    SenderRate::per_second(queue, segments_per_second)
}

fn bind_control(socket: &Path) -> anyhow::Result<UnixListener> {
    // The database's lock is ours, so a socket that is there was left by a process that died.
    drop(std::fs::remove_file(socket));
    let listener = UnixListener::bind(socket).with_context(|| {
        format!(
            "cannot open the control socket {}; a shorter path to the database may help",
            socket.display()
        )
    })?;
    std::fs::set_permissions(socket, std::fs::Permissions::from_mode(0o600))?;
    Ok(listener)
}

async fn serve<L>(listener: L, app: Router, shutdown: CancellationToken) -> anyhow::Result<()>
where
    L: axum::serve::Listener,
    L::Addr: std::fmt::Debug,
{
    let stopping = shutdown.clone();
    let server = axum::serve(listener, app).with_graceful_shutdown(async move { stopping.cancelled().await });
    tokio::select! {
        result = std::future::IntoFuture::into_future(server) => Ok(result?),
        // A client that keeps its connection open must not keep us from ending.
        () = async { shutdown.cancelled().await; SystemClock.sleep_until(SystemClock.now() + LISTENERS_DRAIN_MAX).await } => Ok(()),
    }
}

fn health(due: Arc<dyn DueStore>) -> Router {
    Router::new()
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics))
        .with_state(due)
}

async fn metrics() -> ([(&'static str, &'static str); 1], String) {
    let text = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    ([("content-type", text)], telemetry::metrics().text())
}

async fn ready(State(due): State<Arc<dyn DueStore>>) -> (StatusCode, String) {
    match due.next_due().await {
        Ok(_) => (StatusCode::OK, "ready\n".to_owned()),
        Err(error) => (StatusCode::SERVICE_UNAVAILABLE, format!("{error}\n")),
    }
}
