//! Runs the scenario: posts events, and shows timelines as they are written.
//!
//! In: events and expectations. Out: lines on the terminal, and outcomes.

use std::collections::BTreeMap;

use anyhow::{Context as _, bail};
use config::Config;
use control::{Answer, Control, Principal, Request, RunQuery, RunView};
use domain::{id::RunId, time::after_ms};
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use serde_json::{Value, json};
use twilio_sim::{PhoneHandle, PhoneText};

use crate::{
    args::Output,
    demo::{agent::Agent, setup::key_of},
    drawn_timeline, output,
    server::Server,
    wiring,
};

/// How often a timeline is read while the scenario waits, in milliseconds.
pub(crate) const READ_EVERY_MS: i64 = 40;
/// The phones of the examples.
const PHONES: [&str; 5] = ["+14155550101", "+14155550102", "+14155550103", "+14155550104", "+14155550105"];

/// An expectation, and whether it was met.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Outcome {
    /// What was expected.
    pub(crate) expected: String,
    /// Whether it happened.
    pub(crate) as_expected: bool,
}

/// The running server, and how much of each timeline was shown.
pub(crate) struct Stage<'a> {
    server: &'a Server,
    control: Control,
    client: reqwest::Client,
    output: Output,
    begun_at: Timestamp,
    runs: Vec<RunId>,
    shown: BTreeMap<RunId, usize>,
    /// How many texts of each phone were shown: received, sent.
    texts_shown: BTreeMap<&'static str, (usize, usize)>,
    outcomes: Vec<Outcome>,
}

impl<'a> Stage<'a> {
    pub(crate) fn new(server: &'a Server, output: Output) -> anyhow::Result<Self> {
        Ok(Self {
            server,
            control: server.wiring.control(),
            client: http_client::client_builder(http_client::Reach::Plain).build()?,
            output,
            begun_at: server.clock.now(),
            runs: Vec::new(),
            shown: BTreeMap::new(),
            texts_shown: BTreeMap::new(),
            outcomes: Vec::new(),
        })
    }

    /// The time of the server's clock.
    pub(crate) fn now(&self) -> Timestamp {
        self.server.clock.now()
    }

    /// A software agent with a token of its own.
    pub(crate) async fn agent(&self) -> anyhow::Result<Agent> {
        let api = self.server.api_url.as_ref().context("the demo needs its API")?;
        Agent::admit(&self.control, api, self.now()).await
    }

    /// Has a run shown to which an event led that was posted elsewhere.
    pub(crate) fn add(&mut self, run: &RunId) {
        if !self.runs.contains(run) {
            self.runs.push(run.clone());
        }
    }

    /// A simulated phone.
    pub(crate) fn phone(&self, number: &str) -> anyhow::Result<PhoneHandle> {
        Ok(self.server.simulator.as_ref().context("the demo needs its simulator")?.phone(number))
    }

    /// Texts that the simulated provider has accepted so far.
    pub(crate) fn texts_sent(&self) -> u64 {
        self.server.simulator.as_ref().map_or(0, |simulator| simulator.view(|view| view.accepted()))
    }

    /// Waits until a phone has received a text that begins so, or the time is up.
    pub(crate) async fn wait_for_text(
        &self,
        number: &str,
        beginning: &str,
        within: SignedDuration,
    ) -> anyhow::Result<()> {
        let (phone, until) = (self.phone(number)?, self.now() + within);
        while self.now() < until && !phone.texts().iter().any(|text| text.body.starts_with(beginning)) {
            self.server.clock.sleep_until(after_ms(self.now(), READ_EVERY_MS)).await;
        }
        Ok(())
    }

    /// Prints a line.
    pub(crate) fn note(&self, text: &str) {
        self.print(text);
    }

    /// Prints a heading.
    pub(crate) fn say(&self, text: &str) {
        self.print(&format!("\n{text}"));
    }

    pub(crate) fn print(&self, text: &str) {
        if self.output == Output::Text {
            output::line(text);
        }
    }

    /// Posts an event, and returns the HTTP status and the run it belongs to.
    pub(crate) async fn event(
        &mut self,
        workflow: &str,
        kind: &str,
        id: &str,
        subject: &str,
        data: Value,
    ) -> anyhow::Result<(u16, RunId)> {
        let source = if kind.starts_with("invoice") { "billing" } else { "monitoring" };
        let event = json!({
            "specversion": "1.0", "id": id, "source": source, "type": kind, "subject": subject,
            "time": self.now().to_string(), "data": data,
        });
        let response = self
            .client
            .post(self.server.url.join(ingest::EVENTS_PATH)?)
            .bearer_auth(key_of(source))
            .header("content-type", "application/cloudevents+json")
            .body(event.to_string())
            .send()
            .await?;
        let status = response.status().as_u16();
        self.print(&format!("  POST /v1/events  {kind} {id}  ->  {status}"));
        if status >= 300 {
            bail!("the event was refused: {}", response.text().await?);
        }
        let run = RunId::derive(source, id, workflow, Some(subject));
        self.add(&run);
        Ok((status, run))
    }

    /// Shows a run's timeline as it grows, until the run is as expected or the time is up.
    pub(crate) async fn follow(
        &mut self,
        run: &RunId,
        within: SignedDuration,
        is_expected: impl Fn(&RunView) -> bool,
    ) -> anyhow::Result<Option<RunView>> {
        let until = self.now() + within;
        loop {
            if let Some(view) = self.read(run).await? {
                self.show_new_lines(run, &view, "");
                self.show_new_texts();
                if is_expected(&view) {
                    return Ok(Some(view));
                }
            }
            if self.now() >= until {
                return Ok(None);
            }
            let next = after_ms(self.now(), READ_EVERY_MS);
            self.server.clock.sleep_until(next).await;
        }
    }

    /// The run, or `None` while its event is still waiting.
    pub(crate) async fn read(&self, run: &RunId) -> anyhow::Result<Option<RunView>> {
        let principal = Principal::operator("demo");
        match self.control.execute(&principal, Request::ShowRun { id: run.clone(), reveal: false }).await {
            Ok(Answer::Run { run, .. }) => Ok(Some(*run)),
            Err(control::ControlError::NotFound(_)) => Ok(None),
            Ok(_) => bail!(crate::control_client::UNEXPECTED_ANSWER),
            Err(error) => Err(error.into()),
        }
    }

    /// The latest runs, latest first.
    pub(crate) async fn latest(&self, max: u16) -> anyhow::Result<Vec<RunView>> {
        let principal = Principal::operator("demo");
        let query = RunQuery { max, ..RunQuery::default() };
        let answer = self.control.execute(&principal, Request::ListRuns(query)).await?;
        let Answer::Runs { runs, .. } = answer else { bail!(crate::control_client::UNEXPECTED_ANSWER) };
        Ok(runs)
    }

    /// Shows nothing of what happened to a run so far.
    pub(crate) async fn pass_over(&mut self, run: &RunId) -> anyhow::Result<()> {
        if let Some(view) = self.read(run).await? {
            self.shown.insert(run.clone(), view.timeline.len());
        }
        Ok(())
    }

    /// Whether lines of this run were shown.
    pub(crate) fn has_shown(&self, run: &RunId) -> bool {
        self.shown.contains_key(run)
    }

    /// Shows the lines of a timeline that are new, each after `of`.
    pub(crate) fn show_new_lines(&mut self, run: &RunId, view: &RunView, of: &str) {
        let shown = self.shown.get(run).copied().unwrap_or(0);
        for line in view.timeline.iter().skip(shown) {
            self.print(&format!("  {}  {of}{}", self.after(line.at), line.text));
        }
        self.shown.insert(run.clone(), view.timeline.len());
    }

    /// Shows the texts that reached phones or left them since the last call.
    pub(crate) fn show_new_texts(&mut self) {
        let Some(simulator) = &self.server.simulator else { return };
        let mut lines = Vec::new();
        for phone in PHONES {
            let (received, sent) = simulator.view(|view| (view.texts(phone), view.sent(phone)));
            let shown = self.texts_shown.insert(phone, (received.len(), sent.len())).unwrap_or_default();
            let line = |text: &PhoneText, verb: &str| (text.at, format!("{phone} {verb}: {}", text.body));
            lines.extend(received.iter().skip(shown.0).map(|text| line(text, "shows")));
            lines.extend(sent.iter().skip(shown.1).map(|text| line(text, "replies")));
        }
        lines.sort();
        for (at, line) in lines {
            self.print(&format!("  {}  | {line}", self.after(at)));
        }
    }

    /// How long after the demo's beginning something happened.
    fn after(&self, at: Timestamp) -> String {
        format!("{:5.1} s", at.duration_since(self.begun_at).as_secs_f64().max(0.0))
    }

    /// From here on nobody answers by themselves, and waits are long enough for a person.
    pub(crate) async fn try_out(&self, config: Config) -> anyhow::Result<()> {
        for phone in PHONES {
            self.phone(phone)?.answers(Vec::new());
        }
        Ok(self
            .server
            .wiring
            .runs()
            .replace(wiring::workflows(&config), config.directory.clone(), config.destinations())
            .await?)
    }

    /// Notes whether an expectation was met.
    pub(crate) fn check(&mut self, expected: &str, as_expected: bool) {
        self.print(&format!("  {}  {expected}", if as_expected { "[ok]    " } else { "[FAILED]" }));
        self.outcomes.push(Outcome { expected: expected.to_owned(), as_expected });
    }

    /// Prints every run's timeline, and returns the outcomes: all of them, or those until it was stopped.
    pub(crate) async fn finish(&self, is_over: bool) -> anyhow::Result<&[Outcome]> {
        if self.output == Output::Text && !self.runs.is_empty() {
            output::line("\nEvery run, as `callout runs show` explains it:");
            for run in &self.runs {
                if let Some(view) = self.read(run).await? {
                    output::line("");
                    output::run(&view);
                    drawn_timeline::print(&view.timeline);
                }
            }
            let wrong = self.outcomes.iter().filter(|outcome| !outcome.as_expected).count();
            output::line(format!(
                "\n{} of {} outcomes as expected{}",
                self.outcomes.len() - wrong,
                self.outcomes.len(),
                if is_over { "" } else { ", and others not seen" }
            ));
        }
        Ok(&self.outcomes)
    }
}
