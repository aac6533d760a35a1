//! Texts that phones send. In: a phone, a text, a number of ours. Out: a signed webhook, blocks, automatic replies.
//!
//! Never: lets a STOP pass without blocking, or keeps it from the webhook.

use std::{sync::Arc, time::Duration};

use domain::phone::E164;
use jiff::Timestamp;

use crate::{
    clock,
    config::{Service, SimConfig},
    message::{API_VERSION, Record, Status},
    phone::PhoneText,
    report::text_key,
    sim::Sim,
    state::State,
    validate::{owns, scope_of, service_with},
    webhook_client::{Target, Tried},
};

/// A text that was sent from a phone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replied {
    /// Its SID.
    pub sid: String,
    /// The number it went to.
    pub to: String,
    /// The status our webhook answered with; `None` if it gave no answer, or none is configured.
    pub answered: Option<u16>,
}

/// Why a phone cannot send a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotDelivered {
    /// The phone's number is not one.
    #[error("the phone's number is not in E.164 form")]
    NotAPhone,
    /// The phone has received no text yet, and no receiver was named.
    #[error("the phone has nothing to reply to: name the number to send to")]
    NothingToReplyTo,
    /// The receiver is not one of the account's numbers.
    #[error("the account does not own that number")]
    NotOurs,
}

/// Twilio's own list, for long codes and English.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Word {
    Stop,
    Start,
    Help,
}

impl Word {
    fn of(body: &str) -> Option<Self> {
        match body.trim().to_ascii_uppercase().as_str() {
            "STOP" | "STOPALL" | "UNSUBSCRIBE" | "CANCEL" | "END" | "QUIT" | "REVOKE" | "OPTOUT" => {
                Some(Self::Stop)
            }
            "START" | "YES" | "UNSTOP" => Some(Self::Start),
            "HELP" | "INFO" => Some(Self::Help),
            _ => None,
        }
    }

    fn opt_out_type(self) -> &'static str {
        match self {
            Self::Stop => "STOP",
            Self::Start => "START",
            Self::Help => "HELP",
        }
    }

    fn answer(self) -> &'static str {
        match self {
            Self::Stop => {
                "You are unsubscribed and will get no more texts from us. Reply START to get them again."
            }
            Self::Start => {
                "You are subscribed and will get our texts. Reply HELP for help, STOP to unsubscribe."
            }
            Self::Help => "Reply STOP to unsubscribe. Message and data rates may apply.",
        }
    }
}

impl Sim {
    /// Sends a text from a phone, and waits for the webhook's answer.
    pub(crate) async fn send_from_phone(
        self: &Arc<Self>,
        phone: &str,
        to: Option<&str>,
        body: &str,
    ) -> Result<Replied, NotDelivered> {
        if phone.parse::<E164>().is_err() {
            return Err(NotDelivered::NotAPhone);
        }
        let last =
            || self.read(|state| state.phones.get(phone).and_then(|p| p.last_sender().map(str::to_owned)));
        let to = to.map(str::to_owned).or_else(last).ok_or(NotDelivered::NothingToReplyTo)?;
        if !owns(&to, &self.config) {
            return Err(NotDelivered::NotOurs);
        }
        let now = clock::now();
        let service = service_with(&to, &self.config);
        let record = self.change(|state| record_inbound(state, &self.config, phone, &to, body, now));
        let Some((record, token)) = record else { return Err(NotDelivered::NotAPhone) };
        let sid = record.sid.to_string();
        let Some(target) = inbound_target(&to, service, &self.config) else {
            self.change(|state| state.ledger.report.inbound.lost += 1);
            return Ok(Replied { sid, to, answered: None });
        };
        let params = params(&record, service, &self.config.account_sid);
        self.change(|state| state.ledger.report.inbound.posted += 1);
        let tried = self.webhook_client.post(&target, &params, &token).await;
        self.change(|state| {
            let inbound = &mut state.ledger.report.inbound;
            if tried.is_2xx() { inbound.answered_2xx += 1 } else { inbound.failed += 1 }
        });
        let answered = match tried {
            Tried::Answered(status) => Some(status),
            Tried::NoConnection | Tried::NoAnswer => None,
        };
        Ok(Replied { sid, to, answered })
    }

    /// Lets a phone answer the text it has just received, if it has a rule for it.
    pub(crate) fn reply_by_rule(self: &Arc<Self>, phone: &str) {
        let rule = self.read(|state| {
            let phone = state.phones.get(phone)?;
            let text = phone.received.back()?;
            Some((phone.reply_to(&text.body)?, text.from.clone()))
        });
        let Some((rule, from)) = rule else { return };
        let (sim, phone) = (Arc::clone(self), phone.to_owned());
        self.spawn(async move {
            clock::sleep(Duration::from_millis(rule.after_ms)).await;
            if let Err(error) = sim.send_from_phone(&phone, Some(&from), &rule.body).await {
                tracing::warn!(%error, "a phone could not reply");
            }
        });
    }
}

/// Records the text, blocks or unblocks, and answers a keyword.
fn record_inbound(
    state: &mut State,
    config: &SimConfig,
    phone: &str,
    to: &str,
    body: &str,
    now: Timestamp,
) -> Option<(Record, String)> {
    let sid = state.next_sid(0)?;
    let record = Record {
        sid: sid.clone(),
        inbound: true,
        to: to.to_owned(),
        from: Some(phone.to_owned()),
        service: service_with(to, config).map(|service| service.sid.clone()),
        body: body.to_owned(),
        media: 0,
        segments: domain::segment::count(body).count,
        status: Status::Received,
        error_code: None,
        created: now,
        updated: now,
        sent: Some(now),
        steps: 0,
        text_key: text_key(to, body),
        message_id: None,
    };
    let number = state.insert(record.clone());
    let token = state.hex("inbound", number);
    let text = |from: &str, to: &str, body: &str, sid, automatic| PhoneText {
        sid,
        from: from.to_owned(),
        to: to.to_owned(),
        body: body.to_owned(),
        at: now,
        automatic,
    };
    let sent = text(phone, to, body, Some(sid.to_string()), false);
    state.phone(phone).send(sent);
    if let Some(word) = Word::of(body) {
        let block = (phone.to_owned(), scope_of(to, config));
        let was_blocked = state.blocks.contains(&block);
        match word {
            Word::Stop => {
                state.blocks.insert(block);
            }
            Word::Start => {
                state.blocks.remove(&block);
            }
            Word::Help => {}
        }
        // `YES` is a common answer: only a phone that was blocked gets the text about being subscribed.
        if word != Word::Start || was_blocked {
            state.phone(phone).receive(text(to, phone, word.answer(), None, true));
        }
    }
    Some((record, token))
}

fn inbound_target(to: &str, service: Option<&Service>, config: &SimConfig) -> Option<Target> {
    let of_number =
        || config.numbers.iter().find(|number| number.number == to).and_then(|n| n.inbound_url.as_ref());
    let url = match service {
        Some(service) if !service.use_inbound_webhook_on_number => service.inbound_url.as_ref(),
        Some(_) | None => of_number(),
    };
    Target::parse(url?.as_str())
}

/// The fields of the webhook, in an order seen on the wire.
fn params(record: &Record, service: Option<&Service>, account_sid: &str) -> Vec<(String, String)> {
    let (sid, segments) = (record.sid.as_str(), record.segments.to_string());
    let from = record.from.as_deref().unwrap_or_default();
    let mut params: Vec<(&str, &str)> = vec![
        ("ToCountry", "US"),
        ("ToState", ""),
        ("SmsMessageSid", sid),
        ("NumMedia", "0"),
        ("ToCity", ""),
        ("FromZip", ""),
        ("SmsSid", sid),
        ("FromState", ""),
        ("SmsStatus", "received"),
        ("FromCity", ""),
        ("Body", &record.body),
        ("FromCountry", "US"),
        ("To", &record.to),
    ];
    if let Some(service) = service {
        params.push(("MessagingServiceSid", &service.sid));
        if let Some(word) = Word::of(&record.body).filter(|_| service.advanced_opt_out) {
            params.push(("OptOutType", word.opt_out_type()));
        }
    }
    params.extend([
        ("ToZip", ""),
        ("NumSegments", &*segments),
        ("MessageSid", sid),
        ("AccountSid", account_sid),
        ("From", from),
        ("ApiVersion", API_VERSION),
    ]);
    params.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}
