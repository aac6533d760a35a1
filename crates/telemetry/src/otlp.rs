//! What traces and metrics share on their way to a collector. In: the `OTEL_*` variables of the specification. Out: whether
//! a signal is exported, and how.
//!
//! Never: makes work wait for a collector.

use async_trait::async_trait;
use http_client::{Reach, client_builder};
use opentelemetry::KeyValue;
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use opentelemetry_sdk::Resource;
use tokio::runtime::Handle;

/// What is exported is attributed to this where `OTEL_SERVICE_NAME` names nothing.
pub(crate) const SERVICE: &str = "callout";

/// One of the signals, as its variables name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Signal {
    Traces,
    Metrics,
}

/// How a collector is spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Protocol {
    Http,
    Grpc,
}

impl Signal {
    fn word(self) -> &'static str {
        match self {
            Self::Traces => "TRACES",
            Self::Metrics => "METRICS",
        }
    }

    /// Whether the environment asks for the signal; an empty variable counts as absent.
    ///
    /// On is it with `OTEL_EXPORTER_OTLP_ENDPOINT`, `OTEL_EXPORTER_OTLP_<SIGNAL>_ENDPOINT` or
    /// `OTEL_<SIGNAL>_EXPORTER=otlp`; off with `OTEL_SDK_DISABLED=true` or `OTEL_<SIGNAL>_EXPORTER=none`.
    ///
    /// # Errors
    /// What a variable says that cannot be done.
    pub(crate) fn is_wanted(self, var: impl Fn(&str) -> Option<String>) -> Result<bool, String> {
        if var("OTEL_SDK_DISABLED").is_some_and(|text| text.eq_ignore_ascii_case("true")) {
            return Ok(false);
        }
        let name = format!("OTEL_{}_EXPORTER", self.word());
        match var(&name).as_deref() {
            None => {
                let own = format!("OTEL_EXPORTER_OTLP_{}_ENDPOINT", self.word());
                Ok([&own, "OTEL_EXPORTER_OTLP_ENDPOINT"].into_iter().any(|name| var(name).is_some()))
            }
            Some("otlp") => Ok(true),
            Some("none") => Ok(false),
            Some(other) => Err(format!("{name} is {other:?}; callout knows otlp and none")),
        }
    }

    /// `OTEL_EXPORTER_OTLP_<SIGNAL>_PROTOCOL`, or `OTEL_EXPORTER_OTLP_PROTOCOL`: `http/protobuf` or `grpc`.
    ///
    /// # Errors
    /// When it is neither.
    pub(crate) fn protocol(self, var: impl Fn(&str) -> Option<String>) -> Result<Protocol, String> {
        let own = format!("OTEL_EXPORTER_OTLP_{}_PROTOCOL", self.word());
        match [own.as_str(), "OTEL_EXPORTER_OTLP_PROTOCOL"].into_iter().find_map(&var).as_deref() {
            None | Some("http/protobuf") => Ok(Protocol::Http),
            Some("grpc") => Ok(Protocol::Grpc),
            Some(other) => {
                Err(format!("OTEL_EXPORTER_OTLP_PROTOCOL is {other:?}; callout knows http/protobuf and grpc"))
            }
        }
    }
}

/// Variables whose value is a whole number: of milliseconds, or of spans.
const NUMBERS: [&str; 9] = [
    "OTEL_BSP_EXPORT_TIMEOUT",
    "OTEL_BSP_MAX_EXPORT_BATCH_SIZE",
    "OTEL_BSP_MAX_QUEUE_SIZE",
    "OTEL_BSP_SCHEDULE_DELAY",
    "OTEL_EXPORTER_OTLP_METRICS_TIMEOUT",
    "OTEL_EXPORTER_OTLP_TIMEOUT",
    "OTEL_EXPORTER_OTLP_TRACES_TIMEOUT",
    "OTEL_METRIC_EXPORT_INTERVAL",
    "OTEL_METRIC_EXPORT_TIMEOUT",
];
/// Variables whose value is a list of names with values.
const PAIRS: [&str; 4] = [
    "OTEL_EXPORTER_OTLP_HEADERS",
    "OTEL_EXPORTER_OTLP_METRICS_HEADERS",
    "OTEL_EXPORTER_OTLP_TRACES_HEADERS",
    "OTEL_RESOURCE_ATTRIBUTES",
];

/// What variables say that cannot be used: as the specification asks, it is passed by, and somebody should be told.
/// A header's value is not shown.
pub fn unusable_variables(var: impl Fn(&str) -> Option<String>) -> Vec<String> {
    let mut found = Vec::new();
    for name in NUMBERS {
        if let Some(text) = var(name).filter(|text| text.parse::<u64>().is_err()) {
            found.push(format!(
                "{name} is {text:?}, which is passed by; expected a whole number such as 5000"
            ));
        }
    }
    for name in PAIRS {
        let is_pair = |pair: &str| pair.split_once('=').is_some_and(|(name, _)| !name.trim().is_empty());
        if var(name).is_some_and(|text| !text.split(',').all(is_pair)) {
            found.push(format!(
                "a part of {name} is passed by; expected pairs such as name=value,other=value"
            ));
        }
    }
    found
}

/// What is said where an exporter cannot be built.
pub(crate) fn not_built(what: &str, error: &dyn std::fmt::Display) -> String {
    format!("{what} cannot be exported: {error}; see the variables that begin with OTEL_EXPORTER_OTLP")
}

/// What everything that is exported is attributed to, where the environment does not say it. Without an instance, sums of
/// several processes would be taken for one that jumps (OpenTelemetry, semantic conventions, `service.*`).
pub(crate) fn resource(var: impl Fn(&str) -> Option<String>) -> Resource {
    let attributes = var("OTEL_RESOURCE_ATTRIBUTES").unwrap_or_default();
    let is_said = |name: &str| attributes.split(',').any(|pair| pair.trim().starts_with(&format!("{name}=")));
    let mut resource = Resource::builder();
    if var("OTEL_SERVICE_NAME").is_none() && !is_said("service.name") {
        resource = resource.with_service_name(SERVICE);
    }
    let ours =
        [("service.version", env!("CARGO_PKG_VERSION").to_owned()), ("service.instance.id", process_name())];
    let ours = ours.into_iter().filter(|(name, _)| !is_said(name));
    resource.with_attributes(ours.map(|(name, value)| KeyValue::new(name, value))).build()
}

/// Host and process id. In a container, whose processes have the same ids each time, the host differs.
pub fn process_name() -> String {
    let host = rustix::system::uname();
    format!("{}/{}", host.nodename().to_string_lossy(), std::process::id())
}

/// Our HTTP client for an exporter that runs on a thread without a runtime.
#[derive(Debug)]
pub(crate) struct Http {
    client: reqwest::Client,
    runtime: Handle,
}

impl Http {
    /// Within a runtime.
    ///
    /// # Errors
    /// When there is no client, or no runtime.
    pub(crate) fn new() -> Result<Self, String> {
        let client = client_builder(Reach::Tls).build().map_err(|error| error.to_string())?;
        let runtime = Handle::try_current().map_err(|error| error.to_string())?;
        Ok(Self { client, runtime })
    }
}

#[async_trait]
impl HttpClient for Http {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let request = reqwest::Request::try_from(request)?;
        let call = self.client.execute(request);
        let answer = self.runtime.spawn(async move {
            let answer = call.await?;
            let status = answer.status();
            Ok::<_, reqwest::Error>((status, answer.bytes().await?))
        });
        let (status, body) = answer.await??;
        Ok(Response::builder().status(status).body(body)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_exported_says_of_which_process_and_the_environment_has_the_last_word() {
        let of = |attributes: &str, name: &'static str| {
            let var = |asked: &str| (asked == "OTEL_RESOURCE_ATTRIBUTES").then(|| attributes.to_owned());
            resource(var).get(&opentelemetry::Key::new(name)).map(|value| value.to_string())
        };
        assert_eq!(of("", "service.name").as_deref(), Some(SERVICE));
        assert_eq!(of("", "service.version").as_deref(), Some(env!("CARGO_PKG_VERSION")));
        assert_eq!(of("", "service.instance.id"), Some(process_name()));
        // What the environment says is read from it by the library, not from what we were asked with.
        assert_eq!(of("a=b, service.instance.id=mine", "service.instance.id"), None);
    }

    #[test]
    fn a_value_that_cannot_be_used_is_told_of_and_no_secret_is() {
        let of = |name: &'static str, value: &'static str| {
            unusable_variables(|asked| (asked == name).then(|| value.to_owned()))
        };
        for (name, right, wrong) in [
            ("OTEL_METRIC_EXPORT_INTERVAL", "60000", "1m"),
            ("OTEL_BSP_MAX_QUEUE_SIZE", "64", "-1"),
            ("OTEL_EXPORTER_OTLP_TIMEOUT", "10000", "10s"),
            ("OTEL_EXPORTER_OTLP_HEADERS", "api-key=secret,b=c", "secret"),
            ("OTEL_RESOURCE_ATTRIBUTES", "a=b", "a=b,=c"),
        ] {
            assert_eq!(of(name, right), Vec::<String>::new(), "{name}");
            let said = of(name, wrong).join("");
            assert!(said.contains(name) && !said.contains("secret"), "{said}");
        }
    }

    #[test]
    fn a_collector_switches_signals_on_and_two_variables_off() {
        let endpoint = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:4318");
        for (signal, word, other) in
            [(Signal::Traces, "TRACES", "METRICS"), (Signal::Metrics, "METRICS", "TRACES")]
        {
            let wanted = |variables: &[(&str, &str)]| {
                signal.is_wanted(|name| {
                    let found = variables.iter().find(|(known, _)| *known == name);
                    found.map(|(_, value)| (*value).to_owned())
                })
            };
            let exporter = format!("OTEL_{word}_EXPORTER");
            let own = format!("OTEL_EXPORTER_OTLP_{word}_ENDPOINT");
            let other = format!("OTEL_EXPORTER_OTLP_{other}_ENDPOINT");
            assert_eq!(wanted(&[]), Ok(false));
            assert_eq!(wanted(&[endpoint]), Ok(true));
            assert_eq!(wanted(&[(&own, "http://127.0.0.1:4318")]), Ok(true));
            assert_eq!(wanted(&[(&other, "http://127.0.0.1:4318")]), Ok(false));
            assert_eq!(wanted(&[(&exporter, "otlp")]), Ok(true));
            assert_eq!(wanted(&[endpoint, (&exporter, "none")]), Ok(false));
            assert_eq!(wanted(&[endpoint, ("OTEL_SDK_DISABLED", "TRUE")]), Ok(false));
            let error = wanted(&[(&exporter, "zipkin")]).unwrap_err();
            assert!(error.contains("zipkin") && error.contains("otlp and none"), "{error}");
        }
    }
}
