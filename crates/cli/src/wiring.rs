//! Gives each role and each command the ports it uses. In: a store, a bus, a clock, the configuration. Out: ports.
//!
//! Never: gives a role more than it uses, or knows which backend it runs on.

use std::sync::Arc;

use api::{ApiPorts, StreamClient};
use callback::CallbackPorts;
use config::{Config, Infrastructure};
use control::{Control, ControlPorts, Installation, LastUses, OwnHeartbeat};
use domain::{
    ack_code::CodeKey,
    notice::{Notices, Wording},
    recipient_hash::RecipientKey,
    team::SourceTeams,
};
use escalation::EscalationPorts;
use ingest::IngestPorts;
use integrations::IntegrationsPorts;
use mcp::McpPorts;
use ports::{Bus, CalendarReader, Clock, ProviderWebhooks, SmsProvider, Store};
use runtime::{Acceptance, CalendarReading, DeadLetters, RunPorts, RunService, WorkflowRegistry};
use sender::SenderPorts;
use url::Url;

use crate::args::Role;

/// The ports of one process.
pub(crate) struct Wiring {
    store: Arc<dyn Store>,
    bus: Arc<dyn Bus>,
    clock: Arc<dyn Clock>,
    runs: Arc<RunService>,
    /// Takes the events that are sent with tokens.
    acceptance: Arc<Acceptance>,
    installation: Installation,
    own_heartbeat: OwnHeartbeat,
    last_uses: LastUses,
    /// Where others reach the API.
    api_url: Option<Url>,
}

impl Wiring {
    pub(crate) fn new(
        config: Config,
        recipient_key: Option<RecipientKey>,
        store: Arc<dyn Store>,
        bus: Arc<dyn Bus>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let ports = RunPorts::new(store.clone(), bus.clone(), clock.clone());
        let installation = installation(&config);
        let workflows = workflows(&config);
        let key = CodeKey::new(rand::random());
        let destinations = config.destinations();
        let Infrastructure { twilio, listen, api_public_url, .. } = &config.infrastructure;
        let api_url = api_public_url.clone();
        let link_base = twilio.public_url.as_ref().map_or_else(|| format!("http://{listen}"), Url::to_string);
        let quotas = config.infrastructure.quota_rates();
        let originators = twilio.originators.iter().map(|settings| settings.originator.clone()).collect();
        let runs = RunService::new(ports, workflows, config.directory, config.environment, key)
            .sending_from(originators);
        let runs =
            Arc::new(runs.with_destinations(destinations).linking_to(&link_base).hashing_with(recipient_key));
        runs.set_canary(config.infrastructure.canary.clone());
        let acceptance = Arc::new(Acceptance::new(runs.clone(), bus.clone(), clock.clone(), quotas));
        Self {
            store,
            bus,
            clock,
            runs,
            acceptance,
            installation,
            own_heartbeat: OwnHeartbeat::default(),
            last_uses: LastUses::default(),
            api_url,
        }
    }

    /// Stores every definition in force, so that runs opened with it can go on after a change.
    pub(crate) async fn keep_workflows(&self) -> anyhow::Result<()> {
        Ok(self.runs.keep_workflows().await?)
    }

    /// What this process says of itself.
    pub(crate) fn own_heartbeat(&self) -> OwnHeartbeat {
        self.own_heartbeat.clone()
    }

    /// What changes runs.
    pub(crate) fn runs(&self) -> Arc<RunService> {
        self.runs.clone()
    }

    pub(crate) fn sender(&self, provider: Arc<dyn SmsProvider>) -> SenderPorts {
        SenderPorts {
            runs: self.runs.clone(),
            lookup: self.store.clone(),
            consent: self.store.clone(),
            rates: self.store.clone(),
            audit: self.store.clone(),
            bus: self.bus.clone(),
            provider,
            clock: self.clock.clone(),
            dead_letters: self.dead_letters(),
        }
    }

    pub(crate) fn escalation(&self) -> EscalationPorts {
        EscalationPorts {
            runs: self.runs.clone(),
            due: self.store.clone(),
            retention: self.store.clone(),
            sealing: self.store.clone(),
            letters: self.store.clone(),
            dead_letters: self.dead_letters(),
            bus: self.bus.clone(),
            clock: self.clock.clone(),
        }
    }

    pub(crate) fn ingest(&self) -> IngestPorts {
        IngestPorts { runs: self.runs.clone(), bus: self.bus.clone(), clock: self.clock.clone() }
    }

    pub(crate) fn callback(&self, webhooks: Arc<dyn ProviderWebhooks>) -> CallbackPorts {
        CallbackPorts {
            runs: self.runs.clone(),
            lookup: self.store.clone(),
            consent: self.store.clone(),
            webhooks,
        }
    }

    /// What operators' requests are carried out by.
    pub(crate) fn control(&self) -> Control {
        Control::new(ControlPorts {
            runs: self.runs.clone(),
            list: self.store.clone(),
            letters: self.store.clone(),
            tokens: self.store.clone(),
            approvals: self.store.clone(),
            effects: self.store.clone(),
            log: self.store.clone(),
            audit: self.store.clone(),
            acceptance: self.acceptance.clone(),
            status: self.store.clone(),
            sending: self.store.clone(),
            receipts: self.store.clone(),
            rate_limits: self.store.clone(),
            overrides: self.store.clone(),
            silences: self.store.clone(),
            calendars: self.store.clone(),
            preflight: self.store.clone(),
            consent: self.store.clone(),
            retention: self.store.clone(),
            clock: self.clock.clone(),
            bus: self.bus.clone(),
        })
        .of(self.installation.clone())
        .reporting(self.own_heartbeat.clone())
        .noting(self.last_uses.clone())
    }

    /// The time.
    pub(crate) fn clock(&self) -> Arc<dyn Clock> {
        self.clock.clone()
    }

    /// What reads calendars where they are kept.
    pub(crate) fn calendar_reading(&self, reader: Arc<dyn CalendarReader>) -> CalendarReading {
        CalendarReading {
            runs: self.runs.clone(),
            store: self.store.clone(),
            reader,
            clock: self.clock.clone(),
        }
    }

    pub(crate) fn integrations(&self) -> IntegrationsPorts {
        IntegrationsPorts {
            runs: self.runs.clone(),
            timelines: self.store.clone(),
            effects: self.store.clone(),
            clock: self.clock.clone(),
            api_url: self.api_url.clone(),
        }
    }

    pub(crate) fn api(&self) -> ApiPorts {
        ApiPorts { control: self.control(), answers: self.store.clone(), clock: self.clock.clone() }
    }

    pub(crate) fn mcp(&self) -> McpPorts {
        McpPorts { control: self.control() }
    }

    /// What writes the log that the API streams.
    pub(crate) fn stream(&self) -> StreamClient {
        StreamClient(self.store.clone())
    }

    fn dead_letters(&self) -> DeadLetters {
        DeadLetters { store: self.store.clone(), bus: self.bus.clone(), clock: self.clock.clone() }
    }
}

/// The workflows of a configuration, and those of notices where replies are answered.
pub(crate) fn workflows(config: &Config) -> WorkflowRegistry {
    let sources = config.infrastructure.sources.iter();
    let teams = sources.filter_map(|source| Some((source.name.clone(), source.team.clone()?)));
    let workflows =
        WorkflowRegistry::new(config.workflows.iter().cloned()).with_teams(SourceTeams::new(teams));
    match config.infrastructure.replies.wording.as_ref().and_then(notices) {
        Some(notices) => workflows.with_notices(notices),
        None => workflows,
    }
}

/// The workflows of what is said by itself. The configuration has checked each template.
fn notices(wording: &Wording) -> Option<Notices> {
    Notices::compile(wording)
        .inspect_err(|errors| {
            tracing::error!(?errors, "replies are not answered: the wording cannot be used")
        })
        .ok()
}

/// What a status says of the configuration.
fn installation(config: &Config) -> Installation {
    let Infrastructure { environment, api_listen, .. } = &config.infrastructure;
    let has_destinations = !config.destinations().0.is_empty();
    let runs = |role: &Role| match role {
        Role::Integrations => has_destinations,
        Role::Api => api_listen.is_some(),
        Role::Ingest | Role::Sender | Role::Callback | Role::Escalation => true,
    };
    Installation {
        environment: environment.clone(),
        configuration: config.digest.clone(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        roles: Role::chosen(&[]).iter().filter(|role| runs(role)).map(|role| role.name()).collect(),
    }
}
