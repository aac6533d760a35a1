//! Reaches the installation that an operator means: the running one through its socket, else its files directly.
//!
//! In: a request. Out: its answer. Never: opens files that a running process holds.

use std::{path::Path, sync::Arc};

use anyhow::{Context as _, anyhow};
use config::Scope;
use control::{Access, Answer, CONTROL_PATH, Control, ControlError, Envelope, Principal, Request};
use ports::SystemClock;
use reqwest::StatusCode;

use crate::{
    backend::{self, Backend},
    configuration,
    exit::NotFound,
    http_client, server,
};

/// What a version that differs from the running one may meet.
pub(crate) const UNEXPECTED_ANSWER: &str =
    "callout answered something else than it was asked; is another version running?";

/// Asks for one thing, in the name of `by`.
pub(crate) async fn execute(config_file: &Path, by: &str, request: Request) -> anyhow::Result<Answer> {
    let (config, secrets) = configuration::load(config_file, Scope::Operator)?;
    if let Some(socket) = backend::control_socket(&config.infrastructure.backend)
        && let Some(answer) = ask_running(&socket, by, &request).await?
    {
        return Ok(answer);
    }
    let clock = Arc::new(SystemClock);
    let backend = Backend::open(&config, secrets.fleet.as_ref(), clock.clone()).await?;
    let ctx = server::context(config, &backend, server::idle_provider()?, clock).await?;
    let principal = Principal { name: by.to_owned(), role: Access::Operator };
    let answer = Control::new(ctx).execute(&principal, request).await;
    backend.close().await;
    answer.map_err(|error| match error {
        ControlError::NotFound(_) | ControlError::NothingToReview(_) => NotFound(error.to_string()).into(),
        ControlError::Forbidden(_) | ControlError::SeveralToReview { .. } | ControlError::Role(_) => {
            error.into()
        }
    })
}

/// `None` if no process listens there.
async fn ask_running(socket: &Path, by: &str, request: &Request) -> anyhow::Result<Option<Answer>> {
    if std::os::unix::net::UnixStream::connect(socket).is_err() {
        return Ok(None);
    }
    let client = http_client::plain().unix_socket(socket).build()?;
    let wire = Envelope { by: by.to_owned(), request: request.clone() };
    let response = client
        .post(format!("http://callout{CONTROL_PATH}"))
        .json(&wire)
        .send()
        .await
        .context("the running callout did not answer on its control socket")?;
    match response.status() {
        StatusCode::OK => Ok(Some(response.json().await?)),
        StatusCode::NOT_FOUND => Err(NotFound(response.text().await?).into()),
        _ => Err(anyhow!(response.text().await?)),
    }
}
