//! What the simulated account says of itself. In: settings from a test or an operator. Out: [`AccountState`].
//!
//! Never: changes what becomes of a text; faults do that.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

/// The state of the account, its senders and their registration. The default is one that may send.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AccountState {
    /// `active`, `suspended` or `closed`.
    pub status: String,
    /// `Full` or `Trial`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Numbers that it says it does not have, although it sends from them.
    pub not_owned: BTreeSet<String>,
    /// Numbers that cannot send texts.
    pub without_sms: BTreeSet<String>,
    /// Whether each messaging service says that replies are posted nowhere.
    pub services_without_inbound: bool,
    /// The status of the campaign of each messaging service; `null` where it has none.
    pub campaign: Option<String>,
    /// Whether campaign and brand are mocks.
    pub mock: bool,
    /// The status of the brand.
    pub brand: String,
    /// How far the brand's identity is proven.
    pub brand_identity: String,
    /// The status of the verification of toll-free numbers; `null` where there is none.
    pub tollfree: Option<String>,
    /// ISO codes of countries that must not be texted.
    pub countries_off: BTreeSet<String>,
    /// The HTTP status that a resource is answered with instead: `account`, `messages`, `number`, `service`, `pool`,
    /// `campaign`, `brand`, `tollfree`, `countries`, `price`, or `all`.
    pub answers: BTreeMap<String, u16>,
}

impl Default for AccountState {
    fn default() -> Self {
        Self {
            status: "active".to_owned(),
            kind: "Full".to_owned(),
            not_owned: BTreeSet::new(),
            without_sms: BTreeSet::new(),
            services_without_inbound: false,
            campaign: Some("VERIFIED".to_owned()),
            mock: false,
            brand: "APPROVED".to_owned(),
            brand_identity: "VERIFIED".to_owned(),
            tollfree: Some("TWILIO_APPROVED".to_owned()),
            countries_off: BTreeSet::new(),
            answers: BTreeMap::new(),
        }
    }
}

impl AccountState {
    /// What is wrong with it, if anything.
    pub(crate) fn fault(&self) -> Option<&'static str> {
        let is_error = |status: &u16| (400..600).contains(status);
        (!self.answers.values().all(is_error)).then_some("an answer is no HTTP status from 400 to 599")
    }

    /// The HTTP status that a resource is answered with instead.
    pub(crate) fn answer(&self, resource: &str) -> Option<u16> {
        self.answers.get(resource).or_else(|| self.answers.get("all")).copied()
    }
}
