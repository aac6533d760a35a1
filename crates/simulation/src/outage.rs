//! A provider that is away for ten minutes while work piles up. In: how much work. Out: what was tried, and when what
//! went out. Never: a real minute.

use std::{
    collections::{BTreeMap, HashMap},
    time::Duration,
};

use domain::{id::RunId, workflow::Lane};
use jiff::{SignedDuration, Timestamp};
use ports::Clock as _;

use crate::{
    chance::{Chance, Fault},
    scenario::{QUIET_WITHIN, contacts, event, on_a_paused_clock, workflows},
    world::{Habits, World, lane_of},
};

/// How long nothing is taken.
const OUTAGE: Duration = Duration::from_secs(600);

/// The outcome.
#[derive(Debug, Clone)]
pub struct Outage {
    /// Requests while the provider was away.
    pub requests: usize,
    /// Of these, retries.
    pub retries: usize,
    /// The most requests of one second.
    pub busiest_second: usize,
    /// Texts that went out afterwards.
    pub texts: usize,
    /// Pages whose deadlines passed during the outage, and that have a ticket instead.
    pub tickets: usize,
    /// When half of a lane's backlog was gone, counted from the end of the outage.
    pub half_drained: BTreeMap<Lane, SignedDuration>,
}

/// Lets so many notes of the standard and the bulk lane, and a page for every hundred, wait for a provider that
/// answers 503 for ten minutes.
///
/// # Errors
/// What is not as it should be at the end.
pub fn run_outage(count: u64) -> Result<Outage, String> {
    on_a_paused_clock(async move {
        let chance = Chance::scripted(Vec::new(), vec![Fault::TooManyRequests], Vec::new());
        let world = World::start(chance, workflows(), contacts(), Habits::default()).await;
        let kinds = |number: u64| match number {
            number if number.is_multiple_of(100) => "page.created",
            number if number.is_multiple_of(2) => "held.created",
            _ => "note.created",
        };
        for number in 0..count {
            world.send(&event(kinds(number), number)).await;
        }
        let outage = SignedDuration::try_from(OUTAGE).map_err(|error| error.to_string())?;
        let over = world.clock.now() + outage;
        world.clock.sleep_until(over).await;
        world.chance.calm();
        if !world.run_until_quiet(QUIET_WITHIN).await {
            return Err("something is to be done still".to_owned());
        }
        let requests = world.provider.requests();
        let early: Vec<&(Timestamp, u16)> = requests.iter().filter(|(at, _)| *at < over).collect();
        let mut seconds: BTreeMap<i64, usize> = BTreeMap::new();
        early.iter().for_each(|(at, _)| *seconds.entry(at.as_second()).or_default() += 1);
        let taken = world.provider.taken();
        let sent: HashMap<&RunId, Timestamp> =
            taken.iter().rev().map(|text| (&text.submission.message.run, text.at)).collect();
        let (runs, mut tickets) = (world.store.all_runs(), 0);
        let mut sent_at: BTreeMap<Lane, Vec<SignedDuration>> = BTreeMap::new();
        for number in 0..count {
            let event = event(kinds(number), number);
            let workflow = event.kind.trim_end_matches(".created");
            let id = RunId::derive(&event.key.source, &event.key.id, workflow, event.subject.as_deref());
            let Some(at) = sent.get(&id).copied() else {
                // A page that was tried during the outage has passed its deadlines, and has a ticket.
                let run = runs.iter().find(|run| *run.id() == id);
                if run.is_none_or(|run| run.ticket().is_none()) {
                    return Err(format!("event {} led to no text and no ticket", event.key.id));
                }
                tickets += 1;
                continue;
            };
            sent_at.entry(lane_of(&event.kind)).or_default().push(at.duration_since(over));
        }
        world.shut_down();
        Ok(Outage {
            requests: early.len(),
            retries: early.iter().filter(|(_, attempt)| *attempt > 1).count(),
            busiest_second: seconds.values().copied().max().unwrap_or(0),
            texts: taken.len(),
            tickets,
            half_drained: sent_at.into_iter().map(|(lane, times)| (lane, median(times))).collect(),
        })
    })
}

fn median(mut times: Vec<SignedDuration>) -> SignedDuration {
    times.sort();
    times.get(times.len() / 2).copied().unwrap_or(SignedDuration::ZERO)
}
