//! What a broker has, as its management API or an export of its definitions lists it.
//!
//! In: an address with user and password, or a file. Out: exchanges, queues and bindings of one virtual host.
//! Never: changes anything, or sends the password where the address does not lead.

use std::{path::Path, time::Duration};

use anyhow::Context as _;
use bus_rabbitmq::{BrokerAddress, Definitions};
use http_client::{Reach, client_builder};
use serde_json::Value;
use url::Url;

/// How long one answer may take.
const ANSWER_MAX: Duration = Duration::from_secs(5);
/// Where the plugin listens by default, without and with TLS.
const PORTS: (u16, u16) = (15_672, 15_671);
/// What is compared; everything else of a large broker stays there.
const COLUMNS: &str = "name,vhost,type,internal,arguments,source,destination,destination_type,routing_key";

/// Asks the management API at `base`, or where it listens by default.
pub(crate) async fn list(address: &BrokerAddress, base: Option<&Url>) -> anyhow::Result<Definitions> {
    let base = base.map_or_else(|| default_url(address), |base| Ok(base.clone()))?;
    let client = client_builder(Reach::of_scheme(base.scheme())).timeout(ANSWER_MAX).build()?;
    let list = async |what: &str| {
        let mut url = base.clone();
        let path = url.path_segments_mut();
        path.map_err(|()| anyhow::anyhow!("{base} is no address of HTTP"))?.pop_if_empty().extend([
            "api",
            what,
            &address.virtual_host,
        ]);
        url.query_pairs_mut().append_pair("columns", COLUMNS);
        let request = client.get(url).basic_auth(&address.user, Some(&address.password));
        let answer = request.send().await.and_then(reqwest::Response::error_for_status);
        let answer = answer.map_err(reqwest::Error::without_url);
        let answer = answer.with_context(|| format!("the management API at {base} does not list {what}"))?;
        Ok::<_, anyhow::Error>(answer.json::<Vec<Value>>().await?)
    };
    Ok(Definitions {
        exchanges: list("exchanges").await?,
        queues: list("queues").await?,
        bindings: list("bindings").await?,
    })
}

/// Reads what `rabbitmqctl export_definitions FILE` wrote.
pub(crate) fn read(file: &Path, virtual_host: &str) -> anyhow::Result<Definitions> {
    let text = std::fs::read_to_string(file).with_context(|| format!("{} cannot be read", file.display()))?;
    let all: Definitions = serde_json::from_str(&text)
        .with_context(|| format!("{} is no export of definitions as JSON", file.display()))?;
    Ok(all.of_virtual_host(virtual_host))
}

fn default_url(address: &BrokerAddress) -> anyhow::Result<Url> {
    let (scheme, port) = if address.is_tls { ("https", PORTS.1) } else { ("http", PORTS.0) };
    Url::parse(&format!("{scheme}://{}:{port}", address.host))
        .context("the broker's host is no name of a host")
}
