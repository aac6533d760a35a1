//! Mails to a server that keeps them. In: effects, and servers of all kinds. Out: what was sent over which connection.

use std::sync::Arc;

use destinations::{Email, EmailSettings, MailTls, Token, Unusable};
use domain::effect::EffectAnswer;
use ports::{DestinationClient as _, EffectRequest, SystemClock};

use crate::{
    mail_server::{Encryption, HANG_UP, MailServer},
    server::request,
};

fn settings(server: &MailServer, tls: MailTls) -> EmailSettings {
    EmailSettings {
        host: "localhost".into(),
        port: server.port,
        tls,
        ca_file: Some(server.ca.file("ca.pem")),
        user: Some("callout".into()),
        from: "Callout <callout@example.com>".into(),
        to: vec!["ops@example.org".into(), "Grace <grace@example.org>".into()],
        allow_private: true,
    }
}

fn client(settings: EmailSettings) -> Result<Email, Unusable> {
    Email::new(settings, Some(Token::new("hush")), Arc::new(SystemClock))
}

async fn send(server: &MailServer, tls: MailTls, request: &EffectRequest) -> EffectAnswer {
    client(settings(server, tls)).unwrap().carry_out(request).await
}

fn header<'a>(mail: &'a str, name: &str) -> Option<&'a str> {
    let (head, _) = mail.split_once("\r\n\r\n").unwrap();
    head.split("\r\n").find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
}

#[tokio::test]
async fn a_mail_is_the_same_at_each_try_and_only_goes_over_an_encrypted_connection() {
    let server = MailServer::start(Encryption::StartTls, []).await;
    let mut request = request(false);
    assert_eq!(send(&server, MailTls::StartTls, &request).await, EffectAnswer::Done(None));
    request.effect.attempts = 3;
    request.at = conformance::fixture::at(60);
    assert_eq!(send(&server, MailTls::StartTls, &request).await, EffectAnswer::Done(None));
    let in_clear: Vec<String> =
        server.verbs().into_iter().filter(|(encrypted, _)| !encrypted).map(|(_, verb)| verb).collect();
    assert_eq!(in_clear, ["EHLO", "STARTTLS", "EHLO", "STARTTLS"]);
    let said = server.said.lock().unwrap().clone();
    // A NUL, the user, a NUL and the password.
    assert!(said.contains(&(true, "AUTH PLAIN AGNhbGxvdXQAaHVzaA==".to_owned())), "{said:?}");
    let to: Vec<&str> =
        said.iter().map(|(_, line)| line.as_str()).filter(|line| line.starts_with("RCPT")).collect();
    assert_eq!(to[..2], ["RCPT TO:<ops@example.org>", "RCPT TO:<grace@example.org>"]);
    let mails = server.mails.lock().unwrap().clone();
    let [first, second] = &mails[..] else { panic!("two mails") };
    assert_eq!(first, second, "a repetition can be told");
    let id = format!("<{}@example.com>", request.effect.id);
    assert_eq!(header(first, "Message-ID"), Some(id.as_str()));
    assert_eq!(header(first, "Auto-Submitted"), Some("auto-generated"));
    assert!(header(first, "Subject").unwrap().contains("db-1: a run was opened"), "{first}");
    assert!(first.contains(&format!("Run: {}", request.effect.run().unwrap())), "{first}");
}

#[tokio::test]
async fn a_server_may_be_encrypted_from_the_first_byte() {
    let server = MailServer::start(Encryption::Implicit, []).await;
    assert_eq!(send(&server, MailTls::Implicit, &request(false)).await, EffectAnswer::Done(None));
    assert!(server.verbs().iter().all(|(encrypted, _)| *encrypted));
    assert_eq!(server.mails.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn nothing_goes_to_a_server_that_is_not_trusted_or_offers_no_encryption() {
    let server = MailServer::start(Encryption::StartTls, []).await;
    let stranger = EmailSettings { ca_file: None, ..settings(&server, MailTls::StartTls) };
    let answer = client(stranger).unwrap().carry_out(&request(false)).await;
    assert!(
        matches!(&answer, EffectAnswer::Failed { reason, .. } if reason.contains("certificate")),
        "{answer:?}"
    );
    let plain = MailServer::start(Encryption::None, []).await;
    let answer = send(&plain, MailTls::StartTls, &request(false)).await;
    assert!(
        matches!(&answer, EffectAnswer::Failed { reason, .. } if reason.contains("STARTTLS")),
        "{answer:?}"
    );
    for server in [server, plain] {
        let verbs = server.verbs();
        assert!(!verbs.iter().any(|(_, verb)| verb == "AUTH" || verb == "MAIL"), "{verbs:?}");
    }
}

#[tokio::test]
async fn nothing_of_an_event_becomes_a_header_or_ends_the_mail() {
    let server = MailServer::start(Encryption::None, []).await;
    let mut request = request(false);
    request.effect.event.subject =
        Some("db-1\r\nBcc: eve@example.net\r\n\r\n.\r\nMAIL FROM:<x@y>\u{e9}".into());
    assert_eq!(send(&server, MailTls::None, &request).await, EffectAnswer::Done(None));
    let mails = server.mails.lock().unwrap().clone();
    let [mail] = &mails[..] else { panic!("one mail") };
    assert_eq!(header(mail, "Bcc"), None, "{mail}");
    let verbs: Vec<String> = server.verbs().into_iter().map(|(_, verb)| verb).collect();
    assert_eq!(verbs, ["EHLO", "AUTH", "MAIL", "RCPT", "RCPT", "DATA", "QUIT"]);
}

#[tokio::test]
async fn each_answer_of_a_mail_server_is_followed_by_what_helps() {
    let refused = |code| EffectAnswer::Refused { reason: format!("answered {code}") };
    let busy = |code| EffectAnswer::Later { retry_after_ms: None, reason: format!("answered {code}") };
    let cases = [
        // Credentials that are being changed may be right later.
        (("AUTH", "535 unknown"), EffectAnswer::Failed { reason: "answered 535".into(), is_in_doubt: false }),
        (("MAIL", "421 busy"), busy(421)),
        (("RCPT", "450 later"), busy(450)),
        (("RCPT", "550 nobody"), refused(550)),
        (("DATA", "554 no"), refused(554)),
        ((".", "552 too big"), refused(552)),
        (
            (".", HANG_UP),
            EffectAnswer::Failed {
                reason: "the connection broke before the answer".into(),
                is_in_doubt: true,
            },
        ),
    ];
    for (reply, expected) in cases {
        let server = MailServer::start(Encryption::None, [reply]).await;
        assert_eq!(send(&server, MailTls::None, &request(false)).await, expected, "{reply:?}");
    }
    // It is taken, whatever is said to goodbye.
    let server = MailServer::start(Encryption::None, [("QUIT", HANG_UP)]).await;
    assert_eq!(send(&server, MailTls::None, &request(false)).await, EffectAnswer::Done(None));
}

#[tokio::test]
async fn a_mail_server_on_a_private_address_is_reached_only_where_that_is_allowed() {
    let server = MailServer::start(Encryption::None, []).await;
    let settings = EmailSettings { allow_private: false, ..settings(&server, MailTls::None) };
    let answer = client(settings).unwrap().carry_out(&request(false)).await;
    assert!(
        matches!(&answer, EffectAnswer::Refused { reason } if reason.contains("allow_private")),
        "{answer:?}"
    );
    assert!(server.verbs().is_empty());
}

#[tokio::test]
async fn what_cannot_be_used_is_said_before_a_mail_is_to_be_sent() {
    let server = MailServer::start(Encryption::None, []).await;
    let usable = settings(&server, MailTls::StartTls);
    let of = |settings: EmailSettings| client(settings).err().unwrap().to_string();
    assert!(
        of(EmailSettings { from: "callout".into(), ..usable.clone() })
            .starts_with("from: \"callout\" is no address")
    );
    assert!(of(EmailSettings { to: vec!["a@b\nc".into()], ..usable.clone() }).starts_with("to: "));
    let none = EmailSettings { ca_file: Some("none.pem".into()), ..usable.clone() };
    assert!(of(none).starts_with("ca_file: none.pem: "));
    let nobody = Email::new(usable, None, Arc::new(SystemClock)).err().unwrap();
    assert_eq!(nobody.to_string(), "its user has no password");
}
