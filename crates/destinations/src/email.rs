//! Mails, over SMTP. In: an effect. Out: one mail, the same for every try, so that a repetition can be told by its id.
//!
//! Never: a password or a mail over a connection that is not encrypted, except to this machine; a header that was not
//! encoded by the library that writes it.

use std::{error::Error as _, io, net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};

use async_trait::async_trait;
use domain::effect::EffectAnswer;
use lettre::{
    Message,
    message::{
        Mailbox,
        header::{ContentType, HeaderName, HeaderValue},
    },
    transport::smtp::{
        Error,
        authentication::{Credentials, DEFAULT_MECHANISMS},
        client::{AsyncSmtpConnection, Certificate, TlsParameters},
        extension::ClientId,
    },
};
use ports::{Clock, DestinationClient, EffectRequest, within};

use crate::{
    Token, Unusable,
    address_guard::{PRIVATE, reachable},
    page::{headline, ticket_body},
};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long the server may take to say goodbye. The mail is taken by then.
const QUIT_TIMEOUT: Duration = Duration::from_secs(1);

/// How the connection is encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MailTls {
    /// From its first byte.
    Implicit,
    /// By STARTTLS, without which nothing is sent.
    StartTls,
    /// Not at all: the server is on this machine.
    None,
}

/// How mails are sent.
#[derive(Debug, Clone)]
pub struct EmailSettings {
    /// The server.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How the connection is encrypted.
    pub tls: MailTls,
    /// Root certificates beside the machine's, PEM.
    pub ca_file: Option<PathBuf>,
    /// Who sends; nobody logs in where absent.
    pub user: Option<String>,
    /// The sender's address, with or without a name.
    pub from: String,
    /// Who gets each mail.
    pub to: Vec<String>,
    /// Whether the server may be on a private address.
    pub allow_private: bool,
}

/// One list of people, and the server that takes mails for them.
pub struct Email {
    settings: EmailSettings,
    from: Mailbox,
    to: Vec<Mailbox>,
    tls: Option<TlsParameters>,
    credentials: Option<Credentials>,
    clock: Arc<dyn Clock>,
}

impl Email {
    /// Mails as these settings say, from a user with this password.
    ///
    /// # Errors
    /// When an address is none, when the certificates cannot be read, or when a user has no password.
    pub fn new(
        settings: EmailSettings,
        password: Option<Token>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, Unusable> {
        let from = mailbox("from", &settings.from)?;
        let to = settings.to.iter().map(|text| mailbox("to", text)).collect::<Result<Vec<_>, _>>()?;
        let tls = if settings.tls == MailTls::None { None } else { Some(tls_parameters(&settings)?) };
        let credentials = match (&settings.user, password) {
            (None, _) => None,
            (Some(user), Some(password)) => {
                Some(Credentials::new(user.clone(), password.expose().to_owned()))
            }
            (Some(_), None) => return Err(Unusable("its user has no password".to_owned())),
        };
        Ok(Self { settings, from, to, tls, credentials, clock })
    }

    async fn deliver(&self, request: &EffectRequest) -> Result<(), EffectAnswer> {
        let mail = self.mail(request)?;
        let mut connection = self.connect().await?;
        connection.send(mail.envelope(), &mail.formatted()).await.map_err(|error| not_sent(&error))?;
        // The server has the mail, whatever it says to this.
        let _ = within(&*self.clock, QUIT_TIMEOUT, connection.quit()).await;
        Ok(())
    }

    /// The mail of an event. Mails about one run are one conversation.
    fn mail(&self, request: &EffectRequest) -> Result<Message, EffectAnswer> {
        let event = &request.effect.event;
        let domain = self.from.email.domain();
        let mut mail = Message::builder()
            .from(self.from.clone())
            .subject(headline(event))
            .date(event.at.into())
            .message_id(Some(format!("<{}@{domain}>", request.effect.id)))
            .header(ContentType::TEXT_PLAIN)
            // RFC 3834: nobody's absence is answered.
            .raw_header(HeaderValue::new(
                HeaderName::new_from_ascii_str("Auto-Submitted"),
                "auto-generated".to_owned(),
            ));
        for to in &self.to {
            mail = mail.to(to.clone());
        }
        if let Some(run) = &event.run {
            mail = mail.references(format!("<{run}@{domain}>"));
        }
        let unwritten = |_| EffectAnswer::Refused { reason: "the mail cannot be written".to_owned() };
        mail.body(ticket_body(request)).map_err(unwritten)
    }

    /// A connection that is encrypted, as far as it must be, and logged in.
    async fn connect(&self) -> Result<AsyncSmtpConnection, EffectAnswer> {
        let addresses = self.addresses().await?;
        let hello = ClientId::Domain(self.from.email.domain().to_owned());
        let implicit = self.tls.clone().filter(|_| self.settings.tls == MailTls::Implicit);
        let connecting = AsyncSmtpConnection::connect_tokio1(
            &addresses[..],
            Some(CONNECT_TIMEOUT),
            &hello,
            implicit,
            None,
        );
        let mut connection = connecting.await.map_err(|error| not_ready(&error, "no connection"))?;
        if let Some(tls) = self.tls.clone().filter(|_| self.settings.tls == MailTls::StartTls) {
            let encrypted = connection.starttls(tls, &hello).await;
            encrypted.map_err(|error| not_ready(&error, "the server offers no STARTTLS"))?;
        }
        if let Some(credentials) = &self.credentials {
            let known = connection.auth(DEFAULT_MECHANISMS, credentials).await;
            known.map_err(|error| not_ready(&error, "the server takes no password"))?;
        }
        Ok(connection)
    }

    async fn addresses(&self) -> Result<Vec<SocketAddr>, EffectAnswer> {
        let EmailSettings { host, port, allow_private, .. } = &self.settings;
        match reachable(host, *port, *allow_private).await {
            Ok(addresses) if addresses.is_empty() => {
                Err(EffectAnswer::Refused { reason: PRIVATE.to_owned() })
            }
            Ok(addresses) => Ok(addresses),
            Err(_) => Err(failed("the server's name leads to no address", false)),
        }
    }
}

fn mailbox(key: &str, text: &str) -> Result<Mailbox, Unusable> {
    text.parse().map_err(|_| {
        Unusable(format!("{key}: {text:?} is no address, as name@example.com or Name <name@example.com>"))
    })
}

fn tls_parameters(settings: &EmailSettings) -> Result<TlsParameters, Unusable> {
    let mut parameters = TlsParameters::builder(settings.host.clone());
    if let Some(file) = &settings.ca_file {
        let unusable = |error: String| Unusable(format!("ca_file: {}: {error}", file.display()));
        let pem = std::fs::read(file).map_err(|error| unusable(error.to_string()))?;
        parameters = parameters
            .add_root_certificate(Certificate::from_pem(&pem).map_err(|error| unusable(error.to_string()))?);
    }
    parameters.build().map_err(|error| Unusable(error.to_string()))
}

fn failed(reason: &str, is_in_doubt: bool) -> EffectAnswer {
    EffectAnswer::Failed { reason: reason.to_owned(), is_in_doubt }
}

/// Nothing was sent yet. Credentials that are being changed may be right later.
fn not_ready(error: &Error, otherwise: &str) -> EffectAnswer {
    match error.status() {
        Some(code) if error.is_transient() => busy(u16::from(code)),
        Some(code) => failed(&format!("answered {}", u16::from(code)), false),
        None if is_of_tls(error) => {
            failed("the server's certificate is not trusted, or its TLS is of no use", false)
        }
        None => failed(otherwise, false),
    }
}

/// Whether the connection was ended by what encrypts it, which the library does not tell from other ends.
fn is_of_tls(error: &Error) -> bool {
    let mut cause = error.source();
    while let Some(error) = cause {
        let inner = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        if inner.is_some_and(|inner| inner.is::<rustls::Error>()) {
            return true;
        }
        cause = error.source();
    }
    false
}

/// What became of a mail that was not taken, or not said to be.
fn not_sent(error: &Error) -> EffectAnswer {
    match error.status() {
        Some(code) if error.is_transient() => busy(u16::from(code)),
        Some(code) => EffectAnswer::Refused { reason: format!("answered {}", u16::from(code)) },
        None if error.is_client() => {
            EffectAnswer::Refused { reason: "the server takes no mails to such addresses".to_owned() }
        }
        None => failed("the connection broke before the answer", true),
    }
}

fn busy(code: u16) -> EffectAnswer {
    EffectAnswer::Later { retry_after_ms: None, reason: format!("answered {code}") }
}

#[async_trait]
impl DestinationClient for Email {
    async fn carry_out(&self, request: &EffectRequest) -> EffectAnswer {
        self.deliver(request).await.map_or_else(|answer| answer, |()| EffectAnswer::Done(None))
    }
}
