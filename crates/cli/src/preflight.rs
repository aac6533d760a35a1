//! `callout preflight`: may production send? In: the configuration, the account, the public URL. Out: findings, and an exit
//! code; a whole one is kept in the store.
//!
//! Never: changes anything at the provider, or keeps a part of a preflight as a whole one.

mod gather;
mod stand_in;

use std::{collections::BTreeSet, process::ExitCode};

use anyhow::Context as _;
use config::{Config, Scope, Secrets};
use control::{Answer, Request};
use domain::{
    plural::counted,
    preflight::{Check, Finding, PreflightReport, Severity, is_passing, sorted},
};
use ports::{Clock as _, SystemClock};
use serde::Serialize;

use crate::{
    args::{Common, Output, Preflight},
    configuration::{self, REMOTE_URL, env},
    control_client::{self, UNEXPECTED_ANSWER},
    exit::Usage,
    output,
    provider::Account,
};

use gather::Gathered;

/// The result, for scripts.
#[derive(Serialize)]
struct Shown<'a> {
    passed: bool,
    /// Whether every check was made, so that it counts for a start in production.
    is_whole: bool,
    #[serde(flatten)]
    report: &'a PreflightReport,
}

/// Makes the checks; exit 1 if one found an error.
pub(crate) async fn run(common: &Common, args: &Preflight) -> anyhow::Result<ExitCode> {
    if env(REMOTE_URL).is_some() {
        let message =
            format!("a preflight is made with the configuration and the account's token: unset {REMOTE_URL}");
        return Err(Usage(message).into());
    }
    let checks: BTreeSet<Check> = args.chosen();
    let asks_twilio = checks.iter().any(|check| !matches!(check, Check::Templates | Check::Coverage));
    let scope = Scope { provider: asks_twilio, webhooks: asks_twilio, ..Scope::OPERATOR };
    let (config, secrets) = configuration::load(&common.config, scope)?;
    if asks_twilio && secrets.twilio.is_none() {
        let message = "there is no account to look at: set TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN, or look at the \
                       configuration alone with --only templates,coverage";
        return Err(Usage(message.to_owned()).into());
    }
    let findings = made(common, args, &checks, &config, &secrets).await?;
    let account = Account::configured(&config.infrastructure, secrets);
    let report = PreflightReport {
        at: SystemClock.now(),
        environment: config.infrastructure.environment.clone(),
        account: account.sid().unwrap_or_default().to_owned(),
        sender: account.sender_id(),
        configuration: config.digest.clone(),
        findings: sorted(findings),
    };
    let is_whole = checks.len() == Check::ALL.len();
    match common.output {
        Output::Json => output::json(&Shown { passed: is_passing(&report), is_whole, report: &report })?,
        Output::Text => print(&report, is_whole),
    }
    let passed = is_passing(&report);
    if is_whole {
        let request = Request::KeepPreflight { report: Box::new(report) };
        let kept = control_client::execute(&common.config, "", request).await;
        kept.context("the preflight could not be kept, so no start in production counts it")?;
    }
    Ok(if passed { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn made(
    common: &Common,
    args: &Preflight,
    checks: &BTreeSet<Check>,
    config: &Config,
    secrets: &Secrets,
) -> anyhow::Result<Vec<Finding>> {
    let mut gathered = Gathered::new(config, secrets)?;
    let mut findings = Vec::new();
    for check in checks {
        output::remark(format!("checking {}", check.as_str()));
        findings.extend(match check {
            Check::Account => gathered.account().await,
            Check::Sender => gathered.sender().await,
            Check::Registration => gathered.registration().await,
            Check::Countries => gathered.countries().await,
            Check::Webhook => gathered.webhook().await?,
            Check::Templates => gathered.templates(),
            Check::Coverage => {
                let asked = control_client::execute(&common.config, "", Request::Gaps { days: args.days });
                let Answer::Gaps { gaps, clashes } = asked.await? else { anyhow::bail!(UNEXPECTED_ANSWER) };
                domain::preflight::coverage(&gaps, &clashes, args.days)
            }
        });
    }
    Ok(findings)
}

fn print(report: &PreflightReport, is_whole: bool) {
    for Finding { severity, id, what, remedy, .. } in &report.findings {
        output::wrapped(&format!("{:<8} {id}: {what}", severity.as_str()), 9);
        if !remedy.is_empty() {
            output::wrapped(&format!("         -> {remedy}"), 12);
        }
    }
    let verdict = if is_passing(report) { "passed" } else { "FAILED" };
    let part = if is_whole { "" } else { ", of the chosen checks alone, which no start counts" };
    output::line(format!(
        "{verdict}: {}, {}{part}",
        counted(report.count(Severity::Error), "error"),
        counted(report.count(Severity::Warning), "warning")
    ));
}
