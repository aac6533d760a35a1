//! Credentials and account. In: what the account says of itself. Out: findings.

use super::{Account, Check, Finding, Findings, Read, Unread};

/// What is known of the account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountFacts {
    /// Which environment this is.
    pub environment: String,
    /// The SID that the environment is pinned to.
    pub pinned: Option<String>,
    /// The account, as it describes itself.
    pub account: Read<Account>,
}

/// What is wrong with the account, or that it is right.
pub fn account(facts: &AccountFacts) -> Vec<Finding> {
    let mut found = Findings::of(Check::Account);
    let AccountFacts { environment, pinned, account } = facts;
    if pinned.is_none() {
        let remedy = format!("write [{environment}] account_sid = \"AC...\" into callout.toml");
        let what =
            format!("{environment} is not pinned to an account: it takes whatever credentials it is given");
        found.note("not_pinned", what, remedy);
    }
    match account {
        Ok(account) => of_account(account, pinned.as_deref(), environment, &mut found),
        Err(Unread::Unauthorized) => found.error(
            "unauthorized",
            "Twilio does not take the credentials",
            "check TWILIO_ACCOUNT_SID and the token or key that goes with it; both are of one region",
        ),
        Err(Unread::NotPermitted) => found.note(
            "not_permitted",
            "the API key signs in, and may not read the account: its status and type are unknown",
            "nothing, if the key is a standard one; a main key or the auth token can read the account",
        ),
        Err(Unread::NotFound) => {
            found.error("not_found", "Twilio knows no such account", "check TWILIO_ACCOUNT_SID");
        }
        // Whoever goes live wants to know that the provider can be reached at all.
        Err(why @ Unread::NoAnswer(_)) => found.error(
            "no_answer",
            format!("the account could not be read: {}", why.reason()),
            "see the way out of your network to api.twilio.com, and status.twilio.com",
        ),
    }
    found.found
}

fn of_account(account: &Account, pinned: Option<&str>, environment: &str, found: &mut Findings) {
    let Account { sid, status, kind } = account;
    if let Some(pinned) = pinned.filter(|pinned| pinned != sid) {
        found.error(
            "not_the_pinned",
            format!("the credentials are of account {sid}, and {environment} is pinned to {pinned}"),
            format!("give {environment} its own credentials, or correct [{environment}] account_sid"),
        );
    }
    if status != "active" {
        found.error(
            "not_active",
            format!("the account is {status}: no text goes out"),
            "see Twilio's console for why; a suspended account often lacks funds",
        );
    } else if kind == "Trial" {
        let what = "a trial account: it texts verified numbers only, and begins each text with a sentence of its own";
        let remedy = "upgrade the account in Twilio's console";
        if environment == "production" {
            found.error("trial", what, remedy);
        } else {
            found.warning("trial", what, remedy);
        }
    } else {
        found.ok("active", format!("account {sid} is active"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::preflight::Severity;

    fn found(status: &str, kind: &str, environment: &str, pinned: &str) -> Vec<(String, Severity)> {
        let account = Account { sid: "AC1".to_owned(), status: status.to_owned(), kind: kind.to_owned() };
        of(Ok(account), environment, Some(pinned))
    }

    fn of(account: Read<Account>, environment: &str, pinned: Option<&str>) -> Vec<(String, Severity)> {
        let (environment, pinned) = (environment.to_owned(), pinned.map(str::to_owned));
        let findings = super::account(&AccountFacts { environment, pinned, account });
        findings.into_iter().map(|finding| (finding.id, finding.severity)).collect()
    }

    fn one(id: &str, severity: Severity) -> Vec<(String, Severity)> {
        vec![(format!("account.{id}"), severity)]
    }

    #[test]
    fn an_account_that_cannot_send_is_an_error() {
        assert_eq!(found("active", "Full", "production", "AC1"), one("active", Severity::Ok));
        for status in ["suspended", "closed"] {
            assert_eq!(found(status, "Full", "production", "AC1"), one("not_active", Severity::Error));
        }
        assert_eq!(found("active", "Trial", "production", "AC1"), one("trial", Severity::Error));
        assert_eq!(found("active", "Trial", "staging", "AC1"), one("trial", Severity::Warning));
    }

    #[test]
    fn the_account_of_another_environment_is_an_error() {
        let other = found("active", "Full", "staging", "AC2");
        assert_eq!(other[0], ("account.not_the_pinned".to_owned(), Severity::Error));
        let account = Account { sid: "AC1".into(), status: "active".into(), kind: "Full".into() };
        let unpinned = of(Ok(account), "staging", None);
        assert_eq!(unpinned[0], ("account.not_pinned".to_owned(), Severity::Note));
    }

    #[test]
    fn why_it_could_not_be_read_is_told_apart() {
        for (why, id, severity) in [
            (Unread::Unauthorized, "unauthorized", Severity::Error),
            (Unread::NotPermitted, "not_permitted", Severity::Note),
            (Unread::NotFound, "not_found", Severity::Error),
            (Unread::NoAnswer("no answer in time".into()), "no_answer", Severity::Error),
        ] {
            assert_eq!(of(Err(why), "production", Some("AC1")), one(id, severity));
        }
    }
}
