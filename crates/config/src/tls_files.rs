//! Certificates and keys that the configuration names. In: paths. Out: the same, or what is wrong with a file.
//!
//! Never: keeps what is in a file: who connects reads it again.

use std::path::{Path, PathBuf};

use rustls::pki_types::{
    CertificateDer, PrivateKeyDer,
    pem::{self, PemObject as _},
};

use crate::reader::{Document, Placed, Section};

/// The files with which one server is reached over TLS.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TlsFiles {
    /// Root certificates of a private authority, PEM.
    pub ca: Option<PathBuf>,
    /// The certificate that we show, and its private key, PEM.
    pub client: Option<(PathBuf, PathBuf)>,
}

impl TlsFiles {
    /// Whether the machine's defaults are enough.
    pub fn is_empty(&self) -> bool {
        self.ca.is_none() && self.client.is_none()
    }
}

/// Reads the three keys of one server.
pub(crate) fn read_tls_files(
    doc: &mut Document<'_>,
    section: &mut Section<'_>,
    folder: &Path,
    [ca, cert, key]: [&'static str; 3],
) -> TlsFiles {
    let names_one = section.has(cert) != section.has(key);
    let authority = certificates(doc, section, folder, ca);
    let shown = certificates(doc, section, folder, cert);
    let private = file(doc, section, folder, key, |bytes| PrivateKeyDer::from_pem_slice(bytes).map(drop));
    if names_one && let Some(one) = shown.as_ref().or(private.as_ref()) {
        let message = format!("backend: give both {cert} and {key}, or neither");
        doc.problem(&one.at, message);
    }
    let client = shown.zip(private).map(|(shown, private)| (shown.value, private.value));
    TlsFiles { ca: authority.map(|file| file.value), client }
}

/// A file with certificates.
pub(crate) fn certificates(
    doc: &mut Document<'_>,
    section: &mut Section<'_>,
    folder: &Path,
    key: &'static str,
) -> Option<Placed<PathBuf>> {
    file(doc, section, folder, key, |bytes| {
        let mut found = CertificateDer::pem_slice_iter(bytes);
        found.next().unwrap_or(Err(pem::Error::NoItemsFound))?;
        found.try_for_each(|certificate| certificate.map(drop))
    })
}

/// A file that can be read and is what it should be. Problems show nothing of what is in it.
fn file(
    doc: &mut Document<'_>,
    section: &mut Section<'_>,
    folder: &Path,
    key: &'static str,
    check: impl Fn(&[u8]) -> Result<(), pem::Error>,
) -> Option<Placed<PathBuf>> {
    let name = section.text(doc, key)?;
    let path = folder.join(&name.value);
    let problem = match std::fs::read(&path) {
        Err(error) => {
            format!("{} cannot be read ({error}): name a file that this user may read", path.display())
        }
        Ok(bytes) => match check(&bytes) {
            Ok(()) => return Some(Placed { value: path, at: name.at }),
            Err(_) => format!(
                "{} holds none that can be read: give a PEM file, with lines as `-----BEGIN ...-----`; \
                 `openssl x509 -inform der -in FILE` makes one of a DER certificate",
                path.display()
            ),
        },
    };
    doc.problem(&name.at, format!("{key}: {problem}"));
    None
}
