//! `callout oncall now|show|override|swap|undo|calendar`. In: arguments. Out: who is on call, from when to when, and why.
//!
//! Never: decides who is on call.

use control::{Answer, LayerQuery, LayerView, NewOverride, OverrideView, Request, ShiftSwap};
use domain::{
    oncall::{Shift, copy::CalendarState},
    plural::counted,
    quiet_hours::zone,
    status::age,
};
use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use ports::{Clock as _, SystemClock};

use crate::{
    args::{Common, Layer, OnCall, OnCallCalendar, OnCallOverride, OnCallShow, OnCallSwap, Output},
    control_client::{UNEXPECTED_ANSWER, execute},
    import_calendar as import,
    not_taken::print_not_taken,
    output,
};

/// The layer that is meant where a schedule is named alone, as in a step.
const PRIMARY: &str = "primary";
/// The end of a shift is looked for in so many days.
const END_WITHIN_DAYS: i64 = 92;
/// The shifts of so many days are in the JSON of who is on call now.
const SHOWN_DAYS: i64 = 14;

/// Carries out a command.
pub(crate) async fn run(common: &Common, command: OnCall) -> anyhow::Result<()> {
    match command {
        OnCall::Now { at } => now(common, at.unwrap_or_else(|| SystemClock.now())).await,
        OnCall::Show(args) => show(common, args).await,
        OnCall::Override(OnCallOverride { layer, contact, from, until, why, by }) => {
            let (schedule, layer) = named(layer);
            let new = NewOverride { schedule, layer, contact, from, until, why };
            changed(common, &by, Request::AddOverride(new)).await
        }
        OnCall::Swap(OnCallSwap { layer, one, other, after, why, by }) => {
            let (schedule, layer) = named(layer);
            let swap = ShiftSwap { schedule, layer, contacts: [one, other], after, why };
            changed(common, &by, Request::SwapShifts(swap)).await
        }
        OnCall::Calendar(OnCallCalendar { layer, contact, days }) => {
            let (query, days) = (meant(layer), Some(days));
            let request = Request::ShowCalendar { query, contact, days };
            let Answer::Calendar { text } = execute(&common.config, "", request).await? else {
                anyhow::bail!(UNEXPECTED_ANSWER);
            };
            output::bytes(text.as_bytes());
            Ok(())
        }
        OnCall::Import(args) => import::import(common, &args).await,
        OnCall::Undo { id, by } => changed(common, &by, Request::RemoveOverride { id }).await,
    }
}

fn named(Layer { schedule, layer }: Layer) -> (String, String) {
    (schedule, layer.unwrap_or_else(|| PRIMARY.to_owned()))
}

async fn ask(common: &Common, by: &str, request: Request) -> anyhow::Result<Vec<LayerView>> {
    let Answer::OnCall { layers } = execute(&common.config, by, request).await? else {
        anyhow::bail!(UNEXPECTED_ANSWER);
    };
    Ok(layers)
}

/// Each layer's first shift of a span that begins at `at`.
async fn now(common: &Common, at: Timestamp) -> anyhow::Result<()> {
    let until = at + SignedDuration::from_hours(24 * END_WITHIN_DAYS);
    let request = Request::ShowOnCall { query: LayerQuery::default(), from: Some(at), until: Some(until) };
    let mut layers = ask(common, "", request).await?;
    if common.output == Output::Json {
        let until = at + SignedDuration::from_hours(24 * SHOWN_DAYS);
        layers.iter_mut().for_each(|layer| layer.shifts.retain(|shift| shift.from < until));
        return output::json(&layers);
    }
    if layers.is_empty() {
        output::line("no schedules; oncall.toml has none");
    }
    for layer in &layers {
        let name = format!("{}/{}", layer.schedule, layer.layer);
        let Some(shift) = layer.shifts.first() else { continue };
        let by = by_override(layer, shift);
        let end = if shift.goes_on {
            format!("no end within {END_WITHIN_DAYS} days")
        } else {
            format!("until {}", local(layer, shift.until))
        };
        output::wrapped(&format!("{name:<28}  {}  {end}{by}", who(shift)), 30);
        let soon = at + SignedDuration::from_hours(24 * SHOWN_DAYS);
        print_clashes(layer, soon);
    }
    Ok(())
}

/// Events of its calendar that put several people on call at once, those that begin before a time.
fn print_clashes(layer: &LayerView, until: Timestamp) {
    for clash in layer.clashes.iter().filter(|clash| clash.from < until) {
        output::wrapped(&format!("  warning  {clash}"), 11);
    }
}

async fn show(common: &Common, args: OnCallShow) -> anyhow::Result<()> {
    let (_, layers) = shown(common, args.layer, args.from, args.days).await?;
    print(common, &layers)
}

/// Which layers are meant.
fn meant(layer: Option<Layer>) -> LayerQuery {
    layer.map_or_else(LayerQuery::default, |Layer { schedule, layer }| LayerQuery {
        schedule: Some(schedule),
        layer,
    })
}

/// The layers that are meant, for so many days from a time, or from now on.
async fn shown(
    common: &Common,
    layer: Option<Layer>,
    from: Option<Timestamp>,
    days: u16,
) -> anyhow::Result<(Timestamp, Vec<LayerView>)> {
    let from = from.unwrap_or_else(|| SystemClock.now());
    let until = from + SignedDuration::from_hours(24 * i64::from(days));
    let query = meant(layer);
    let request = Request::ShowOnCall { query, from: Some(from), until: Some(until) };
    Ok((from, ask(common, "", request).await?))
}

async fn changed(common: &Common, by: &str, request: Request) -> anyhow::Result<()> {
    let layers = ask(common, by, request).await?;
    print(common, &layers)
}

fn print(common: &Common, layers: &[LayerView]) -> anyhow::Result<()> {
    if common.output == Output::Json {
        return output::json(&layers);
    }
    if layers.is_empty() {
        output::line("no schedules; oncall.toml has none");
    }
    print_layers(layers);
    Ok(())
}

/// Prints layers with their shifts and overrides.
pub(crate) fn print_layers(layers: &[LayerView]) {
    for (index, layer) in layers.iter().enumerate() {
        if index > 0 {
            output::line("");
        }
        output::line(format!("{}/{}  times in {}", layer.schedule, layer.layer, layer.time_zone));
        for shift in &layer.shifts {
            let (from, until) = (local(layer, shift.from), local(layer, shift.until));
            let until = if shift.goes_on { format!("{until} and on") } else { until.to_string() };
            output::wrapped(&format!("  {from} - {until}  {}{}", who(shift), by_override(layer, shift)), 44);
        }
        print_clashes(layer, Timestamp::MAX);
        if let Some(state) = &layer.calendar {
            print_calendar(state, SystemClock.now());
        }
        for OverrideView { id, held } in &layer.overrides {
            let (from, until) = (local(layer, held.from), local(layer, held.until));
            let by = if held.by.is_empty() { String::new() } else { format!(", made by {}", held.by) };
            let why = if held.why.is_empty() { String::new() } else { format!(": {}", held.why) };
            output::wrapped(&format!("  override {id}  {from} - {until}  {}{by}{why}", held.contact), 4);
        }
    }
}

/// What is known of a calendar: how old its copy is, what went wrong, and what it says that is not taken.
fn print_calendar(state: &CalendarState, now: Timestamp) {
    match &state.copy {
        Some(copy) => {
            let (ago, shifts) = (age(now, copy.read_at), counted(copy.shifts, "shift"));
            output::line(format!("  calendar  confirmed {ago} ago, with {shifts} then"));
            print_not_taken(&copy.not_taken, &copy.passed_over);
        }
        None => output::line("  calendar  NO COPY: it puts nobody on call"),
    }
    if let Some(error) = &state.error {
        let failures = counted(state.failures, "failure");
        output::wrapped(&format!("  calendar  CANNOT BE READ ({failures} in a row): {error}"), 12);
    }
}

fn who(shift: &Shift) -> &str {
    shift.contact.as_deref().unwrap_or("NOBODY")
}

fn by_override(layer: &LayerView, shift: &Shift) -> String {
    let held = layer.overrides.iter().find(|held| Some(&held.id) == shift.by_override.as_ref());
    let by_calendar = if shift.by_calendar { "  (calendar)" } else { "" };
    held.map_or_else(|| by_calendar.to_owned(), |held| format!("  (override {})", held.id))
}

/// A time as people of the layer read it.
fn local(layer: &LayerView, at: Timestamp) -> impl std::fmt::Display {
    let zone = zone(&layer.time_zone).unwrap_or(TimeZone::UTC);
    at.to_zoned(zone).strftime("%a %Y-%m-%d %H:%M").to_string()
}
