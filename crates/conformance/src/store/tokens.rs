//! Tokens of the API. In: tokens. Out: a panic where one is lost, or lives on.
//!
//! Never: decides whether a token is in force.

use std::{collections::BTreeSet, sync::Arc};

use domain::{
    agent_stop::AgentStop,
    token::{Scope, Token, TokenRequest},
};
use ports::Store;

use crate::fixture::at;

fn token(n: u8, made_at: i64) -> Token {
    let request = TokenRequest {
        label: format!("tool {n}"),
        scopes: [Scope::Read, Scope::Operate].into(),
        raises: [].into(),
        is_agent: false,
        teams: BTreeSet::from(["payments".to_owned()]),
        expires_at: Some(at(1_000)),
    };
    Token::mint(request, "ada", &[n; 32], at(made_at)).unwrap().0
}

/// With everything it says.
pub async fn a_token_is_found_until_it_is_removed(store: Arc<dyn Store>) {
    let (one, other) = (token(1, 0), token(2, 0));
    store.add_token(&one).await.unwrap();
    store.add_token(&other).await.unwrap();
    assert_eq!(store.token(&one.id).await.unwrap(), Some(one.clone()));
    assert!(store.remove_token(&one.id).await.unwrap());
    assert_eq!(store.token(&one.id).await.unwrap(), None);
    assert!(!store.remove_token(&one.id).await.unwrap());
    assert_eq!(store.tokens().await.unwrap(), [other]);
}

/// An expired one is among them.
pub async fn tokens_are_listed_in_the_order_they_were_made(store: Arc<dyn Store>) {
    let tokens: Vec<Token> = (1..=6).map(|n| token(n, i64::from(n))).collect();
    for token in &tokens {
        store.add_token(token).await.unwrap();
    }
    assert_eq!(store.tokens().await.unwrap(), tokens);
}

/// A caller that heard nothing adds it again.
pub async fn adding_a_token_again_changes_nothing(store: Arc<dyn Store>) {
    let once = token(1, 0);
    store.add_token(&once).await.unwrap();
    store.add_token(&Token { label: "another".to_owned(), ..once.clone() }).await.unwrap();
    assert_eq!(store.tokens().await.unwrap(), [once]);
}

/// One of them, and all of them. The first to stop one is who did.
pub async fn agents_are_stopped_until_they_are_let_go_on(store: Arc<dyn Store>) {
    let stop = |label: Option<&str>, by: &str| AgentStop {
        label: label.map(str::to_owned),
        by: by.to_owned(),
        why: "it raises what nobody asked for".to_owned(),
        at: at(1),
    };
    let (one, all) = (stop(Some("helper"), "ada"), stop(None, "eve"));
    assert_eq!(store.agent_stops().await.unwrap(), []);
    store.stop_agents(&one).await.unwrap();
    store.stop_agents(&stop(Some("helper"), "eve")).await.unwrap();
    store.stop_agents(&all).await.unwrap();
    assert_eq!(store.agent_stops().await.unwrap(), [all, one.clone()]);
    assert!(store.start_agents(None).await.unwrap());
    assert_eq!(store.agent_stops().await.unwrap(), [one]);
    assert!(!store.start_agents(Some("other")).await.unwrap());
    assert!(store.start_agents(Some("helper")).await.unwrap());
    assert!(!store.start_agents(Some("helper")).await.unwrap());
    assert_eq!(store.agent_stops().await.unwrap(), []);
}
