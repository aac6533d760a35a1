//! `callout oncall import --dry-run`. In: a file or an address. Out: what it would put on call, and what it says besides.
//!
//! Never: changes what is in force.

use std::path::Path;

use config::{Scope, calendar_address};
use destinations::{CalendarClient, read_calendar_file};
use domain::{
    directory::{Calendar, CalendarSource},
    limits::CALENDAR_REFRESH_S_DEFAULT,
    oncall::{LayerName, LayerPlan, shifts},
    plural::counted,
    quiet_hours::zone,
};
use jiff::{SignedDuration, tz::TimeZone};
use ports::{CalendarFetched, CalendarReader as _, Clock as _, SystemClock};
use runtime::meant;
use serde_json::json;

use crate::{
    args::{Common, OnCallImport, Output},
    configuration,
    exit::Usage,
    not_taken::print_not_taken,
    output,
};

/// Shifts of so many days are shown.
const DAYS: i64 = 28;
/// Under which name the client knows the address of the command line.
const ARGUMENT: &str = "URL";

/// Reads a calendar and prints what is in it.
pub(crate) async fn import(common: &Common, args: &OnCallImport) -> anyhow::Result<()> {
    if !args.dry_run {
        let message = "a calendar is taken again and again, so oncall.toml names it: write [[calendar]] with schedule, \
                       time_zone and file or url_env, and reload; --dry-run shows what would be taken";
        return Err(Usage(message.to_owned()).into());
    }
    let (config, _) = configuration::load(&common.config, Scope::OPERATOR)?;
    let schedule = &args.schedule.schedule;
    let layer = args.schedule.layer.as_deref().unwrap_or("primary");
    let name = LayerName { schedule, layer };
    // As the calendar is configured, else as its layer's rotation is.
    let configured = config.directory.calendars.get(&(schedule.to_owned(), layer.to_owned()));
    let time_zone = configured.map(|calendar| calendar.time_zone.as_str());
    let time_zone = time_zone.or_else(|| config.directory.zone_of(name)).unwrap_or("UTC").to_owned();
    let source = CalendarSource::UrlIn { variable: ARGUMENT.to_owned(), allow_private: true };
    let text = if args.from.contains("://") {
        let url = calendar_address(&args.from).map_err(|fault| Usage(format!("the address {fault}")))?;
        let client = CalendarClient::new([(ARGUMENT.to_owned(), url)].into())?;
        match client.read(&source, None).await.map_err(anyhow::Error::msg)? {
            CalendarFetched::Text { text, .. } => text,
            CalendarFetched::Same => anyhow::bail!("the server sent nothing"),
        }
    } else {
        read_calendar_file(Path::new(&args.from)).map_err(anyhow::Error::msg)?
    };
    let calendar = Calendar {
        time_zone: time_zone.clone(),
        source,
        refresh_s: CALENDAR_REFRESH_S_DEFAULT,
        shifts: None,
    };
    let now = SystemClock.now();
    let meant = meant(&text, &calendar, &config.directory.contacts, now).map_err(anyhow::Error::msg)?;
    let until = now + SignedDuration::from_hours(24 * DAYS);
    let plan = LayerPlan { calendar: Some(&meant.shifts), rotations: &[] };
    let shown = shifts(name, plan, &[], now, until);
    let ahead = meant.shifts.ahead(now);
    if common.output == Output::Json {
        return output::json(&json!({
            "schedule": schedule, "layer": layer, "time_zone": time_zone, "shifts_ahead": ahead, "shifts": shown,
            "not_taken": meant.not_taken, "passed_over": meant.passed_over,
        }));
    }
    output::line(format!("{schedule}/{layer}  times in {time_zone}, the next {DAYS} days"));
    let zone = zone(&time_zone).unwrap_or(TimeZone::UTC);
    for shift in &shown {
        let local = |at: jiff::Timestamp| at.to_zoned(zone.clone()).strftime("%a %Y-%m-%d %H:%M").to_string();
        let who = shift.contact.as_deref().unwrap_or("NOBODY");
        output::line(format!("  {} - {}  {who}", local(shift.from), local(shift.until)));
    }
    print_not_taken(&meant.not_taken, &meant.passed_over);
    output::line(format!("{} ahead; nothing was changed", counted(ahead, "shift")));
    Ok(())
}
