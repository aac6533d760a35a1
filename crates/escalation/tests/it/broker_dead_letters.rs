//! A bus that holds dead letters. In: letters that it was told of and that it gave up. Out: what the worker took off it.

use std::{
    cell::Cell,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, AtomicUsize, Ordering},
    },
};

use async_trait::async_trait;
use conformance::{
    fixture::{at, letter},
    roles::until,
};
use domain::{
    broker_origin::BrokerOrigin,
    event::Event,
    limits::BROKER_DEAD_LETTERS_MAX,
    source_quota::Quota,
    timeline::{Command, DeadLetter},
};
use escalation::{EscalationConfig, EscalationPorts};
use futures::stream::{self, BoxStream, StreamExt as _};
use jiff::Timestamp;
use ports::{Acker, BrokerDeadLetter, Bus, BusError, Dead, Delivery, Notification, Queue, TimerSlot};
use tokio_util::sync::CancellationToken;

use crate::harness::{Worker, World};

/// The bus of a world with dead letters of a broker. Each reading gets all of them that were not taken off.
struct BusWithLetters {
    bus: Arc<dyn Bus>,
    letters: Vec<Dead>,
    taken: Arc<Mutex<Vec<usize>>>,
    handed_out: Arc<AtomicUsize>,
    readings: AtomicU32,
}

/// Takes its letter off the bus.
struct Off {
    letter: usize,
    taken: Arc<Mutex<Vec<usize>>>,
}

#[async_trait]
impl Acker for Off {
    async fn ack(self: Box<Self>) -> Result<bool, BusError> {
        self.taken.lock().unwrap().push(self.letter);
        Ok(true)
    }

    async fn retry_at(self: Box<Self>, _at: Timestamp) -> Result<(), BusError> {
        Ok(())
    }

    async fn give_back(self: Box<Self>) -> Result<(), BusError> {
        Ok(())
    }

    fn is_held(&self) -> bool {
        true
    }
}

#[async_trait]
impl Bus for BusWithLetters {
    async fn broker_dead_letters(&self, _max: u16) -> Result<BoxStream<'static, BrokerDeadLetter>, BusError> {
        self.readings.fetch_add(1, Ordering::SeqCst);
        let (taken, handed_out) = (self.taken.clone(), self.handed_out.clone());
        let gone = taken.lock().unwrap().clone();
        let there: Vec<(usize, Dead)> =
            self.letters.iter().cloned().enumerate().filter(|(at, _)| !gone.contains(at)).collect();
        let hand_out = move |(letter, what)| {
            handed_out.fetch_add(1, Ordering::SeqCst);
            BrokerDeadLetter { what, acker: Box::new(Off { letter, taken: taken.clone() }) }
        };
        Ok(stream::iter(there).map(hand_out).chain(stream::pending()).boxed())
    }

    async fn publish_events(&self, events: &[Event], quota: Quota) -> Result<(), BusError> {
        self.bus.publish_events(events, quota).await
    }

    async fn republish_event(&self, event: &Event, origin: &BrokerOrigin) -> Result<(), BusError> {
        self.bus.republish_event(event, origin).await
    }

    async fn publish(&self, queue: Queue, command: &Command) -> Result<(), BusError> {
        self.bus.publish(queue, command).await
    }

    async fn start_timer(&self, slot: TimerSlot) -> Result<(), BusError> {
        self.bus.start_timer(slot).await
    }

    async fn consume(&self, queue: Queue, prefetch: u16) -> Result<BoxStream<'static, Delivery>, BusError> {
        self.bus.consume(queue, prefetch).await
    }

    async fn take(&self, queue: Queue) -> Result<Option<Delivery>, BusError> {
        self.bus.take(queue).await
    }

    fn notify(&self, notification: Notification) {
        self.bus.notify(notification);
    }

    async fn depth(&self, queue: Queue) -> Result<u64, BusError> {
        self.bus.depth(queue).await
    }

    async fn consumers(&self, queue: Queue) -> Result<u32, BusError> {
        self.bus.consumers(queue).await
    }
}

impl BusWithLetters {
    fn new(world: &World, letters: Vec<Dead>) -> Arc<Self> {
        Arc::new(Self {
            bus: world.bus.clone(),
            letters,
            taken: Arc::default(),
            handed_out: Arc::default(),
            readings: AtomicU32::new(0),
        })
    }

    fn taken(&self) -> Vec<usize> {
        self.taken.lock().unwrap().clone()
    }

    fn start(self: &Arc<Self>, world: &World) -> Worker {
        let ports = EscalationPorts { bus: self.clone(), ..(*world.ports).clone() };
        let shutdown = CancellationToken::new();
        let config = EscalationConfig::default();
        let task = tokio::spawn(escalation::run(Arc::new(ports), config, shutdown.clone()));
        Worker { shutdown, task }
    }
}

/// Reading each time whatever is there took most of a broker's processor, and what came behind too many was never seen.
#[tokio::test]
async fn what_the_broker_gave_up_is_indexed_however_many_letters_it_holds_and_none_is_read_again() {
    let world = World::new();
    let held = usize::from(BROKER_DEAD_LETTERS_MAX);
    let told = |n: usize| letter("told", u32::try_from(n).unwrap(), 1);
    // The two looks come no further.
    for n in 1..=1_000 {
        world.store.add_dead_letter(&told(n)).await.unwrap();
    }
    let given_up = DeadLetter { reason: "poison".to_owned(), ..letter("given-up", 1, 1) };
    let mut letters: Vec<Dead> = (0..=held).map(|n| Dead::Notified(told(n).id)).collect();
    letters.push(Dead::GivenUp(Box::new(given_up.clone())));
    let bus = BusWithLetters::new(&world, letters);
    let worker = bus.start(&world);
    until("the last is indexed", async || {
        world.store.dead_letter(&given_up.id).await.unwrap().as_ref() == Some(&given_up)
    })
    .await;
    until("it is off the bus", async || bus.taken() == [0, held + 1]).await;

    for n in [1, 500, 1_000] {
        assert!(world.store.remove_dead_letter(&told(n).id).await.unwrap());
    }
    // 500 are looked at at once; the last of them says that a look is over.
    for (look, gone) in [(1, 500), (2, 1_000)] {
        world.clock.set(at(20 * look));
        until("what was replayed or discarded is off the bus", async || bus.taken().last() == Some(&gone))
            .await;
    }
    assert_eq!(bus.taken(), [0, held + 1, 1, 500, 1_000]);
    assert_eq!((bus.readings.load(Ordering::SeqCst), bus.handed_out.load(Ordering::SeqCst)), (1, held + 2));
    worker.stop().await;
}

/// Before RabbitMQ closes the channel.
#[tokio::test]
async fn letters_are_read_again_after_twenty_minutes() {
    let world = World::new();
    let told = letter("told", 1, 1);
    world.store.add_dead_letter(&told).await.unwrap();
    let bus = BusWithLetters::new(&world, vec![Dead::Notified(told.id)]);
    let worker = bus.start(&world);
    let passed_s = Cell::new(0);
    until("another reading", async || {
        passed_s.set(passed_s.get() + 20);
        world.clock.set(at(passed_s.get()));
        bus.readings.load(Ordering::SeqCst) == 2
    })
    .await;
    assert!(passed_s.get() >= 20 * 60, "after {} s", passed_s.get());
    assert_eq!(bus.taken(), [0; 0]);
    worker.stop().await;
}
