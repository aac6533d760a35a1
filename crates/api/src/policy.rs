//! Who is on call, what is silent, who agreed: shown and changed. In: requests. Out: what there is afterwards.

use std::{collections::BTreeMap, sync::Arc};

use axum::{
    Json, Router,
    body::Bytes,
    extract::{Query, State, rejection::BytesRejection, rejection::QueryRejection},
    http::{HeaderMap, header},
    response::{IntoResponse as _, Response},
    routing::{delete, get, post},
};
use control::{
    Answer, ConsentView, LayerQuery, LayerView, NewConsent, NewOverride, NewSilence, RecordedChange, Request,
    ShiftSwap, SilenceView,
};
use domain::{phone::E164, silence::SilenceMatch, workflow::Category};
use jiff::Timestamp;
use serde::{Deserialize, de::DeserializeOwned};
use utoipa::{IntoParams, ToSchema};

use crate::{
    api_error::ApiError,
    api_state::Api,
    authenticate::Authenticated,
    named::Named,
    repeatable::{IdempotencyKey, Turn, once},
};

pub(crate) fn routes() -> Router<Arc<Api>> {
    Router::new()
        .route("/v1/oncall", get(show_on_call))
        .route("/v1/oncall/calendar.ics", get(show_calendar))
        .route("/v1/oncall/overrides", post(add_override))
        .route("/v1/oncall/overrides/{id}", delete(remove_override))
        .route("/v1/oncall/swaps", post(swap_shifts))
        .route("/v1/silences", get(list_silences).post(add_silence))
        .route("/v1/silences/{id}", delete(end_silence))
        .route("/v1/consent", get(show_consent).post(record_consent))
}

/// Which layers are shown, and for which time.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub(crate) struct OnCallParameters {
    /// Of this schedule.
    schedule: Option<String>,
    /// With this name, for example `primary`.
    layer: Option<String>,
    /// From when on; now without it.
    #[param(
        pattern = "^20[0-9]{2}-(0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]Z$",
        example = "2026-01-31T09:30:00Z"
    )]
    from: Option<String>,
    /// Until when; two weeks later without it, and a year later at most.
    #[param(
        pattern = "^20[0-9]{2}-(0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]Z$",
        example = "2026-02-14T09:30:00Z"
    )]
    until: Option<String>,
}

/// Shows who is on call: the shifts of each layer, gaps included, and its overrides.
#[utoipa::path(get, path = "/v1/oncall", operation_id = "show_on_call", tag = "policy", params(OnCallParameters),
    responses((status = 200, body = Vec<Object>), (status = "4XX", body = crate::api_error::Problem, content_type = "application/problem+json"),
        (status = 503, body = crate::api_error::Problem, content_type = "application/problem+json")))]
pub(crate) async fn show_on_call(
    State(api): State<Arc<Api>>,
    who: Authenticated,
    parameters: Result<Query<OnCallParameters>, QueryRejection>,
) -> Result<Json<Vec<LayerView>>, ApiError> {
    let Query(OnCallParameters { schedule, layer, from, until }) = parameters?;
    let (from, until) = (time("from", from.as_deref())?, time("until", until.as_deref())?);
    let request = Request::ShowOnCall { query: LayerQuery { schedule, layer }, from, until };
    Ok(Json(layers(api.ports.control.execute(&who.principal, request).await?)?))
}

/// Whose shifts the calendar has.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub(crate) struct CalendarParameters {
    /// Of this schedule.
    schedule: Option<String>,
    /// With this name, for example `primary`.
    layer: Option<String>,
    /// Of this person, by the name in contacts.toml.
    contact: Option<String>,
    /// A token with the scope `calendar` alone, for programs that can send no header.
    token: Option<String>,
}

/// Shifts as iCalendar, to subscribe to: from a week ago to a quarter of a year ahead. It bears a token as others do or, where it
/// has the scope `calendar` alone, in its address.
#[utoipa::path(get, path = "/v1/oncall/calendar.ics", operation_id = "show_calendar", tag = "policy", params(CalendarParameters),
    responses((status = 200, body = String, content_type = "text/calendar"), (status = "4XX", body = crate::api_error::Problem, content_type = "application/problem+json"),
        (status = 503, body = crate::api_error::Problem, content_type = "application/problem+json")))]
pub(crate) async fn show_calendar(
    State(api): State<Arc<Api>>,
    bearer: Result<Authenticated, ApiError>,
    parameters: Result<Query<CalendarParameters>, QueryRejection>,
) -> Result<Response, ApiError> {
    let who = match (bearer, &parameters) {
        (Err(ApiError::Unauthenticated), Ok(Query(CalendarParameters { token: Some(token), .. }))) => {
            Authenticated::by_address(token, "/v1/oncall/calendar.ics", &api).await?
        }
        (bearer, _) => bearer?,
    };
    let Query(CalendarParameters { schedule, layer, contact, .. }) = parameters?;
    let request = Request::ShowCalendar { query: LayerQuery { schedule, layer }, contact, days: None };
    let Answer::Calendar { text } = api.ports.control.execute(&who.principal, request).await? else {
        return Err(ApiError::Unexpected);
    };
    Ok(([(header::CONTENT_TYPE, "text/calendar; charset=utf-8")], text).into_response())
}

/// Somebody who takes over for a while.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct OverrideBody {
    schedule: String,
    /// `primary` without it.
    layer: Option<String>,
    /// By the name in contacts.toml.
    contact: String,
    /// From when on; now without it.
    #[schema(
        pattern = "^20[0-9]{2}-(0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]Z$"
    )]
    from: Option<String>,
    #[schema(
        pattern = "^20[0-9]{2}-(0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]Z$"
    )]
    until: String,
    /// For others to read.
    why: String,
}

/// Has somebody take over for a while, in force at once.
#[utoipa::path(post, path = "/v1/oncall/overrides", operation_id = "add_override", tag = "policy", request_body = OverrideBody, params(IdempotencyKey),
    responses((status = 200, body = Vec<Object>), (status = "4XX", body = crate::api_error::Problem, content_type = "application/problem+json"),
        (status = 503, body = crate::api_error::Problem, content_type = "application/problem+json")))]
pub(crate) async fn add_override(
    State(api): State<Arc<Api>>,
    who: Authenticated,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, ApiError> {
    let OverrideBody { schedule, layer, contact, from, until, why } = read(body)?;
    let request = Request::AddOverride(NewOverride {
        schedule,
        layer: layer.unwrap_or_else(|| PRIMARY.to_owned()),
        contact,
        from: time("from", from.as_deref())?,
        until: required_time("until", &until)?,
        why,
    });
    change(&api, &who, &headers, request, layers).await
}

/// Two people who get each other's next shift.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SwapBody {
    schedule: String,
    /// `primary` without it.
    layer: Option<String>,
    /// One of them, by the name in contacts.toml.
    one: String,
    /// The other one.
    other: String,
    /// Their next shifts after this time; after now without it.
    #[schema(
        pattern = "^20[0-9]{2}-(0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]Z$"
    )]
    after: Option<String>,
    /// For others to read.
    why: String,
}

/// Gives two people each other's next shift.
#[utoipa::path(post, path = "/v1/oncall/swaps", operation_id = "swap_shifts", tag = "policy", request_body = SwapBody, params(IdempotencyKey),
    responses((status = 200, body = Vec<Object>), (status = "4XX", body = crate::api_error::Problem, content_type = "application/problem+json"),
        (status = 503, body = crate::api_error::Problem, content_type = "application/problem+json")))]
pub(crate) async fn swap_shifts(
    State(api): State<Arc<Api>>,
    who: Authenticated,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, ApiError> {
    let SwapBody { schedule, layer, one, other, after, why } = read(body)?;
    let layer = layer.unwrap_or_else(|| PRIMARY.to_owned());
    let (contacts, after) = ([one, other], time("after", after.as_deref())?);
    let swap = ShiftSwap { schedule, layer, contacts, after, why };
    change(&api, &who, &headers, Request::SwapShifts(swap), layers).await
}

/// Takes an override back.
#[utoipa::path(delete, path = "/v1/oncall/overrides/{id}", operation_id = "remove_override", tag = "policy", params(("id" = String, Path)),
    responses((status = 200, body = Vec<Object>), (status = "4XX", body = crate::api_error::Problem, content_type = "application/problem+json"),
        (status = 503, body = crate::api_error::Problem, content_type = "application/problem+json")))]
pub(crate) async fn remove_override(
    State(api): State<Arc<Api>>,
    who: Authenticated,
    Named(id): Named,
) -> Result<Json<Vec<LayerView>>, ApiError> {
    let answer = api.ports.control.execute(&who.principal, Request::RemoveOverride { id }).await?;
    Ok(Json(layers(answer)?))
}

/// Lists the silences that have not ended.
#[utoipa::path(get, path = "/v1/silences", operation_id = "list_silences", tag = "policy",
    responses((status = 200, body = Vec<Object>), (status = "4XX", body = crate::api_error::Problem, content_type = "application/problem+json"),
        (status = 503, body = crate::api_error::Problem, content_type = "application/problem+json")))]
pub(crate) async fn list_silences(
    State(api): State<Arc<Api>>,
    who: Authenticated,
) -> Result<Json<Vec<SilenceView>>, ApiError> {
    Ok(Json(silences(api.ports.control.execute(&who.principal, Request::ListSilences).await?)?))
}

/// Events about which nobody is texted for a while. At least one condition is needed.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SilenceBody {
    workflow: Option<String>,
    source: Option<String>,
    /// A pattern, in which `*` stands for anything.
    subject: Option<String>,
    /// Patterns of texts, by the paths of fields.
    #[serde(default)]
    fields: BTreeMap<String, String>,
    /// From when on; now without it.
    #[schema(
        pattern = "^20[0-9]{2}-(0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]Z$"
    )]
    from: Option<String>,
    #[schema(
        pattern = "^20[0-9]{2}-(0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]Z$"
    )]
    until: String,
    /// For those who miss a page.
    why: String,
}

/// Makes a silence, in force within five seconds.
#[utoipa::path(post, path = "/v1/silences", operation_id = "add_silence", tag = "policy", request_body = SilenceBody, params(IdempotencyKey),
    responses((status = 200, body = Vec<Object>), (status = "4XX", body = crate::api_error::Problem, content_type = "application/problem+json"),
        (status = 503, body = crate::api_error::Problem, content_type = "application/problem+json")))]
pub(crate) async fn add_silence(
    State(api): State<Arc<Api>>,
    who: Authenticated,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, ApiError> {
    let SilenceBody { workflow, source, subject, fields, from, until, why } = read(body)?;
    let of = SilenceMatch { workflow, source, subject, fields };
    let (from, until) = (time("from", from.as_deref())?, required_time("until", &until)?);
    let request = Request::AddSilence(NewSilence { of, from, until, why });
    change(&api, &who, &headers, request, silences).await
}

/// Ends a silence.
#[utoipa::path(delete, path = "/v1/silences/{id}", operation_id = "end_silence", tag = "policy", params(("id" = String, Path)),
    responses((status = 200, body = Vec<Object>), (status = "4XX", body = crate::api_error::Problem, content_type = "application/problem+json"),
        (status = 503, body = crate::api_error::Problem, content_type = "application/problem+json")))]
pub(crate) async fn end_silence(
    State(api): State<Arc<Api>>,
    who: Authenticated,
    Named(id): Named,
) -> Result<Json<Vec<SilenceView>>, ApiError> {
    Ok(Json(silences(api.ports.control.execute(&who.principal, Request::EndSilence { id }).await?)?))
}

/// Whose consent is shown.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ConsentParameters {
    /// In E.164; write the plus sign as %2B.
    #[param(pattern = r"^\+[1-9][0-9]{6,14}$", example = "+14155550101")]
    number: String,
}

/// Shows what the owner of a number agreed to, with the evidence.
#[utoipa::path(get, path = "/v1/consent", operation_id = "show_consent", tag = "policy", params(ConsentParameters),
    responses((status = 200, body = Object), (status = "4XX", body = crate::api_error::Problem, content_type = "application/problem+json"),
        (status = 503, body = crate::api_error::Problem, content_type = "application/problem+json")))]
pub(crate) async fn show_consent(
    State(api): State<Arc<Api>>,
    who: Authenticated,
    parameters: Result<Query<ConsentParameters>, QueryRejection>,
) -> Result<Json<ConsentView>, ApiError> {
    let Query(ConsentParameters { number }) = parameters?;
    let request = Request::ShowConsent { number: phone(&number)? };
    Ok(Json(consent(api.ports.control.execute(&who.principal, request).await?)?))
}

/// What changes.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ChangeBody {
    /// They agreed to texts of the category.
    Grant,
    /// They take that back.
    Revoke,
    /// They want no texts at all.
    OptOut,
}

/// A category of texts.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum CategoryBody {
    Operational,
    Transactional,
    Marketing,
}

/// What somebody agreed to or took back.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ConsentBody {
    #[schema(pattern = r"^\+[1-9][0-9]{6,14}$")]
    number: String,
    change: ChangeBody,
    /// Of which texts; needed but for `opt_out`.
    category: Option<CategoryBody>,
    /// When; now without it.
    #[schema(
        pattern = "^20[0-9]{2}-(0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]Z$"
    )]
    at: Option<String>,
    /// What shows it, and where that is kept. The same again changes nothing.
    evidence: String,
    /// What they were shown or told.
    wording: Option<String>,
    /// How they said so.
    channel: Option<String>,
}

/// Records what somebody agreed to or took back. An opt-out is lifted by START from the phone alone.
#[utoipa::path(post, path = "/v1/consent", operation_id = "record_consent", tag = "policy", request_body = ConsentBody, params(IdempotencyKey),
    responses((status = 200, body = Object), (status = "4XX", body = crate::api_error::Problem, content_type = "application/problem+json"),
        (status = 503, body = crate::api_error::Problem, content_type = "application/problem+json")))]
pub(crate) async fn record_consent(
    State(api): State<Arc<Api>>,
    who: Authenticated,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, ApiError> {
    let ConsentBody { number, change: changed, category, at, evidence, wording, channel } = read(body)?;
    let category = category.map(|category| match category {
        CategoryBody::Operational => Category::Operational,
        CategoryBody::Transactional => Category::Transactional,
        CategoryBody::Marketing => Category::Marketing,
    });
    let needed = || ApiError::Unfit("category: say of which texts".to_owned());
    let changed = match changed {
        ChangeBody::Grant => RecordedChange::Grant(category.ok_or_else(needed)?),
        ChangeBody::Revoke => RecordedChange::Revoke(category.ok_or_else(needed)?),
        ChangeBody::OptOut => RecordedChange::OptOut,
    };
    let request = Request::RecordConsent(NewConsent {
        number: phone(&number)?,
        change: changed,
        at: time("at", at.as_deref())?,
        is_import: false,
        evidence,
        wording: wording.unwrap_or_default(),
        channel: channel.unwrap_or_default(),
    });
    change(&api, &who, &headers, request, consent).await
}

/// The layer that is meant where a schedule is named alone, as in a step.
const PRIMARY: &str = "primary";

async fn change<T: serde::Serialize>(
    api: &Api,
    who: &Authenticated,
    headers: &HeaderMap,
    request: Request,
    shown: fn(Answer) -> Result<T, ApiError>,
) -> Result<Response, ApiError> {
    // None of these has a basis that could be gone, so each turn is to make the change.
    let made = async |turn| {
        let Turn::Make(request) = turn else { return Err(ApiError::Unexpected) };
        let answer = api.ports.control.execute(&who.principal, *request).await?;
        Ok(Json(shown(answer)?).into_response())
    };
    once(api, who, headers, request, None, made).await
}

fn layers(answer: Answer) -> Result<Vec<LayerView>, ApiError> {
    let Answer::OnCall { layers } = answer else { return Err(ApiError::Unexpected) };
    Ok(layers)
}

fn silences(answer: Answer) -> Result<Vec<SilenceView>, ApiError> {
    let Answer::Silences { silences } = answer else { return Err(ApiError::Unexpected) };
    Ok(silences)
}

fn consent(answer: Answer) -> Result<ConsentView, ApiError> {
    let Answer::Consent { view } = answer else { return Err(ApiError::Unexpected) };
    Ok(*view)
}

pub(crate) fn read<T: DeserializeOwned>(body: Result<Bytes, BytesRejection>) -> Result<T, ApiError> {
    let body = body.map_err(|rejection| ApiError::Invalid(rejection.body_text()))?;
    serde_json::from_slice(&body).map_err(|error| ApiError::Invalid(format!("the body: {error}")))
}

pub(crate) fn phone(number: &str) -> Result<E164, ApiError> {
    number.parse().map_err(|error| ApiError::Invalid(format!("number: {error}")))
}

pub(crate) fn time(name: &str, text: Option<&str>) -> Result<Option<Timestamp>, ApiError> {
    text.map(|text| required_time(name, text)).transpose()
}

fn required_time(name: &str, text: &str) -> Result<Timestamp, ApiError> {
    let wrong = |_| {
        ApiError::Invalid(format!("{name}: expected a time with its zone, for example 2026-01-31T09:30:00Z"))
    };
    text.parse().map_err(wrong)
}
