//! How a service knows us. In: what the configuration names. Out: the header of a request.
//!
//! Never: a secret in a URL.

use reqwest::RequestBuilder;

use crate::Token;

/// A user with a secret, or a secret alone, which is then a bearer token.
#[derive(Debug, Clone)]
pub struct Login {
    /// The user's name.
    pub user: Option<String>,
    /// The password or token.
    pub secret: Token,
}

impl Login {
    pub(crate) fn authorize(&self, request: RequestBuilder) -> RequestBuilder {
        match &self.user {
            Some(user) => request.basic_auth(user, Some(self.secret.expose())),
            None => request.bearer_auth(self.secret.expose()),
        }
    }
}
