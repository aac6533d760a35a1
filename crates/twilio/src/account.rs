//! What an account says of itself. In: read-only questions. Out: values of the domain, or why there is none.
//!
//! Never: changes anything, retries, or keeps a sentence of Twilio's, which may name people. Resources as in
//! github.com/twilio/twilio-oai, `spec/json/twilio_{api_v2010,messaging_v1,accounts_v1,pricing_v1}.json`.

use std::time::Duration;

use domain::preflight::{
    Account, Brand, Campaign, Country, OwnedNumber, PoolMember, Price, Read, ServiceSettings, Tollfree,
    Unread,
};
use reqwest::Client;
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::Value;
use url::Url;

use crate::{
    answer,
    client::{http_client, read},
    config::{ConfigError, Credentials, TwilioConfig},
    wire,
};

/// Longest answer, in bytes: all countries with their prefixes are near 30 KB.
const ANSWER_BYTES_MAX: usize = 1024 * 1024;
/// Members of a pool asked for in one page, and pages that are read: a pool holds 400 numbers unless Twilio raised that.
const POOL_PAGE: usize = 100;
const POOL_PAGES_MAX: usize = 10;

/// The hosts of Twilio's products.
#[derive(Debug, Clone, Copy)]
enum Product {
    Api,
    Messaging,
    Accounts,
    Pricing,
}

/// Reads an account.
#[derive(Debug)]
pub struct TwilioAccount {
    http: Client,
    base: Url,
    sid: String,
    has_key: bool,
    answer_max: Duration,
}

impl TwilioAccount {
    /// Checks the settings and prepares the connections; makes no request.
    pub fn new(config: TwilioConfig) -> Result<Self, ConfigError> {
        config.check()?;
        let has_key = matches!(config.credentials, Credentials::ApiKey { .. });
        let http = http_client(&config)?;
        let TwilioConfig { api_base: base, account_sid: sid, answer_max, .. } = config;
        Ok(Self { http, base, sid, has_key, answer_max })
    }

    /// The account. A standard API key may not read it, which is told from credentials that are not taken.
    pub async fn account(&self) -> Read<Account> {
        #[derive(Deserialize)]
        struct Resource {
            sid: String,
            status: String,
            #[serde(rename = "type")]
            kind: String,
        }
        let url = self.url(Product::Api, &["2010-04-01", "Accounts", &format!("{}.json", self.sid)], &[]);
        match self.get::<Resource>(url).await {
            Ok(Resource { sid, status, kind }) => Ok(Account { sid, status, kind }),
            Err(Unread::Unauthorized) if self.has_key => {
                let url = self.of_account(&["Messages.json"], &[("PageSize", "1")]);
                self.get::<Value>(url).await.and(Err(Unread::NotPermitted))
            }
            Err(why) => Err(why),
        }
    }

    /// The number, if it is the account's; a short code is looked for among its short codes.
    pub async fn number(&self, number: &str) -> Read<Option<OwnedNumber>> {
        #[derive(Deserialize)]
        struct Numbers {
            #[serde(alias = "short_codes")]
            incoming_phone_numbers: Vec<Number>,
        }
        #[derive(Deserialize)]
        struct Number {
            sid: String,
            /// Short codes have none: they are for texts.
            capabilities: Option<Capabilities>,
            sms_url: Option<String>,
            sms_method: Option<String>,
            sms_application_sid: Option<String>,
        }
        #[derive(Deserialize)]
        struct Capabilities {
            #[serde(default)]
            sms: bool,
        }
        let url = if number.starts_with('+') {
            self.of_account(&["IncomingPhoneNumbers.json"], &[("PhoneNumber", number)])
        } else {
            self.of_account(&["SMS", "ShortCodes.json"], &[("ShortCode", number)])
        };
        let found: Numbers = self.get(url).await?;
        // The filter also finds numbers that contain the text; whole numbers have one owner.
        let first = found.incoming_phone_numbers.into_iter().next();
        Ok(first.map(|number| OwnedNumber {
            sid: number.sid,
            sends_texts: number.capabilities.is_none_or(|capabilities| capabilities.sms),
            inbound_url: number.sms_url.filter(|url| !url.is_empty()),
            inbound_method: number.sms_method.unwrap_or_else(|| "POST".to_owned()),
            has_application: number.sms_application_sid.is_some_and(|sid| !sid.is_empty()),
        }))
    }

    /// How a messaging service is set.
    pub async fn service(&self, service: &str) -> Read<ServiceSettings> {
        #[derive(Deserialize)]
        struct Resource {
            inbound_request_url: Option<String>,
            inbound_method: Option<String>,
            #[serde(default)]
            use_inbound_webhook_on_number: Option<bool>,
            #[serde(default)]
            smart_encoding: Option<bool>,
        }
        let found: Resource =
            self.get(self.url(Product::Messaging, &["v1", "Services", service], &[])).await?;
        Ok(ServiceSettings {
            inbound_url: found.inbound_request_url.filter(|url| !url.is_empty()),
            inbound_method: found.inbound_method.unwrap_or_else(|| "POST".to_owned()),
            uses_number_webhook: found.use_inbound_webhook_on_number.unwrap_or_default(),
            smart_encoding: found.smart_encoding.unwrap_or_default(),
        })
    }

    /// The numbers, short codes and names of a messaging service.
    pub async fn pool(&self, service: &str) -> Read<Vec<PoolMember>> {
        let mut pool = Vec::new();
        for kind in ["PhoneNumbers", "ShortCodes", "AlphaSenders"] {
            let size = POOL_PAGE.to_string();
            let url =
                self.url(Product::Messaging, &["v1", "Services", service, kind], &[("PageSize", &size)]);
            let mut next = Some(url);
            for _ in 0..POOL_PAGES_MAX {
                let Some(url) = next.take() else { break };
                let page: Page<Member> = self.get(url.clone()).await?;
                next = page.meta.next(&url)?;
                pool.extend(page.items.into_iter().filter_map(Member::into_pool_member));
            }
            if next.is_some() {
                return Err(Unread::NoAnswer("the pool has more members than are read".to_owned()));
            }
        }
        Ok(pool)
    }

    /// The A2P 10DLC campaigns of a messaging service.
    pub async fn campaigns(&self, service: &str) -> Read<Vec<Campaign>> {
        #[derive(Deserialize)]
        struct Resource {
            #[serde(default)]
            campaign_status: Option<String>,
            #[serde(default)]
            campaign_id: Option<String>,
            #[serde(default)]
            mock: Option<bool>,
            #[serde(default)]
            brand_registration_sid: Option<String>,
            #[serde(default)]
            has_embedded_links: Option<bool>,
            #[serde(default)]
            errors: Option<Vec<Value>>,
        }
        let path = ["v1", "Services", service, "Compliance", "Usa2p"];
        let page: Page<Resource> = self.get(self.url(Product::Messaging, &path, &[])).await?;
        let campaign = |found: Resource| Campaign {
            status: found.campaign_status.unwrap_or_else(|| "without a status".to_owned()),
            has_id: found.campaign_id.is_some_and(|id| !id.is_empty()),
            is_mock: found.mock.unwrap_or_default(),
            brand: found.brand_registration_sid,
            has_links: found.has_embedded_links,
            errors: found
                .errors
                .unwrap_or_default()
                .iter()
                .filter_map(|error| error.get("error_code").and_then(wire::number))
                .collect(),
        };
        Ok(page.items.into_iter().map(campaign).collect())
    }

    /// A brand.
    pub async fn brand(&self, brand: &str) -> Read<Brand> {
        #[derive(Deserialize)]
        struct Resource {
            status: String,
            #[serde(default)]
            identity_status: Option<String>,
            #[serde(default)]
            mock: Option<bool>,
        }
        let url = self.url(Product::Messaging, &["v1", "a2p", "BrandRegistrations", brand], &[]);
        let Resource { status, identity_status: identity, mock } = self.get(url).await?;
        Ok(Brand { status, identity, is_mock: mock.unwrap_or_default() })
    }

    /// The verification of a toll-free number, by its SID.
    pub async fn tollfree(&self, number: &str) -> Read<Option<Tollfree>> {
        #[derive(Deserialize)]
        struct Resource {
            status: String,
            #[serde(default)]
            error_code: Option<Value>,
        }
        let query = [("TollfreePhoneNumberSid", number)];
        let url = self.url(Product::Messaging, &["v1", "Tollfree", "Verifications"], &query);
        let page: Page<Resource> = self.get(url).await?;
        Ok(page.items.into_iter().next().map(|Resource { status, error_code }| Tollfree {
            status,
            error: error_code.as_ref().and_then(wire::number),
        }))
    }

    /// Every country that texts may go to or not.
    pub async fn countries(&self) -> Read<Vec<Country>> {
        #[derive(Deserialize)]
        struct Permissions {
            permissions: Vec<Permission>,
        }
        #[derive(Deserialize)]
        struct Permission {
            country_code: String,
            prefix: String,
            enabled: bool,
        }
        let url = self.url(Product::Accounts, &["v1", "Messaging", "GeoPermissions"], &[]);
        let found: Permissions = self.get(url).await?;
        let country = |found: Permission| Country {
            iso: found.country_code,
            prefix: found.prefix,
            is_enabled: found.enabled,
        };
        Ok(found.permissions.into_iter().map(country).collect())
    }

    /// What a segment to a country costs, by its ISO code.
    pub async fn price(&self, iso: &str) -> Read<Price> {
        #[derive(Deserialize)]
        struct Resource {
            price_unit: String,
            outbound_sms_prices: Vec<Carrier>,
        }
        #[derive(Deserialize)]
        struct Carrier {
            prices: Vec<CarrierPrice>,
        }
        #[derive(Deserialize)]
        struct CarrierPrice {
            current_price: Value,
        }
        let url = self.url(Product::Pricing, &["v1", "Messaging", "Countries", iso], &[]);
        let found: Resource = self.get(url).await?;
        let of_carriers = found.outbound_sms_prices.iter().flat_map(|carrier| &carrier.prices);
        let micros: Vec<u64> = of_carriers.filter_map(|price| micros(&price.current_price)).collect();
        match (micros.iter().min(), micros.iter().max()) {
            (Some(low), Some(high)) => {
                Ok(Price { unit: found.price_unit.to_uppercase(), low_micros: *low, high_micros: *high })
            }
            _ => Err(Unread::NoAnswer("it lists no price".to_owned())),
        }
    }

    fn of_account(&self, rest: &[&str], query: &[(&str, &str)]) -> Url {
        let path = [&["2010-04-01", "Accounts", self.sid.as_str()], rest].concat();
        self.url(Product::Api, &path, query)
    }

    fn url(&self, product: Product, path: &[&str], query: &[(&str, &str)]) -> Url {
        let mut url = host_of(&self.base, product);
        // Each segment is escaped, so that no name can lead to another path.
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.clear().extend(path);
        }
        url.set_query(None);
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        url
    }

    async fn get<T: DeserializeOwned>(&self, url: Url) -> Read<T> {
        let no_answer = |why: &str| Unread::NoAnswer(why.to_owned());
        let sent = self.http.get(url).timeout(self.answer_max).send().await;
        let response = sent.map_err(|error| no_answer(answer::what_broke(&error)))?;
        let status = response.status().as_u16();
        let body = read(response, ANSWER_BYTES_MAX).await.map_err(|why| no_answer(&why))?;
        match status {
            200..=299 => serde_json::from_slice(&body).map_err(|_| no_answer("the answer is not readable")),
            401 => Err(Unread::Unauthorized),
            403 => Err(Unread::NotPermitted),
            404 => Err(Unread::NotFound),
            _ => Err(no_answer(&format!("HTTP {status}"))),
        }
    }
}

/// One page of a list of the product APIs; the list has a name of its own in each.
#[derive(Deserialize)]
struct Page<T> {
    #[serde(
        alias = "phone_numbers",
        alias = "short_codes",
        alias = "alpha_senders",
        alias = "compliance",
        alias = "verifications"
    )]
    items: Vec<T>,
    meta: Meta,
}

#[derive(Deserialize)]
struct Meta {
    #[serde(default)]
    next_page_url: Option<String>,
}

impl Meta {
    /// The next page, if it is on the host that was asked. Credentials go nowhere else.
    fn next(self, asked: &Url) -> Read<Option<Url>> {
        let Some(next) = self.next_page_url.filter(|next| !next.is_empty()) else { return Ok(None) };
        match next.parse::<Url>() {
            Ok(next) if next.origin() == asked.origin() => Ok(Some(next)),
            Ok(_) | Err(_) => Err(Unread::NoAnswer("the next page is on another host".to_owned())),
        }
    }
}

#[derive(Deserialize)]
struct Member {
    sid: String,
    #[serde(alias = "short_code", alias = "alpha_sender")]
    phone_number: Option<String>,
    #[serde(default)]
    country_code: Option<String>,
    /// Words such as `SMS`; absent where nothing else is possible.
    #[serde(default)]
    capabilities: Option<Vec<String>>,
}

impl Member {
    fn into_pool_member(self) -> Option<PoolMember> {
        let can =
            |capabilities: Vec<String>| capabilities.iter().any(|word| word.eq_ignore_ascii_case("sms"));
        Some(PoolMember {
            sid: self.sid,
            number: self.phone_number?,
            country: self.country_code,
            sends_texts: self.capabilities.is_none_or(can),
        })
    }
}

/// The host of a product, as Twilio's SDKs derive it from that of the API: `api.` becomes `messaging.` and so on. What is
/// not Twilio's serves all of them.
fn host_of(base: &Url, product: Product) -> Url {
    let name = match product {
        Product::Api => return base.clone(),
        Product::Messaging => "messaging",
        Product::Accounts => "accounts",
        Product::Pricing => "pricing",
    };
    let mut url = base.clone();
    let rest = base.host_str().and_then(|host| host.strip_prefix("api."));
    if let Some(rest) = rest.filter(|rest| *rest == "twilio.com" || rest.ends_with(".twilio.com")) {
        // It fails for addresses without a host, and this one has one.
        let _ = url.set_host(Some(&format!("{name}.{rest}")));
    }
    url
}

/// A price in millionths: a number, or a text with one.
fn micros(value: &Value) -> Option<u64> {
    let price = match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.parse().ok(),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }?;
    (price.is_finite() && price >= 0.0).then_some((price * 1e6).round() as u64)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn each_product_has_its_host_and_a_simulator_serves_all() {
        for (base, product, host) in [
            ("https://api.twilio.com", Product::Messaging, "https://messaging.twilio.com/"),
            ("https://api.dublin.ie1.twilio.com", Product::Pricing, "https://pricing.dublin.ie1.twilio.com/"),
            ("https://api.twilio.com", Product::Api, "https://api.twilio.com/"),
            ("https://api.twilio.com.example", Product::Accounts, "https://api.twilio.com.example/"),
            ("http://127.0.0.1:8090", Product::Accounts, "http://127.0.0.1:8090/"),
        ] {
            assert_eq!(host_of(&base.parse().unwrap(), product).as_str(), host);
        }
    }

    #[test]
    fn a_price_is_read_in_both_forms() {
        assert_eq!(micros(&json!("0.0079")), Some(7_900));
        assert_eq!(micros(&json!(0.0083)), Some(8_300));
        for none in [json!(null), json!("free"), json!(-1), json!("inf")] {
            assert_eq!(micros(&none), None, "{none}");
        }
    }
}
