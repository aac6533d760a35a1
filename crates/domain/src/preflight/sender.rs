//! Whom texts come from, and where replies to it are posted. In: the number, or the service with its pool. Out: findings.

use super::{
    Check, Finding, Findings, OwnedNumber, PoolMember, Read, ServiceSettings, Unread,
    facts::{is_nanp, shown},
};
use crate::plural::counted;

/// What is known of the sender.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SenderFacts {
    /// The number, short code or name that texts come from, where it is no messaging service.
    pub from: Option<String>,
    /// The service with its pool, where it is one.
    pub service: Option<(Read<ServiceSettings>, Read<Vec<PoolMember>>)>,
    /// What the account says of each number that decides by itself where replies are posted: of `from`, or of the pool.
    /// `None` for one that it does not have.
    pub numbers: Vec<(String, Read<Option<OwnedNumber>>)>,
    /// Where replies should be posted.
    pub inbound_url: String,
}

/// What is wrong with the sender, or that it is right.
pub fn sender(facts: &SenderFacts) -> Vec<Finding> {
    let mut found = Findings::of(Check::Sender);
    if let Some((settings, pool)) = &facts.service {
        of_service(settings, pool, &facts.inbound_url, &mut found);
    }
    if facts.from.as_ref().is_some_and(|from| is_name(from)) {
        found.warning(
            "one_way",
            "texts come from a name: nobody can reply, acknowledge, or say STOP",
            "send from a number where replies are wanted; a name cannot be used for the United States and Canada",
        );
    }
    for (number, owned) in facts.numbers.iter().filter(|(number, _)| !is_name(number)) {
        match owned {
            Ok(Some(owned)) => of_number(number, owned, &facts.inbound_url, &mut found),
            Ok(None) => found.error(
                "not_owned",
                format!("the account does not have the number {}", shown(number)),
                "check twilio.from, and whether the number is another account's",
            ),
            Err(why) => found.unread("unread", &format!("the number {}", shown(number)), why),
        }
    }
    found.found
}

/// Whether a sender is a name: it has a letter.
fn is_name(sender: &str) -> bool {
    sender.chars().any(char::is_alphabetic)
}

fn of_number(number: &str, owned: &OwnedNumber, expected: &str, found: &mut Findings) {
    let number = shown(number);
    if !owned.sends_texts {
        found.error(
            "no_sms",
            format!("the number {number} cannot send texts"),
            "buy one with SMS, and send from it",
        );
        return;
    }
    if owned.has_application {
        found.warning(
            "application",
            format!("an application decides where replies to {number} are posted, which is not looked at"),
            format!("see in Twilio's console that its messaging request URL is {expected}"),
        );
        return;
    }
    let of = format!("replies to {number}");
    if posted(&of, owned.inbound_url.as_deref(), &owned.inbound_method, expected, found) {
        found.ok("number", format!("the number {number} sends texts, and replies are posted here"));
    }
}

/// Whether replies are posted where they should be; if not, it is a finding.
fn posted(of: &str, url: Option<&str>, method: &str, expected: &str, found: &mut Findings) -> bool {
    let remedy = format!("set it to {expected}, with HTTP POST, in Twilio's console");
    match url.filter(|url| !url.is_empty()) {
        None => {
            let what = format!("{of} are posted nowhere: no acknowledgement and no STOP arrives");
            found.error("inbound_missing", what, remedy);
        }
        Some(url) if url.trim_end_matches('/') != expected => {
            let what = format!("{of} are posted to another address than that of this configuration");
            found.warning("inbound_elsewhere", what, remedy);
        }
        Some(_) if method != "POST" => {
            found.error(
                "inbound_method",
                format!("{of} are sent with HTTP {method}, which is not taken"),
                remedy,
            );
        }
        Some(_) => return true,
    }
    false
}

fn of_service(
    settings: &Read<ServiceSettings>,
    pool: &Read<Vec<PoolMember>>,
    expected: &str,
    found: &mut Findings,
) {
    match settings {
        Ok(settings) if settings.uses_number_webhook => found.note(
            "by_number",
            "the messaging service leaves it to each number where replies are posted",
            "",
        ),
        Ok(settings) => {
            let of = "replies to the messaging service";
            if posted(of, settings.inbound_url.as_deref(), &settings.inbound_method, expected, found) {
                found.ok("service", "the messaging service posts replies here");
            }
        }
        Err(Unread::NotFound) => {
            let remedy = "check twilio.messaging_service_sid, and whether the service is another account's";
            found.error("service_not_found", "the account does not have the messaging service", remedy);
        }
        Err(why) => found.unread("unread", "the messaging service", why),
    }
    if settings.as_ref().is_ok_and(|settings| settings.smart_encoding) {
        found.note(
            "smart_encoding",
            "smart encoding is on: Twilio replaces characters, and may count other segments than callout does",
            "nothing; callout replaces look-alikes itself",
        );
    }
    match pool {
        Ok(pool) => {
            let able = pool.iter().filter(|member| member.sends_texts).count();
            if able == 0 {
                let what = "the messaging service has no number that can send texts";
                found.error("pool_empty", what, "add one to its sender pool in Twilio's console");
            } else {
                found.ok("pool", format!("the messaging service sends from {}", counted(able, "number")));
            }
            for member in pool.iter().filter(|member| !member.sends_texts) {
                let what = format!("{} of the messaging service cannot send texts", shown(&member.number));
                found.warning("pool_no_sms", what, "take it out of the sender pool");
            }
        }
        // That the service is not there was said.
        Err(Unread::NotFound) => {}
        Err(why) => found.unread("unread", "the numbers of the messaging service", why),
    }
}

/// Whether a member of a pool is a local number of the United States, whose texts need a campaign. A number whose country
/// is not known counts.
pub(super) fn needs_campaign(member: &PoolMember) -> bool {
    is_nanp(&member.number)
        && !super::is_tollfree(&member.number)
        && member.country.as_deref().is_none_or(|country| country == "US")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::preflight::Severity;

    const URL: &str = "https://sms.example.org/v1/twilio/inbound";
    const FROM: &str = "+14155550100";

    fn owned() -> OwnedNumber {
        OwnedNumber {
            sid: "PN1".into(),
            sends_texts: true,
            inbound_url: Some(URL.into()),
            inbound_method: "POST".into(),
            has_application: false,
        }
    }

    fn settings() -> ServiceSettings {
        ServiceSettings {
            inbound_url: Some(URL.into()),
            inbound_method: "POST".into(),
            uses_number_webhook: false,
            smart_encoding: false,
        }
    }

    fn member(number: &str, sends_texts: bool) -> PoolMember {
        PoolMember { sid: "PN1".into(), number: number.into(), country: Some("US".into()), sends_texts }
    }

    fn by_number(from: &str, owned: Read<Option<OwnedNumber>>) -> SenderFacts {
        SenderFacts {
            from: Some(from.into()),
            service: None,
            numbers: vec![(from.into(), owned)],
            inbound_url: URL.into(),
        }
    }

    fn by_service(settings: Read<ServiceSettings>, pool: Read<Vec<PoolMember>>) -> SenderFacts {
        let service = Some((settings, pool));
        SenderFacts { from: None, service, numbers: Vec::new(), inbound_url: URL.into() }
    }

    #[track_caller]
    fn check(facts: &SenderFacts, expected: &[(&str, Severity)]) {
        let findings = sender(facts);
        let found: Vec<_> = findings
            .iter()
            .map(|finding| (finding.id.strip_prefix("sender.").unwrap(), finding.severity))
            .collect();
        assert_eq!(found, expected);
        for finding in findings {
            let said = finding.what + &finding.remedy;
            assert!(!said.contains(FROM), "{said}");
        }
    }

    #[test]
    fn each_fault_of_a_number_is_one_finding() {
        let ours = |change: fn(&mut OwnedNumber)| {
            let mut number = owned();
            change(&mut number);
            by_number(FROM, Ok(Some(number)))
        };
        check(&ours(|_| {}), &[("number", Severity::Ok)]);
        check(&by_number(FROM, Ok(None)), &[("not_owned", Severity::Error)]);
        check(&ours(|number| number.sends_texts = false), &[("no_sms", Severity::Error)]);
        check(&ours(|number| number.inbound_url = None), &[("inbound_missing", Severity::Error)]);
        check(&ours(|number| number.inbound_method = "GET".into()), &[("inbound_method", Severity::Error)]);
        check(&ours(|number| number.has_application = true), &[("application", Severity::Warning)]);
        let elsewhere = ours(|number| number.inbound_url = Some("https://demo.twilio.com/welcome".into()));
        check(&elsewhere, &[("inbound_elsewhere", Severity::Warning)]);
        check(&by_number(FROM, Err(Unread::NoAnswer("HTTP 503".into()))), &[("unread", Severity::Warning)]);
        check(&by_number("ACME", Ok(None)), &[("one_way", Severity::Warning)]);
    }

    #[test]
    fn each_fault_of_a_service_is_one_finding() {
        let pool = || Ok(vec![member(FROM, true)]);
        let pool_ok = ("pool", Severity::Ok);
        let with = |change: fn(&mut ServiceSettings)| {
            let mut settings = settings();
            change(&mut settings);
            by_service(Ok(settings), pool())
        };
        check(&with(|_| {}), &[("service", Severity::Ok), pool_ok]);
        check(&with(|set| set.inbound_url = None), &[("inbound_missing", Severity::Error), pool_ok]);
        check(&with(|set| set.uses_number_webhook = true), &[("by_number", Severity::Note), pool_ok]);
        let smart = [("service", Severity::Ok), ("smart_encoding", Severity::Note), pool_ok];
        check(&with(|set| set.smart_encoding = true), &smart);
        let gone = by_service(Err(Unread::NotFound), Err(Unread::NotFound));
        check(&gone, &[("service_not_found", Severity::Error)]);
        let refused = by_service(Err(Unread::Unauthorized), Err(Unread::Unauthorized));
        check(&refused, &[("unread", Severity::Warning), ("unread", Severity::Warning)]);
        let empty = [("service", Severity::Ok), ("pool_empty", Severity::Error)];
        check(&by_service(Ok(settings()), Ok(Vec::new())), &empty);
        let half = Ok(vec![member(FROM, true), member("+14155550101", false)]);
        let half_found = [("service", Severity::Ok), pool_ok, ("pool_no_sms", Severity::Warning)];
        check(&by_service(Ok(settings()), half), &half_found);
    }
}
