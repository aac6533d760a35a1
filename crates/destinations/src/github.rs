//! Tickets as GitHub issues.
//!
//! In: an effect. Out: an issue with a mark that names the run, found again by it; later a comment, and its end.
//! Never: makes an issue that may exist without looking for it: the issues since the run was opened are listed. Never takes
//! one for the run's that somebody else wrote, or because of what an event says.

use std::sync::Arc;

use async_trait::async_trait;
use domain::effect::{Act, EffectAnswer, OutcomeKind, Ticket};
use jiff::SignedDuration;
use ports::{Clock, DestinationClient, EffectRequest};
use reqwest::RequestBuilder;
use serde_json::{Value, json};
use tokio::sync::OnceCell;
use url::Url;

use crate::{
    Token,
    open_once::{Tracker, open_once, unnamed, unreadable_list},
    page::{headline, ticket_body},
    request::{Accepted, Requests, send, send_about_ticket},
    ticket_url,
};

/// How long after a doubt the list is read for the second time.
const SECOND_LOOK: SignedDuration = SignedDuration::from_secs(5);
/// Most pages of a hundred issues looked at.
const PAGES_MAX: usize = 30;
const VERSION: &str = "2022-11-28";

/// One repository.
pub struct Github {
    requests: Requests,
    /// The issues of the repository.
    issues: Url,
    /// Whose the token is.
    user: Url,
    login: OnceCell<String>,
    token: Token,
    labels: Vec<String>,
    name: String,
    clock: Arc<dyn Clock>,
}

impl Github {
    /// The issues of `repository` (`owner/name`), for the destination of this name.
    pub fn new(
        requests: Requests,
        api: &Url,
        repository: &str,
        labels: Vec<String>,
        token: Token,
        name: &str,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let (mut issues, mut user) = (api.clone(), api.clone());
        if let Ok(mut path) = issues.path_segments_mut() {
            path.pop_if_empty().push("repos").extend(repository.split('/')).push("issues");
        }
        if let Ok(mut path) = user.path_segments_mut() {
            path.pop_if_empty().push("user");
        }
        let login = OnceCell::new();
        Self { requests, issues, user, login, token, labels, name: name.to_owned(), clock }
    }

    async fn update(&self, request: &EffectRequest) -> Result<(), EffectAnswer> {
        let ticket = request.run.as_ref().and_then(|run| run.ticket_at(&self.name));
        let Some(ticket) = ticket else { return Err(EffectAnswer::Needless) };
        let event = &request.effect.event;
        let number = ticket.key.trim_start_matches('#');
        let comment = json!({"body": literal(&headline(event))});
        self.send_about_ticket(self.requests.post_json(self.below(&[number, "comments"]), &comment)?).await?;
        if event.kind == OutcomeKind::RunResolved {
            let closed = json!({"state": "closed", "state_reason": "completed"});
            self.send_about_ticket(self.requests.patch_json(self.below(&[number]), &closed)?).await?;
        }
        Ok(())
    }

    fn below(&self, segments: &[&str]) -> Url {
        let mut url = self.issues.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.extend(segments);
        }
        url
    }

    async fn send(&self, request: RequestBuilder) -> Result<Accepted, EffectAnswer> {
        send(self.authorized(request)).await
    }

    async fn send_about_ticket(&self, request: RequestBuilder) -> Result<Accepted, EffectAnswer> {
        send_about_ticket(self.authorized(request)).await
    }

    fn authorized(&self, request: RequestBuilder) -> RequestBuilder {
        request
            .bearer_auth(self.token.expose())
            .header("accept", "application/vnd.github+json")
            .header("x-github-api-version", VERSION)
    }

    /// The name of the user that the token is of, asked for once.
    async fn login(&self) -> Result<&str, EffectAnswer> {
        let ask = || async {
            let user = self.send(self.requests.get(self.user.clone())?).await?.json();
            user["login"].as_str().map(str::to_owned).ok_or_else(|| unreadable_list("the token's user"))
        };
        self.login.get_or_try_init(ask).await.map(String::as_str)
    }

    fn ticket(&self, issue: &Value) -> Option<Ticket> {
        let key = format!("#{}", issue["number"].as_u64()?);
        let url = ticket_url::shown(issue["html_url"].as_str().map(str::to_owned), &self.name, &key);
        Some(Ticket { destination: self.name.clone(), key, url })
    }
}

/// What names the run in its issue; GitHub does not show it.
fn mark(request: &EffectRequest) -> String {
    let run = request.effect.run().map(ToString::to_string).unwrap_or_default();
    format!("<!-- callout-run: {run} -->")
}

/// Text as it is: what an event says mentions nobody, links to nothing and shows no picture.
fn literal(text: &str) -> String {
    let text = without_marks(text);
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or_default();
    let fence = "`".repeat(longest.max(2) + 1);
    format!("{fence}text\n{text}\n{fence}")
}

/// Text that holds no mark, and ends none.
fn without_marks(text: &str) -> String {
    text.replace("<!--", "< !--").replace("-->", "-- >")
}

#[async_trait]
impl Tracker for Github {
    async fn find(&self, request: &EffectRequest) -> Result<Option<Ticket>, EffectAnswer> {
        let mut page = self.issues.clone();
        page.query_pairs_mut()
            .append_pair("state", "all")
            .append_pair("sort", "created")
            .append_pair("direction", "desc")
            .append_pair("per_page", "100");
        if let Some(run) = &request.run {
            // `since` is about the last change, which is never before an issue was made.
            let opened_at = run.opened_at().strftime("%FT%TZ").to_string();
            page.query_pairs_mut().append_pair("since", &opened_at);
        }
        let (mark, login) = (mark(request), self.login().await?);
        let mut next = Some(page);
        for _ in 0..PAGES_MAX {
            let Some(url) = next.take() else { return Ok(None) };
            let listed = self.send(self.requests.get(url)?).await?;
            let Value::Array(issues) = listed.json() else { return Err(unreadable_list("issues")) };
            let is_ours = |issue: &&Value| {
                let last = issue["body"].as_str().and_then(|body| body.trim_end().lines().last());
                last == Some(&*mark) && issue["user"]["login"] == login
            };
            if let Some(found) = issues.iter().find(is_ours) {
                return Ok(self.ticket(found));
            }
            next = listed.next;
        }
        Ok(None)
    }

    async fn create(&self, request: &EffectRequest) -> Result<Ticket, EffectAnswer> {
        let body = format!("{}\n\n{}", literal(&ticket_body(request)), mark(request));
        let title = without_marks(&headline(&request.effect.event));
        let issue = json!({"title": title, "body": body, "labels": self.labels});
        let made = self.send(self.requests.post_json(self.issues.clone(), &issue)?).await?;
        self.ticket(&made.json()).ok_or_else(|| unnamed("issue"))
    }
}

#[async_trait]
impl DestinationClient for Github {
    async fn carry_out(&self, request: &EffectRequest) -> EffectAnswer {
        let done = match request.effect.act {
            Act::OpenTicket => open_once(self, &*self.clock, SECOND_LOOK, request).await.map(Some),
            Act::UpdateTicket | Act::Notify => self.update(request).await.map(|()| None),
        };
        done.map_or_else(|answer| answer, EffectAnswer::Done)
    }
}
