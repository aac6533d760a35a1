//! A deployment with everything in it that an agent may not touch. In: nothing. Out: tokens, clients and ids for attempts.

use std::{collections::BTreeMap, time::Duration};

use serde_json::{Value, json};
use twilio_sim::Behaviour;

use super::attempt::Attempt;
use crate::{
    agents::{Client, World, ask, eras},
    harness::{FIRST, Fleet, Layout, PAGE, PATIENCE, event, run_of},
};

/// A phone that takes no texts; monitoring notifies it.
pub(crate) const LANDLINE: &str = "+14155550130";
/// What one token may raise of `duty` in an hour.
pub(crate) const DUTY_HOURLY: usize = 8;
/// The same of `finding`.
const FINDING_HOURLY: usize = 60;

/// Whose tokens there are, with their scopes; all but the last two are agents'.
const TOKENS: [(&str, &str); 12] = [
    (
        "agent",
        "read raise:duty.* raise:finding.* raise:alarm.* raise:note.* raise:shared.* raise:never.* observe escalate replay \
         untrusted",
    ),
    ("reader", "read"),
    ("raiser", "raise:duty.*"),
    ("other", "read raise:alarm.* raise:page.* raise:quick.* escalate observe"),
    ("cli", "read raise:duty.* observe escalate replay"),
    ("team", "read observe escalate replay raise:duty.* raise:ledger.*"),
    ("storm", "read raise:duty.* raise:alarm.* observe escalate replay"),
    ("stopped", "read raise:duty.* observe escalate replay"),
    ("revoked", "read raise:duty.* observe escalate replay"),
    ("expired", "read raise:duty.* observe escalate replay"),
    ("person", "read operate raise:duty.*"),
    ("ada", "read approve"),
];

/// A workflow for agents; `more` goes to its beginning, `steps` to its end.
fn workflow(kind: &str, agents: &str, more: &str, steps: &str) -> (String, String) {
    let text = format!(
        "event = \"{kind}.created\"\nlane = \"standard\"\ncategory = \"operational\"\nstage = \"live\"\n{more}\n\
         template = \"{{{{ text }}}}. Reply ACK {{{{ ack }}}}\"\n[schema]\ntype = \"object\"\nrequired = [\"text\"]\n\
         additionalProperties = false\nproperties = {{ text = {{ type = \"string\", maxLength = 60 }} }}\n\
         [agents]\n{agents}\n{steps}"
    );
    (format!("workflows/{kind}.toml"), text)
}

fn step(contact: &str, within: &str) -> String {
    format!("[[step]]\nnotify = [\"contact:{contact}\"]\nack_within = \"{within}\"\n")
}

pub(crate) struct Range {
    world: World,
    tokens: BTreeMap<String, String>,
    clients: BTreeMap<String, Client>,
    pub(crate) stdio: Client,
    pub(crate) http: reqwest::Client,
    places: BTreeMap<&'static str, String>,
}

impl Range {
    #[expect(clippy::too_many_lines, reason = "all that the world has, at one place")]
    pub(crate) async fn start() -> Self {
        let api = format!("127.0.0.1:{}", test_servers::free_port());
        let settings = format!("[api]\nlisten = \"{api}\"\n");
        let pages = |within| step("first", within) + &step("second", within);
        let three = pages("3s") + &step("first", "3s");
        let (auto, approve) =
            ("raise = \"auto\"\nescalate = \"auto\"", "raise = \"approve\"\nescalate = \"approve\"");
        let files = [
            workflow("duty", &format!("{auto}\nhourly_max = {DUTY_HOURLY}"), "", &three),
            workflow("finding", &format!("{auto}\nhourly_max = {FINDING_HOURLY}"), "", &step("first", "2s")),
            workflow(
                "alarm",
                &format!("{approve}\nack = \"hold\"\nhold_max = \"4s\"\nreply_texts = true"),
                "",
                &pages("4s"),
            ),
            workflow("never", "raise = \"never\"\nescalate = \"never\"", "", &pages("1h")),
            workflow(
                "shared",
                auto,
                "resolved_by = \"shared.resolved\"\nshared_subjects = [\"*\"]",
                &pages("1h"),
            ),
            workflow("ledger", auto, "team = \"ledger\"", &pages("1h")),
            ("workflows/page.toml".to_owned(), format!("{PAGE}[agents]\nreply_texts = true\n")),
            (
                "workflows/quick.toml".to_owned(),
                PAGE.replace("page.", "quick.").replace("ack_within = \"1h\"", "ack_within = \"6s\""),
            ),
        ];
        let files = files.iter().map(|(name, text)| (name.as_str(), text.clone())).collect();
        let fleet =
            Fleet::start_layout(Layout { roles: &[&[]], settings: &settings, files, ..Layout::default() });
        let world = World { fleet: fleet.await, api };
        world.fleet.sim.phone(LANDLINE).set(Behaviour::Landline);
        let mut tokens = BTreeMap::new();
        for (label, scopes) in TOKENS {
            let scopes = scopes.split(' ').flat_map(|scope| ["--scope", scope]);
            let more: &[&str] = match label {
                "person" | "ada" => &[],
                "team" => &["--agent", "--team", "ledger"],
                "expired" => &["--agent", "--expires", "1ms"],
                _ => &["--agent"],
            };
            let args: Vec<&str> = ["tokens", "create", "--label", label]
                .into_iter()
                .chain(scopes)
                .chain(more.iter().copied())
                .collect();
            let made = world.fleet.json(&args);
            if label == "revoked" {
                world.fleet.run(&["tokens", "revoke", made["id"].as_str().unwrap()]);
            }
            tokens.insert(label.to_owned(), made["token"].as_str().unwrap().to_owned());
        }
        world.fleet.json(&["agents", "stop", "stopped", "--why", "a trial"]);
        for (label, token) in [("none", ""), ("garbage", "callout_aaaaaaaaaa_bbbb"), ("key", "test-key")] {
            tokens.insert(label.to_owned(), token.to_owned());
        }
        let mut clients = BTreeMap::new();
        for (index, (label, _)) in TOKENS.into_iter().enumerate() {
            if !["revoked", "expired"].contains(&label) {
                let client = world.over_http(&tokens[label], eras()[index % 2].clone()).await;
                clients.insert(label.to_owned(), client);
            }
        }
        let stdio = world.over_stdio(&tokens["agent"], eras()[0].clone()).await;
        let http = reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build();
        let http = http.unwrap();
        let mut range = Self { world, tokens, clients, stdio, http, places: BTreeMap::new() };
        range.furnish().await;
        range
    }

    /// Runs, approvals and a dead letter that attempts name.
    async fn furnish(&mut self) {
        let fleet = &self.world.fleet;
        let mut places = BTreeMap::new();
        for kind in ["page", "ledger", "shared"] {
            fleet.event(&event(&format!("{kind}.created"), kind, kind, json!({"text": "Down"}))).await;
            places.insert(kind_place(kind), run_of(kind, kind, kind));
        }
        let note = json!({"text": "Hello", "phone": LANDLINE});
        fleet.event(&event("note.created", "note", "note", note)).await;
        let raise = |id: &str, kind: &str| {
            json!({"event_type": format!("{kind}.created"), "event_id": id, "subject": id, "fields": {"text": "Disk full"},
                   "mode": "commit"})
        };
        let agent = self.client("agent");
        let own = ask(agent, "event_raise", raise("own", "duty")).await;
        places.insert("$own", own["run_ids"][0].as_str().unwrap().to_owned());
        for (place, who, id) in
            [("$approval", "agent", "wish"), ("$foreign", "other", "foreign"), ("$used", "agent", "used")]
        {
            let asked = ask(self.client(who), "event_raise", raise(id, "alarm")).await;
            places.insert(place, asked["approval_id"].as_str().unwrap().to_owned());
        }
        let used = fleet.json(&["approvals", "approve", &places["$used"], "--by", "eve"]);
        places.insert("$alarm", used["result"]["runs"][0].as_str().unwrap().to_owned());
        for place in ["$page", "$alarm", "$own"] {
            fleet.run_until(&places[place], |run| run["messages"][0]["status"] == "delivered").await;
        }
        let letters = fleet.json(&["dlq", "list"]);
        let letter = letters[0]["id"].as_str().unwrap_or("m-none").to_owned();
        places.insert("$letter", letter);
        places.insert("$token", self.tokens["agent"].clone());
        places.insert("$first", FIRST.to_owned());
        self.places = places;
    }

    /// An attempt with this world's ids in it. Versions are read when it is made.
    pub(crate) async fn aimed(&self, attempt: &Attempt) -> Attempt {
        let mut with = attempt.with.to_string();
        let (mut call, mut headers) = (attempt.call.clone(), attempt.headers.clone());
        for (place, id) in &self.places {
            let version = format!("\"{place}_version\"");
            if with.contains(&version) {
                with = with.replace(&version, &self.version(id).await.to_string());
            }
            with = with.replace(place, id);
            call = call.replace(place, id);
            headers.iter_mut().for_each(|(_, value)| *value = value.replace(place, id));
        }
        let with = serde_json::from_str(&with).unwrap();
        Attempt { with, call, headers, ..attempt.clone() }
    }

    async fn as_person(&self, path: &str) -> reqwest::Response {
        let request = self.http.get(format!("{}{path}", self.api())).bearer_auth(&self.tokens["person"]);
        request.send().await.unwrap()
    }

    /// Asks for a run, as a person, until it is as expected.
    pub(crate) async fn run_until(&self, id: &str, holds: impl Fn(&Value) -> bool) -> Value {
        let mut tries = tokio::time::interval(Duration::from_millis(50));
        let path = format!("/v1/runs/{id}");
        let asking = async {
            loop {
                tries.tick().await;
                let run: Value = self.as_person(&path).await.json().await.unwrap();
                if holds(&run) {
                    return run;
                }
            }
        };
        #[expect(clippy::disallowed_methods, reason = "tests bound what they wait for")]
        let found = tokio::time::timeout(PATIENCE, asking).await;
        found.unwrap_or_else(|_| panic!("{id} goes on"))
    }

    async fn version(&self, run: &str) -> u64 {
        let shown = self.as_person(&format!("/v1/runs/{run}")).await;
        shown.headers()["etag"].to_str().unwrap().trim_matches('"').parse().unwrap()
    }

    /// The runs there are, with their versions.
    pub(crate) async fn runs(&self) -> Vec<(String, u64)> {
        let listed: Value = self.as_person("/v1/runs?max=500").await.json().await.unwrap();
        let mut runs = Vec::new();
        for run in listed["runs"].as_array().unwrap() {
            let id = run["id"].as_str().unwrap().to_owned();
            let version = self.version(&id).await;
            runs.push((id, version));
        }
        runs
    }

    /// Approvals that wait, and one that is used.
    pub(crate) fn approvals(&self) -> [&str; 3] {
        ["$approval", "$foreign", "$used"].map(|place| self.places[place].as_str())
    }

    pub(crate) fn place(&self, place: &str) -> &str {
        &self.places[place]
    }

    pub(crate) fn fleet(&self) -> &Fleet {
        &self.world.fleet
    }

    pub(crate) fn api(&self) -> String {
        format!("http://{}", self.world.api)
    }

    pub(crate) fn token(&self, label: &str) -> &str {
        &self.tokens[label]
    }

    pub(crate) fn tokens(&self) -> impl Iterator<Item = (&String, &String)> {
        self.tokens.iter()
    }

    pub(crate) fn client(&self, label: &str) -> &Client {
        &self.clients[label]
    }

    pub(crate) fn is_agent(&self, label: &str) -> bool {
        !["person", "ada", "none", "garbage", "key", "revoked", "expired"].contains(&label)
    }
}

fn kind_place(kind: &str) -> &'static str {
    match kind {
        "page" => "$page",
        "ledger" => "$ledger",
        _ => "$shared",
    }
}
