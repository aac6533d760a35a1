//! Calendars from files and servers. In: where one is read. Out: its text, bounded, or what went wrong.
//!
//! Never: repeats an address, which holds a secret, or follows a server to a private address or away from https.

use std::{
    collections::BTreeMap,
    error::Error as _,
    io::Read as _,
    path::Path,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use async_trait::async_trait;
use domain::{directory::CalendarSource, id::short, limits::CALENDAR_BYTES_MAX};
use ports::calendar::{CalendarFetched, CalendarReader};
use reqwest::{Client, Response, StatusCode, header};
use url::{Host, Url};

use crate::{
    Unusable,
    address_guard::{PRIVATE, PublicResolver, is_private_literal},
    folded_utf8::utf8,
};

/// How long one request may take, redirects by themselves.
const TIMEOUT: Duration = Duration::from_secs(10);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Redirects that are followed.
const REDIRECTS_MAX: usize = 3;
/// Longest name of a copy that is kept, in bytes.
const ETAG_BYTES_MAX: usize = 512;

/// Reads calendars.
pub struct CalendarClient {
    public: Client,
    any: Client,
    timeout: Duration,
    /// Addresses by the variables that hold them.
    urls: RwLock<BTreeMap<String, Url>>,
}

impl CalendarClient {
    /// Of these addresses, by the variables that hold them.
    ///
    /// # Errors
    /// When this machine has no usable TLS.
    pub fn new(urls: BTreeMap<String, Url>) -> Result<Self, Unusable> {
        Self::with_timeout(urls, TIMEOUT)
    }

    /// The same, with so much time for one request.
    ///
    /// # Errors
    /// When this machine has no usable TLS.
    pub fn with_timeout(urls: BTreeMap<String, Url>, timeout: Duration) -> Result<Self, Unusable> {
        let builder = || {
            http_client::client_builder(http_client::Reach::Tls)
                .timeout(timeout)
                .connect_timeout(CONNECT_TIMEOUT)
                .user_agent(concat!("callout/", env!("CARGO_PKG_VERSION")))
        };
        let unusable = |error: reqwest::Error| Unusable(error.to_string());
        Ok(Self {
            public: builder().dns_resolver(Arc::new(PublicResolver)).build().map_err(unusable)?,
            any: builder().build().map_err(unusable)?,
            timeout,
            urls: RwLock::new(urls),
        })
    }

    /// Reads from other addresses from now on.
    pub fn replace(&self, urls: BTreeMap<String, Url>) {
        *self.urls.write().unwrap_or_else(PoisonError::into_inner) = urls;
    }

    fn url(&self, variable: &str) -> Option<Url> {
        self.urls.read().unwrap_or_else(PoisonError::into_inner).get(variable).cloned()
    }

    async fn fetch(
        &self,
        mut url: Url,
        allow_private: bool,
        etag: Option<&str>,
    ) -> Result<CalendarFetched, String> {
        let begun_on_https = url.scheme() == "https";
        for _ in 0..=REDIRECTS_MAX {
            if !allow_private && is_private_literal(&url) {
                return Err(PRIVATE.to_owned());
            }
            if url.scheme() == "http" && (begun_on_https || !is_loopback(&url)) {
                return Err("the server sends away from https".to_owned());
            }
            let client = if allow_private { &self.any } else { &self.public };
            let mut request = client.get(url.clone()).header(header::ACCEPT, "text/calendar, */*;q=0.1");
            if let Some(etag) = etag {
                request = request.header(header::IF_NONE_MATCH, etag);
            }
            let response = request.send().await.map_err(|error| unanswered(&error, self.timeout))?;
            match response.status() {
                StatusCode::OK => return taken(response, self.timeout).await,
                StatusCode::NOT_MODIFIED if etag.is_some() => return Ok(CalendarFetched::Same),
                status if status.is_redirection() => {
                    let location = response.headers().get(header::LOCATION).and_then(|to| to.to_str().ok());
                    let next = location.and_then(|to| url.join(to).ok());
                    url = next.ok_or_else(|| format!("the server answers {status} and says not where to"))?;
                }
                status => return Err(format!("the server answers {status}")),
            }
        }
        Err(format!("the server redirects more than {REDIRECTS_MAX} times"))
    }
}

#[async_trait]
impl CalendarReader for CalendarClient {
    fn origin(&self, source: &CalendarSource) -> String {
        match source {
            CalendarSource::File(path) => short(&["file", &path.to_string_lossy()]),
            CalendarSource::UrlIn { variable, .. } => {
                short(&["url", self.url(variable).as_ref().map_or("", Url::as_str)])
            }
        }
    }

    async fn read(&self, source: &CalendarSource, etag: Option<&str>) -> Result<CalendarFetched, String> {
        match source {
            CalendarSource::File(path) => {
                let path = path.clone();
                let read = tokio::task::spawn_blocking(move || read_file(&path)).await;
                let text = read.map_err(|error| error.to_string())??;
                Ok(CalendarFetched::Text { text, etag: None })
            }
            CalendarSource::UrlIn { variable, allow_private } => {
                let url =
                    self.url(variable).ok_or_else(|| format!("{variable} is not set in this process"))?;
                self.fetch(url, *allow_private, etag).await
            }
        }
    }
}

/// The text of a file, if it is not too long.
///
/// # Errors
/// What went wrong, with the file's name.
pub fn read_file(path: &Path) -> Result<String, String> {
    let shown = path.display();
    let file = std::fs::File::open(path).map_err(|error| format!("{shown} cannot be read: {error}"))?;
    let mut bytes = Vec::new();
    let most = CALENDAR_BYTES_MAX as u64 + 1;
    file.take(most).read_to_end(&mut bytes).map_err(|error| format!("{shown} cannot be read: {error}"))?;
    bounded(bytes).map_err(|why| format!("{shown} {why}"))
}

fn bounded(bytes: Vec<u8>) -> Result<String, String> {
    if bytes.len() > CALENDAR_BYTES_MAX {
        return Err(format!("is larger than {CALENDAR_BYTES_MAX} bytes"));
    }
    Ok(utf8(bytes))
}

async fn taken(mut response: Response, timeout: Duration) -> Result<CalendarFetched, String> {
    let etag = response.headers().get(header::ETAG).and_then(|etag| etag.to_str().ok());
    let etag = etag.filter(|etag| etag.len() <= ETAG_BYTES_MAX).map(str::to_owned);
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| unanswered(&error, timeout))? {
        body.extend_from_slice(&chunk);
        if body.len() > CALENDAR_BYTES_MAX {
            break;
        }
    }
    let text = bounded(body).map_err(|why| format!("the answer {why}"))?;
    Ok(CalendarFetched::Text { text, etag })
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

/// What went wrong, without the address.
fn unanswered(error: &reqwest::Error, timeout: Duration) -> String {
    let mut cause = error.source();
    while let Some(source) = cause {
        if source.to_string() == PRIVATE {
            return PRIVATE.to_owned();
        }
        cause = source.source();
    }
    if error.is_timeout() {
        format!("the server gave no whole answer within {timeout:?}")
    } else if error.is_connect() {
        "no connection to the server".to_owned()
    } else if error.is_body() || error.is_decode() {
        "the answer of the server broke off".to_owned()
    } else {
        "the server gave no answer that can be read".to_owned()
    }
}
