//! What carriers of the United States and Canada want to know of a sender. In: campaigns, brands, verifications. Out:
//! findings.

use super::{
    Brand, Campaign, Check, Finding, Findings, PoolMember, Read, Tollfree, Unread, facts::shown, is_nanp,
    is_tollfree, sender::needs_campaign,
};

/// What is known of the registration of senders.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RegistrationFacts {
    /// The number that texts come from, where it is no messaging service.
    pub from: Option<String>,
    /// The senders of the messaging service, as far as they could be read.
    pub pool: Vec<PoolMember>,
    /// The campaigns of the messaging service; absent where none was asked for.
    pub campaigns: Option<Read<Vec<Campaign>>>,
    /// The brands behind them, by SID.
    pub brands: Vec<(String, Read<Brand>)>,
    /// The verifications of toll-free numbers; `None` for one that has none.
    pub tollfree: Vec<(String, Read<Option<Tollfree>>)>,
    /// Whether a text of a workflow has links.
    pub texts_have_links: bool,
}

impl RegistrationFacts {
    /// Whether texts come from a local number of the United States, which needs a campaign.
    pub fn needs_campaign(&self) -> bool {
        self.pool.iter().any(needs_campaign)
    }

    /// The toll-free numbers that texts come from, with their SIDs where those are known.
    pub fn tollfree_numbers(&self) -> Vec<(String, Option<String>)> {
        let of_pool = self.pool.iter().map(|member| (member.number.clone(), Some(member.sid.clone())));
        let from = self.from.iter().map(|from| (from.clone(), None));
        from.chain(of_pool).filter(|(number, _)| is_tollfree(number)).collect()
    }
}

/// What is wrong with the registration, or that it is right.
pub fn registration(facts: &RegistrationFacts) -> Vec<Finding> {
    let mut found = Findings::of(Check::Registration);
    if let Some(from) = facts.from.as_ref().filter(|from| is_nanp(from) && !is_tollfree(from)) {
        found.warning(
            "campaign_unknown",
            format!(
                "{} may need an A2P 10DLC campaign, which Twilio shows of messaging services only: without one, carriers \
                 block texts to the United States (30034)",
                shown(from)
            ),
            "set twilio.messaging_service_sid to the service that the number and its campaign belong to",
        );
    }
    if facts.needs_campaign() {
        of_campaigns(facts, &mut found);
    }
    for (sid, brand) in &facts.brands {
        of_brand(sid, brand, &mut found);
    }
    for (number, verification) in &facts.tollfree {
        of_tollfree(&shown(number), verification, &mut found);
    }
    if found.found.is_empty() {
        found.ok("none_needed", "no sender that carriers want registered");
    }
    found.found
}

const CAMPAIGN_REMEDY: &str =
    "see Messaging > Regulatory Compliance in Twilio's console; a review takes 10 to 15 business days";

fn of_campaigns(facts: &RegistrationFacts, found: &mut Findings) {
    let campaigns = match &facts.campaigns {
        Some(Ok(campaigns)) => campaigns,
        Some(Err(why)) => return found.unread("unread", "the A2P 10DLC campaign", why),
        None => {
            return found.unread("unread", "the A2P 10DLC campaign", &Unread::NoAnswer("not asked".into()));
        }
    };
    if campaigns.is_empty() {
        let what = "the messaging service has no A2P 10DLC campaign: carriers block its texts to the United States (30034)";
        found.error("campaign_missing", what, CAMPAIGN_REMEDY);
    }
    for campaign in campaigns {
        let Campaign { status, has_id, is_mock, has_links, errors, .. } = campaign;
        if *is_mock {
            let what = "the A2P 10DLC campaign is a mock: it sends nothing";
            found.error("campaign_mock", what, "register a real one");
        } else if status == "VERIFIED" && *has_id {
            found.ok("campaign", "the A2P 10DLC campaign is verified");
        } else if status == "FAILED" {
            let codes: Vec<String> = errors.iter().map(ToString::to_string).collect();
            let because = if codes.is_empty() { String::new() } else { format!(" ({})", codes.join(", ")) };
            let what = format!(
                "the A2P 10DLC campaign failed its review{because}: texts to the United States are blocked"
            );
            found.error("campaign_failed", what, CAMPAIGN_REMEDY);
        } else {
            let what = format!(
                "the A2P 10DLC campaign is {status} and not verified: texts to the United States are blocked"
            );
            found.error("campaign_pending", what, CAMPAIGN_REMEDY);
        }
        if facts.texts_have_links && *has_links == Some(false) {
            found.warning(
                "campaign_links",
                "a workflow writes links, and the A2P 10DLC campaign was registered for texts without: carriers may block them",
                "register the campaign with embedded links, or leave them out of the template",
            );
        }
    }
}

fn of_brand(sid: &str, brand: &Read<Brand>, found: &mut Findings) {
    let remedy = "see Trust Hub in Twilio's console";
    match brand {
        Ok(brand) if brand.is_mock => {
            found.error(
                "brand_mock",
                format!("brand {sid} is a mock: it sends nothing"),
                "register a real one",
            );
        }
        Ok(brand) if brand.status != "APPROVED" => {
            let what = format!("brand {sid} is {}: its campaigns send nothing", brand.status);
            found.error("brand_not_approved", what, remedy);
        }
        Ok(brand) if brand.identity.as_deref() == Some("UNVERIFIED") => {
            let what =
                format!("the identity of brand {sid} is not verified: carriers take few texts from it");
            found.warning("brand_unverified", what, remedy);
        }
        Ok(_) => found.ok("brand", format!("brand {sid} is approved")),
        Err(why) => found.unread("unread", &format!("brand {sid}"), why),
    }
}

fn of_tollfree(number: &str, verification: &Read<Option<Tollfree>>, found: &mut Findings) {
    let remedy = "see Messaging > Regulatory Compliance > Toll-free verification in Twilio's console";
    match verification {
        Ok(Some(verification)) if verification.status == "TWILIO_APPROVED" => {
            found.ok("tollfree", format!("the toll-free number {number} is verified"));
        }
        Ok(Some(Tollfree { status, error })) => {
            let because = error.map(|code| format!(" ({code})")).unwrap_or_default();
            let what = format!(
                "the verification of the toll-free number {number} is {status}{because}: its texts are blocked"
            );
            found.error("tollfree_not_approved", what, remedy);
        }
        Ok(None) => {
            let what =
                format!("the toll-free number {number} is not verified: its texts are blocked (30032)");
            found.error("tollfree_missing", what, remedy);
        }
        Err(why) => {
            found.unread("unread", &format!("the verification of the toll-free number {number}"), why)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::preflight::Severity;

    fn local() -> PoolMember {
        PoolMember {
            sid: "PN1".into(),
            number: "+14155550100".into(),
            country: Some("US".into()),
            sends_texts: true,
        }
    }

    fn campaign() -> Campaign {
        Campaign {
            status: "VERIFIED".into(),
            has_id: true,
            is_mock: false,
            brand: Some("BN1".into()),
            has_links: Some(false),
            errors: Vec::new(),
        }
    }

    fn with_campaign(change: impl FnOnce(&mut Campaign)) -> RegistrationFacts {
        let mut campaign = campaign();
        change(&mut campaign);
        RegistrationFacts { pool: vec![local()], campaigns: Some(Ok(vec![campaign])), ..Default::default() }
    }

    fn brand(status: &str, identity: &str, is_mock: bool) -> RegistrationFacts {
        let brand = Brand { status: status.into(), identity: Some(identity.into()), is_mock };
        RegistrationFacts { brands: vec![("BN1".into(), Ok(brand))], ..Default::default() }
    }

    fn tollfree(verification: Read<Option<Tollfree>>) -> RegistrationFacts {
        RegistrationFacts { tollfree: vec![("+18885550100".into(), verification)], ..Default::default() }
    }

    #[track_caller]
    fn check(facts: &RegistrationFacts, expected: &[(&str, Severity)]) {
        let findings = registration(facts);
        let ids: Vec<_> =
            findings.iter().map(|f| (f.id.strip_prefix("registration.").unwrap(), f.severity)).collect();
        assert_eq!(ids, expected);
    }

    #[test]
    fn each_state_of_a_campaign_is_one_finding() {
        check(&with_campaign(|_| {}), &[("campaign", Severity::Ok)]);
        check(&with_campaign(|c| c.status = "PENDING".into()), &[("campaign_pending", Severity::Error)]);
        check(&with_campaign(|c| c.status = "SUSPENDED".into()), &[("campaign_pending", Severity::Error)]);
        check(&with_campaign(|c| c.has_id = false), &[("campaign_pending", Severity::Error)]);
        check(&with_campaign(|c| c.status = "FAILED".into()), &[("campaign_failed", Severity::Error)]);
        check(&with_campaign(|c| c.is_mock = true), &[("campaign_mock", Severity::Error)]);
        let links = RegistrationFacts { texts_have_links: true, ..with_campaign(|_| {}) };
        check(&links, &[("campaign", Severity::Ok), ("campaign_links", Severity::Warning)]);
        let none = RegistrationFacts { campaigns: Some(Ok(Vec::new())), ..with_campaign(|_| {}) };
        check(&none, &[("campaign_missing", Severity::Error)]);
        let unread =
            RegistrationFacts { campaigns: Some(Err(Unread::NotPermitted)), ..with_campaign(|_| {}) };
        check(&unread, &[("unread", Severity::Warning)]);
    }

    #[test]
    fn who_needs_no_campaign_is_not_asked_for_one() {
        let elsewhere = PoolMember { country: Some("CA".into()), ..local() };
        check(
            &RegistrationFacts { pool: vec![elsewhere], ..Default::default() },
            &[("none_needed", Severity::Ok)],
        );
        let alone = RegistrationFacts { from: Some("+14155550100".into()), ..Default::default() };
        check(&alone, &[("campaign_unknown", Severity::Warning)]);
    }

    #[test]
    fn each_state_of_a_brand_is_one_finding() {
        check(&brand("APPROVED", "VERIFIED", false), &[("brand", Severity::Ok)]);
        check(&brand("APPROVED", "UNVERIFIED", false), &[("brand_unverified", Severity::Warning)]);
        check(&brand("APPROVED", "VERIFIED", true), &[("brand_mock", Severity::Error)]);
        for status in ["PENDING", "FAILED", "SUSPENDED"] {
            check(&brand(status, "VERIFIED", false), &[("brand_not_approved", Severity::Error)]);
        }
    }

    #[test]
    fn a_toll_free_number_needs_its_verification() {
        let with = |status: &str| Ok(Some(Tollfree { status: status.into(), error: Some(30_475) }));
        check(&tollfree(with("TWILIO_APPROVED")), &[("tollfree", Severity::Ok)]);
        check(&tollfree(with("IN_REVIEW")), &[("tollfree_not_approved", Severity::Error)]);
        check(&tollfree(Ok(None)), &[("tollfree_missing", Severity::Error)]);
        check(&tollfree(Err(Unread::NotPermitted)), &[("unread", Severity::Warning)]);
        let facts = RegistrationFacts { from: Some("+18885550100".into()), ..Default::default() };
        assert_eq!(facts.tollfree_numbers(), [("+18885550100".to_owned(), None)]);
    }
}
