//! How a simulated process reaches the desk and the watcher.
//!
//! In: effects. Out: what the desk has then; answers, which may be lost. Never: decides what an answer means.

use std::sync::Arc;

use async_trait::async_trait;
use domain::{
    effect::{Act, EffectAnswer, OutcomeKind, Ticket},
    outbound::{Destinations, Subscription},
};
use integrations::Destination;
use ports::{DestinationClient, EffectRequest};

use crate::{
    chance::{Fault, Point, Side},
    process::Process,
};

/// The name of the desk, which is the queue of the workflows' tickets.
pub(crate) const DESK: &str = "desk";
const WATCHER: &str = "watcher";
/// How long after what it tells of an effect is given up, in seconds.
const GIVE_UP_AFTER_S: u32 = 3_600;

/// What the destinations want.
pub(crate) fn wanted() -> Destinations {
    let desk = Subscription { name: DESK.to_owned(), opens_tickets: true, ..Subscription::default() };
    let events = [OutcomeKind::RunExhausted, OutcomeKind::TicketOpened].into();
    let watcher = Subscription { name: WATCHER.to_owned(), events, ..Subscription::default() };
    Destinations(vec![desk, watcher])
}

/// The destinations as a process reaches them.
pub(crate) fn destinations(process: &Arc<Process>) -> Vec<Destination> {
    let destination = |name: &str| Destination {
        name: name.to_owned(),
        client: Arc::new(Client(process.clone())),
        in_flight_max: 1,
        in_order: name == WATCHER,
        give_up_after_s: GIVE_UP_AFTER_S,
    };
    vec![destination(DESK), destination(WATCHER)]
}

struct Client(Arc<Process>);

#[async_trait]
impl DestinationClient for Client {
    async fn carry_out(&self, request: &EffectRequest) -> EffectAnswer {
        let Self(process) = self;
        let (world, effect) = (&process.world, &request.effect);
        process.at(Point::Request, Side::Before).await;
        let mut done = None;
        match (effect.act, effect.run()) {
            (Act::OpenTicket, Some(run)) => {
                let number = world.desk.open(run, request.may_exist);
                done = Some(Ticket { destination: DESK.to_owned(), key: format!("#{number}"), url: None });
            }
            (Act::Notify, _) => world.desk.tell(effect.event.kind, &effect.event.id),
            (Act::OpenTicket | Act::UpdateTicket, _) => {}
        }
        world.note(format!("{:?} of {} done", effect.act, effect.id));
        process.at(Point::Request, Side::After).await;
        if world.chance.fires(Fault::AnswerLost) {
            return EffectAnswer::Failed { reason: "no answer".to_owned(), is_in_doubt: true };
        }
        EffectAnswer::Done(done)
    }
}
