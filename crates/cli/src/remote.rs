//! The API of another machine. In: a request, and the token of the environment. Out: the answer.
//!
//! Never: sends the token over a connection that others can read, or says it.

use std::path::Path;

use anyhow::{Context as _, anyhow};
use api::REMOTE_PATH;
use config::Scope;
use control::{Answer, Request};
use http_server::{events::EVENTS_PATH, problem::NOTHING_HERE};
use mcp::MCP_PATH;
use reqwest::StatusCode;
use serde_json::Value;
use url::Url;

use crate::{
    configuration::{self, REMOTE_URL, env},
    exit::{NotFound, Usage},
};

/// The variable that holds the token; with `_FILE` behind it, the file that does.
pub(crate) const TOKEN: &str = "CALLOUT_TOKEN";

/// The API that `CALLOUT_URL` names.
pub(crate) struct Remote {
    client: reqwest::Client,
    /// Where requests of the command line go.
    url: Url,
    /// Where events go.
    events: Url,
    /// Where messages of agents go.
    mcp: Url,
    token: String,
}

impl Remote {
    /// The API, if the environment names one.
    ///
    /// # Errors
    /// [`Usage`], when the address cannot be used or there is no token.
    pub(crate) fn from_environment() -> anyhow::Result<Option<Self>> {
        env(REMOTE_URL).map(|text| Self::at(&text)).transpose()
    }

    /// The API that an agent of this machine speaks to: the one that the environment names, else the configured one.
    ///
    /// # Errors
    /// [`Usage`], when there is none, or no token.
    pub(crate) fn for_agents(config_file: &Path) -> anyhow::Result<Self> {
        if let Some(named) = Self::from_environment()? {
            return Ok(named);
        }
        let (config, _) = configuration::load(config_file, Scope::OPERATOR)?;
        let listen = config.infrastructure.api_listen.ok_or_else(|| {
            let what = "agents are served by the role api: give [api] listen in the configuration";
            Usage(format!("{what}, or the API's address in {REMOTE_URL}"))
        })?;
        let host =
            if listen.ip().is_unspecified() { "127.0.0.1".to_owned() } else { listen.ip().to_string() };
        let host = if host.contains(':') { format!("[{host}]") } else { host };
        Self::at(&format!("http://{host}:{}", listen.port()))
    }

    fn at(text: &str) -> anyhow::Result<Self> {
        let wrong = |fault: &str| Usage(format!("{REMOTE_URL}: {fault}"));
        let url: Url =
            text.parse().map_err(|_| wrong("expected an address such as https://callout.example.org"))?;
        let is_local = match url.host() {
            Some(url::Host::Domain(name)) => name == "localhost",
            Some(url::Host::Ipv4(address)) => address.is_loopback(),
            Some(url::Host::Ipv6(address)) => address.is_loopback(),
            None => false,
        };
        if url.scheme() != "https" && !(url.scheme() == "http" && is_local) {
            return Err(wrong("must begin with https://; plain http is for this machine only").into());
        }
        let token = match (env(TOKEN), env("CALLOUT_TOKEN_FILE")) {
            (Some(token), _) => token,
            (None, Some(file)) => std::fs::read_to_string(&file)
                .map_err(|error| Usage(format!("CALLOUT_TOKEN_FILE: {file} cannot be read: {error}")))?,
            (None, None) => {
                return Err(Usage(format!(
                    "the API asks for a token, and {TOKEN} is not set: put it there, or its file into {TOKEN}_FILE"
                ))
                .into());
            }
        };
        let client = http_client::client_builder(http_client::Reach::Tls).build()?;
        let token = token.trim().to_owned();
        if token.is_empty() || token.chars().any(|c| !c.is_ascii_graphic()) {
            return Err(
                Usage(format!("{TOKEN}: expected one token, as `callout tokens create` prints it")).into()
            );
        }
        // A proxy may have it below a path of its own.
        let below = |path: &str| {
            let mut address = url.clone();
            address.set_path(&format!("{}{path}", url.path().trim_end_matches('/')));
            address
        };
        Ok(Self { client, url: below(REMOTE_PATH), events: below(EVENTS_PATH), mcp: below(MCP_PATH), token })
    }

    /// What sends events there: a client, the address, and the token.
    pub(crate) fn into_events(self) -> (reqwest::Client, Url, String) {
        (self.client, self.events, self.token)
    }

    /// A message of an agent, as yet without its body.
    pub(crate) fn mcp_request(&self) -> reqwest::RequestBuilder {
        let request = self.client.post(self.mcp.clone()).bearer_auth(&self.token);
        request.header(reqwest::header::ACCEPT, "application/json, text/event-stream")
    }

    /// Asks for one thing.
    pub(crate) async fn execute(&self, request: Request) -> anyhow::Result<Answer> {
        let asked = self.client.post(self.url.clone()).bearer_auth(&self.token).json(&request).send().await;
        let host = self.url.host_str().unwrap_or_default();
        let response = asked.with_context(|| format!("the API at {host} did not answer"))?;
        let status = response.status();
        let body = response.text().await.with_context(|| format!("the answer of {host} broke off"))?;
        if status == StatusCode::OK {
            return serde_json::from_str(&body).map_err(|_| not_ours(host, status));
        }
        let problem: Value = serde_json::from_str(&body).unwrap_or_default();
        // Another role of callout has no such path.
        let detail = problem["detail"].as_str().filter(|detail| *detail != NOTHING_HERE);
        let Some(detail) = detail else { return Err(not_ours(host, status)) };
        let said = format!("the API at {host} answered {}: {detail}", status.as_u16());
        Err(if status == StatusCode::NOT_FOUND { NotFound(said).into() } else { anyhow!(said) })
    }
}

/// Something answers that does not speak as the API does.
pub(crate) fn not_ours(host: &str, status: StatusCode) -> anyhow::Error {
    anyhow!(
        "what answers at {host} ({}) is not callout's API: {REMOTE_URL} must be the address of the role `api`, [api] listen, \
         or of the proxy before it",
        status.as_u16()
    )
}
