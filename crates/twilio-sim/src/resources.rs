//! The resources that say how an account is. In: GET requests. Out: what Twilio answers, in the form of its OpenAPI documents.
//!
//! Never: changes anything.

use axum::{
    body::Body,
    http::{Response, StatusCode},
};
use domain::{id::digest, preflight::is_tollfree};
use serde_json::{Value, json};
use twilio::Form;

use crate::{
    account::AccountState,
    answer::{ApiError, json as answer_json},
    config::{Number, Service},
    message::{API_VERSION, rfc2822_of},
    sim::Sim,
    validate::owns,
};

/// The SID of the brand behind every campaign.
const BRAND: &str = "BN00000000000000000000000000000001";
/// Countries that are listed, with their prefixes and what a segment costs.
const COUNTRIES: [(&str, &str, &str, &str); 6] = [
    ("US", "+1", "United States", "0.0083"),
    ("CA", "+1", "Canada", "0.0083"),
    ("GB", "+44", "United Kingdom", "0.0524"),
    ("DE", "+49", "Germany", "0.1023"),
    ("FR", "+33", "France", "0.0798"),
    ("IN", "+91", "India", "0.0832"),
];

/// What a path below the account's own, or of a product API, is answered; `None` for a path that is none of these.
pub(crate) fn resource(sim: &Sim, path: &str, query: &str) -> Option<Result<Response<Body>, ApiError>> {
    let account = sim.read(|state| state.account.clone());
    let form = Form::parse(query.as_bytes()).unwrap_or_default();
    let of_account = format!("/{API_VERSION}/Accounts/{}", sim.config.account_sid);
    let rest = path.strip_prefix(of_account.as_str());
    let parts: Vec<&str> = path.trim_start_matches('/').split('/').collect();
    let (name, body) = match (rest, parts.as_slice()) {
        (Some(".json"), _) => ("account", Ok(account_of(sim, &account))),
        (Some("/IncomingPhoneNumbers.json"), _) => ("number", Ok(numbers(sim, &account, &form))),
        (Some("/SMS/ShortCodes.json"), _) => ("number", Ok(short_codes(sim, &account, &form))),
        (_, ["v1", "Services", sid]) => {
            ("service", service(sim, sid).map(|of| service_of(sim, &account, of)))
        }
        (_, ["v1", "Services", sid, kind @ ("PhoneNumbers" | "ShortCodes" | "AlphaSenders")]) => {
            ("pool", service(sim, sid).map(|of| pool(sim, &account, of, kind)))
        }
        (_, ["v1", "Services", sid, "Compliance", "Usa2p"]) => {
            ("campaign", service(sim, sid).map(|of| campaigns(sim, &account, of)))
        }
        (_, ["v1", "a2p", "BrandRegistrations", sid]) => {
            ("brand", if *sid == BRAND { Ok(brand(sim, &account)) } else { Err(ApiError(20_404)) })
        }
        (_, ["v1", "Tollfree", "Verifications"]) => ("tollfree", Ok(verifications(sim, &account, &form))),
        (_, ["v1", "Messaging", "GeoPermissions"]) => ("countries", Ok(countries(&account))),
        (_, ["v1", "Messaging", "Countries", iso]) => ("price", price(iso)),
        _ => return None,
    };
    Some(match account.answer(name) {
        Some(status) => Ok(refused(status)),
        None => body.map(|body| answer_json(StatusCode::OK, &body)),
    })
}

/// An answer that was asked for, in the form of Twilio's errors.
pub(crate) fn refused(status: u16) -> Response<Body> {
    let code = match status {
        401 => 20_003,
        403 => 20_403,
        404 => 20_404,
        429 => 20_429,
        _ => 20_500,
    };
    let body = json!({
        "code": code, "message": twilio::error_code::meaning(code), "status": status,
        "more_info": format!("https://www.twilio.com/docs/errors/{code}"),
    });
    answer_json(StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR), &body)
}

/// A SID that is always the same for the same thing.
fn sid(prefix: &str, of: &str) -> String {
    digest(&[prefix, of])[..16].iter().fold(prefix.to_owned(), |sid, byte| sid + &format!("{byte:02x}"))
}

fn service<'a>(sim: &'a Sim, sid: &str) -> Result<&'a Service, ApiError> {
    sim.config.services.iter().find(|service| service.sid == sid).ok_or(ApiError(20_404))
}

fn account_of(sim: &Sim, account: &AccountState) -> Value {
    let sid = &sim.config.account_sid;
    let path = format!("/{API_VERSION}/Accounts/{sid}");
    json!({
        "sid": sid,
        "owner_account_sid": sid,
        "friendly_name": "callout's simulator",
        "status": account.status,
        "type": account.kind,
        "date_created": rfc2822_of(sim.started),
        "date_updated": rfc2822_of(sim.started),
        "uri": format!("{path}.json"),
        "subresource_uris": { "messages": format!("{path}/Messages.json") },
    })
}

/// One page that holds everything, as the API of 2010 lists it.
fn old_page(name: &str, items: &[Value], uri: &str) -> Value {
    let mut page = json!({
        "end": items.len().saturating_sub(1), "first_page_uri": uri, "next_page_uri": null, "page": 0, "page_size": 50,
        "previous_page_uri": null, "start": 0, "uri": uri,
    });
    page[name] = items.into();
    page
}

/// One page that holds everything, as the product APIs list it.
fn page(name: &str, items: &[Value], url: &str) -> Value {
    let mut page = json!({ "meta": {
        "page": 0, "page_size": 50, "first_page_url": url, "previous_page_url": null, "next_page_url": null, "key": name,
        "url": url,
    }});
    page[name] = items.into();
    page
}

/// The numbers of the account that are phone numbers, or not, and that it admits to.
fn owned<'a>(sim: &'a Sim, account: &'a AccountState, is_phone: bool) -> impl Iterator<Item = Number> + 'a {
    let test = Number::from("+15005550006");
    let is_listed = sim.config.numbers.iter().any(|number| number.number == test.number);
    let numbers = sim.config.numbers.iter().cloned().chain((!is_listed).then_some(test));
    numbers.filter(move |number| {
        let name = &number.number;
        name.starts_with('+') == is_phone && owns(name, &sim.config) && !account.not_owned.contains(name)
    })
}

fn numbers(sim: &Sim, account: &AccountState, form: &Form) -> Value {
    let asked = form.filled("PhoneNumber");
    let found = owned(sim, account, true)
        .filter(|number| asked.is_none_or(|asked| number.number.contains(asked)))
        .map(|number| number_of(sim, account, &number))
        .collect::<Vec<_>>();
    let uri = format!("/{API_VERSION}/Accounts/{}/IncomingPhoneNumbers.json?Page=0", sim.config.account_sid);
    old_page("incoming_phone_numbers", &found, &uri)
}

fn number_of(sim: &Sim, account: &AccountState, number: &Number) -> Value {
    let (name, sid) = (&number.number, sid("PN", &number.number));
    let of = &sim.config.account_sid;
    json!({
        "sid": sid, "account_sid": of, "friendly_name": name, "phone_number": name, "beta": false, "origin": "twilio",
        "capabilities": { "voice": true, "sms": !account.without_sms.contains(name), "mms": true, "fax": false },
        "sms_url": number.inbound_url, "sms_method": "POST", "sms_fallback_url": "", "sms_fallback_method": "POST",
        "sms_application_sid": "", "status": "in-use", "api_version": API_VERSION,
        "date_created": rfc2822_of(sim.started), "date_updated": rfc2822_of(sim.started),
        "uri": format!("/{API_VERSION}/Accounts/{of}/IncomingPhoneNumbers/{sid}.json"),
    })
}

fn short_codes(sim: &Sim, account: &AccountState, form: &Form) -> Value {
    let asked = form.filled("ShortCode");
    let of = &sim.config.account_sid;
    let resource = |number: Number| {
        let sid = sid("SC", &number.number);
        json!({
            "sid": sid, "account_sid": of, "friendly_name": number.number, "short_code": number.number,
            "sms_url": number.inbound_url, "sms_method": "POST", "sms_fallback_url": null, "sms_fallback_method": "POST",
            "api_version": API_VERSION, "date_created": rfc2822_of(sim.started), "date_updated": rfc2822_of(sim.started),
            "uri": format!("/{API_VERSION}/Accounts/{of}/SMS/ShortCodes/{sid}.json"),
        })
    };
    let found: Vec<Value> = owned(sim, account, false)
        .filter(|number| asked.is_none_or(|asked| number.number == asked))
        .map(resource)
        .collect();
    old_page("short_codes", &found, &format!("/{API_VERSION}/Accounts/{of}/SMS/ShortCodes.json?Page=0"))
}

fn service_of(sim: &Sim, account: &AccountState, service: &Service) -> Value {
    let inbound = service.inbound_url.as_ref().filter(|_| !account.services_without_inbound);
    let url = url_of(&service.sid);
    json!({
        "sid": service.sid, "account_sid": sim.config.account_sid, "friendly_name": "callout",
        "date_created": sim.started, "date_updated": sim.started,
        "inbound_request_url": inbound, "inbound_method": "POST", "fallback_url": null, "fallback_method": "POST",
        "status_callback": service.status_callback, "sticky_sender": true, "mms_converter": true, "smart_encoding": false,
        "scan_message_content": "inherit", "fallback_to_long_code": false, "area_code_geomatch": true,
        "synchronous_validation": false, "validity_period": 36_000, "url": url, "usecase": "notifications",
        "us_app_to_person_registered": account.campaign.is_some(),
        "use_inbound_webhook_on_number": service.use_inbound_webhook_on_number,
        "links": { "phone_numbers": format!("{url}/PhoneNumbers") },
    })
}

fn url_of(service: &str) -> String {
    format!("https://messaging.twilio.com/v1/Services/{service}")
}

fn pool(sim: &Sim, account: &AccountState, service: &Service, kind: &str) -> Value {
    let kind_of = |number: &str| match number {
        _ if number.starts_with('+') => "PhoneNumbers",
        _ if number.bytes().all(|b| b.is_ascii_digit()) => "ShortCodes",
        _ => "AlphaSenders",
    };
    let (key, name, prefix) = match kind {
        "PhoneNumbers" => ("phone_numbers", "phone_number", "PN"),
        "ShortCodes" => ("short_codes", "short_code", "SC"),
        _ => ("alpha_senders", "alpha_sender", "AI"),
    };
    let url = format!("{}/{kind}", url_of(&service.sid));
    let member = |number: &String| {
        let capabilities =
            if account.without_sms.contains(number) { json!(["Voice"]) } else { json!(["Voice", "SMS"]) };
        let sid = sid(prefix, number);
        let mut member = json!({
            "sid": sid, "account_sid": sim.config.account_sid, "service_sid": service.sid,
            "date_created": sim.started, "date_updated": sim.started, "capabilities": capabilities,
            "url": format!("{url}/{sid}"),
        });
        member[name] = number.as_str().into();
        if kind != "AlphaSenders" {
            member["country_code"] = country_of(number).into();
        }
        member
    };
    let members: Vec<Value> =
        service.senders.iter().filter(|number| kind_of(number) == kind).map(member).collect();
    page(key, &members, &url)
}

fn country_of(number: &str) -> Option<&'static str> {
    COUNTRIES.iter().find(|(_, prefix, ..)| number.starts_with(prefix)).map(|(iso, ..)| *iso)
}

fn campaigns(sim: &Sim, account: &AccountState, service: &Service) -> Value {
    let sid = sid("QE", &service.sid);
    let url = format!("{}/Compliance/Usa2p", url_of(&service.sid));
    let campaign = |status: &String| {
        let errors = if status == "FAILED" {
            json!([{ "error_code": 30_886, "fields": ["DESCRIPTION"], "url": "https://www.twilio.com/docs/api/errors/30886" }])
        } else {
            json!([])
        };
        json!({
            "sid": sid, "account_sid": sim.config.account_sid, "brand_registration_sid": BRAND,
            "messaging_service_sid": service.sid, "description": "Texts to people on duty.", "message_samples": [],
            "us_app_to_person_usecase": "ACCOUNT_NOTIFICATION", "has_embedded_links": true, "has_embedded_phone": false,
            "subscriber_opt_in": true, "age_gated": false, "direct_lending": false, "campaign_status": status,
            "campaign_id": (status == "VERIFIED").then_some("CSIMULATED"), "is_externally_registered": false,
            "rate_limits": { "att": { "mps": 75, "msg_class": "E" }, "tmobile": { "brand_tier": "LOW" } },
            "message_flow": "", "opt_in_message": "", "opt_out_message": "", "help_message": "",
            "opt_in_keywords": ["START"], "opt_out_keywords": ["STOP"], "help_keywords": ["HELP"],
            "date_created": sim.started, "date_updated": sim.started, "url": format!("{url}/{sid}"),
            "mock": account.mock, "errors": errors,
        })
    };
    let all: Vec<Value> = account.campaign.iter().map(campaign).collect();
    page("compliance", &all, &url)
}

fn brand(sim: &Sim, account: &AccountState) -> Value {
    json!({
        "sid": BRAND, "account_sid": sim.config.account_sid, "status": account.brand,
        "customer_profile_bundle_sid": sid("BU", "customer"), "a2p_profile_bundle_sid": sid("BU", "a2p"),
        "identity_status": account.brand_identity, "brand_type": "STANDARD", "mock": account.mock, "tcr_id": "BSIMULATED",
        "brand_score": 75, "russell_3000": false, "brand_feedback": [], "failure_reason": null,
        "government_entity": false, "tax_exempt_status": null, "skip_automatic_sec_vet": false,
        "date_created": sim.started, "date_updated": sim.started, "links": {},
        "url": format!("https://messaging.twilio.com/v1/a2p/BrandRegistrations/{BRAND}"),
    })
}

fn verifications(sim: &Sim, account: &AccountState, form: &Form) -> Value {
    let asked = form.filled("TollfreePhoneNumberSid");
    let url = "https://messaging.twilio.com/v1/Tollfree/Verifications";
    let tollfree = owned(sim, account, true).filter(|number| is_tollfree(&number.number));
    let of_number = |number: Number| {
        let (of, status) = (sid("PN", &number.number), account.tollfree.as_ref()?);
        let is_asked = asked.is_none_or(|asked| asked == of);
        let rejected = status == "TWILIO_REJECTED";
        is_asked.then(|| {
            let sid = sid("HH", &number.number);
            json!({
                "sid": sid, "account_sid": sim.config.account_sid, "status": status, "tollfree_phone_number_sid": of,
                "rejection_reason": null, "error_code": rejected.then_some(30_475), "edit_allowed": null,
                "edit_expiration": null, "date_created": sim.started, "date_updated": sim.started,
                "url": format!("{url}/{sid}"),
            })
        })
    };
    let all: Vec<Value> = tollfree.filter_map(of_number).collect();
    page("verifications", &all, url)
}

fn countries(account: &AccountState) -> Value {
    let country = |(iso, prefix, ..): &(&str, &str, &str, &str)| {
        let enabled = !account.countries_off.contains(*iso);
        json!({ "country_code": iso, "type": "country", "enabled": enabled, "prefix": prefix, "message": "" })
    };
    json!({ "permissions": COUNTRIES.iter().map(country).collect::<Vec<_>>() })
}

fn price(iso: &str) -> Result<Value, ApiError> {
    let (iso, _, name, price) = COUNTRIES.iter().find(|(of, ..)| *of == iso).ok_or(ApiError(20_404))?;
    Ok(json!({
        "country": name, "iso_country": iso, "price_unit": "USD",
        "url": format!("https://pricing.twilio.com/v1/Messaging/Countries/{iso}"),
        "inbound_sms_prices": [],
        "outbound_sms_prices": [{
            "carrier": "any", "mcc": "310", "mnc": "000",
            "prices": [{ "number_type": "local", "base_price": price, "current_price": price }],
        }],
    }))
}
