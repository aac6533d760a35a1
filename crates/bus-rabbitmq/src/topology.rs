//! The one place for the names, arguments and bindings of everything on the broker.
//!
//! In: the lanes of event types, and how work is delayed. Out: exchanges, queues and bindings, as data.
//! Never: a queue that is not a quorum queue, a queue without an explicit delivery limit (the default differs between
//! versions), a dead-letter exchange without an alternate (32 unroutable messages stop the queue that they expire
//! from), or a queue that dead-letters to itself.
//!
//! ```text
//! producers -> events --type-----> events.<lane>          commands -> send.<lane>, escalation, events.<lane>
//!                \ unknown type -> events.other -> events.standard
//! delayed -> delay --d<s>.#--> delay.<s> --expires--> wake --*.final.<queue>--> the queue
//!                                                          \--*.step.#-------> delay.step --> forwarders --> delay, commands
//! over its delivery limit -> dead --> dead                 what no binding takes -> unrouted -> unrouted
//! ```
//!
//! An argument cannot change once it is declared, so a new value needs a new version in [`PREFIX`] and a drain of the old
//! queues. Bindings may change freely.

mod compare;
mod declare;
mod export;
mod look;

use std::collections::BTreeMap;

use domain::workflow::Lane;
use ports::Queue;

pub use compare::{Definitions, Difference};
pub use look::Look;

use crate::delay::{BUCKETS_S, DelayMode};

/// The default prefix of all names.
pub const PREFIX: &str = "callout.v1.";
/// How often a delivery may return unacknowledged before it is dead-lettered: a poison message kills its worker each time.
/// Prefetched messages of a worker that dies count too, so this is well above the restarts of a bad day.
pub const DELIVERY_LIMIT: i64 = 20;
/// Stands for "no limit" on every version: `-1` loses messages on 3.10.
pub const NO_DELIVERY_LIMIT: i64 = 1_000_000;
/// The prefix of routing keys of events that go to a given lane whatever their type.
const LANE_KEY: &str = "callout.lane.";
/// Longest routing key of AMQP, in bytes.
const ROUTING_KEY_BYTES_MAX: usize = 255;

/// Why a configuration has no topology.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TopologyError {
    /// The type would match other types, is too long, or names a lane.
    #[error(
        "the event type {0:?} cannot be a binding key: none of its words may be `*` or `#`, it may have at most 255 \
         bytes, and it may not begin with `callout.lane.`"
    )]
    EventType(String),
}

/// All exchanges, queues and bindings that a bus needs.
#[derive(Debug, Clone)]
pub struct Topology {
    /// Names of exchanges and queues.
    pub names: Names,
    pub(crate) delay: DelayMode,
    pub(crate) exchanges: Vec<Exchange>,
    pub(crate) queues: Vec<QueueSpec>,
    pub(crate) bindings: Vec<Binding>,
    pub(crate) stale_bindings: Vec<Binding>,
}

/// Names, with their prefix.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Names(String);

/// An exchange. All are durable.
#[derive(Debug, Clone)]
pub(crate) struct Exchange {
    pub(crate) name: String,
    pub(crate) kind: &'static str,
    /// Only the broker itself may publish to it.
    pub(crate) internal: bool,
    pub(crate) arguments: Arguments,
}

/// A queue. All are durable quorum queues.
#[derive(Debug, Clone)]
pub(crate) struct QueueSpec {
    pub(crate) name: String,
    pub(crate) arguments: Arguments,
}

/// A binding of a queue.
#[derive(Debug, Clone)]
pub(crate) struct Binding {
    pub(crate) exchange: String,
    pub(crate) queue: String,
    pub(crate) key: String,
}

pub(crate) type Arguments = BTreeMap<&'static str, Argument>;

/// The value of an argument.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Argument {
    Text(String),
    Number(i64),
}

impl Names {
    /// Names that begin with `prefix`.
    pub fn new(prefix: &str) -> Self {
        Self(prefix.to_owned())
    }

    /// The exchange that producers publish to, with the event type as routing key.
    pub fn events(&self) -> String {
        self.name("events")
    }

    /// The exchange for publishing to a queue by its name.
    pub fn commands(&self) -> String {
        self.name("commands")
    }

    /// The exchange for messages that are delivered later.
    pub fn delay(&self, mode: DelayMode) -> String {
        match mode {
            DelayMode::Buckets => self.name("delay"),
            // Another name: an exchange never changes its type.
            DelayMode::Plugin => self.name("delay.plugin"),
        }
    }

    /// The exchange that delayed messages reach when their time is up.
    pub fn wake(&self) -> String {
        self.name("wake")
    }

    /// The exchange for outcomes; other systems bind queues to it.
    pub fn outcomes(&self) -> String {
        self.name("outcomes")
    }

    /// The exchange that no queue is bound to: what is published there only shows that the broker confirms.
    pub fn check(&self) -> String {
        self.name("check")
    }

    /// The exchange and the queue of deliveries over their limit.
    pub fn dead(&self) -> String {
        self.name("dead")
    }

    /// The exchange and the queue of messages that no binding took. Any message in it is a configuration error.
    pub fn unrouted(&self) -> String {
        self.name("unrouted")
    }

    /// A queue of the port.
    pub fn queue(&self, queue: Queue) -> String {
        self.name(queue.name())
    }

    /// The queue of delayed messages whose next hop a forwarder chooses.
    pub fn step(&self) -> String {
        self.name("delay.step")
    }

    /// The delay queue with this lifetime.
    pub fn bucket(&self, seconds: u32) -> String {
        self.name(&format!("delay.{seconds}"))
    }

    fn events_other(&self) -> String {
        self.name("events.other")
    }

    pub(crate) fn name(&self, name: &str) -> String {
        format!("{}{name}", self.0)
    }
}

impl Topology {
    /// What a bus with these lanes needs, under the default names.
    ///
    /// # Errors
    /// When an event type cannot be a binding key.
    pub fn new(lanes: &BTreeMap<String, Lane>, delay: DelayMode) -> Result<Self, TopologyError> {
        Self::with_prefix(PREFIX, lanes, delay)
    }

    /// The same with another prefix.
    ///
    /// # Errors
    /// As [`Topology::new`].
    pub fn with_prefix(
        prefix: &str,
        lanes: &BTreeMap<String, Lane>,
        delay: DelayMode,
    ) -> Result<Self, TopologyError> {
        let has_wildcard = |kind: &str| kind.split('.').any(|word| matches!(word, "*" | "#"));
        let bad = |kind: &&String| {
            has_wildcard(kind) || kind.len() > ROUTING_KEY_BYTES_MAX || kind.starts_with(LANE_KEY)
        };
        if let Some(kind) = lanes.keys().find(bad) {
            return Err(TopologyError::EventType(kind.clone()));
        }
        let names = Names::new(prefix);
        let mut bindings = work_bindings(&names, delay);
        let mut stale_bindings = Vec::new();
        for (kind, lane) in lanes {
            for other in Lane::ALL {
                let queue = names.queue(Queue::Events(other));
                let binding = Binding { exchange: names.events(), queue, key: kind.clone() };
                // A type that changed its lane would arrive in both. The binding of a type that no workflow names any
                // more may stay: its lane makes dead letters of it as the standard one would.
                if other == *lane { bindings.push(binding) } else { stale_bindings.push(binding) }
            }
        }
        let (exchanges, queues) = (exchanges(&names, delay), queues(&names, delay));
        Ok(Self { names, delay, exchanges, queues, bindings, stale_bindings })
    }
}

/// The routing key of events that go to this lane whatever their type.
pub(crate) fn lane_key(lane: Lane) -> String {
    format!("{LANE_KEY}{}", lane.as_str())
}

fn exchanges(names: &Names, delay: DelayMode) -> Vec<Exchange> {
    let exchange = |name: String, kind: &'static str, alternate: Option<String>| Exchange {
        name,
        kind,
        internal: false,
        arguments: alternate.map(|name| ("alternate-exchange", Argument::Text(name))).into_iter().collect(),
    };
    let internal = |exchange: Exchange| Exchange { internal: true, ..exchange };
    let unrouted = Some(names.unrouted());
    let mut delayed = exchange(names.delay(delay), "topic", unrouted.clone());
    if delay == DelayMode::Plugin {
        delayed.kind = "x-delayed-message";
        delayed.arguments.insert("x-delayed-type", Argument::Text("topic".to_owned()));
    }
    vec![
        internal(exchange(names.unrouted(), "fanout", None)),
        // Types that no lane has. An alternate exchange is asked only when no binding took the message, so nothing is
        // lost and nothing arrives twice; a second binding `#` of the standard queue would double every event, and
        // a queue of its own would need every standard worker to consume two.
        internal(exchange(names.events_other(), "fanout", unrouted.clone())),
        exchange(names.events(), "topic", Some(names.events_other())),
        exchange(names.commands(), "topic", unrouted.clone()),
        delayed,
        internal(exchange(names.wake(), "topic", unrouted.clone())),
        exchange(names.dead(), "topic", unrouted),
        exchange(names.outcomes(), "topic", None),
        exchange(names.check(), "fanout", None),
    ]
}

fn queues(names: &Names, delay: DelayMode) -> Vec<QueueSpec> {
    let text = |value: &str| Argument::Text(value.to_owned());
    let quorum = |name: String, delivery_limit: i64| QueueSpec {
        name,
        arguments: [("x-queue-type", text("quorum")), ("x-delivery-limit", Argument::Number(delivery_limit))]
            .into(),
    };
    // Without all three a dead letter is removed before its target has it.
    let safe_dead_letters = |mut queue: QueueSpec, exchange: String| {
        queue.arguments.insert("x-dead-letter-exchange", Argument::Text(exchange));
        queue.arguments.insert("x-dead-letter-strategy", text("at-least-once"));
        queue.arguments.insert("x-overflow", text("reject-publish"));
        queue
    };
    let work = |name: &str| {
        let mut queue = safe_dead_letters(quorum(names.name(name), DELIVERY_LIMIT), names.dead());
        queue.arguments.insert("x-dead-letter-routing-key", Argument::Text(format!("poison.{name}")));
        queue
    };
    let bucket = |seconds: u32| {
        // No dead-letter routing key: the key that it came with says where it goes next.
        let mut queue = safe_dead_letters(quorum(names.bucket(seconds), NO_DELIVERY_LIMIT), names.wake());
        queue.arguments.insert("x-message-ttl", Argument::Number(i64::from(seconds) * 1_000));
        queue
    };
    let mut queues: Vec<_> =
        [names.unrouted(), names.dead()].map(|name| quorum(name, NO_DELIVERY_LIMIT)).into();
    queues.extend(Queue::ALL.map(|queue| work(queue.name())));
    queues.push(work("delay.step"));
    if delay == DelayMode::Buckets {
        queues.extend(BUCKETS_S.map(bucket));
    }
    queues
}

/// All bindings but those of event types.
fn work_bindings(names: &Names, delay: DelayMode) -> Vec<Binding> {
    let binding =
        |exchange: String, queue: String, key: &str| Binding { exchange, queue, key: key.to_owned() };
    let woken_by = match delay {
        DelayMode::Buckets => names.wake(),
        DelayMode::Plugin => names.delay(delay),
    };
    let standard = names.queue(Queue::Events(Lane::Standard));
    let mut bindings = vec![
        binding(names.unrouted(), names.unrouted(), ""),
        binding(names.dead(), names.dead(), "#"),
        binding(names.events_other(), standard, ""),
        binding(names.commands(), names.step(), "step.#"),
        binding(woken_by.clone(), names.step(), "*.step.#"),
    ];
    // Events beyond the quota of their source. No key leads to the critical lane.
    for lane in [Lane::Standard, Lane::Bulk] {
        bindings.push(binding(names.events(), names.queue(Queue::Events(lane)), &lane_key(lane)));
    }
    for queue in Queue::ALL {
        bindings.push(binding(names.commands(), names.queue(queue), queue.name()));
        bindings.push(binding(woken_by.clone(), names.queue(queue), &format!("*.final.{}", queue.name())));
    }
    if delay == DelayMode::Buckets {
        let bucket = |s: u32| binding(names.delay(delay), names.bucket(s), &format!("d{s}.#"));
        bindings.extend(BUCKETS_S.map(bucket));
    }
    bindings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_queue_is_a_quorum_queue_with_a_delivery_limit_and_none_targets_itself() {
        for delay in [DelayMode::Buckets, DelayMode::Plugin] {
            let topology = Topology::new(&BTreeMap::new(), delay).unwrap();
            let exchange = |name: &str| topology.exchanges.iter().find(|exchange| exchange.name == name);
            for queue in &topology.queues {
                assert_eq!(queue.arguments["x-queue-type"], Argument::Text("quorum".to_owned()));
                assert!(matches!(queue.arguments["x-delivery-limit"], Argument::Number(limit) if limit > 0));
                let Some(Argument::Text(target)) = queue.arguments.get("x-dead-letter-exchange") else {
                    continue;
                };
                assert!(exchange(target).unwrap().arguments.contains_key("alternate-exchange"), "{target}");
                assert_eq!(
                    queue.arguments["x-dead-letter-strategy"],
                    Argument::Text("at-least-once".to_owned())
                );
                assert_eq!(queue.arguments["x-overflow"], Argument::Text("reject-publish".to_owned()));
                let own = |binding: &&Binding| binding.exchange == *target && binding.queue == queue.name;
                assert_eq!(
                    topology.bindings.iter().find(own).map(|binding| &binding.key),
                    None,
                    "{}",
                    queue.name
                );
            }
        }
    }

    /// Trap 4: the broker drops what goes in a circle by expiry alone. Between two delays there is always a worker, which
    /// publishes anew.
    #[test]
    fn no_delay_queue_expires_into_another() {
        let topology = Topology::new(&BTreeMap::new(), DelayMode::Buckets).unwrap();
        let is_bucket = |name: &str| BUCKETS_S.iter().any(|s| topology.names.bucket(*s) == name);
        let expire_into =
            topology.bindings.iter().filter(|binding| binding.exchange == topology.names.wake());
        assert_eq!(expire_into.clone().filter(|binding| is_bucket(&binding.queue)).count(), 0);
        assert!(expire_into.count() > 0);
    }

    #[test]
    fn a_type_is_bound_to_its_lane_and_unbound_from_the_others() {
        let lanes = [("incident.created".to_owned(), Lane::Critical)].into();
        let topology = Topology::new(&lanes, DelayMode::Buckets).unwrap();
        let queues = |bindings: &[Binding]| {
            let of_type = bindings.iter().filter(|binding| binding.key == "incident.created");
            of_type.map(|binding| binding.queue.clone()).collect::<Vec<_>>()
        };
        assert_eq!(queues(&topology.bindings), ["callout.v1.events.critical"]);
        let others = ["callout.v1.events.standard", "callout.v1.events.bulk"];
        assert_eq!(queues(&topology.stale_bindings), others);
    }

    #[test]
    fn a_type_that_would_match_others_is_refused() {
        for kind in ["incident.#", "*", "callout.lane.bulk", &"x".repeat(256)] {
            let lanes = [(kind.to_owned(), Lane::Bulk)].into();
            assert!(Topology::new(&lanes, DelayMode::Buckets).is_err(), "{kind}");
        }
    }
}
