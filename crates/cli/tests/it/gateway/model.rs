//! A model that follows a script, spoken to as OpenAI's are. In: a conversation. Out: the next call of a tool, or that it is
//! done.

use std::sync::{Arc, Mutex};

use axum::{
    Json, Router,
    extract::State,
    http::header,
    response::IntoResponse,
    routing::{get, post},
};
use serde_json::{Value, json};

/// What the model sees: what it was told last, and what its calls since then brought.
pub(super) struct Turn {
    pub(super) told: String,
    pub(super) results: Vec<String>,
}

/// Chooses the next call: a tool and its arguments.
type Script = fn(&Turn) -> Option<(&'static str, Value)>;

#[derive(Clone)]
pub(super) struct Model {
    script: Script,
    /// Everything that it was shown, for those who look whether something must not have been.
    shown: Arc<Mutex<Vec<Value>>>,
}

impl Model {
    /// Serves a model, and returns where.
    pub(super) async fn start(script: Script) -> (Self, String) {
        let model = Self { script, shown: Arc::default() };
        let routes = Router::new()
            .route(
                "/v1/models",
                get(|| async {
                    Json(json!({"object": "list", "data": [{"id": "scripted", "object": "model"}]}))
                }),
            )
            .route("/v1/chat/completions", post(complete))
            .layer(axum::extract::DefaultBodyLimit::disable())
            .with_state(model.clone());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/v1", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, routes).await });
        (model, url)
    }

    /// Everything that it was shown, as text.
    pub(super) fn shown(&self) -> String {
        self.shown.lock().unwrap().iter().map(Value::to_string).collect()
    }
}

async fn complete(State(model): State<Model>, Json(request): Json<Value>) -> impl IntoResponse {
    model.shown.lock().unwrap().push(request["messages"].clone());
    let messages = request["messages"].as_array().unwrap();
    let last = messages.iter().rposition(|message| message["role"] == "user").unwrap();
    let results = messages[last..].iter().filter(|message| message["role"] == "tool");
    let turn = Turn { told: text(&messages[last]), results: results.map(text).collect() };
    let offered = request["tools"].as_array().into_iter().flatten();
    let offered: Vec<&str> = offered.filter_map(|tool| tool["function"]["name"].as_str()).collect();
    let call = (model.script)(&turn).map(|(tool, arguments)| {
        let name = format!("callout__{tool}");
        // A gateway with many tools offers one that calls the others.
        if offered.contains(&name.as_str()) {
            (name, arguments)
        } else {
            ("tool_call".to_owned(), json!({"id": name, "args": arguments}))
        }
    });
    let (delta, finish) = match call {
        Some((name, arguments)) => {
            let function = json!({"name": name, "arguments": arguments.to_string()});
            let id = format!("call_{}_{}", messages.len(), turn.results.len());
            (
                json!({"role": "assistant", "tool_calls": [{"index": 0, "id": id, "type": "function", "function": function}]}),
                "tool_calls",
            )
        }
        None => (json!({"role": "assistant", "content": "NO_REPLY"}), "stop"),
    };
    let chunk = |choices: Value| json!({"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "scripted", "choices": choices});
    let mut usage = chunk(json!([]));
    usage["usage"] = json!({"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2});
    let chunks = [
        chunk(json!([{"index": 0, "delta": delta, "finish_reason": null}])),
        chunk(json!([{"index": 0, "delta": {}, "finish_reason": finish}])),
        usage,
    ];
    let body: String = chunks
        .iter()
        .map(|chunk| format!("data: {chunk}\n\n"))
        .chain(["data: [DONE]\n\n".to_owned()])
        .collect();
    ([(header::CONTENT_TYPE, "text/event-stream")], body)
}

/// The text of a message, whichever form it has.
fn text(message: &Value) -> String {
    let content = &message["content"];
    let parts = content.as_array().into_iter().flatten().filter_map(|part| part["text"].as_str());
    content.as_str().map_or_else(|| parts.collect(), str::to_owned)
}
