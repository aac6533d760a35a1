//! A server that takes mails (RFC 5321, 3207 and 4954, as far as a client of ours needs them) and keeps what it is sent.
//!
//! Never: passes a mail on.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use rustls::{
    ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
};
use test_servers::PrivateCa;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncRead, AsyncWrite, AsyncWriteExt as _, BufStream},
    net::{TcpListener, TcpStream},
};
use tokio_rustls::TlsAcceptor;

/// Closes the connection instead of a reply.
pub(crate) const HANG_UP: &str = "hang up";

/// How a server is set up.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Encryption {
    Implicit,
    StartTls,
    None,
}

pub(crate) struct MailServer {
    pub ca: PrivateCa,
    pub port: u16,
    encryption: Encryption,
    /// Replies by verb, instead of the usual ones; `.` is the end of a mail.
    replies: BTreeMap<&'static str, &'static str>,
    /// What clients said outside of mails, and whether it was encrypted.
    pub said: Mutex<Vec<(bool, String)>>,
    pub mails: Mutex<Vec<String>>,
}

impl MailServer {
    pub(crate) async fn start(
        encryption: Encryption,
        replies: impl IntoIterator<Item = (&'static str, &'static str)>,
    ) -> Arc<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let server = Arc::new(Self {
            ca: PrivateCa::new(),
            port: listener.local_addr().unwrap().port(),
            encryption,
            replies: replies.into_iter().collect(),
            said: Mutex::default(),
            mails: Mutex::default(),
        });
        let serving = server.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let server = serving.clone();
                tokio::spawn(async move { server.serve(stream).await });
            }
        });
        server
    }

    /// The verbs that were said, each with whether it was encrypted.
    pub(crate) fn verbs(&self) -> Vec<(bool, String)> {
        let said = self.said.lock().unwrap();
        said.iter().map(|(encrypted, line)| (*encrypted, verb(line))).collect()
    }

    async fn serve(&self, stream: TcpStream) -> Option<()> {
        if self.encryption == Encryption::Implicit {
            let encrypted = self.acceptor().accept(stream).await.ok()?;
            self.talk(encrypted, true, true).await;
            return None;
        }
        let upgraded = self.talk(stream, false, true).await?;
        let encrypted = self.acceptor().accept(upgraded).await.ok()?;
        self.talk(encrypted, true, false).await;
        None
    }

    /// Answers a client until it leaves, or until it asks for encryption.
    async fn talk<S: AsyncRead + AsyncWrite + Unpin>(
        &self,
        stream: S,
        is_encrypted: bool,
        greets: bool,
    ) -> Option<S> {
        let mut stream = BufStream::new(stream);
        if greets {
            say(&mut stream, "220 mail.example ESMTP").await?;
        }
        loop {
            let mut line = String::new();
            if stream.read_line(&mut line).await.ok()? == 0 {
                return None;
            }
            self.said.lock().unwrap().push((is_encrypted, line.trim_end().to_owned()));
            let verb = verb(&line);
            let offers = self.encryption == Encryption::StartTls && !is_encrypted;
            let usual = match verb.as_str() {
                "EHLO" if offers => "250-mail.example\r\n250-STARTTLS\r\n250 AUTH PLAIN",
                "EHLO" => "250-mail.example\r\n250 AUTH PLAIN",
                "STARTTLS" => "220 go ahead",
                "AUTH" => "235 known",
                "DATA" => "354 go ahead",
                "QUIT" => "221 bye",
                _ => "250 ok",
            };
            self.reply(&mut stream, &verb, usual).await?;
            match verb.as_str() {
                "STARTTLS" => return Some(stream.into_inner()),
                "DATA" if !self.replies.contains_key("DATA") => {
                    self.take_mail(&mut stream).await?;
                    self.reply(&mut stream, ".", "250 taken").await?;
                }
                "QUIT" => return None,
                _ => {}
            }
        }
    }

    async fn take_mail<S: AsyncRead + AsyncWrite + Unpin>(&self, stream: &mut BufStream<S>) -> Option<()> {
        let mut mail = String::new();
        while !mail.ends_with("\r\n.\r\n") {
            if stream.read_line(&mut mail).await.ok()? == 0 {
                return None;
            }
        }
        self.mails.lock().unwrap().push(mail);
        Some(())
    }

    async fn reply<S: AsyncRead + AsyncWrite + Unpin>(
        &self,
        stream: &mut BufStream<S>,
        verb: &str,
        usual: &str,
    ) -> Option<()> {
        match self.replies.get(verb) {
            Some(&HANG_UP) => None,
            Some(reply) => say(stream, reply).await,
            None => say(stream, usual).await,
        }
    }

    fn acceptor(&self) -> TlsAcceptor {
        let certificates = CertificateDer::pem_file_iter(self.ca.file("server.pem")).unwrap();
        let chain = certificates.collect::<Result<Vec<_>, _>>().unwrap();
        let key = PrivateKeyDer::from_pem_file(self.ca.file("server.key")).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config =
            ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        Arc::new(config.with_no_client_auth().with_single_cert(chain, key).unwrap()).into()
    }
}

fn verb(line: &str) -> String {
    line.split_whitespace().next().unwrap_or_default().to_uppercase()
}

async fn say<S: AsyncRead + AsyncWrite + Unpin>(stream: &mut BufStream<S>, reply: &str) -> Option<()> {
    stream.write_all(format!("{reply}\r\n").as_bytes()).await.ok()?;
    stream.flush().await.ok()
}
