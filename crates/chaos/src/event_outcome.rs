//! The events of a run, and what must become of each. In: the seed. Out: events, and phones that behave.
//!
//! Never: two events that share a phone or a text, so that every text at the provider has one reason.

use domain::event::Event;
use rand::RngExt as _;
use serde_json::{Value, json};
use twilio_sim::{Behaviour, ReplyRule, SimHandle};

use crate::plan::Plan;

/// The one source.
pub(crate) const SOURCE: &str = "chaos";

/// What an event asks for, and how its people behave.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Scenario {
    /// One text that asks for nothing.
    Note,
    /// The first person acknowledges by reply.
    Answered,
    /// The first person's phone is off, so the second is paged at once, and acknowledges.
    FirstOff,
    /// No recipient answers, so a ticket is opened.
    Unanswered,
    /// The same, with a deadline of one second: see the recovery figures.
    Burst,
}

/// Which share of the events, in percent.
const SHARES: [(Scenario, u32); 4] =
    [(Scenario::Note, 70), (Scenario::Answered, 14), (Scenario::FirstOff, 10), (Scenario::Unanswered, 6)];

/// One event that will be sent.
#[derive(Debug, Clone)]
pub(crate) struct Sample {
    pub(crate) scenario: Scenario,
    pub(crate) id: String,
    phones: [String; 2],
}

/// All events of a run, in order.
pub(crate) fn samples(plan: &Plan) -> Vec<Sample> {
    let mut chance = plan.chance("scenarios");
    let draw = |index| {
        let mut left = chance.random_range(0..100_u32);
        let fits = |(_, share): &(Scenario, u32)| {
            let fits = left < *share;
            left = left.saturating_sub(*share);
            fits
        };
        let scenario = SHARES.into_iter().find(fits).map_or(Scenario::Note, |(scenario, _)| scenario);
        Sample::new(scenario, "e", index)
    };
    (0..plan.events).map(draw).collect()
}

impl Sample {
    /// The `index`th event of a family.
    pub(crate) fn new(scenario: Scenario, family: &str, index: usize) -> Self {
        // Seven digits after the area code: the family's first, then two phones for each event.
        let base = family.bytes().fold(0, |sum, byte| sum + usize::from(byte)) % 40 * 100_000;
        let phone = |n: usize| format!("+1415{:07}", 1_000_000 + base + 2 * index + n);
        Self { scenario, id: format!("{family}-{index}"), phones: [phone(0), phone(1)] }
    }

    /// The workflow it opens a run in.
    pub(crate) fn workflow(&self) -> &'static str {
        match self.scenario {
            Scenario::Note => "note",
            Scenario::Answered | Scenario::FirstOff | Scenario::Unanswered => "page",
            Scenario::Burst => "burst",
        }
    }

    /// Whom it texts first.
    pub(crate) fn first(&self) -> &str {
        &self.phones[0]
    }

    pub(crate) fn kind(&self) -> String {
        format!("{}.created", self.workflow())
    }

    /// The event as JSON.
    pub(crate) fn json(&self) -> Value {
        let data =
            json!({"text": format!("About {}", self.id), "first": self.phones[0], "second": self.phones[1]});
        json!({"specversion": "1.0", "source": SOURCE, "id": self.id, "type": self.kind(), "subject": self.id,
               "data": data})
    }

    /// The event as it is published.
    pub(crate) fn event(&self) -> anyhow::Result<Event> {
        Event::from_value(self.json()).map_err(|errors| anyhow::anyhow!("{errors:?}"))
    }

    /// Makes the phones behave as the scenario says. The person texted second answers, unless no one does: a text to the first
    /// may fail by chance.
    pub(crate) fn prepare(&self, sim: &SimHandle) {
        let [first, second] = self.phones.each_ref().map(|number| sim.phone(number.as_str()));
        let answer = || {
            vec![ReplyRule {
                when_contains: "Reply ACK".to_owned(),
                body: "ACK {code}".to_owned(),
                after_ms: 50,
            }]
        };
        match self.scenario {
            Scenario::Note | Scenario::Unanswered | Scenario::Burst => {}
            Scenario::Answered => {
                first.answers(answer());
                second.answers(answer());
            }
            Scenario::FirstOff => {
                first.set(Behaviour::Off);
                second.answers(answer());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, path::PathBuf};

    use super::*;

    #[test]
    fn every_scenario_is_drawn_and_no_phone_has_two() {
        let samples = samples(&Plan::short(PathBuf::new()));
        let scenarios: BTreeSet<Scenario> = samples.iter().map(|sample| sample.scenario).collect();
        assert_eq!(scenarios.len(), SHARES.len());
        let phones: BTreeSet<&String> = samples.iter().flat_map(|sample| &sample.phones).collect();
        assert_eq!(phones.len(), 2 * samples.len());
        assert!(samples.iter().all(|sample| sample.event().is_ok()));
    }
}
