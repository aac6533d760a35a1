//! Connections, and what is asked of a broker before it is used.
//!
//! In: an address. Out: connections, or a reason that an operator can act on.
//! Never: retries (the callers do), shows the password, or lets lapin recover a connection by itself.
#![expect(
    clippy::disallowed_methods,
    reason = "keeps a connection: how long the broker is silent is measured on the machine's clock"
)]

use std::time::Duration;

use futures::io::{AsyncReadExt as _, AsyncWriteExt as _};
use jiff::SignedDuration;
use lapin::{
    Channel, Connection, ConnectionProperties, ErrorKind, ExchangeKind,
    options::{ExchangeDeclareOptions, ExchangeDeleteOptions},
    tcp::{AMQPUriTcpExt as _, OwnedIdentity, OwnedTLSConfig},
    types::{AMQPValue, FieldTable, LongString, parsing::parse_field_table},
    uri::AMQPUri,
};
use ports::Clock;

use crate::{
    config::{ANSWER_MAX, FIRST_ANSWER_MAX, FRAME_BYTES_MAX, HEARTBEAT_S, RabbitConfig},
    delay::DelayMode,
    topology::{Names, TopologyError},
};

/// The first version with lifetimes in quorum queues and dead letters that are not lost.
const VERSION_MIN: (u32, u32) = (3, 10);
/// The pause before a broker that is away is asked again.
const FIRST_PAUSE: SignedDuration = SignedDuration::from_millis(500);
/// The largest first frame that is accepted, in bytes.
const START_FRAME_BYTES_MAX: usize = 64 * 1024;

/// Why there is no bus.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The address is none.
    #[error("the AMQP address is not usable: {0}")]
    Address(String),
    /// The lanes make no topology.
    #[error("the lanes of the workflows are not usable")]
    Lanes(#[from] TopologyError),
    /// No answer came in time; a later try may succeed.
    #[error(
        "RabbitMQ at {0} cannot be reached ({1}): is it running, and is the address in CALLOUT_AMQP_URL right?"
    )]
    Unreachable(String, String),
    /// It does not let us in.
    #[error("RabbitMQ at {address} refuses the user {user:?}: {reason}; {remedy}")]
    Refused {
        /// The host and the port.
        address: String,
        /// Who was to sign in.
        user: String,
        /// The broker's words.
        reason: String,
        /// What to do.
        remedy: String,
    },
    /// The user signs in, and lacks a right.
    #[error(
        "the user {user:?} of RabbitMQ at {address} lacks a right: {reason}; give it with `rabbitmqctl set_permissions`, \
         or import deploy/rabbitmq/users.json; to declare or verify the topology, sign in as `callout-admin`"
    )]
    Rights {
        /// The host and the port.
        address: String,
        /// Who signed in.
        user: String,
        /// The broker's words, which name the exchange or queue and the right.
        reason: String,
    },
    /// It is too old.
    #[error(
        "RabbitMQ {0} is too old: 3.10 or newer is needed, for lifetimes and safe dead letters in quorum queues"
    )]
    TooOld(String),
    /// The plugin was asked for and is not there.
    #[error(
        "the broker has no delayed message exchange: enable the plugin rabbitmq_delayed_message_exchange, \
         or use delay queues (delay = \"buckets\"), which need none"
    )]
    NoDelayPlugin,
    /// Something there differs from what is needed, is missing and must not be declared, or we lack the rights to it.
    #[error("the exchanges and queues on the broker are not as they must be: {0}")]
    Topology(String),
}

/// Makes connections to one broker.
#[derive(Clone)]
pub(crate) struct Dialer {
    uri: AMQPUri,
    connection_name: String,
    ca_pem: Option<String>,
    client_pem: Option<(Vec<u8>, Vec<u8>)>,
}

impl Dialer {
    pub(crate) fn new(config: &RabbitConfig) -> Result<Self, ConnectError> {
        let mut uri: AMQPUri = config.url.parse().map_err(ConnectError::Address)?;
        uri.query.heartbeat.get_or_insert(HEARTBEAT_S);
        uri.query.frame_max.get_or_insert(FRAME_BYTES_MAX);
        // What is no text is no PEM, and the first handshake says so.
        let ca_pem = config.ca_pem.as_ref().map(|pem| String::from_utf8_lossy(pem).into_owned());
        let (connection_name, client_pem) = (config.connection_name.clone(), config.client_pem.clone());
        Ok(Self { uri, connection_name, ca_pem, client_pem })
    }

    fn tls(&self) -> OwnedTLSConfig {
        let identity = self.client_pem.clone().map(|(pem, key)| OwnedIdentity::PKCS8 { pem, key });
        OwnedTLSConfig { identity, cert_chain: self.ca_pem.clone() }
    }

    /// The user of the address.
    pub(crate) fn user(&self) -> &str {
        &self.uri.authority.userinfo.username
    }

    /// A connection; `purpose` is part of the name that the broker's operators see.
    pub(crate) async fn dial(&self, purpose: &str) -> Result<Connection, lapin::Error> {
        let name = format!("{} {purpose}", self.connection_name);
        let properties = ConnectionProperties::default().with_connection_name(name.into());
        let runtime = lapin::runtime::default_runtime()?;
        let uri = self.uri.clone();
        within(Connection::connect_uri_with_config(uri, properties, self.tls(), runtime)).await
    }

    /// A channel on a connection of its own, closed with it.
    pub(crate) async fn dial_channel(&self, purpose: &str) -> Result<Channel, lapin::Error> {
        let connection = self.dial(purpose).await?;
        within(connection.create_channel()).await
    }

    /// As [`Dialer::check_version`]. A broker that is away is asked again for as long as `patience` says.
    pub(crate) async fn first_answer(
        &self,
        patience: SignedDuration,
        clock: &dyn Clock,
    ) -> Result<(), ConnectError> {
        let until = clock.now() + patience;
        let mut is_said = false;
        loop {
            match self.check_version().await {
                Err(error @ ConnectError::Unreachable(..)) if clock.now() < until => {
                    if !is_said {
                        tracing::warn!(%error, "trying again for some seconds");
                        is_said = true;
                    }
                    clock.sleep_until(clock.now() + FIRST_PAUSE).await;
                }
                answer => return answer,
            }
        }
    }

    /// Refuses brokers that lack what the topology needs.
    ///
    /// lapin keeps the server's properties to itself, so its greeting is read from a connection that goes no further; the
    /// broker's log has one warning for it at every start of ours.
    pub(crate) async fn check_version(&self) -> Result<(), ConnectError> {
        let greeting = async { self.greeting().await.map_err(lapin::Error::from) };
        let version = within_time(FIRST_ANSWER_MAX, greeting).await.map_err(|error| self.explain(&error))?;
        if is_new_enough(&version) { Ok(()) } else { Err(ConnectError::TooOld(version)) }
    }

    /// Finds out whether the broker has delayed exchanges: before 4.0 it closes the whole connection of a client that asks in
    /// vain, since then the channel, and a passive question is answered wrongly.
    pub(crate) async fn probe_plugin(&self, names: &Names) -> Result<(), ConnectError> {
        let channel = self.dial_channel("probe").await.map_err(|error| self.explain(&error))?;
        let name = format!("{}.probe", names.delay(DelayMode::Plugin));
        let mut arguments = FieldTable::default();
        arguments.insert("x-delayed-type".into(), AMQPValue::LongString("direct".into()));
        let kind = ExchangeKind::Custom("x-delayed-message".to_owned());
        let options = ExchangeDeclareOptions { auto_delete: true, ..Default::default() };
        within(channel.exchange_declare(name.as_str().into(), kind, options, arguments)).await.map_err(
            |error| {
                if is_unknown_type(&error) { ConnectError::NoDelayPlugin } else { self.explain(&error) }
            },
        )?;
        let options = ExchangeDeleteOptions::default();
        within(channel.exchange_delete(name.as_str().into(), options))
            .await
            .map_err(|error| self.explain(&error))
    }

    /// What a failure at the start means.
    pub(crate) fn explain(&self, error: &lapin::Error) -> ConnectError {
        let reason = error.to_string();
        let authority = &self.uri.authority;
        let address = format!("{}:{}", authority.host, authority.port);
        let (user, virtual_host) = (self.user().to_owned(), &self.uri.vhost);
        // Access refused while a connection opens names the login; on a channel it names what we may not touch.
        let is_login = reason.to_lowercase().contains("login");
        if is_refused(error) && !is_login {
            return ConnectError::Rights { address, user, reason };
        }
        if is_login {
            let remedy =
                "check user and password in CALLOUT_AMQP_URL with `rabbitmqctl authenticate_user`".to_owned();
            return ConnectError::Refused { address, user, reason, remedy };
        }
        if error.is_amqp_soft_error() {
            return ConnectError::Topology(reason);
        }
        if error.is_amqp_hard_error() {
            let remedy = format!(
                "is there a virtual host {virtual_host:?} (`rabbitmqctl list_vhosts`), and has the user permissions on \
                 it (`rabbitmqctl list_user_permissions {user}`)? deploy/rabbitmq/ is imported in the order topology, \
                 users, policies"
            );
            return ConnectError::Refused { address, user, reason, remedy };
        }
        ConnectError::Unreachable(address, reason.trim_start_matches("IO error: ").to_owned())
    }

    async fn greeting(&self) -> std::io::Result<String> {
        let runtime = lapin::runtime::default_runtime().map_err(std::io::Error::other)?;
        let tls = self.tls();
        let mut stream = self.uri.connect_with_config_async(tls.as_ref(), &runtime).await?;
        stream.write_all(b"AMQP\x00\x00\x09\x01").await?;
        stream.flush().await?;
        let mut header = [0; 7];
        stream.read_exact(&mut header).await?;
        let [1, 0, 0, size @ ..] = header else {
            return Err(std::io::Error::other("this is no AMQP 0-9-1 server"));
        };
        let size = u32::from_be_bytes(size) as usize;
        if size > START_FRAME_BYTES_MAX {
            return Err(std::io::Error::other("the greeting is too long"));
        }
        let mut frame = vec![0; size];
        stream.read_exact(&mut frame).await?;
        // Class and method (10, 10: connection.start), then the protocol version, then the properties.
        let properties =
            frame.strip_prefix(&[0, 10, 0, 10, 0, 9]).and_then(|rest| parse_field_table(rest).ok());
        let (_, properties) =
            properties.ok_or_else(|| std::io::Error::other("the greeting is unreadable"))?;
        let version = properties.inner().get("version").and_then(AMQPValue::as_long_string);
        Ok(version.map(LongString::to_string).unwrap_or_default())
    }
}

/// Bounds any question to the broker.
pub(crate) async fn within<T>(
    question: impl Future<Output = Result<T, lapin::Error>>,
) -> Result<T, lapin::Error> {
    within_time(ANSWER_MAX, question).await
}

async fn within_time<T>(
    max: Duration,
    question: impl Future<Output = Result<T, lapin::Error>>,
) -> Result<T, lapin::Error> {
    let late = |_| lapin::Error::from(std::io::Error::new(std::io::ErrorKind::TimedOut, "no answer in time"));
    tokio::time::timeout(max, question).await.map_err(late)?
}

/// Whether a channel ended because something that must be there is not.
pub(crate) fn is_missing(error: &lapin::Error) -> bool {
    matches!(error.kind(), ErrorKind::ProtocolError(error) if error.get_id() == 404)
}

/// Whether a queue exists, and the node that leads it is not up yet.
pub(crate) fn is_starting(error: &lapin::Error) -> bool {
    is_missing(error) && error.to_string().contains("down or inaccessible")
}

/// Whether a channel ended because we lack a right.
pub(crate) fn is_refused(error: &lapin::Error) -> bool {
    matches!(error.kind(), ErrorKind::ProtocolError(error) if error.get_id() == 403)
}

/// Whether the broker knows no exchanges of the type that was asked for: 503 before 4.0, 406 since.
fn is_unknown_type(error: &lapin::Error) -> bool {
    matches!(error.kind(), ErrorKind::ProtocolError(error) if matches!(error.get_id(), 503 | 406))
}

fn is_new_enough(version: &str) -> bool {
    let mut numbers = version.split(['.', '-', '+']).map_while(|part| part.parse::<u32>().ok());
    // A version that is none at all is another product, or a build that hides it: declaring will show.
    numbers.next().is_none_or(|major| (major, numbers.next().unwrap_or_default()) >= VERSION_MIN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_from_3_10_on_are_taken() {
        for (version, taken) in [
            ("3.9.29", false),
            ("3.8", false),
            ("2.7.1", false),
            ("3.10.0", true),
            ("3.10.8+dfsg", true),
            ("3.13.7", true),
            ("4.3.5", true),
            ("4.4.0-beta.1", true),
            ("", true),
        ] {
            assert_eq!(is_new_enough(version), taken, "{version}");
        }
    }
}
