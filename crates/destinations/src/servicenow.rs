//! Tickets as records of a ServiceNow table, through the Table API.
//!
//! In: an effect. Out: a record whose `correlation_id` names the run, found again by it; later work notes, and its end.
//! Never: makes a record that may exist without looking for it, or takes one of another run for its own: an instance may
//! answer a query that it cannot read with every record.

use std::{collections::BTreeMap, sync::Arc};

use async_trait::async_trait;
use domain::effect::{Act, EffectAnswer, OutcomeKind, Ticket};
use jiff::SignedDuration;
use ports::{Clock, DestinationClient, EffectRequest};
use reqwest::RequestBuilder;
use serde_json::{Map, Value, json};
use url::Url;

use crate::{
    Login,
    open_once::{Tracker, open_once, run_label, unnamed, unreadable_list},
    page::{headline, ticket_body},
    request::{Accepted, Requests, send, send_about_ticket},
};

/// How long after a doubt it is looked for the second time.
const SECOND_LOOK: SignedDuration = SignedDuration::from_secs(5);

/// Which records are made, and where.
#[derive(Debug, Clone)]
pub struct ServiceNowSettings {
    /// The address of the instance.
    pub instance: Url,
    /// The table, which has the fields of a task.
    pub table: String,
    /// Fields of a new record, by name.
    pub fields: BTreeMap<String, String>,
    /// Fields that are written when the run is resolved.
    pub resolved: BTreeMap<String, String>,
}

/// One table of one instance.
pub struct ServiceNow {
    requests: Requests,
    settings: ServiceNowSettings,
    login: Login,
    name: String,
    clock: Arc<dyn Clock>,
}

impl ServiceNow {
    /// The records of a table, for the destination of this name.
    pub fn new(
        requests: Requests,
        settings: ServiceNowSettings,
        login: Login,
        name: &str,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self { requests, settings, login, name: name.to_owned(), clock }
    }

    fn below(&self, segments: &[&str]) -> Url {
        let mut url = self.settings.instance.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(segments);
        }
        url
    }

    fn records(&self, more: &[&str]) -> Url {
        self.below(&[&["api", "now", "table", &self.settings.table], more].concat())
    }

    /// The record of the run.
    async fn record(&self, request: &EffectRequest) -> Result<Option<Value>, EffectAnswer> {
        let id = run_label(request);
        let mut url = self.records(&[]);
        url.query_pairs_mut()
            .append_pair("sysparm_query", &format!("correlation_id={id}"))
            .append_pair("sysparm_fields", "sys_id,number,correlation_id")
            .append_pair("sysparm_limit", "1");
        let found = self.send(self.requests.get(url)?).await?.json();
        let records = found["result"].as_array().ok_or_else(|| unreadable_list("records"))?;
        Ok(records.iter().find(|record| record["correlation_id"] == id).cloned())
    }

    async fn update(&self, request: &EffectRequest) -> Result<(), EffectAnswer> {
        let has_ticket = request.run.as_ref().is_some_and(|run| run.ticket_at(&self.name).is_some());
        if !has_ticket {
            return Err(EffectAnswer::Needless);
        }
        let event = &request.effect.event;
        let Some(record) = self.record(request).await? else {
            let reason = "no record has the run's correlation_id".to_owned();
            return Err(EffectAnswer::Gone { reason });
        };
        let sys_id = record["sys_id"].as_str().ok_or_else(|| unreadable_list("records"))?;
        let mut changes = Map::new();
        changes.insert("work_notes".to_owned(), json!(headline(event)));
        if event.kind == OutcomeKind::RunResolved && !self.settings.resolved.is_empty() {
            // An incident is not resolved without them.
            changes.insert("close_notes".to_owned(), json!(headline(event)));
            changes.extend(written(&self.settings.resolved));
        }
        let patch = self.requests.patch_json(self.records(&[sys_id]), &Value::Object(changes))?;
        self.send_about_ticket(patch).await.map(drop)
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

    fn ticket(&self, record: &Value) -> Option<Ticket> {
        let mut url = self.below(&[&format!("{}.do", self.settings.table)]);
        url.query_pairs_mut().append_pair("sys_id", record["sys_id"].as_str()?);
        let (destination, key) = (self.name.clone(), record["number"].as_str()?.to_owned());
        Some(Ticket { destination, key, url: Some(url.into()) })
    }
}

fn written(fields: &BTreeMap<String, String>) -> impl Iterator<Item = (String, Value)> {
    fields.iter().map(|(name, value)| (name.clone(), json!(value)))
}

#[async_trait]
impl Tracker for ServiceNow {
    async fn find(&self, request: &EffectRequest) -> Result<Option<Ticket>, EffectAnswer> {
        Ok(self.record(request).await?.and_then(|record| self.ticket(&record)))
    }

    async fn create(&self, request: &EffectRequest) -> Result<Ticket, EffectAnswer> {
        let mut record: Map<String, Value> = written(&self.settings.fields).collect();
        let ours = [
            ("short_description", headline(&request.effect.event)),
            ("description", ticket_body(request)),
            ("correlation_id", run_label(request)),
            ("correlation_display", "callout".to_owned()),
        ];
        record.extend(ours.map(|(name, value)| (name.to_owned(), json!(value))));
        let made = self.send(self.requests.post_json(self.records(&[]), &Value::Object(record))?).await?;
        self.ticket(&made.json()["result"]).ok_or_else(|| unnamed("record"))
    }
}

#[async_trait]
impl DestinationClient for ServiceNow {
    async fn carry_out(&self, request: &EffectRequest) -> EffectAnswer {
        let done = match request.effect.act {
            Act::OpenTicket => open_once(self, &*self.clock, SECOND_LOOK, request).await.map(Some),
            Act::UpdateTicket | Act::Notify => self.update(request).await.map(|()| None),
        };
        done.map_or_else(|answer| answer, EffectAnswer::Done)
    }
}
