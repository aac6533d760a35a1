//! The primary that sentinels name.
//!
//! In: an address such as `redis+sentinel://user:password@one:26379,two:26379/name`. Out: the primary at the moment.
//! Never: a primary that does not say itself that it is one.

use redis::{
    Client, ConnectionAddr, ConnectionInfo, ErrorKind, IntoConnectionInfo as _, RedisConnectionInfo,
    RedisResult, TlsMode,
    sentinel::{Sentinel, SentinelNodeConnectionInfo},
};
use tokio::sync::Mutex;

/// The port of a sentinel that is named without one.
const PORT: u16 = 26_379;
/// Parts of the query: who we are to the sentinels, which know other users than the server.
const USER: &str = "sentinel_username";
const PASSWORD: &str = "sentinel_password";

/// The sentinels of one primary.
pub(crate) struct Sentinels {
    service: String,
    node: SentinelNodeConnectionInfo,
    sentinels: Mutex<Sentinel>,
}

impl Sentinels {
    /// The sentinels that an address names; `None` for an address of another kind.
    pub(crate) fn of(url: &str) -> Option<RedisResult<Self>> {
        let (scheme, rest) = url.split_once("://")?;
        match scheme {
            "redis+sentinel" => Some(Self::parse(rest, None)),
            "rediss+sentinel" => Some(Self::parse(rest, Some(TlsMode::Secure))),
            _ => None,
        }
    }

    fn parse(rest: &str, tls: Option<TlsMode>) -> RedisResult<Self> {
        let (authority, path) = rest.split_once('/').ok_or_else(|| wrong("has no name of a primary"))?;
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        let (service, db) = path.split_once('/').unwrap_or((path, ""));
        if service.is_empty() {
            return Err(wrong("has no name of a primary"));
        }
        let (user, hosts) = authority.rsplit_once('@').unwrap_or(("", authority));
        // The client reads users, passwords and numbers, with what is encoded in them.
        let read = |user: &str, db: &str| {
            let user = if user.is_empty() { String::new() } else { format!("{user}@") };
            format!("redis://{user}host/{db}").into_connection_info()
        };
        let asked = |name: &str| {
            let values = query.split('&').filter_map(|pair| pair.split_once('='));
            values.into_iter().find_map(|(key, value)| (key == name).then_some(value)).unwrap_or_default()
        };
        let of_sentinels = match (asked(USER), asked(PASSWORD)) {
            ("", "") => String::new(),
            (user, password) => format!("{user}:{password}"),
        };
        let sentinel = read(&of_sentinels, "")?;
        let addresses: Vec<_> = hosts
            .split(',')
            .map(|host| Ok(sentinel.clone().set_addr(address(host, tls)?)))
            .collect::<RedisResult<Vec<ConnectionInfo>>>()?;
        let info: RedisConnectionInfo = read(user, db)?.redis_settings().clone();
        let mut node = SentinelNodeConnectionInfo::default().set_redis_connection_info(info);
        if let Some(tls) = tls {
            node = node.set_tls_mode(tls);
        }
        let sentinels = Mutex::new(Sentinel::build(addresses)?);
        Ok(Self { service: service.to_owned(), node, sentinels })
    }

    /// How to reach the primary.
    pub(crate) async fn primary(&self) -> RedisResult<Client> {
        self.sentinels.lock().await.async_master_for(&self.service, Some(&self.node)).await
    }
}

fn address(host: &str, tls: Option<TlsMode>) -> RedisResult<ConnectionAddr> {
    // An IPv6 address stands in brackets, with colons of its own.
    let (name, port) = match host.rsplit_once(':').filter(|(_, port)| !port.ends_with(']')) {
        Some((name, port)) => (name, port.parse().map_err(|_| wrong("has a port that is no number"))?),
        None => (host, PORT),
    };
    let host = name.trim_start_matches('[').trim_end_matches(']').to_owned();
    if host.is_empty() {
        return Err(wrong("has an empty host"));
    }
    Ok(match tls {
        None => ConnectionAddr::Tcp(host, port),
        Some(_) => ConnectionAddr::TcpTls { host, port, insecure: false, tls_params: None },
    })
}

fn wrong(what: &'static str) -> redis::RedisError {
    (ErrorKind::InvalidClientConfig, "the address of the sentinels", what.to_owned()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_names_sentinels_and_a_primary() {
        for right in [
            "redis+sentinel://one/main",
            "redis+sentinel://:p%2Fw@one:26379,two:26380,[::1]:26381/main/0",
            "rediss+sentinel://user:password@one,two/main?sentinel_password=secret",
        ] {
            let sentinels = Sentinels::of(right).unwrap();
            assert_eq!(sentinels.map(|sentinels| sentinels.service).unwrap(), "main", "{right}");
        }
        for wrong in [
            "redis+sentinel://one",
            "redis+sentinel://one/",
            "redis+sentinel:///main",
            "redis+sentinel://one:x/main",
        ] {
            assert!(Sentinels::of(wrong).unwrap().is_err(), "{wrong}");
        }
        assert!(Sentinels::of("redis://one/0").is_none());
    }
}
