//! The server that agents speak to. In: requests of either era of the protocol, with a token. Out: tools, and their answers.
//!
//! Never: keeps a session, or believes that a caller is a person: whoever comes this way is held to what agents may do.

use std::sync::Arc;

use axum::{
    Json, Router,
    body::{Body, to_bytes},
    extract::{Request as HttpRequest, State},
    http::{HeaderValue, Method, StatusCode, header, request::Parts},
    middleware::{Next, from_fn_with_state},
    response::{IntoResponse as _, Response},
};
use control::{Control, Door, Principal, bearer};
use domain::{agent::AgentRefusal, id::RunId};
use http_server::problem::problem;
use rmcp::{
    ErrorData, RoleServer, ServerHandler,
    model::{
        CallToolRequestParams, CallToolResponse, CallToolResult, Implementation, JsonObject, ListToolsResult,
        PaginatedRequestParams, ServerCapabilities, ServerConfig,
    },
    service::RequestContext,
    transport::streamable_http_server::{
        StreamableHttpServerConfig, StreamableHttpService, session::never::NeverSessionManager,
    },
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::{approvals, catalog::Kind, error_code::Refusal, events, letters, runs};

/// Where agents ask.
pub const MCP_PATH: &str = "/mcp";
/// Most bytes of one request: an event's fields, and what goes around them.
const BODY_BYTES_MAX: usize = 64 * 1024;
/// JSON-RPC: what came is no JSON.
const PARSE_ERROR: i32 = -32_700;
/// JSON-RPC: what came is no message of it.
const INVALID_REQUEST: i32 = -32_600;
/// For hosts that show it to their model.
const INSTRUCTIONS: &str = "callout pages and notifies people by SMS as its workflows say. Read event_types before you raise \
                            an event, and use dry_run before commit. A refusal has a code; call again only where its retry \
                            is true. Nothing that you do acknowledges a run, and an event that resolves ends only \
                            what you raised yourself.";

/// What the server uses, and nothing else.
#[derive(Clone)]
pub struct McpPorts {
    /// Carries out what is asked for.
    pub control: Control,
}

/// The server's routes. They end when `stop` is cancelled.
pub fn router(ports: McpPorts, stop: CancellationToken) -> Router {
    let control = ports.control.clone();
    let config = StreamableHttpServerConfig::default()
        .with_legacy_session_mode(false)
        .with_json_response(true)
        .with_max_request_body_bytes(BODY_BYTES_MAX)
        // Who bears a token is no page in a browser that was led here.
        .disable_allowed_hosts()
        .enforce_origin_validation()
        .with_cancellation_token(stop);
    let serve = move || Ok(Handler { control: control.clone() });
    let service = StreamableHttpService::new(serve, Arc::new(NeverSessionManager::default()), config);
    Router::new()
        .route_service(MCP_PATH, service)
        // Not what the API has at other paths, or has nothing at.
        .route_layer(from_fn_with_state(ports, authenticate))
}

/// Lets those in who bear a token that is in force, with a body that is a message.
async fn authenticate(State(ports): State<McpPorts>, mut request: HttpRequest, next: Next) -> Response {
    let known = match bearer(request.headers()) {
        Some(clear) => ports.control.bearer(clear, Door::Agents, MCP_PATH).await,
        None => Ok(None),
    };
    match known {
        Ok(Some(known)) => {
            request.extensions_mut().insert(known.principal);
            match checked(request).await {
                Ok(request) => next.run(request).await,
                Err(response) => response,
            }
        }
        Ok(None) => {
            let detail = "send a token of an agent as `Authorization: Bearer`; `callout tokens create --agent` makes one";
            let mut response =
                problem(StatusCode::UNAUTHORIZED, "The token is not taken", detail, Value::Null);
            let scheme = HeaderValue::from_static("Bearer realm=\"callout\"");
            response.headers_mut().insert(header::WWW_AUTHENTICATE, scheme);
            response
        }
        Err(error) => {
            tracing::warn!(%error, "a token could not be looked up");
            (StatusCode::SERVICE_UNAVAILABLE, [(header::RETRY_AFTER, "1")]).into_response()
        }
    }
}

/// The request, if what it posts is a message; the library would answer that its type is not taken.
async fn checked(request: HttpRequest) -> Result<HttpRequest, Response> {
    if request.method() != Method::POST {
        return Ok(request);
    }
    let (mut parts, body) = request.into_parts();
    let Ok(bytes) = to_bytes(body, BODY_BYTES_MAX).await else {
        let detail = format!("a request has {BODY_BYTES_MAX} bytes at most");
        return Err(problem(StatusCode::PAYLOAD_TOO_LARGE, "Too large", &detail, Value::Null));
    };
    let refused = |code, message| {
        let answer = json!({"jsonrpc": "2.0", "id": null, "error": {"code": code, "message": message}});
        (StatusCode::BAD_REQUEST, Json(answer)).into_response()
    };
    let Ok(message) = serde_json::from_slice::<Value>(&bytes) else {
        return Err(refused(PARSE_ERROR, "the body is no JSON"));
    };
    let is_id = |id: &Value| id.is_string() || id.is_i64();
    if message["jsonrpc"] != "2.0" || !message.get("id").is_none_or(is_id) {
        let expected =
            "expected one JSON-RPC 2.0 message: no batch, and an id that is a string or a whole number";
        return Err(refused(INVALID_REQUEST, expected));
    }
    // Answers are JSON; the library demands that a client takes streams as well, which some do not say.
    let takes = |accept: &HeaderValue| {
        accept.to_str().is_ok_and(|accept| accept.contains("*/*") || accept.contains("application/json"))
    };
    if parts.headers.get(header::ACCEPT).is_none_or(takes) {
        let both = HeaderValue::from_static("application/json, text/event-stream");
        parts.headers.insert(header::ACCEPT, both);
    }
    Ok(HttpRequest::from_parts(parts, Body::from(bytes)))
}

/// Answers for one request.
struct Handler {
    control: Control,
}

impl ServerHandler for Handler {
    fn get_info(&self) -> ServerConfig {
        let capabilities = ServerCapabilities::builder().enable_tools().build();
        ServerConfig::new(capabilities)
            .with_server_info(Implementation::new("callout", env!("CARGO_PKG_VERSION")))
            .with_instructions(INSTRUCTIONS)
    }

    async fn list_tools(
        &self,
        _request: Option<PaginatedRequestParams>,
        context: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        let who = caller(&context)?;
        let tools = Kind::ALL.into_iter().filter(|kind| kind.is_for(who)).map(Kind::tool).collect();
        Ok(ListToolsResult::with_all_items(tools))
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let who = caller(&context)?;
        let arguments = request.arguments.unwrap_or_default();
        // Only its known words: the rest is the agent's text.
        let mode = arguments.get("mode").and_then(Value::as_str);
        let mode = mode.and_then(|mode| ["dry_run", "commit"].into_iter().find(|known| *known == mode));
        let run = arguments.get("run_id").and_then(|run| run.as_str()?.parse::<RunId>().ok());
        let run = run.as_ref().map(RunId::as_str);
        let answer = self.call(who, &request.name, arguments).await;
        let code = answer.as_ref().err().map(|refusal| refusal.code);
        // What it called otherwise is the agent's text.
        let tool = Kind::named(&request.name).map_or("unknown", Kind::name);
        match code {
            None => {
                tracing::info!(
                    principal = who.name,
                    token = who.token,
                    tool,
                    mode,
                    run,
                    "an agent called a tool"
                )
            }
            Some(code) => {
                // Each of them is written, however many there are.
                tracing::warn!(target: "callout::audit", principal = who.name, token = who.token, tool, mode, run, code, "an agent was refused");
            }
        }
        let result = match answer {
            Ok(value) => CallToolResult::structured(value),
            Err(refusal) => refusal.result(),
        };
        Ok(result.into())
    }
}

impl Handler {
    async fn call(&self, who: &Principal, name: &str, arguments: JsonObject) -> Result<Value, Refusal> {
        let kind = Kind::named(name).filter(|kind| kind.is_for(who)).ok_or_else(|| {
            Refusal::new("scope_missing", "there is no such tool, or this token does not allow it")
        })?;
        if who.is_stopped {
            return Err(AgentRefusal::Stopped.into());
        }
        let control = &self.control;
        match kind {
            Kind::ApprovalGet => to_json(approvals::get(control, who, read(arguments)?).await?),
            Kind::EventTypes => to_json(events::types(control, who, &read(arguments)?)?),
            Kind::RunsList => to_json(runs::list(control, who, read(arguments)?).await?),
            Kind::RunTimeline => to_json(runs::timeline(control, who, read(arguments)?).await?),
            Kind::EventRaise => to_json(events::raise(control, who, read(arguments)?).await?),
            Kind::RunAck => to_json(runs::ack(control, who, read(arguments)?).await?),
            Kind::RunEscalate => to_json(runs::escalate(control, who, read(arguments)?).await?),
            Kind::DeadLettersList => to_json(letters::list(control, who, read(arguments)?).await?),
            Kind::DeadLetterReplay => to_json(letters::replay(control, who, read(arguments)?).await?),
        }
    }
}

fn caller(context: &RequestContext<RoleServer>) -> Result<&Principal, ErrorData> {
    let parts = context.extensions.get::<Parts>();
    let principal = parts.and_then(|parts| parts.extensions.get::<Principal>());
    principal.ok_or_else(|| ErrorData::internal_error("the request has no principal", None))
}

fn read<T: DeserializeOwned>(arguments: JsonObject) -> Result<T, Refusal> {
    serde_json::from_value(Value::Object(arguments)).map_err(|error| Refusal::invalid(error.to_string()))
}

fn to_json(answer: impl Serialize) -> Result<Value, Refusal> {
    serde_json::to_value(answer).map_err(|error| Refusal::new("unavailable", error.to_string()))
}
