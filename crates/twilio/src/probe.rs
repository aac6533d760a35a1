//! A post to our own status endpoint, signed as Twilio signs. In: the public URL and the token. Out: what it came to.
//!
//! Never: names a message, so nothing can change by it; never bears the credentials of the API.

use std::time::Duration;

use domain::preflight::Probe;
use http_client::Reach;
use reqwest::header::CONTENT_TYPE;
use url::Url;

use crate::{Secret, SigningKey, client::read, webhooks::STATUS_PATH};

/// How long an answer may take: Twilio waits for 15 s.
const ANSWER_MAX: Duration = Duration::from_secs(15);
/// Longest answer that is read, in bytes.
const ANSWER_BYTES_MAX: usize = 16 * 1024;

/// The SID that a probe names. `unique` makes it one that nobody can guess: callout says it back, once it has taken the
/// signature and finds no message of that name.
pub fn probe_sid(unique: u128) -> String {
    format!("SM{unique:032x}")
}

/// What callout answers to a probe.
pub fn probe_answer(sid: &str) -> String {
    format!("no message of ours has the SID {sid}\n")
}

/// Posts a status of a text that is nobody's to the public URL.
pub async fn probe(public_url: &Url, token: Option<&Secret>, unique: u128) -> Probe {
    let Some(token) = token else { return Probe::NoToken };
    let sid = probe_sid(unique);
    let url = format!("{}{STATUS_PATH}", public_url.as_str().trim_end_matches('/'));
    let form = [("MessageSid", sid.as_str()), ("MessageStatus", "sent")];
    let params: Vec<(String, String)> =
        form.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let signature = SigningKey::new(token).sign(&url, &params);
    let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
    let client = http_client::client_builder(Reach::of_scheme(public_url.scheme())).build();
    let Ok(client) = client else {
        return Probe::Unreachable("the HTTP client could not be set up".to_owned());
    };
    let sent = client
        .post(url)
        .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
        .header("x-twilio-signature", signature)
        .timeout(ANSWER_MAX)
        .body(body)
        .send()
        .await;
    match sent {
        Ok(response) => {
            let status = response.status().as_u16();
            let said = read(response, ANSWER_BYTES_MAX).await.unwrap_or_default();
            verdict(status, &String::from_utf8_lossy(&said), &sid)
        }
        Err(error) if error.is_timeout() => Probe::Unreachable("no answer in time".to_owned()),
        Err(error) if error.is_connect() => Probe::Unreachable("no connection".to_owned()),
        Err(_) => Probe::Unreachable("the connection broke before an answer".to_owned()),
    }
}

/// What an answer means. What is not in callout's own words is somebody else's.
fn verdict(status: u16, said: &str, sid: &str) -> Probe {
    match status {
        404 if said == probe_answer(sid) => Probe::Taken,
        403 if said.starts_with("the signature does not match") => Probe::Forged,
        503 => Probe::Unavailable(status),
        _ => Probe::NotOurs(status),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_answer_in_our_words_is_ours() {
        let sid = probe_sid(7);
        assert!(crate::message_sid(&sid).is_ok(), "{sid}");
        let answer = probe_answer(&sid);
        for (status, said, means) in [
            (404, answer.as_str(), Probe::Taken),
            (404, "not found", Probe::NotOurs(404)),
            (200, answer.as_str(), Probe::NotOurs(200)),
            (204, "", Probe::NotOurs(204)),
            (403, "the signature does not match: check the auth token\n", Probe::Forged),
            (403, "<html>forbidden</html>", Probe::NotOurs(403)),
            (503, "the store is away", Probe::Unavailable(503)),
            (502, "", Probe::NotOurs(502)),
        ] {
            assert_eq!(verdict(status, said, &sid), means, "{status} {said}");
        }
    }
}
