//! Tickets as Jira issues: Jira Cloud by its REST API version 3, Jira Data Center by version 2.
//!
//! In: an effect. Out: an issue whose label names the run, found again by it; later a comment, and its end.
//! Never: makes an issue that may exist without searching for it. Atlassian says that a search may lack, for seconds or
//! minutes, what was just written (developer.atlassian.com, "Search and reconcile").

use std::sync::Arc;

use async_trait::async_trait;
use domain::effect::{Act, EffectAnswer, OutcomeKind, Ticket};
use jiff::SignedDuration;
use ports::{Clock, DestinationClient, EffectRequest};
use reqwest::RequestBuilder;
use serde_json::{Value, json};
use url::Url;

use crate::{
    Login,
    open_once::{Tracker, open_once, run_label, unnamed, unreadable_list},
    page::{facts, headline},
    request::{Accepted, Requests, send, send_about_ticket},
};

/// How long after a doubt it is searched for the second time.
const SECOND_LOOK: SignedDuration = SignedDuration::from_secs(15);

/// Which issues are made, and where.
#[derive(Debug, Clone)]
pub struct JiraSettings {
    /// The address of the site, below which both the API and the pages of issues are.
    pub site: Url,
    /// The key of the project.
    pub project: String,
    /// The name of the issue type.
    pub issue_type: String,
    /// Labels of a new issue, beside the one that names its run.
    pub labels: Vec<String>,
    /// The transition that an issue takes when its run is resolved, or the status that it leads to.
    pub done_transition: Option<String>,
}

/// One project.
pub struct Jira {
    requests: Requests,
    settings: JiraSettings,
    login: Login,
    name: String,
    clock: Arc<dyn Clock>,
}

impl Jira {
    /// The issues of a project, for the destination of this name. A login with a user is one of Jira Cloud, one without is
    /// a personal access token of Jira Data Center.
    pub fn new(
        requests: Requests,
        settings: JiraSettings,
        login: Login,
        name: &str,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self { requests, settings, login, name: name.to_owned(), clock }
    }

    fn is_cloud(&self) -> bool {
        self.login.user.is_some()
    }

    fn below_site(&self, segments: &[&str]) -> Url {
        let mut url = self.settings.site.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(segments);
        }
        url
    }

    fn api(&self, segments: &[&str]) -> Url {
        let version = if self.is_cloud() { "3" } else { "2" };
        self.below_site(&[&["rest", "api", version], segments].concat())
    }

    async fn update(&self, request: &EffectRequest) -> Result<(), EffectAnswer> {
        let ticket = request.run.as_ref().and_then(|run| run.ticket_at(&self.name));
        let Some(Ticket { key, .. }) = ticket else { return Err(EffectAnswer::Needless) };
        let event = &request.effect.event;
        if let (OutcomeKind::RunResolved, Some(wanted)) = (event.kind, &self.settings.done_transition) {
            self.transition(key, wanted).await?;
        }
        let comment = json!({"body": self.text(&[headline(event)], &[])});
        self.send_about_ticket(self.requests.post_json(self.api(&["issue", key, "comment"]), &comment)?)
            .await?;
        Ok(())
    }

    /// Moves an issue on, unless it is done.
    async fn transition(&self, key: &str, wanted: &str) -> Result<(), EffectAnswer> {
        let url = self.api(&["issue", key, "transitions"]);
        let listed = self.send_about_ticket(self.requests.get(url.clone())?).await?.json();
        let Some(transitions) = listed["transitions"].as_array() else {
            return Err(unreadable_list("transitions"));
        };
        let is_wanted = |name: &Value| name.as_str().is_some_and(|name| name.eq_ignore_ascii_case(wanted));
        let found = transitions.iter().find(|one| is_wanted(&one["name"]) || is_wanted(&one["to"]["name"]));
        if let Some(id) = found.and_then(|one| one["id"].as_str()) {
            self.send_about_ticket(self.requests.post_json(url, &json!({"transition": {"id": id}}))?).await?;
            return Ok(());
        }
        let mut url = self.api(&["issue", key]);
        url.query_pairs_mut().append_pair("fields", "status");
        let issue = self.send_about_ticket(self.requests.get(url)?).await?.json();
        if issue["fields"]["status"]["statusCategory"]["key"] == "done" {
            return Ok(());
        }
        Err(EffectAnswer::Refused { reason: format!("issue {key} can take no transition named {wanted:?}") })
    }

    /// Lines for people, and lines that are shown as they are. Version 3 takes documents (Atlassian Document Format), in
    /// which nothing of a text is markup; version 2 takes wiki markup.
    fn text(&self, lines: &[String], verbatim: &[String]) -> Value {
        if !self.is_cloud() {
            let text = [lines, verbatim].concat().join("\n").replace('{', "(");
            return json!(format!("{{noformat}}\n{text}\n{{noformat}}"));
        }
        let block =
            |kind: &str, text: &str| json!({"type": kind, "content": [{"type": "text", "text": text}]});
        let mut content: Vec<Value> = lines.iter().map(|line| block("paragraph", line)).collect();
        if !verbatim.is_empty() {
            content.push(block("codeBlock", &verbatim.join("\n")));
        }
        json!({"type": "doc", "version": 1, "content": content})
    }

    async fn send(&self, request: RequestBuilder) -> Result<Accepted, EffectAnswer> {
        send(self.authorized(request)).await
    }

    async fn send_about_ticket(&self, request: RequestBuilder) -> Result<Accepted, EffectAnswer> {
        send_about_ticket(self.authorized(request)).await
    }

    fn authorized(&self, request: RequestBuilder) -> RequestBuilder {
        self.login.authorize(request).header("accept", "application/json")
    }

    fn ticket(&self, issue: &Value) -> Option<Ticket> {
        let key = issue["key"].as_str()?;
        let url = self.below_site(&["browse", key]).to_string();
        Some(Ticket { destination: self.name.clone(), key: key.to_owned(), url: Some(url) })
    }
}

#[async_trait]
impl Tracker for Jira {
    async fn find(&self, request: &EffectRequest) -> Result<Option<Ticket>, EffectAnswer> {
        let (project, label) = (&self.settings.project, run_label(request));
        let jql = format!("project = \"{project}\" AND labels = \"{label}\" ORDER BY created ASC");
        let search = json!({"jql": jql, "fields": ["labels"], "maxResults": 1});
        let path: &[&str] = if self.is_cloud() { &["search", "jql"] } else { &["search"] };
        let found = self.send(self.requests.post_json(self.api(path), &search)?).await?.json();
        let issues = found["issues"].as_array().ok_or_else(|| unreadable_list("issues"))?;
        Ok(issues.first().and_then(|issue| self.ticket(issue)))
    }

    async fn create(&self, request: &EffectRequest) -> Result<Ticket, EffectAnswer> {
        let event = &request.effect.event;
        let JiraSettings { project, issue_type, .. } = &self.settings;
        let mut labels = self.settings.labels.clone();
        labels.push(run_label(request));
        let lines = [vec![headline(event)], facts(request)].concat();
        let issue = json!({"fields": {
            "project": {"key": project},
            "issuetype": {"name": issue_type},
            "summary": headline(event),
            "description": self.text(&lines, &request.timeline),
            "labels": labels,
        }});
        let made = self.send(self.requests.post_json(self.api(&["issue"]), &issue)?).await?;
        self.ticket(&made.json()).ok_or_else(|| unnamed("issue"))
    }
}

#[async_trait]
impl DestinationClient for Jira {
    async fn carry_out(&self, request: &EffectRequest) -> EffectAnswer {
        let done = match request.effect.act {
            Act::OpenTicket => open_once(self, &*self.clock, SECOND_LOOK, request).await.map(Some),
            Act::UpdateTicket | Act::Notify => self.update(request).await.map(|()| None),
        };
        done.map_or_else(|answer| answer, EffectAnswer::Done)
    }
}
