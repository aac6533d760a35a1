//! Reaches what an operator means: the API that CALLOUT_URL names, else the running process through its socket, else
//! the store directly.
//!
//! In: requests. Out: their answers, all over one connection. Never: opens files that a running process holds.

use std::{io::ErrorKind, path::Path, sync::Arc};

use anyhow::{Context as _, anyhow};
use config::Scope;
use control::{Answer, CONTROL_PATH, Control, ControlError, Envelope, Principal, Request};
use ports::SystemClock;
use reqwest::StatusCode;

use crate::{
    backend::{self, Backend},
    configuration,
    exit::{ConfigurationRefused, NotFound, Usage},
    output,
    reload::{RELOAD_PATH, Reloaded},
    remote::Remote,
    running,
    wiring::Wiring,
};

/// The error for an answer of another kind than was asked for.
pub(crate) const UNEXPECTED_ANSWER: &str =
    "the answer is not of the kind that was asked for; is another version of callout running?";

/// The error where a process that took a request ended before it answered.
const NO_ANSWER: &str =
    "the running callout did not answer on its control socket; look whether it still runs, and at its log";

/// A connection for the requests of one command.
pub(crate) enum ControlClient {
    /// To the API of another machine.
    Remote(Box<Remote>),
    /// To a running process.
    Socket(reqwest::Client),
    /// To the store, in this process.
    Direct(Box<(Control, Backend)>),
}

impl ControlClient {
    /// Connects to what the configuration names, which must be there.
    pub(crate) async fn open(config_file: &Path) -> anyhow::Result<Self> {
        Self::open_or_create(config_file, false).await
    }

    async fn open_or_create(config_file: &Path, creates: bool) -> anyhow::Result<Self> {
        if let Some(remote) = Remote::from_environment()? {
            return Ok(Self::Remote(Box::new(remote)));
        }
        let loaded = configuration::load(config_file, Scope::OPERATOR);
        let backend = match &loaded {
            Ok((config, _)) => Some(config.infrastructure.backend.clone()),
            Err(_) => config::backend_of(config_file),
        };
        if let Some(socket) = backend.as_ref().and_then(backend::control_socket)
            && let Some(client) = running::reach(&socket).await?
        {
            // Whoever must acknowledge at night does not mend a file first.
            if loaded.is_err() {
                output::note(
                    "the configuration on disk has errors, which `callout check` lists; the running process goes on with \
                     what it read before",
                );
            }
            return Ok(Self::Socket(client));
        }
        let (config, secrets) = loaded?;
        if let config::Backend::Embedded { path, .. } = &config.infrastructure.backend
            && !creates
            && path.metadata().is_err_and(|error| error.kind() == ErrorKind::NotFound)
        {
            let message = format!(
                "there is no database at {}: `callout serve` makes it when it first runs; another configuration is named \
                 with --config",
                path.display()
            );
            return Err(NotFound(message).into());
        }
        let clock = Arc::new(SystemClock);
        let backend = Backend::open_for_operator(&config, secrets.fleet.as_ref(), clock.clone()).await?;
        let wiring = Wiring::new(config, secrets.recipient_key, backend.store(), backend.bus(), clock);
        Ok(Self::Direct(Box::new((wiring.control(), backend))))
    }

    /// Asks for one thing, in the name of `by`.
    pub(crate) async fn execute(&self, by: &str, request: Request) -> anyhow::Result<Answer> {
        match self {
            Self::Remote(remote) => remote.execute(request).await,
            Self::Socket(client) => ask_running(client, by, request).await,
            Self::Direct(direct) => {
                let principal = Principal::operator(by);
                direct.0.execute(&principal, request).await.map_err(|error| match error {
                    ControlError::NotFound(_)
                    | ControlError::NothingToReview(_)
                    | ControlError::NoDeadLetter(_)
                    | ControlError::NoToken(_)
                    | ControlError::NoSchedule(_)
                    | ControlError::NoContact(_)
                    | ControlError::NoSilence(_)
                    | ControlError::NoApproval(_)
                    | ControlError::NoAgent(_)
                    | ControlError::NotStopped(_)
                    | ControlError::NoOverride(_) => NotFound(error.to_string()).into(),
                    ControlError::Unusable(what) => Usage(what).into(),
                    ControlError::Forbidden { .. }
                    | ControlError::OfAllTeams(_)
                    | ControlError::Agent(_)
                    | ControlError::Approval(_)
                    | ControlError::NotLocal
                    | ControlError::NoStream
                    | ControlError::NoRecipientKey
                    | ControlError::LabelOfOthers { .. }
                    | ControlError::Changed { .. }
                    | ControlError::SeveralToReview { .. }
                    | ControlError::Role(_) => error.into(),
                })
            }
        }
    }

    /// Whether no process of callout can be at work on what it reaches: it holds the database itself.
    pub(crate) fn is_alone(&self) -> bool {
        matches!(self, Self::Direct(direct) if matches!(direct.1, Backend::Embedded(_)))
    }

    /// Lets go of files and connections; what was published is confirmed.
    pub(crate) async fn close(self) {
        if let Self::Direct(direct) = self {
            direct.1.close().await;
        }
    }
}

/// Asks for one thing over a connection of its own.
pub(crate) async fn execute(config_file: &Path, by: &str, request: Request) -> anyhow::Result<Answer> {
    // A token may be made before the first start, and so may a preflight.
    let creates =
        matches!(request, Request::AddToken { .. } | Request::Gaps { .. } | Request::KeepPreflight { .. });
    let client = ControlClient::open_or_create(config_file, creates).await?;
    let answer = client.execute(by, request).await;
    client.close().await;
    answer
}

/// Has the running process reload its configuration.
pub(crate) async fn reload(config_file: &Path) -> anyhow::Result<Reloaded> {
    let (config, _) = configuration::load(config_file, Scope::OPERATOR)?;
    let Some(socket) = backend::control_socket(&config.infrastructure.backend) else {
        let message = "the processes of a fleet are reloaded by a signal: send SIGHUP to each of them";
        return Err(Usage(message.to_owned()).into());
    };
    let client = running::reach(&socket).await?;
    let client = client
        .context("no callout is running on this database; it reads its configuration when it starts")?;
    let asked = client.post(format!("http://callout{RELOAD_PATH}")).send().await;
    let response = asked.map_err(reqwest::Error::without_url).context(NO_ANSWER)?;
    match response.status() {
        StatusCode::OK => Ok(response.json().await?),
        StatusCode::UNPROCESSABLE_ENTITY => Err(ConfigurationRefused(response.text().await?).into()),
        _ => Err(anyhow!(response.text().await?)),
    }
}

async fn ask_running(client: &reqwest::Client, by: &str, request: Request) -> anyhow::Result<Answer> {
    let response = client
        .post(format!("http://callout{CONTROL_PATH}"))
        .json(&Envelope { by: by.to_owned(), request })
        .send()
        .await
        .map_err(reqwest::Error::without_url)
        .context(NO_ANSWER)?;
    match response.status() {
        StatusCode::OK => Ok(response.json().await?),
        StatusCode::NOT_FOUND => Err(NotFound(response.text().await?).into()),
        _ => Err(anyhow!(response.text().await?)),
    }
}
