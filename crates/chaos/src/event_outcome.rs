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
pub(crate) enum Story {
    /// One text that asks for nothing.
    Note,
    /// The first person acknowledges by reply.
    Answered,
    /// The first person's phone is off, so the second is paged at once, and acknowledges.
    FirstOff,
    /// Nobody answers, so a ticket is opened.
    Unanswered,
    /// The same, with a deadline of one second: see the recovery figures.
    Burst,
}

/// Which share of the events, in percent.
const SHARES: [(Story, u32); 4] =
    [(Story::Note, 70), (Story::Answered, 14), (Story::FirstOff, 10), (Story::Unanswered, 6)];

/// One event that will be sent.
#[derive(Debug, Clone)]
pub(crate) struct Sample {
    pub(crate) story: Story,
    pub(crate) id: String,
    phones: [String; 2],
}

/// All events of a run, in order.
pub(crate) fn samples(plan: &Plan) -> Vec<Sample> {
    let mut chance = plan.chance("stories");
    let draw = |index| {
        let mut left = chance.random_range(0..100_u32);
        let fits = |(_, share): &(Story, u32)| {
            let fits = left < *share;
            left = left.saturating_sub(*share);
            fits
        };
        let story = SHARES.into_iter().find(fits).map_or(Story::Note, |(story, _)| story);
        Sample::new(story, "e", index)
    };
    (0..plan.events).map(draw).collect()
}

impl Sample {
    /// The `index`th event of a family.
    pub(crate) fn new(story: Story, family: &str, index: usize) -> Self {
        // Seven digits after the area code: the family's first, then two phones for each event.
        let base = family.bytes().fold(0, |sum, byte| sum + usize::from(byte)) % 40 * 100_000;
        let phone = |n: usize| format!("+1415{:07}", 1_000_000 + base + 2 * index + n);
        Self { story, id: format!("{family}-{index}"), phones: [phone(0), phone(1)] }
    }

    /// The workflow it opens a run in.
    pub(crate) fn workflow(&self) -> &'static str {
        match self.story {
            Story::Note => "note",
            Story::Answered | Story::FirstOff | Story::Unanswered => "page",
            Story::Burst => "burst",
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

    /// Has its people behave as the story goes. Whoever is texted second answers, unless nobody does: a text to the first
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
        match self.story {
            Story::Note | Story::Unanswered | Story::Burst => {}
            Story::Answered => {
                first.answers(answer());
                second.answers(answer());
            }
            Story::FirstOff => {
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
    fn every_story_is_told_and_no_phone_has_two() {
        let samples = samples(&Plan::short(PathBuf::new()));
        let stories: BTreeSet<Story> = samples.iter().map(|sample| sample.story).collect();
        assert_eq!(stories.len(), SHARES.len());
        let phones: BTreeSet<&String> = samples.iter().flat_map(|sample| &sample.phones).collect();
        assert_eq!(phones.len(), 2 * samples.len());
        assert!(samples.iter().all(|sample| sample.event().is_ok()));
    }
}
