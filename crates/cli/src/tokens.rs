//! `callout tokens create|list|revoke`. In: arguments. Out: tokens; a new one in clear, this once.
//!
//! Never: stores or logs a token in clear.

use std::collections::BTreeSet;

use anyhow::{Context as _, anyhow};
use config::Scope;
use control::{Answer, Request};
use domain::event::holds_type;
use domain::token::{Grant, Token, TokenRequest};
use jiff::{Timestamp, tz::TimeZone};
use ports::{Clock as _, SystemClock};
use serde_json::json;

use crate::{
    args::{Common, Output, Tokens, TokensCreate},
    configuration::{self, REMOTE_URL, env},
    control_client::{UNEXPECTED_ANSWER, execute},
    exit::Usage,
    output,
};

/// Carries out a command.
pub(crate) async fn run(common: &Common, command: Tokens) -> anyhow::Result<()> {
    if env(REMOTE_URL).is_some() {
        let message = "tokens are made, listed and revoked on the machine that callout runs on: unset CALLOUT_URL there";
        return Err(Usage(message.to_owned()).into());
    }
    match command {
        Tokens::Create(args) => create(common, args).await,
        Tokens::List => show(common, &ask(common, "", Request::ListTokens).await?),
        Tokens::Revoke(mut args) => {
            // Whoever has found a token may give all of it.
            if let Some(id) = Token::id_in(&args.id) {
                args.id = id.to_owned();
            }
            ask(common, &args.by, Request::RevokeToken { id: args.id.clone() }).await?;
            match common.output {
                Output::Json => output::json(&json!({"revoked": args.id})),
                Output::Text => {
                    output::line(format!("{} is revoked: what uses it is refused from now on", args.id));
                    Ok(())
                }
            }
        }
    }
}

async fn create(common: &Common, args: TokensCreate) -> anyhow::Result<()> {
    let now = SystemClock.now();
    let until = |span: jiff::Span| {
        let until = now.to_zoned(TimeZone::UTC).checked_add(span);
        until.map(|until| until.timestamp()).context("--expires is too long")
    };
    let (mut scopes, mut raises) = (BTreeSet::new(), BTreeSet::new());
    for grant in args.scopes {
        match grant {
            Grant::Scope(scope) => _ = scopes.insert(scope),
            Grant::Raise(kind) => _ = raises.insert(kind),
        }
    }
    let request = TokenRequest {
        label: args.label,
        scopes,
        raises,
        teams: args.teams.into_iter().collect(),
        is_agent: args.agent,
        expires_at: args.expires.map(until).transpose()?,
    };
    let acts = [domain::token::Scope::Observe, domain::token::Scope::Escalate];
    let is_blind = !request.scopes.contains(&domain::token::Scope::Read);
    let blind: Vec<&str> =
        acts.iter().filter(|scope| request.scopes.contains(scope)).map(|scope| scope.as_str()).collect();
    if is_blind && !blind.is_empty() {
        let scopes = blind.join(" and ");
        output::note(format!(
            "warning: without --scope read an agent sees no run, and has no tool for {scopes}"
        ));
    }
    for warning in unknown(common, &request)? {
        output::note(format!("warning: {warning}"));
    }
    let (token, clear) =
        Token::mint(request, &args.by, &rand::random(), now).map_err(|error| Usage(error.to_string()))?;
    ask(common, &args.by, Request::AddToken { token: token.clone() }).await?;
    match common.output {
        Output::Json => {
            let source = (!token.raises.is_empty()).then(|| token.source());
            output::json(
                &json!({"id": token.id, "token": clear, "expires_at": token.expires_at, "source": source}),
            )?;
        }
        Output::Text => {
            output::note("this is the only time that the token is shown; `callout tokens revoke` ends it");
            if !token.raises.is_empty() {
                output::note(format!("the source of the events that it sends must be {:?}", token.source()));
            }
            output::line(clear);
        }
    }
    match output::lost() {
        None => Ok(()),
        Some(error) => Err(anyhow!(
            "token {id} was made, and could not be shown: {error}; end it with `callout tokens revoke {id}`, and make another",
            id = token.id
        )),
    }
}

/// What the token names and the configuration does not: it may come later.
fn unknown(common: &Common, request: &TokenRequest) -> anyhow::Result<Vec<String>> {
    let (config, _) = configuration::load(&common.config, Scope::OPERATOR)?;
    let of_workflows = config.workflows.iter().filter_map(|workflow| workflow.team.as_deref());
    let of_sources = config.infrastructure.sources.iter().filter_map(|source| source.team.as_deref());
    let of_contacts = config.directory.contacts.values().filter_map(|contact| contact.team.as_deref());
    let teams: BTreeSet<&str> = of_workflows.chain(of_sources).chain(of_contacts).collect();
    let strange = request.teams.iter().filter(|team| !teams.contains(team.as_str()));
    let mut found: Vec<String> =
        strange.map(|team| format!("nothing in the configuration is of team {team:?}")).collect();
    let definitions = || config.workflows.iter().map(|workflow| &workflow.definition);
    let taken: Vec<&String> =
        definitions().flat_map(|one| [Some(&one.event), one.resolved_by.as_ref()]).flatten().collect();
    let is_taken = |held: &String| taken.iter().any(|kind| holds_type(std::slice::from_ref(held), kind));
    let untaken = request.raises.iter().filter(|held| !is_taken(held));
    found.extend(untaken.map(|kind| format!("no workflow takes events of type {kind:?}")));
    Ok(found)
}

async fn ask(common: &Common, by: &str, request: Request) -> anyhow::Result<Vec<Token>> {
    let Answer::Tokens { tokens } = execute(&common.config, by, request).await? else {
        anyhow::bail!(UNEXPECTED_ANSWER);
    };
    Ok(tokens)
}

fn show(common: &Common, tokens: &[Token]) -> anyhow::Result<()> {
    if common.output == Output::Json {
        let shown = |token: &Token| {
            json!({
                "id": token.id, "label": token.label, "agent": token.is_agent, "scopes": token.grants(), "teams": token.teams,
                "created_at": token.created_at, "created_by": token.created_by, "expires_at": token.expires_at,
            })
        };
        return output::json(&tokens.iter().map(shown).collect::<Vec<_>>());
    }
    if tokens.is_empty() {
        output::line("no tokens; `callout tokens create --label NAME` makes one");
    }
    let now = SystemClock.now();
    for token in tokens {
        let teams: Vec<_> = token.teams.iter().map(String::as_str).collect();
        let teams = if teams.is_empty() { "every team".to_owned() } else { teams.join(", ") };
        let expiry = token.expires_at.map_or("does not expire".to_owned(), |at| expiry(at, now));
        let grants = token.grants().join(", ");
        let agent = if token.is_agent { "  agent" } else { "" };
        output::wrapped(&format!("{}  {}{agent}  {grants}  {teams}  {expiry}", token.id, token.label), 4);
    }
    Ok(())
}

fn expiry(at: Timestamp, now: Timestamp) -> String {
    let word = if at <= now { "expired" } else { "expires" };
    format!("{word} {}", output::time(at))
}
