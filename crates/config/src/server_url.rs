//! The address of a fleet's server, as its client will read it. In: an address. Out: what the client would refuse, and
//! what to write instead.
//!
//! Never: repeats the address, which may hold a password.

use url::Url;

/// Addresses of sentinels, which may be a list.
pub(crate) const SENTINEL: [&str; 2] = ["redis+sentinel://", "rediss+sentinel://"];

/// Parts of an address of RabbitMQ that are numbers, and the greatest that each may be.
const NUMBERS: [(&str, u64); 4] = [
    ("heartbeat", u16::MAX as u64),
    ("channel_max", u16::MAX as u64),
    ("frame_max", u32::MAX as u64),
    ("connection_timeout", u64::MAX),
];
const MECHANISMS: [&str; 5] = ["plain", "external", "amqplain", "anonymous", "rabbit-cr-demo"];
const PROTOCOLS: [&str; 4] = ["2", "3", "resp2", "resp3"];

/// What is wrong with an address of a known scheme, as the end of a sentence that begins with its variable.
pub(crate) fn fault(url: &str) -> Option<String> {
    if let Some(rest) = SENTINEL.iter().find_map(|scheme| url.strip_prefix(scheme)) {
        return sentinels_fault(rest);
    }
    if names_several_hosts(url) {
        let message = "names several hosts, and one is taken; give a name that leads to all of them, or a load balancer";
        return Some(message.to_owned());
    }
    let Some(parsed) = url.parse::<Url>().ok().filter(|url| !is_cut_off(url)) else {
        let message = "cannot be read as an address; in its user and password write / as %2F, # as %23, ? as %3F and @ as \
                       %40";
        return Some(message.to_owned());
    };
    if parsed.scheme().starts_with("amqp") { amqp_fault(&parsed) } else { redis_fault(&parsed) }
}

fn amqp_fault(url: &Url) -> Option<String> {
    for (name, value) in url.query_pairs() {
        let most = NUMBERS.iter().find(|(number, _)| *number == name).map(|(_, most)| *most);
        if let Some(most) = most
            && !value.parse::<u64>().is_ok_and(|number| number <= most)
        {
            return Some(format!("has {name}={value}: expected a whole number, {most} at most"));
        }
        if name == "auth_mechanism" && !MECHANISMS.contains(&value.to_lowercase().as_str()) {
            return Some(format!("has auth_mechanism={value}: expected one of {}", MECHANISMS.join(", ")));
        }
    }
    None
}

fn redis_fault(url: &Url) -> Option<String> {
    if !url.has_host() {
        return Some("names no host: write redis://HOST:6379".to_owned());
    }
    for (name, value) in url.query_pairs() {
        if name == "protocol" && !PROTOCOLS.contains(&&*value) {
            return Some(format!("has protocol={value}: expected one of {}", PROTOCOLS.join(", ")));
        }
    }
    database_fault(url.path().trim_matches('/'))
}

fn sentinels_fault(rest: &str) -> Option<String> {
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    let path = path.split('?').next().unwrap_or_default();
    let (primary, database) = path.split_once('/').unwrap_or((path, ""));
    if primary.is_empty() {
        let message =
            "does not name the primary that the sentinels watch: write redis+sentinel://HOST:26379/NAME";
        return Some(message.to_owned());
    }
    for host in authority.rsplit('@').next().unwrap_or_default().split(',') {
        let port = host.rsplit_once(':').filter(|(_, port)| !port.ends_with(']'));
        if host.is_empty() || port.is_some_and(|(name, port)| name.is_empty() || port.parse::<u16>().is_err())
        {
            return Some("names a sentinel otherwise than HOST:PORT".to_owned());
        }
    }
    database_fault(database)
}

fn database_fault(database: &str) -> Option<String> {
    let is_number = database.is_empty() || database.parse::<i64>().is_ok();
    (!is_number)
        .then(|| format!("ends in /{database}: expected the number of a database, such as /0, or nothing"))
}

/// Whether a sign in the password ended the part of an address that names the host.
fn is_cut_off(url: &Url) -> bool {
    let names_user = !url.username().is_empty() || url.password().is_some();
    !names_user && url.as_str().contains('@')
}

/// Whether an address has a list of hosts, as some clients take it.
fn names_several_hosts(url: &str) -> bool {
    let authority = url.split("://").nth(1).and_then(|rest| rest.split('/').next()).unwrap_or("");
    authority.rsplit('@').next().unwrap_or("").contains(',')
}
