//! Any other service: a POST made from templates.
//!
//! In: an effect, and templates over the CloudEvent that tells of it. Out: one POST; the ticket that its answer names.
//! Never: lets a template read a file or another template.

use async_trait::async_trait;
use domain::effect::{Act, EffectAnswer, Ticket};
use minijinja::{Environment, UndefinedBehavior, Value as Context, context, value::Serde};
use ports::{DestinationClient, EffectRequest};
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE};
use serde_json::Value;
use url::Url;

use crate::{
    Token, Unusable,
    cloud_event::cloud_event,
    page::{headline, ticket_body},
    request::{Requests, send},
    template_check, ticket_url,
};

/// Most instructions of one rendering.
const FUEL: u64 = 100_000;
/// What a body is made of.
const BODY_NAMES: [&str; 4] = ["event", "headline", "ticket_body", "key"];
const AUTHORIZATION_TEMPLATE: &str = "authorization.txt";

/// How a request is made.
#[derive(Debug, Clone)]
pub struct HttpSettings {
    /// Where it is posted.
    pub url: Url,
    /// The body, over `event`, `headline`, `ticket_body` and `key`. A value in JSON is written as JSON, quotes included.
    pub body: String,
    /// The type of the body.
    pub content_type: String,
    /// The value of the `Authorization` header, over `secret`.
    pub authorization: Option<String>,
    /// A header that holds the effect's key.
    pub idempotency_header: Option<String>,
    /// Where in the answer the key of a ticket stands, as a JSON pointer.
    pub ticket_key: Option<String>,
    /// Where its address stands.
    pub ticket_url: Option<String>,
    /// Whether `event` holds the text of the message.
    pub includes_text: bool,
}

/// One service.
pub struct Http {
    requests: Requests,
    settings: HttpSettings,
    templates: Environment<'static>,
    secret: Option<Token>,
    name: String,
}

impl Http {
    /// A service that is asked as these settings say, for the destination of this name.
    ///
    /// # Errors
    /// When a template has a mistake.
    pub fn new(
        requests: Requests,
        settings: HttpSettings,
        secret: Option<Token>,
        name: &str,
    ) -> Result<Self, Unusable> {
        let mut templates = Environment::new();
        templates.set_undefined_behavior(UndefinedBehavior::Chainable);
        templates.set_fuel(Some(FUEL));
        let unusable = |error: minijinja::Error| Unusable(format!("a template has a mistake: {error}"));
        templates.add_template_owned(settings.body_template(), settings.body.clone()).map_err(unusable)?;
        let authorization = settings.authorization.clone().unwrap_or_default();
        templates.add_template_owned(AUTHORIZATION_TEMPLATE, authorization).map_err(unusable)?;
        template_check::names(&templates, "body", settings.body_template(), &BODY_NAMES)?;
        template_check::names(&templates, "authorization", AUTHORIZATION_TEMPLATE, &["secret"])?;
        if settings.makes_json() {
            template_check::json(&templates, settings.body_template())?;
        }
        Ok(Self { requests, settings, templates, secret, name: name.to_owned() })
    }

    async fn post(&self, request: &EffectRequest) -> Result<Option<Ticket>, EffectAnswer> {
        let settings = &self.settings;
        let body = self.render(
            settings.body_template(),
            context! {
                event => Serde(cloud_event(request, settings.includes_text)),
                headline => headline(&request.effect.event),
                ticket_body => ticket_body(request),
                key => request.effect.id.clone(),
            },
        )?;
        let mut post =
            self.requests.post(settings.url.clone())?.header(CONTENT_TYPE, &settings.content_type).body(body);
        if settings.authorization.is_some() {
            let secret = self.secret.as_ref().map(Token::expose);
            let value = self.render(AUTHORIZATION_TEMPLATE, context! { secret => secret })?;
            post = post.header(AUTHORIZATION, value);
        }
        if let Some(header) = &settings.idempotency_header {
            post = post.header(header, &request.effect.id);
        }
        let answer = send(post).await?;
        let ticket = self.ticket(&answer.json());
        if request.effect.act == Act::OpenTicket && ticket.is_none() {
            // Another request might open another ticket.
            let reason = format!(
                "answered {}, so a ticket was opened, but without its key where ticket_key points to; correct ticket_key \
                 and look for the ticket there before a replay",
                answer.status.as_u16()
            );
            return Err(EffectAnswer::Refused { reason });
        }
        Ok(ticket)
    }

    fn render(&self, name: &str, values: Context) -> Result<String, EffectAnswer> {
        let rendered = self.templates.get_template(name).and_then(|template| template.render(values));
        // The error's own words may hold a value.
        rendered.map_err(|error| EffectAnswer::Refused {
            reason: format!("the request cannot be made: {}", error.kind()),
        })
    }

    fn ticket(&self, answer: &Value) -> Option<Ticket> {
        let text = |pointer: &Option<String>| match answer.pointer(pointer.as_deref()?)? {
            Value::String(text) => Some(text.clone()),
            Value::Number(number) => Some(number.to_string()),
            Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
        };
        let key = text(&self.settings.ticket_key)?;
        let url = ticket_url::shown(text(&self.settings.ticket_url), &self.name, &key);
        Some(Ticket { destination: self.name.clone(), key, url })
    }
}

impl HttpSettings {
    /// The name of the body's template, which decides how values are escaped.
    fn body_template(&self) -> &'static str {
        if self.makes_json() { "body.json" } else { "body.txt" }
    }

    fn makes_json(&self) -> bool {
        self.content_type.contains("json")
    }
}

#[async_trait]
impl DestinationClient for Http {
    async fn carry_out(&self, request: &EffectRequest) -> EffectAnswer {
        match self.post(request).await {
            Ok(ticket) if request.effect.act == Act::OpenTicket => EffectAnswer::Done(ticket),
            Ok(_) => EffectAnswer::Done(None),
            Err(answer) => answer,
        }
    }
}
