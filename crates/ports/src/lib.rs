//! What the roles need from the outside, one trait a page: `Store`, `Bus`, `SmsProvider`, `Clock`.
//!
//! In: the domain's values. Out: contracts that both backends keep, checked by the `conformance` suite.
//! Never: names SQL, AMQP or HTTP.

pub mod bus;
pub mod calendar;
pub mod clock;
pub mod dependency;
pub mod destination;
pub mod event_ledger;
pub mod permits;
pub mod provider;
pub mod store;
pub mod webhooks;

pub use bus::{
    Acker, BrokerDeadLetter, Bus, BusError, Dead, Delivery, Ended, Notification, Payload, Queue, Sending,
};
pub use calendar::{CalendarFetched, CalendarReader};
pub use clock::{CLOCK_LOOK_EVERY, Clock, SystemClock, left_of_wait, time_until, within};
pub use dependency::Dependency;
pub use destination::{DestinationClient, EffectRequest};
pub use permits::Permits;
pub use provider::{ProviderError, SmsProvider};

pub use event_ledger::{EventLedger, PendingEvent};
pub use store::{
    AnswerStore, ApprovalStore, AuditStore, CalendarStore, Change, Changed, ConsentStore, DeadLetterStore,
    DueStore, EffectEnd, EffectStore, GivenAnswer, GroupStore, Kept, LookupStore, Opened, OpeningEvent,
    OutcomeLog, OutcomeStore, OverrideStore, PreflightStore, RateLimitStore, ReceiptStore, RetentionStore,
    RunStore, SealingStore, SendingStore, SilenceStore, StatusStore, Store, StoreError, TimerSlot,
    TokenStore, Versioned,
};
pub use webhooks::{ProviderWebhooks, WebhookError, WebhookPost};
