//! `callout consent show|grant|revoke|import|export`. In: arguments, a CSV file. Out: what is known afterwards, a report,
//! and such a file.
//!
//! Never: prints a whole number that it was not given, apart from the export; a bad row stops no other.

use std::{fs::File, io::Read, path::Path, process::ExitCode};

use anyhow::Context as _;
use control::{Answer, ConsentView, NewConsent, RecordedChange, Request};
use domain::{
    consent::{ConsentChange, ConsentEntry},
    phone::E164,
    plural::counted,
    workflow::Category,
};
use jiff::Timestamp;
use ports::{Clock as _, SystemClock};
use serde::Deserialize;
use serde_json::json;

use crate::{
    args::{Common, Consent, ConsentImport, Output, Proof},
    control_client::{ControlClient, UNEXPECTED_ANSWER, execute},
    output,
};

/// Bad rows that are listed one by one.
const ROWS_LISTED_MAX: usize = 50;
/// After so many rows a note says how far it is.
const NOTED_EVERY: u64 = 5_000;

/// Carries out a command.
pub(crate) async fn run(common: &Common, command: Consent) -> anyhow::Result<ExitCode> {
    match command {
        Consent::Show { number } => show(common, "", Request::ShowConsent { number }).await?,
        Consent::Grant { number, category, proof } => {
            record(common, number, RecordedChange::Grant(category), proof).await?;
        }
        Consent::Revoke { number, category, proof } => {
            let change = category.map_or(RecordedChange::OptOut, RecordedChange::Revoke);
            record(common, number, change, proof).await?;
        }
        Consent::Import(args) => return import(common, args).await,
        Consent::Export => export(common).await?,
    }
    Ok(ExitCode::SUCCESS)
}

async fn record(common: &Common, number: E164, change: RecordedChange, proof: Proof) -> anyhow::Result<()> {
    let Proof { evidence, wording, channel, at, by } = proof;
    let new = NewConsent { number, change, at, is_import: false, evidence, wording, channel };
    show(common, &by, Request::RecordConsent(new)).await
}

async fn show(common: &Common, by: &str, request: Request) -> anyhow::Result<()> {
    let Answer::Consent { view } = execute(&common.config, by, request).await? else {
        anyhow::bail!(UNEXPECTED_ANSWER);
    };
    match common.output {
        Output::Json => output::json(&view)?,
        Output::Text => print(&view),
    }
    Ok(())
}

fn print(view: &ConsentView) {
    let ConsentView { opted_out_since, permitted, entries, .. } = view;
    match opted_out_since {
        Some(since) => output::line(format!("opted out since {}: nothing may be sent", output::time(*since))),
        None if permitted.is_empty() => output::line("no texts may be sent: no grant is recorded"),
        None => {
            let names: Vec<_> = permitted.iter().map(|category| category.as_str()).collect();
            output::line(format!("may be sent: {}", names.join(", ")));
        }
    }
    if entries.is_empty() {
        output::line("no evidence is recorded");
    }
    for entry in entries {
        let category = match entry.change {
            ConsentChange::Grant(category) | ConsentChange::Revoke(category) => {
                format!(" {}", category.as_str())
            }
            ConsentChange::OptOut | ConsentChange::OptIn => String::new(),
        };
        let said =
            |name: &str, text: &str| if text.is_empty() { String::new() } else { format!(", {name} {text}") };
        output::wrapped(
            &format!(
                "{}  {}{category}  {}: {}{}{}{}",
                output::time(entry.at),
                entry.change.as_str(),
                entry.source,
                entry.evidence,
                said("by", &entry.channel),
                said("recorded by", &entry.by),
                said("shown:", &entry.wording),
            ),
            4,
        );
    }
}

/// A row of a file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    number: String,
    change: String,
    #[serde(default)]
    category: String,
    #[serde(default)]
    at: String,
    #[serde(default)]
    evidence: String,
    #[serde(default)]
    wording: String,
    #[serde(default)]
    channel: String,
    /// Written by an export; whoever imports is the source.
    #[serde(default, rename = "source")]
    _source: String,
    #[serde(default, rename = "by")]
    _by: String,
}

impl Row {
    /// What it records; else what is wrong with it, without the number.
    fn read(self, place: &str) -> Result<NewConsent, String> {
        let number = self.number.trim().parse::<E164>().map_err(|error| format!("number: {error}"))?;
        let category = || {
            let found = Category::ALL.into_iter().find(|category| category.as_str() == self.category.trim());
            let names = Category::ALL.map(Category::as_str).join(", ");
            found.ok_or_else(|| format!("category: expected one of {names}"))
        };
        let change = match self.change.trim() {
            "grant" => RecordedChange::Grant(category()?),
            "revoke" => RecordedChange::Revoke(category()?),
            "opt_out" => RecordedChange::OptOut,
            "opt_in" => return Err("change: opt_in is the phone's own START, and is not imported".to_owned()),
            _ => return Err("change: expected grant, revoke or opt_out".to_owned()),
        };
        let at =
            match self.at.trim() {
                "" => None,
                text => Some(text.parse::<Timestamp>().map_err(|_| {
                    "at: expected a time with its zone, such as 2026-01-31T09:30:00Z".to_owned()
                })?),
            };
        // What is imported is refused then; a dry run says so as well.
        if let Some(at) = at.filter(|at| *at > SystemClock.now()) {
            return Err(format!("{at} is in the future"));
        }
        let evidence = if self.evidence.trim().is_empty() { place.to_owned() } else { self.evidence };
        let (wording, channel) = (self.wording, self.channel);
        Ok(NewConsent { number, change, at, is_import: true, evidence, wording, channel })
    }
}

/// The columns of a file that is written; those of one that is read, and what it does not take over.
const COLUMNS: [&str; 9] =
    ["number", "change", "category", "at", "evidence", "wording", "channel", "source", "by"];

/// Prints every entry once, page by page.
async fn export(common: &Common) -> anyhow::Result<()> {
    let client = ControlClient::open(&common.config).await?;
    let written = write_entries(common, &client).await;
    client.close().await;
    written
}

async fn write_entries(common: &Common, client: &ControlClient) -> anyhow::Result<()> {
    let (mut entries, mut after, mut left_out) = (Vec::<ConsentEntry>::new(), None, 0_usize);
    loop {
        let answer = client.execute("", Request::ListConsent { after }).await?;
        let Answer::ConsentEntries { entries: page, next, unreadable } = answer else {
            anyhow::bail!(UNEXPECTED_ANSWER);
        };
        output::unreadable(&unreadable);
        left_out += unreadable.len();
        entries.extend(page);
        after = next;
        if after.is_none() {
            break;
        }
    }
    // A page may repeat what another one has.
    entries.sort_by(|one, other| key(one).cmp(&key(other)));
    entries.dedup_by(|one, other| key(one) == key(other));
    if common.output == Output::Json {
        output::json(&entries)?;
    } else {
        let mut rows = csv::Writer::from_writer(Vec::new());
        rows.write_record(COLUMNS)?;
        for entry in &entries {
            rows.write_record(row(entry))?;
        }
        output::bytes(&rows.into_inner()?);
    }
    anyhow::ensure!(left_out == 0, "{} could not be read and are left out", counted(left_out, "entry"));
    Ok(())
}

/// By number, then by time.
fn key(entry: &ConsentEntry) -> (&str, Timestamp, &str, ConsentChange, &str) {
    (entry.number.as_str(), entry.at, &entry.source, entry.change, &entry.evidence)
}

fn row(entry: &ConsentEntry) -> [String; COLUMNS.len()] {
    let (change, category) = match entry.change {
        ConsentChange::Grant(category) => ("grant", category.as_str()),
        ConsentChange::Revoke(category) => ("revoke", category.as_str()),
        ConsentChange::OptOut => ("opt_out", ""),
        ConsentChange::OptIn => ("opt_in", ""),
    };
    let ConsentEntry { number, at, source, evidence, wording, channel, by, .. } = entry.clone();
    let number = number.as_str().to_owned();
    [number, change.to_owned(), category.to_owned(), at.to_string(), evidence, wording, channel, source, by]
}

/// What became of a file.
#[derive(Debug, Default)]
struct Report {
    rows: u64,
    recorded: u64,
    bad: Vec<(u64, String)>,
}

async fn import(common: &Common, args: ConsentImport) -> anyhow::Result<ExitCode> {
    let ConsentImport { file, dry_run, by } = args;
    let name = file.file_name().map_or_else(|| "standard input".into(), |name| name.to_string_lossy());
    let mut rows = csv::ReaderBuilder::new().trim(csv::Trim::Headers).from_reader(reader(&file)?);
    let headers = rows.headers().with_context(|| format!("{name} is no CSV file"))?.clone();
    anyhow::ensure!(
        headers.iter().any(|name| name == "number") && headers.iter().any(|name| name == "change"),
        "the first row of {name} must name the columns; number and change are required"
    );
    let client = if dry_run { None } else { Some(ControlClient::open(&common.config).await?) };
    let mut report = Report::default();
    let mut record = csv::StringRecord::new();
    loop {
        let line = rows.position().line();
        match rows.read_record(&mut record) {
            Ok(false) => break,
            Ok(true) => {}
            Err(error) => {
                report.rows += 1;
                report.bad.push((line, csv_fault(&error)));
                // What cannot be read as text may go on; a file that cannot be read does not.
                if error.is_io_error() {
                    break;
                }
                continue;
            }
        }
        report.rows += 1;
        let line = record.position().map_or(line, csv::Position::line);
        let row = match swallowed(&record) {
            true => Err("opens quotes that a later row closes, and the rows up to there were read as one: close them, and \
                         import these rows again"
                .to_owned()),
            false => record.deserialize::<Row>(Some(&headers)).map_err(|error| csv_fault(&error)),
        };
        let done = match row.and_then(|row| row.read(&format!("{name}:{line}"))) {
            Err(wrong) => Err(wrong),
            Ok(new) => match &client {
                None => Ok(()),
                // What a server refuses is the row's fault or the server's: each is said, and the next is tried.
                Some(client) => client
                    .execute(&by, Request::RecordConsent(new))
                    .await
                    .map(drop)
                    .map_err(|e| format!("{e:#}")),
            },
        };
        match done {
            Ok(()) => report.recorded += 1,
            Err(wrong) => report.bad.push((line, wrong)),
        }
        if report.rows % NOTED_EVERY == 0 {
            output::note(format!("{} so far", counted(report.rows, "row")));
        }
    }
    if let Some(client) = client {
        client.close().await;
    }
    say(common, &report, dry_run)?;
    Ok(if report.bad.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Whether a field holds other rows: a line of it begins as one.
fn swallowed(record: &csv::StringRecord) -> bool {
    let begins =
        |line: &str| line.split(',').next().is_some_and(|first| first.trim().parse::<E164>().is_ok());
    record.iter().any(|field| field.lines().skip(1).any(begins))
}

fn reader(file: &Path) -> anyhow::Result<Box<dyn Read>> {
    if file == Path::new("-") {
        return Ok(Box::new(std::io::stdin()));
    }
    let opened = File::open(file).with_context(|| format!("{} cannot be read", file.display()))?;
    Ok(Box::new(opened))
}

/// A fault of the reader in words, without what it read.
fn csv_fault(error: &csv::Error) -> String {
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "kinds may be added, and say by themselves what they are"
    )]
    match error.kind() {
        csv::ErrorKind::Utf8 { .. } => "is no UTF-8".to_owned(),
        csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
            format!("has {len} fields where the first row has {expected_len}")
        }
        csv::ErrorKind::Deserialize { err, .. } => format!("cannot be read: {}", err.kind()),
        _ => error.to_string(),
    }
}

fn say(common: &Common, report: &Report, dry_run: bool) -> anyhow::Result<()> {
    let Report { rows, recorded, bad } = report;
    if common.output == Output::Json {
        let bad: Vec<_> = bad.iter().map(|(line, why)| json!({"line": line, "error": why})).collect();
        return output::json(&json!({"rows": rows, "recorded": recorded, "dry_run": dry_run, "bad": bad}));
    }
    for (line, wrong) in bad.iter().take(ROWS_LISTED_MAX) {
        output::wrapped(&format!("line {line}: {wrong}"), 4);
    }
    if bad.len() > ROWS_LISTED_MAX {
        output::line(format!("and {} more", bad.len() - ROWS_LISTED_MAX));
    }
    let verb = if dry_run { "would be recorded" } else { "recorded" };
    output::line(format!("{} read, {recorded} {verb}, {} bad", counted(*rows, "row"), bad.len()));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_that_swallow_other_rows_are_noticed() {
        let rows = |text: &str| {
            let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(text.as_bytes());
            reader.records().map(|record| swallowed(&record.unwrap())).collect::<Vec<_>>()
        };
        assert_eq!(rows("+14155550101,grant,\"5\"\" screen\n+14155550102,opt_out,x\n"), [true]);
        assert_eq!(
            rows("+14155550101,grant,\"two\nlines, +14155550102\"\n+14155550102,opt_out,x\n"),
            [false; 2]
        );
    }
}
