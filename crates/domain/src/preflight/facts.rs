//! What is read of the provider for a preflight. In: nothing. Out: values, or why there is none.
//!
//! Never: keeps what the provider says in words, which may name people.

/// What was read, or why it was not.
pub type Read<T> = Result<T, Unread>;

/// Why something could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unread {
    /// The credentials were not taken.
    Unauthorized,
    /// The credentials sign in, and may not read this: API keys may not read everything.
    NotPermitted,
    /// The provider has no such thing in this account.
    NotFound,
    /// No usable answer came, for this reason.
    NoAnswer(String),
}

impl Unread {
    /// Why, as the end of a sentence.
    pub fn reason(&self) -> String {
        match self {
            Self::Unauthorized => "the credentials were not taken".to_owned(),
            Self::NotPermitted => "the credentials may not read it".to_owned(),
            Self::NotFound => "there is none in this account".to_owned(),
            Self::NoAnswer(why) => why.clone(),
        }
    }

    /// What to do.
    pub(super) fn remedy(&self) -> &'static str {
        match self {
            Self::Unauthorized => "check TWILIO_ACCOUNT_SID and the token or key that goes with it",
            Self::NotPermitted => {
                "look in Twilio's console, or run the preflight with the account's auth token"
            }
            Self::NotFound => "look in Twilio's console whether it is another account's",
            Self::NoAnswer(_) => "run the preflight again; see status.twilio.com if it stays so",
        }
    }
}

/// The account, as it describes itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// `AC…`.
    pub sid: String,
    /// `active`, `suspended` or `closed`.
    pub status: String,
    /// `Full` or `Trial`.
    pub kind: String,
}

/// A number of the account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnedNumber {
    /// `PN…`, or `SC…` of a short code.
    pub sid: String,
    /// Whether it can send texts.
    pub sends_texts: bool,
    /// Where texts to it are posted.
    pub inbound_url: Option<String>,
    /// `POST` or `GET`.
    pub inbound_method: String,
    /// Whether an application decides where they are posted.
    pub has_application: bool,
}

/// How a messaging service is set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceSettings {
    /// Where texts to its numbers are posted; without it they are dropped.
    pub inbound_url: Option<String>,
    /// `POST` or `GET`.
    pub inbound_method: String,
    /// Whether the setting of the number decides instead.
    pub uses_number_webhook: bool,
    /// Whether characters are replaced by similar ones on the way.
    pub smart_encoding: bool,
}

/// A sender of a messaging service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PoolMember {
    /// `PN…`, `SC…` or `AI…`.
    pub sid: String,
    /// The number, short code or name.
    pub number: String,
    /// ISO code of its country, where that is known.
    pub country: Option<String>,
    /// Whether it can send texts.
    pub sends_texts: bool,
}

/// An A2P 10DLC campaign of a messaging service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Campaign {
    /// A free word: `VERIFIED` alone lets texts through.
    pub status: String,
    /// Whether The Campaign Registry gave it an id.
    pub has_id: bool,
    /// Whether it is a mock, which sends nothing.
    pub is_mock: bool,
    /// `BN…`.
    pub brand: Option<String>,
    /// Whether it was registered for texts with links.
    pub has_links: Option<bool>,
    /// Twilio's codes of what is wrong with it.
    pub errors: Vec<u32>,
}

/// The brand behind a campaign.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Brand {
    /// `APPROVED` alone lets texts through.
    pub status: String,
    /// How far its identity is proven.
    pub identity: Option<String>,
    /// Whether it is a mock.
    pub is_mock: bool,
}

/// The verification of a toll-free number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tollfree {
    /// `TWILIO_APPROVED` alone lets texts through.
    pub status: String,
    /// Why not, as Twilio's code.
    pub error: Option<u32>,
}

/// A country as the provider lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Country {
    /// ISO code.
    pub iso: String,
    /// What its numbers begin with, for example `+49`.
    pub prefix: String,
    /// Whether texts to it are allowed.
    pub is_enabled: bool,
}

/// Area codes of toll-free numbers in the North American Numbering Plan.
const TOLLFREE: [&str; 7] = ["800", "833", "844", "855", "866", "877", "888"];

/// Whether a number is one of the North American Numbering Plan: +1 and ten digits.
pub fn is_nanp(number: &str) -> bool {
    number.strip_prefix("+1").is_some_and(|rest| rest.len() == 10 && rest.bytes().all(|b| b.is_ascii_digit()))
}

/// Whether a number is toll-free in the North American Numbering Plan.
pub fn is_tollfree(number: &str) -> bool {
    is_nanp(number) && TOLLFREE.iter().any(|area| number[2..].starts_with(area))
}

/// A sender as it may be printed: numbers masked, short codes and names as they are.
pub(super) fn shown(sender: &str) -> String {
    sender.parse::<crate::phone::E164>().map_or_else(|_| sender.to_owned(), |number| number.masked())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn toll_free_numbers_are_told_from_others() {
        assert!(is_tollfree("+18885550100") && is_tollfree("+18335550100"));
        assert!(!is_tollfree("+14155550100") && is_nanp("+14155550100"));
        assert!(!is_tollfree("+4988855501") && !is_nanp("68849") && !is_nanp("+1888555010"));
    }

    #[test]
    fn each_reason_says_what_to_do() {
        for why in [
            Unread::Unauthorized,
            Unread::NotPermitted,
            Unread::NotFound,
            Unread::NoAnswer("HTTP 503".into()),
        ] {
            assert!(!why.reason().is_empty() && !why.remedy().is_empty(), "{why:?}");
        }
    }
}
