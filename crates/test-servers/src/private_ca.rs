//! A private certificate authority. In: nothing. Out: files with its certificate, and one for a server and a client.
//!
//! Never: is known to the machine.

use std::path::PathBuf;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use tempfile::TempDir;

/// An authority, with what it has signed for `localhost` and 127.0.0.1. The files go with it.
#[derive(Debug)]
pub struct PrivateCa {
    folder: TempDir,
}

impl PrivateCa {
    /// A new authority, which nobody trusts yet.
    #[expect(clippy::new_without_default, reason = "it makes keys and files")]
    pub fn new() -> Self {
        let folder = tempfile::Builder::new().prefix("callout-ca-").tempdir().expect("a directory");
        let write = |name: &str, text: String| {
            std::fs::write(folder.path().join(name), text).expect("the directory takes files");
        };
        let key = || KeyPair::generate().expect("a key");
        let mut authority = CertificateParams::new([]).expect("no names");
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        authority.distinguished_name.push(DnType::CommonName, "private authority");
        let authority_key = key();
        write("ca.pem", authority.self_signed(&authority_key).expect("a certificate").pem());
        let issuer = Issuer::new(authority, authority_key);
        for name in ["server", "client"] {
            let (names, key) = (["localhost".to_owned(), "127.0.0.1".to_owned()], key());
            let mut one = CertificateParams::new(names).expect("names of hosts");
            // OpenSSL takes a certificate that is named as its issuer for one that signed itself.
            one.distinguished_name.push(DnType::CommonName, name);
            write(&format!("{name}.pem"), one.signed_by(&key, &issuer).expect("a certificate").pem());
            write(&format!("{name}.key"), key.serialize_pem());
        }
        Self { folder }
    }

    /// One of `ca.pem`, `server.pem`, `server.key`, `client.pem` and `client.key`.
    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}
