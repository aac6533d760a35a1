//! Which traces are exported, decided before a span of them exists, so that those that are not cost next to nothing.
//!
//! In: `OTEL_TRACES_SAMPLER` and its argument, and the context that work came with. Out: whether its trace is left out, and
//! the context that says so to whoever works on it next.
//! Never: decides otherwise than the specification's samplers that follow a parent. The others are the SDK's.

use std::sync::OnceLock;

use opentelemetry::trace::{SpanKind, TraceId};
use opentelemetry_sdk::trace::{
    IdGenerator as _, RandomIdGenerator, Sampler, SamplingDecision, ShouldSample as _,
};
use tracing::Span;

tokio::task_local! {
    /// The context of the request that is answered, where its trace is left out.
    static LEFT_OUT: String;
}

/// The share of traces that begin with us which is exported; not set where the SDK decides on each span.
static SHARE: OnceLock<f64> = OnceLock::new();

/// Takes the decision over, if the sampler follows parents. Returns what the SDK is to do then.
///
/// # Errors
/// When the argument is no share.
pub(crate) fn take_over(var: impl Fn(&str) -> Option<String>) -> Result<Option<Sampler>, String> {
    const ARGUMENT: &str = "OTEL_TRACES_SAMPLER_ARG";
    let share = match var("OTEL_TRACES_SAMPLER").as_deref() {
        None | Some("parentbased_always_on") => 1.0,
        Some("parentbased_always_off") => 0.0,
        Some("parentbased_traceidratio") => match var(ARGUMENT) {
            None => 1.0,
            Some(text) => {
                text.parse::<f64>().ok().filter(|share| (0.0..=1.0).contains(share)).ok_or_else(|| {
                    format!("{ARGUMENT} is {text:?}; expected a share from 0 to 1, such as 0.1")
                })?
            }
        },
        Some(_) => return Ok(None),
    };
    let _ = SHARE.set(share);
    // What gets as far as the SDK is exported, unless its parent is not.
    Ok(Some(Sampler::ParentBased(Box::new(Sampler::AlwaysOn))))
}

/// The context to pass on, where the trace of this work is left out. `traceparent` is what the work came with.
pub(crate) fn left_out(traceparent: Option<&str>) -> Option<String> {
    let share = *SHARE.get()?;
    if let Some(traceparent) = traceparent.filter(|traceparent| is_valid(traceparent)) {
        return (!is_sampled(traceparent)).then(|| traceparent.to_owned());
    }
    if let Ok(context) = LEFT_OUT.try_with(Clone::clone) {
        return Some(context);
    }
    // It is a part of what is under way.
    if share >= 1.0 || !Span::current().is_none() {
        return None;
    }
    begin(share)
}

/// Runs what answers a request whose trace is left out, so that what it begins is left out as well.
pub(crate) async fn leaving_out<T>(context: String, work: impl Future<Output = T>) -> T {
    LEFT_OUT.scope(context, work).await
}

/// Begins a trace. A context if it is left out.
fn begin(share: f64) -> Option<String> {
    let ids = RandomIdGenerator::default();
    let trace = ids.new_trace_id();
    (!is_chosen(share, trace)).then(|| format!("00-{trace}-{}-00", ids.new_span_id()))
}

fn is_chosen(share: f64, trace: TraceId) -> bool {
    let sampler = Sampler::TraceIdRatioBased(share);
    let decided = sampler.should_sample(None, trace, "", &SpanKind::Internal, &[], &[]);
    decided.decision == SamplingDecision::RecordAndSample
}

/// Of version 00 of <https://www.w3.org/TR/trace-context/>.
fn is_valid(traceparent: &str) -> bool {
    let parts: Vec<&str> = traceparent.split('-').collect();
    let is_hex = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte));
    let is_set = |part: &str| part.bytes().any(|byte| byte != b'0');
    matches!(parts.as_slice(), [version, trace, span, flags]
        if *version == "00" && trace.len() == 32 && span.len() == 16 && flags.len() == 2
            && parts.iter().all(|part| is_hex(part)) && is_set(trace) && is_set(span))
}

fn is_sampled(traceparent: &str) -> bool {
    let flags = traceparent.rsplit('-').next().and_then(|flags| u8::from_str_radix(flags, 16).ok());
    flags.is_some_and(|flags| flags & 1 == 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRACE: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7";

    #[test]
    fn a_context_is_read_as_w3c_writes_it() {
        for (traceparent, valid, sampled) in [
            (format!("{TRACE}-00"), true, false),
            (format!("{TRACE}-01"), true, true),
            (format!("{TRACE}-03"), true, true),
            (format!("{TRACE}-0"), false, false),
            (format!("01{}-01", &TRACE[2..]), false, true),
            (TRACE.replace("4bf92f3577b34da6a3ce929d0e0e4736", &"0".repeat(32)) + "-01", false, true),
            (TRACE.to_uppercase() + "-01", false, true),
            ("nonsense".to_owned(), false, false),
        ] {
            assert_eq!((is_valid(&traceparent), is_sampled(&traceparent)), (valid, sampled), "{traceparent}");
        }
    }

    #[test]
    fn a_share_of_the_traces_is_chosen_by_their_ids() {
        let ids = RandomIdGenerator::default();
        let chosen = (0..10_000).filter(|_| is_chosen(0.1, ids.new_trace_id())).count();
        assert!((800..1_200).contains(&chosen), "{chosen}");
        assert!(is_chosen(1.0, ids.new_trace_id()) && !is_chosen(0.0, ids.new_trace_id()));
        let context = begin(0.0).unwrap();
        assert!(is_valid(&context) && !is_sampled(&context), "{context}");
        assert_eq!(begin(1.0), None);
    }
}
