//! `callout check`. In: the configuration. Out: every mistake, or what callout would do with it.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    process::ExitCode,
    sync::Arc,
};

use config::{Backend, Config, Problem, Problems, Secrets};
use domain::{
    coverage::{Barred, clashes, gaps},
    directory::CalendarSource,
    limits::COVERAGE_DAYS,
    notice::Notices,
    plural::counted,
    unguarded_fields::{unfit_fields, unguarded_fields},
    workflow::Workflow,
};
use ports::{Clock as _, SystemClock};
use runtime::meant;
use serde::Serialize;
use serde_json::json;

use crate::{
    args::{Common, Output, Role},
    configuration::{self, env},
    destinations,
    exit::{self, Misconfigured},
    output, unlikely,
};

/// Checks what processes with these roles need, or all of them.
pub(crate) fn run(common: &Common, roles: &[Role]) -> anyhow::Result<ExitCode> {
    let scope = Role::scope(&Role::chosen(roles));
    let read = configuration::load(&common.config, scope).and_then(|(config, secrets)| {
        let problems = unusable(&common.config, &config, roles);
        if !problems.is_empty() {
            return Err(Misconfigured(problems).into());
        }
        if scope.destinations {
            destinations::all(&config, &secrets)?;
        }
        Ok((config, secrets))
    });
    let (mut config, secrets) = match read {
        Ok(read) => read,
        Err(error) => {
            if let (Output::Json, Some(Misconfigured(problems))) = (common.output, error.downcast_ref()) {
                let errors: Vec<Mistake<'_>> = problems.0.iter().map(Mistake::of).collect();
                output::json(&json!({"valid": false, "errors": errors}))?;
            }
            return Ok(exit::report(&error));
        }
    };
    let calendars = calendar_warnings(&mut config);
    let notices =
        config.infrastructure.replies.wording.as_ref().and_then(|wording| Notices::compile(wording).ok());
    let costly = notices.iter().flat_map(Notices::warnings);
    let adapters = config
        .infrastructure
        .sources
        .iter()
        .flat_map(|source| source.adapters.warnings(&source.name, &config.workflows));
    let unlikely = unlikely::warnings(&common.config, &config, &secrets);
    let warnings: Vec<String> = config
        .workflows
        .iter()
        .flat_map(field_warnings)
        .chain(adapters)
        .chain(costly)
        .chain(unlikely)
        .chain(calendars)
        .chain(gap_warnings(&config))
        .chain(clash_warnings(&config))
        .collect();
    let summary = Summary::of(&config, &secrets, scope.provider);
    match common.output {
        Output::Json => {
            let workflows: Vec<_> = config
                .workflows
                .iter()
                .map(|w| json!({"name": w.name(), "hash": &*w.hash, "stage": w.definition.stage.as_str()}))
                .collect();
            output::json(&json!({
                "valid": true, "warnings": warnings, "files": config.files, "workflows": workflows,
                "summary": summary
            }))?;
        }
        Output::Text => {
            config.files.iter().for_each(|file| output::line(format!("read {}", file.display())));
            warnings.iter().for_each(|warning| output::line(format!("warning: {warning}")));
            summary.print(&config);
            output::line(format!(
                "valid: {}, {}, {}, {}",
                counted(config.workflows.len(), "workflow"),
                counted(config.directory.contacts.len(), "contact"),
                counted(config.directory.rotations.values().map(Vec::len).sum::<usize>(), "rotation"),
                counted(config.directory.calendars.len(), "calendar")
            ));
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// What `callout serve` would refuse although each setting is right by itself.
fn unusable(file: &Path, config: &Config, roles: &[Role]) -> Problems {
    let mut problems = Problems::default();
    if let Err(error) = telemetry::Traces::from_env(env) {
        problems.add(file, None, error);
    }
    if let Err(error) = telemetry::MetricExport::check(env) {
        problems.add(file, None, error);
    }
    if roles.contains(&Role::Api) && config.infrastructure.api_listen.is_none() {
        let message =
            "the role api needs to know where to listen: give [api] listen, for example \"127.0.0.1:8081\"";
        problems.add(file, None, message.to_owned());
    }
    problems
}

/// One mistake, for scripts.
#[derive(Serialize)]
struct Mistake<'a> {
    file: &'a Path,
    line: Option<usize>,
    message: &'a str,
}

impl<'a> Mistake<'a> {
    fn of(problem: &'a Problem) -> Self {
        Self { file: &problem.file, line: problem.line, message: &problem.message }
    }
}

/// What callout would do with the configuration.
#[derive(Serialize)]
struct Summary {
    environment: String,
    /// How many numbers may be texted; every number when absent.
    recipients: Option<usize>,
    /// What stands for the provider; absent where the roles do not send.
    provider: Option<&'static str>,
    backend: &'static str,
    public_url: Option<String>,
    /// The queues that workflows ask for tickets in, and what opens them; nothing does when absent.
    tickets: BTreeMap<String, Option<&'static str>>,
}

impl Summary {
    fn of(config: &Config, secrets: &Secrets, sends: bool) -> Self {
        let infrastructure = &config.infrastructure;
        Self {
            environment: infrastructure.environment.clone(),
            recipients: infrastructure.allow_recipients.as_ref().map(std::collections::BTreeSet::len),
            provider: sends.then(|| match &secrets.twilio {
                None => "simulator in this process",
                Some(twilio) if twilio.api_base.is_some() => "TWILIO_API_BASE instead of Twilio",
                Some(_) => "Twilio",
            }),
            backend: match infrastructure.backend {
                Backend::Embedded { .. } => "embedded",
                Backend::Fleet(_) => "fleet",
            },
            public_url: infrastructure.twilio.public_url.as_ref().map(ToString::to_string),
            tickets: tickets(config),
        }
    }

    fn print(&self, config: &Config) {
        output::line(format!("environment  {}", self.environment));
        output::line(match self.recipients {
            None => "may text     every number".to_owned(),
            Some(0) => {
                format!("may text     nobody: [{}] allow_recipients lists no number", self.environment)
            }
            Some(count) => format!("may text     {} (allow_recipients)", counted(count, "number")),
        });
        if let Some(provider) = self.provider {
            output::line(format!("sends by     {provider}"));
        }
        output::line(format!("backend      {}", self.backend));
        output::line(format!("public URL   {}", self.public_url.as_deref().unwrap_or("none")));
        for (queue, kind) in &self.tickets {
            let by =
                kind.unwrap_or("nobody: no destination of integrations.toml has this name and keeps tickets");
            output::line(format!("tickets      {queue}: {by}"));
        }
        for name in ["live", "canary", "shadow"] {
            let in_stage = |workflow: &&Workflow| workflow.definition.stage.as_str() == name;
            let names: Vec<_> = config.workflows.iter().filter(in_stage).map(Workflow::name).collect();
            if !names.is_empty() {
                output::line(format!("{name:<11}  {}", names.join(", ")));
            }
        }
    }
}

/// The queues that workflows ask for tickets in, each with the kind of destination that opens them.
fn tickets(config: &Config) -> BTreeMap<String, Option<&'static str>> {
    let tracker = |queue: &str| {
        let of_queue = |destination: &&config::Destination| {
            let subscription = &destination.subscription;
            subscription.opens_tickets && subscription.name == queue
        };
        config.integrations.iter().find(of_queue).map(|destination| destination.kind.name())
    };
    let asked = config.workflows.iter().flat_map(|workflow| workflow.definition.ticket_queues());
    asked.map(|queue| (queue.to_owned(), tracker(queue))).collect()
}

/// Times at which a step would text nobody, as far as the files alone tell.
/// What the calendars in files say that puts nobody on call. They are in force for the gaps that are looked for next.
fn calendar_warnings(config: &mut Config) -> Vec<String> {
    let (now, directory) = (SystemClock.now(), &mut config.directory);
    let mut warnings = Vec::new();
    for ((schedule, layer), calendar) in &mut directory.calendars {
        let of = format!("the calendar of {schedule}/{layer}");
        let path = match &calendar.source {
            CalendarSource::File(path) => path,
            CalendarSource::UrlIn { .. } => {
                warnings.push(format!(
                    "{of} is behind an address, which is not read here: `callout oncall import --dry-run --schedule \
                     {schedule}/{layer} URL` shows what it says"
                ));
                continue;
            }
        };
        let meant = ::destinations::read_calendar_file(path)
            .and_then(|text| meant(&text, calendar, &directory.contacts, now));
        match meant {
            Ok(meant) => {
                warnings.extend(meant.not_taken.iter().map(|event| {
                    format!(
                        "{of}: event {:?}, UID {}, puts nobody on call: it {}",
                        event.summary, event.uid, event.why
                    )
                }));
                warnings.extend(meant.passed_over.iter().map(|part| format!("{of}: {part}")));
                calendar.shifts = Some(Arc::new(meant.shifts));
            }
            Err(why) => warnings.push(format!("{of} cannot be read: {why}")),
        }
    }
    warnings
}

fn gap_warnings(config: &Config) -> Vec<String> {
    let barred = Barred { environment: &config.environment, opted_out: &BTreeSet::new() };
    let (now, none) = (SystemClock.now(), []);
    let gaps = gaps(&config.workflows, &config.directory, &none, barred, now, COVERAGE_DAYS);
    gaps.iter().map(ToString::to_string).collect()
}

fn clash_warnings(config: &Config) -> Vec<String> {
    let clashes = clashes(&config.directory, SystemClock.now(), COVERAGE_DAYS);
    clashes.iter().map(ToString::to_string).collect()
}

/// What a workflow's template writes although an event may lack it, or although its type does not fit.
fn field_warnings(workflow: &Workflow) -> Vec<String> {
    let absent = unguarded_fields(&workflow.template, &workflow.schema);
    let unfit = unfit_fields(&workflow.template, &workflow.schema);
    let unfit_warning = |(field, line): (String, u32)| {
        format!(
            "workflow {}: line {line} of the text cannot work with every value that the schema allows for `{field}`, as \
             with `round` of a text; it is then written as it is, or the text is replaced by a plain one. \
             Declare another type, or leave the filter out",
            workflow.name()
        )
    };
    let absent_warning = |field: String| {
        format!(
            "workflow {}: the text uses `{field}`, which an event may lack; it is then written as nothing. \
             Make it required, or use `{{{{ {field} | default(\"...\") }}}}`",
            workflow.name()
        )
    };
    absent.into_iter().map(absent_warning).chain(unfit.into_iter().map(unfit_warning)).collect()
}
