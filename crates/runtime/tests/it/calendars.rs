//! Calendars of layers, from where they are kept into force. In: what a reader answers. Out: who is on call in each process.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
};

use async_trait::async_trait;
use conformance::{
    fixture::at,
    roles::{directory, paging},
};
use domain::{
    directory::{Calendar, CalendarSource, Directory},
    oncall::{LayerName, copy::CalendarState},
    outbound::Destinations,
};
use jiff::{SignedDuration, Timestamp};
use ports::{CalendarFetched, CalendarReader};
use runtime::{CalendarReading, RunService, WorkflowRegistry};

use crate::harness::World;

const LAYER: LayerName<'_> = LayerName { schedule: "desk", layer: "primary" };

/// Answers as it is told, and notes with which `ETag` it is asked.
#[derive(Default)]
struct Reader {
    answers: Mutex<VecDeque<Result<CalendarFetched, String>>>,
    asked: Mutex<Vec<Option<String>>>,
}

#[async_trait]
impl CalendarReader for Reader {
    fn origin(&self, source: &CalendarSource) -> String {
        format!("{source:?}")
    }

    async fn read(&self, _: &CalendarSource, etag: Option<&str>) -> Result<CalendarFetched, String> {
        self.asked.lock().unwrap().push(etag.map(str::to_owned));
        // Others have time to begin the same.
        tokio::task::yield_now().await;
        self.answers.lock().unwrap().pop_front().unwrap_or_else(|| Err("nothing more".to_owned()))
    }
}

fn with_calendar(file: &str) -> Directory {
    let calendar = Calendar {
        time_zone: "UTC".to_owned(),
        source: CalendarSource::File(file.into()),
        refresh_s: 900,
        shifts: None,
    };
    Directory { calendars: [(("desk".to_owned(), "primary".to_owned()), calendar)].into(), ..directory() }
}

/// A calendar in which somebody is on call for the ten days after a time.
fn text(summary: &str, from: Timestamp) -> Result<CalendarFetched, String> {
    let time = |at: Timestamp| at.strftime("%Y%m%dT%H%M%SZ").to_string();
    let until = from + SignedDuration::from_hours(240);
    let text = format!(
        "BEGIN:VCALENDAR\nBEGIN:VEVENT\nUID:{summary}\nSUMMARY:{summary}\nDTSTART:{}\nDTEND:{}\nEND:VEVENT\nEND:VCALENDAR\n",
        time(from),
        time(until)
    );
    Ok(CalendarFetched::Text { text, etag: Some(format!("\"{summary}\"")) })
}

fn empty() -> Result<CalendarFetched, String> {
    Ok(CalendarFetched::Text { text: "BEGIN:VCALENDAR\nEND:VCALENDAR\n".to_owned(), etag: None })
}

async fn process(world: &World) -> Arc<RunService> {
    let runs = Arc::new(world.service(paging()));
    configure(&runs, with_calendar("desk.ics")).await;
    runs
}

async fn configure(runs: &RunService, directory: Directory) {
    runs.replace(WorkflowRegistry::new([paging()]), directory, Destinations::default()).await.unwrap();
}

fn reading(world: &World, runs: &Arc<RunService>, reader: &Arc<Reader>) -> CalendarReading {
    let (runs, store, clock) = (runs.clone(), world.store.clone(), world.clock.clone());
    CalendarReading { runs, store, reader: reader.clone(), clock }
}

fn on_call(runs: &RunService) -> Option<String> {
    let (directory, now) = (runs.directory(), runs.now());
    directory.on_call(LAYER, &[], now).map(|who| who.contact.to_owned())
}

async fn state(world: &World) -> CalendarState {
    world.store.calendars().await.unwrap().into_iter().next().unwrap()
}

#[tokio::test]
async fn one_process_reads_and_all_follow_without_a_restart() {
    let (world, reader) = (World::new(), Arc::new(Reader::default()));
    reader.answers.lock().unwrap().extend([
        text("Ada", at(0)),
        Ok(CalendarFetched::Same),
        text("Ben", at(0)),
    ]);
    let (one, other) = (process(&world).await, process(&world).await);
    let both = [reading(&world, &one, &reader), reading(&world, &other, &reader)];
    let read_both = async || {
        let (first, second) = tokio::join!(both[0].read_due(), both[1].read_due());
        for runs in [&one, &other] {
            runs.refresh_calendars().await.unwrap();
        }
        first.unwrap() + second.unwrap()
    };
    assert_eq!(on_call(&one), None);
    assert_eq!(read_both().await, 1);
    assert_eq!((on_call(&one).as_deref(), on_call(&other).as_deref()), (Some("ada"), Some("ada")));
    assert_eq!(read_both().await, 0, "not due yet");
    for (seconds, contact) in [(900, "ada"), (1_800, "ben")] {
        world.clock.set(at(seconds));
        assert_eq!(read_both().await, 1);
        assert_eq!((on_call(&one).as_deref(), on_call(&other).as_deref()), (Some(contact), Some(contact)));
    }
    let asked = reader.asked.lock().unwrap().clone();
    assert_eq!(asked, [None, Some("\"Ada\"".to_owned()), Some("\"Ada\"".to_owned())]);
    // A process that starts finds the copy.
    let third = process(&world).await;
    third.refresh_calendars().await.unwrap();
    assert_eq!(on_call(&third).as_deref(), Some("ben"));
}

#[tokio::test]
async fn the_last_good_copy_stays_whatever_comes_instead() {
    let (world, reader) = (World::new(), Arc::new(Reader::default()));
    let html = Ok(CalendarFetched::Text { text: "<html>Sign in</html>".to_owned(), etag: None });
    let odd = Ok(CalendarFetched::Text { text: "BEGIN:VCALENDAR\nBEGIN:VEVENT\n".to_owned(), etag: None });
    let bad = [Err("the server answers 404 Not Found".to_owned()), html, odd, empty(), text("Nobody", at(0))];
    let says = [
        "answers 404",
        "it is HTML",
        "it was cut off",
        "no shift ahead any more, and had 1",
        "1 shift of people that contacts.toml does not have: ",
    ];
    reader.answers.lock().unwrap().push_back(text("Ada", at(0)));
    reader.answers.lock().unwrap().extend(bad);
    let runs = process(&world).await;
    let reading = reading(&world, &runs, &reader);
    reading.read_due().await.unwrap();
    let mut now = 900;
    for (failures, says) in (1..).zip(says) {
        world.clock.set(at(now));
        assert_eq!(reading.read_due().await.unwrap(), 1, "{says}");
        runs.refresh_calendars().await.unwrap();
        let state = state(&world).await;
        let error = state.error.unwrap();
        assert!(error.contains(says), "{error}");
        assert_eq!((state.failures, state.copy.unwrap().read_at), (failures, at(0)));
        assert_eq!(on_call(&runs).as_deref(), Some("ada"), "{says}");
        now += 60;
    }
    // Where no shift is ahead any more, an empty calendar is as good.
    world.clock.set(at(11 * 24 * 3_600));
    reader.answers.lock().unwrap().push_back(empty());
    reading.read_due().await.unwrap();
    assert_eq!(state(&world).await.error, None);
}

#[tokio::test]
async fn a_reload_keeps_the_shifts_and_reads_another_place_at_once() {
    let (world, reader) = (World::new(), Arc::new(Reader::default()));
    reader.answers.lock().unwrap().extend([text("Ada", at(0)), text("Ben", at(0))]);
    let runs = process(&world).await;
    let reading = reading(&world, &runs, &reader);
    reading.read_due().await.unwrap();
    runs.refresh_calendars().await.unwrap();
    configure(&runs, with_calendar("desk.ics")).await;
    assert_eq!(on_call(&runs).as_deref(), Some("ada"));
    assert_eq!(reading.read_due().await.unwrap(), 0);
    configure(&runs, with_calendar("other.ics")).await;
    assert_eq!(on_call(&runs).as_deref(), Some("ada"), "until the other is read");
    assert_eq!(reading.read_due().await.unwrap(), 1);
    runs.refresh_calendars().await.unwrap();
    assert_eq!(on_call(&runs).as_deref(), Some("ben"));
    // One that is named differently means somebody else at once.
    let mut renamed = with_calendar("other.ics");
    renamed.contacts.remove("ben");
    configure(&runs, renamed).await;
    assert_eq!(on_call(&runs), None);
}
