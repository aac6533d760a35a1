//! The names of keys. In: what is stored. Out: its key.
//!
//! Never: gives two keys that one script touches different cluster slots: they share a hash tag, the shard's `{s07}`.

use domain::{
    event::EventKey,
    id::{RunId, digest, short},
    provider::ProviderMessageId,
};

/// The 32 characters of short names, as in the ids of runs.
pub(crate) const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// What a key has room for behind its kind: a shard, and the name of a run or a subject.
const NAME_BYTES: usize = 48;

/// Names keys under a prefix.
#[derive(Debug, Clone)]
pub(crate) struct Keys {
    prefix: String,
}

impl Keys {
    pub(crate) fn new(prefix: &str) -> Self {
        Self { prefix: prefix.to_owned() }
    }

    /// Written by hand: each change names some fifteen keys.
    fn of(&self, kind: &str, shard: u8) -> String {
        let mut key = String::with_capacity(self.prefix.len() + kind.len() + NAME_BYTES);
        key.push_str(&self.prefix);
        key.push_str(kind);
        key.push_str(":{s");
        key.push(char::from(b'0' + shard / 10 % 10));
        key.push(char::from(b'0' + shard % 10));
        key.push('}');
        key
    }

    /// What the keys of a shard's runs begin with.
    pub(crate) fn runs_of(&self, shard: u8) -> String {
        self.of("run", shard) + ":"
    }

    pub(crate) fn run(&self, id: &RunId) -> String {
        self.runs_of(id.shard()) + id.as_str()
    }

    pub(crate) fn timeline(&self, id: &RunId) -> String {
        self.of("tl", id.shard()) + ":" + id.as_str()
    }

    pub(crate) fn due(&self, shard: u8) -> String {
        self.of("due", shard)
    }

    /// What one call took from a shard, kept as long as the call may be repeated.
    pub(crate) fn taken(&self, shard: u8, token: &str) -> String {
        self.of("take", shard) + ":" + token
    }

    pub(crate) fn timers(&self, shard: u8) -> String {
        self.of("alarm", shard)
    }

    pub(crate) fn counts(&self, shard: u8) -> String {
        self.of("n", shard)
    }

    /// Runs by when they were opened.
    pub(crate) fn runs(&self, shard: u8) -> String {
        self.of("runs", shard)
    }

    /// Runs that need nothing more and hold texts that may go, by when they ended.
    pub(crate) fn ended(&self, shard: u8) -> String {
        self.of("ended", shard)
    }

    /// The same for those without texts that may go.
    pub(crate) fn ended_without_texts(&self, shard: u8) -> String {
        self.of("endednt", shard)
    }

    pub(crate) fn outcomes(&self, shard: u8) -> String {
        self.of("out", shard)
    }

    /// What is to be done outside, by id.
    pub(crate) fn effects(&self, shard: u8) -> String {
        self.of("eff", shard)
    }

    /// What the keys of the due rows of effects begin with; a colon and the destination's name follow.
    pub(crate) fn effects_due(&self, shard: u8) -> String {
        self.of("effdue", shard)
    }

    /// Runs with a message that needs review, by when they were opened.
    pub(crate) fn review(&self, shard: u8) -> String {
        self.of("review", shard)
    }

    pub(crate) fn dead(&self, shard: u8) -> String {
        self.of("dead", shard)
    }

    pub(crate) fn dead_at(&self, shard: u8) -> String {
        self.of("deadat", shard)
    }

    pub(crate) fn claimant_of_letter(&self, shard: u8, id: &str) -> String {
        self.of("settled", shard) + ":" + id
    }

    /// Runs of a subject that its resolution ends, by the time of their events.
    pub(crate) fn subject(&self, shard: u8, workflow: &str, subject: &str) -> String {
        self.of("subj", shard) + ":" + &short(&[workflow, subject])
    }

    /// Runs of a subject that are over and whose tickets hear of its resolution, by the time of their events.
    pub(crate) fn subject_over(&self, shard: u8, workflow: &str, subject: &str) -> String {
        self.of("subjover", shard) + ":" + &short(&[workflow, subject])
    }

    pub(crate) fn resolution(&self, shard: u8, workflow: &str, subject: &str) -> String {
        self.of("res", shard) + ":" + &short(&[workflow, subject])
    }

    /// One of 4,096 buckets: a small hash costs much less than its fields would as keys.
    pub(crate) fn sids(&self, sid: &ProviderMessageId) -> String {
        let bucket: String = sid.as_str().chars().skip(2).take(3).collect();
        format!("{}sid:{}", self.prefix, bucket.to_ascii_lowercase())
    }

    /// `number` is as it is looked up.
    pub(crate) fn routes(&self, number: &str) -> String {
        format!("{}reply:{}", self.prefix, short(&["number", number]))
    }

    /// `number` is as it is looked up. A hash stands in the key as it is: what is sealed is bound to it, and could not be
    /// opened by who looks through all keys.
    pub(crate) fn consent(&self, number: &str) -> String {
        if number.starts_with('+') {
            return format!("{}{}", self.consent_of_all(), short(&["number", number]));
        }
        format!("{}{number}", self.consent_of_all())
    }

    /// What the log under a key is bound to, where it is sealed.
    pub(crate) fn number_of_consent<'k>(&self, key: &'k str) -> &'k str {
        key.strip_prefix(&self.consent_of_all()).unwrap_or_default()
    }

    /// What the event with this key said.
    pub(crate) fn content(&self, event: &EventKey) -> String {
        format!("{}said:{}", self.prefix, short(&[&event.source, &event.id]))
    }

    /// Accepted events that have not ended.
    pub(crate) fn accepted(&self, shard: u8) -> String {
        self.of("evt", shard)
    }

    /// The process that sweeps accepted events for now.
    pub(crate) fn sweeper(&self) -> String {
        format!("{}sweeper", self.prefix)
    }

    pub(crate) fn rate_limit(&self, queue: &str) -> String {
        format!("{}pace:{}", self.prefix, short(&["pace", queue]))
    }

    /// What is remembered of texts that belong together; `key` is as it is looked up.
    pub(crate) fn group(&self, key: &str) -> String {
        format!("{}group:{key}", self.prefix)
    }

    pub(crate) fn workflow(&self, hash: &str) -> String {
        format!("{}wf:{hash}", self.prefix)
    }

    pub(crate) fn overrides(&self) -> String {
        format!("{}overrides", self.prefix)
    }

    pub(crate) fn tokens(&self) -> String {
        format!("{}tokens", self.prefix)
    }

    pub(crate) fn answer(&self, key: &str) -> String {
        format!("{}answer:{}", self.prefix, short(&["answer", key]))
    }

    /// Ids of outcome events by position, and the events by id.
    pub(crate) fn outcome_log(&self) -> [String; 2] {
        ["ids", "docs"].map(|part| format!("{}log:{{log}}:{part}", self.prefix))
    }

    /// Processes by when they reported, and their reports.
    pub(crate) fn heartbeats(&self) -> [String; 2] {
        ["at", "docs"].map(|part| format!("{}beat:{{beat}}:{part}", self.prefix))
    }

    /// What became of texts within a slice of time.
    pub(crate) fn receipts(&self, slice: i64) -> String {
        format!("{}receipts:{slice}", self.prefix)
    }

    /// Events about which nobody is texted, by the ids of silences.
    pub(crate) fn silences(&self) -> String {
        format!("{}silences", self.prefix)
    }

    /// Approvals: their documents and versions, and those that are not over with token, stage and expiry.
    pub(crate) fn approvals(&self) -> [String; 3] {
        ["docs", "open", "kept"].map(|part| format!("{}approval:{{approval}}:{part}", self.prefix))
    }

    /// Agents that are stopped, by label; the empty one stands for all of them.
    pub(crate) fn agent_stops(&self) -> String {
        format!("{}agentstops", self.prefix)
    }

    /// What is known of calendars, and their texts, by schedule and layer.
    pub(crate) fn calendars(&self) -> [String; 2] {
        ["docs", "texts"].map(|part| format!("{}cal:{{cal}}:{part}", self.prefix))
    }

    /// The process that reads a calendar for now.
    pub(crate) fn calendar_taken(&self, name: &str) -> String {
        format!("{}caltake:{}", self.prefix, short(&["calendar", name]))
    }

    /// Whether texts go out of the account.
    pub(crate) fn sending(&self) -> String {
        format!("{}sending", self.prefix)
    }

    /// What is kept of preflights.
    pub(crate) fn preflight(&self) -> String {
        format!("{}preflight", self.prefix)
    }

    /// What the keys of all consent logs begin with.
    pub(crate) fn consent_of_all(&self) -> String {
        format!("{}consent:", self.prefix)
    }

    /// The store's own keys.
    pub(crate) fn sealing(&self) -> String {
        format!("{}sealing", self.prefix)
    }

    pub(crate) fn schema(&self) -> String {
        format!("{}schema", self.prefix)
    }

    /// What a server is checked with; the number chooses the server in a cluster.
    pub(crate) fn check(&self, number: u16) -> String {
        format!("{}check:{{{number}}}", self.prefix)
    }

    pub(crate) fn generation(&self) -> String {
        format!("{}generation", self.prefix)
    }
}

/// The shard of a dead letter that belongs to no run.
pub(crate) fn shard_of_letter(id: &str) -> u8 {
    digest(&["letter", id])[0] % domain::id::SHARDS
}
