//! `docker-compose.yml` as its users run it, with three senders, and what happens to it in a year.
//!
//! In: an engine with the images. Out: a line for each row that holds.
//! Never: sends a text to anybody: the simulator stands in for Twilio.

use anyhow::{Context as _, Result};
use serde_json::{Value, json};

use super::{
    definitions,
    engine::Engine,
    machine::Network,
    place::{Place, holds},
    public,
    shell::{self, attempt, expect, read, run, wait_until},
};
use crate::output::say;

const UP: &str = "docker compose up --wait --scale sender=3";
/// The services, with three senders.
const CONTAINERS: usize = 11;
/// The person on call in `examples/`, who is paged first.
const PHONE: &str = "+14155550101";
/// The simulator's phones.
const PHONES: &str = "http://127.0.0.1:8090/sim/v1/phones";
/// How long something may take that is expected at once, in seconds.
const SOON: u32 = 120;

/// Drives it.
pub(super) fn drive(place: &Place) -> Result<()> {
    let mut fleet = Fleet { engine: Engine::start(place, Network::Own)?, place, sent: 0 };
    // What an earlier run left.
    run(&mut fleet.engine.program("docker compose --profile public down --volumes --remove-orphans"))?;
    say("docker compose up, with three senders");
    run(&mut fleet.engine.program(UP))?;
    fleet.is_healthy()?;
    holds("H", "every container is healthy");
    fleet.sends_from_inside()?;
    fleet.publish(3)?;
    fleet.all_arrive("events over HTTP and AMQP end in texts")?;
    fleet.takes_a_reply()?;
    fleet.is_confined()?;
    fleet.survives_kills()?;
    fleet.is_scaled()?;
    fleet = fleet.survives_the_machine()?;
    fleet.survives_down_and_up()?;
    fleet.refuses_a_password()?;
    public::drive(&fleet.engine)?;
    definitions::drive(&fleet.engine)?;
    fleet.nothing_is_lost()?;
    run(&mut fleet.engine.program("docker compose --profile public down --volumes"))
}

struct Fleet<'a> {
    engine: Engine,
    place: &'a Place,
    /// Incidents until now; each is one page to [`PHONE`].
    sent: usize,
}

impl Fleet<'_> {
    fn is_healthy(&self) -> Result<()> {
        wait_until("every container healthy", SOON, || {
            let listed = read(&mut self.engine.program("docker compose ps --format '{{.Health}}'"))?;
            Ok(listed.lines().filter(|health| *health == "healthy").count() == CONTAINERS)
        })
    }

    /// With the command that the compose file's header gives, in a container.
    fn sends_from_inside(&mut self) -> Result<()> {
        self.sent += 1;
        let event = incident(self.sent);
        let send =
            "docker compose exec --no-TTY ingest callout events send --key-env CALLOUT_KEY_MONITORING -";
        let said = read(&mut self.engine.program(&format!("echo '{event}' | {send}")))?;
        expect(said.contains("accepted"), || format!("H10: {said}"))?;
        let elsewhere = send.replace(" ingest ", " escalation ");
        let said = attempt(&mut self.engine.program(&format!("echo '{event}' | {elsewhere}")))?;
        expect(said.code == Some(1) && said.error.contains(":8080/v1/events takes no events"), || {
            format!("H10: {}", said.error)
        })?;
        holds("H10", "`events send` works inside a container, or names the address that it tried");
        Ok(())
    }

    /// Incidents over HTTP.
    fn post(&mut self, count: usize) -> Result<()> {
        for _ in 0..count {
            self.sent += 1;
            let event = incident(self.sent);
            let post = format!(
                "curl --silent --show-error --fail --retry 10 --retry-all-errors --retry-delay 1 \
                 --header 'authorization: Bearer choose-a-key' \
                 --header 'content-type: application/cloudevents+json' --data '{event}' \
                 http://127.0.0.1:8080/v1/events"
            );
            read(&mut self.engine.program(&post))?;
        }
        Ok(())
    }

    /// Incidents over AMQP, with the example in Python.
    fn publish(&mut self, count: usize) -> Result<()> {
        let python = self.place.python("python")?;
        let example = self.place.source.join("examples/producers/python/publish.py");
        for _ in 0..count {
            self.sent += 1;
            let mut publish = self.engine.on_its_network(&python);
            publish.arg(&example).arg(format!("Incident {}", self.sent));
            read(publish.env("AMQP_URL", "amqp://callout:callout@127.0.0.1:5672/%2F"))?;
        }
        Ok(())
    }

    fn all_arrive(&self, what: &str) -> Result<()> {
        wait_until(&format!("{what}: {} pages", self.sent), SOON, || Ok(self.pages()? >= self.sent))?;
        expect(self.pages()? == self.sent, || format!("{what}: {} pages", self.sent))?;
        holds("H", what);
        Ok(())
    }

    /// Pages on the phone of the person on call, the same one counted once.
    fn pages(&self) -> Result<usize> {
        let said = attempt(&mut self.engine.program(&format!("curl --silent --fail {PHONES}/{PHONE}")))?;
        // It is not there while the machine starts.
        let Ok(phone) = serde_json::from_str::<Value>(&said.out) else { return Ok(0) };
        let texts = phone["texts"].as_array().context("the texts of a phone")?;
        let numbers = texts.iter().filter_map(|text| text["body"].as_str()?.split("Incident ").nth(1));
        let numbers = numbers.filter_map(|rest| rest.split(|sign: char| !sign.is_ascii_digit()).next());
        Ok(numbers.collect::<std::collections::BTreeSet<_>>().len())
    }

    /// From the simulator's phone, through callback.
    fn takes_a_reply(&self) -> Result<()> {
        let texts = read(&mut self.engine.program(&format!("curl --silent {PHONES}/{PHONE}")))?;
        let code =
            texts.split("Reply ACK ").nth(1).and_then(|rest| rest.split(' ').next()).context("a code")?;
        let reply = json!({"body": format!("ACK {code}")});
        let json = "--header 'content-type: application/json'";
        read(
            &mut self
                .engine
                .program(&format!("curl --silent --fail {json} --data '{reply}' {PHONES}/{PHONE}/reply")),
        )?;
        let acknowledged = "runs list --workflow incident-paging --phase acknowledged";
        wait_until("an acknowledgement", SOON, || Ok(self.count(acknowledged)? == 1))?;
        holds("H", "a reply from the simulator's phone acknowledges");
        Ok(())
    }

    fn is_confined(&self) -> Result<()> {
        let script = "docker compose exec --no-TTY sender sh -c 'id -u; touch /tmp/x; grep -i capeff /proc/self/status; \
                      grep -i nonewprivs /proc/self/status'";
        let said = attempt(&mut self.engine.program(script))?;
        let found: Vec<&str> = said.out.split_whitespace().collect();
        expect(
            found == ["10001", "CapEff:", "0000000000000000", "NoNewPrivs:", "1"]
                && said.error.contains("Read-only file system"),
            || format!("H10: {}{}", said.out, said.error),
        )?;
        holds(
            "H10",
            "a role runs as 10001, on a root that is read-only, without capabilities or new privileges",
        );
        Ok(())
    }

    /// As a crash ends a process, which no engine hears of.
    fn kill(&self, container: &str) -> Result<()> {
        let kill = format!("kill -KILL $(docker inspect --format '{{{{.State.Pid}}}}' {container})");
        run(&mut self.engine.program(&kill))
    }

    fn survives_kills(&mut self) -> Result<()> {
        let listed = read(&mut self.engine.program("docker compose ps --quiet sender"))?;
        self.post(5)?;
        self.kill(listed.lines().next().context("a sender")?)?;
        self.publish(5)?;
        self.all_arrive("a sender that is killed loses and doubles nothing")?;
        for server in ["rabbitmq", "redis"] {
            let container = read(&mut self.engine.program(&format!("docker compose ps --quiet {server}")))?;
            self.kill(container.trim())?;
            self.post(1).or_else(|_| self.again())?;
            self.is_healthy()?;
            self.post(2)?;
            self.all_arrive(&format!("{server} that is killed comes back, and all goes on"))?;
            holds("H2", &format!("{server} is started again after a crash"));
        }
        Ok(())
    }

    /// An event that was not taken is sent again, as its source would.
    fn again(&mut self) -> Result<()> {
        self.is_healthy()?;
        self.sent -= 1;
        self.post(1)
    }

    fn is_scaled(&mut self) -> Result<()> {
        run(&mut self.engine.program(&UP.replace("=3", "=5")))?;
        self.post(10)?;
        run(&mut self.engine.program(UP))?;
        self.is_healthy()?;
        self.all_arrive("senders are added and taken away under load")
    }

    /// Everything ends at once, and the engine starts as after a power failure.
    fn survives_the_machine(mut self) -> Result<Self> {
        self.post(3)?;
        self.publish(3)?;
        let Fleet { engine, place, sent } = self;
        drop(engine);
        let fleet = Fleet { engine: Engine::start(place, Network::Own)?, place, sent };
        fleet.is_healthy()?;
        fleet.all_have_runs(fleet.sent)?;
        holds("H2", "every container comes back after the machine was switched off");
        Ok(fleet)
    }

    /// The simulator's phones forgot everything; callout's own books say what became of each event.
    fn all_have_runs(&self, count: usize) -> Result<()> {
        wait_until(&format!("{count} runs, and books that balance"), SOON, || {
            let audit =
                attempt(&mut self.engine.program("docker compose exec --no-TTY ingest callout audit"))?;
            Ok(audit.code == Some(0) && self.runs()? == count)
        })
    }

    /// Containers are removed and made anew; volumes stay.
    fn survives_down_and_up(&mut self) -> Result<()> {
        let before = self.runs()?;
        let node = self.node()?;
        run(&mut self.engine.program("docker compose stop sender"))?;
        // They are nowhere but in a queue: what comes over HTTP is in Redis, too.
        self.publish(10)?;
        let stray = incident(0).replace("incident.created", "nothing.known");
        let publish = format!(
            "curl --silent --fail --user callout:callout --header 'content-type: application/json' --data '{}' \
             http://127.0.0.1:15672/api/exchanges/%2F/callout.v1.events/publish",
            json!({"routing_key": "nothing.known", "payload": stray, "payload_encoding": "string",
                   "properties": {"delivery_mode": 2, "content_type": "application/cloudevents+json"}})
        );
        read(&mut self.engine.program(&publish))?;
        run(&mut self.engine.program("docker compose down"))?;
        run(&mut self.engine.program(UP))?;
        self.all_have_runs(before + 10)?;
        wait_until("a dead letter", SOON, || Ok(self.dead_letters()? == 1))?;
        run(&mut self.engine.program("docker compose down"))?;
        run(&mut self.engine.program(UP))?;
        expect(self.dead_letters()? == 1 && self.runs()? == before + 10, || {
            "H1: dead letters or runs are gone after `down` and `up`".to_owned()
        })?;
        expect(self.node()? == node, || format!("F9: the node was {node} and is {:?}", self.node()))?;
        holds("H1", "after `down` and `up` 10 of 10 queued events arrive, and dead letters are there");
        holds("F9", &format!("the node of new containers is {node} as well"));
        Ok(())
    }

    fn node(&self) -> Result<String> {
        let eval = "docker compose exec --no-TTY rabbitmq rabbitmqctl eval 'node().'";
        Ok(read(&mut self.engine.program(eval))?.trim().to_owned())
    }

    fn runs(&self) -> Result<usize> {
        self.count("runs list --workflow incident-paging --max 1000")
    }

    fn dead_letters(&self) -> Result<usize> {
        self.count("dlq list")
    }

    fn count(&self, command: &str) -> Result<usize> {
        let command = format!("docker compose exec --no-TTY ingest callout {command} --output json");
        let listed: Value = serde_json::from_str(&read(&mut self.engine.program(&command))?)?;
        Ok(listed.as_array().context("a list")?.len())
    }

    fn refuses_a_password(&self) -> Result<()> {
        let run = "RABBITMQ_PASSWORD='p/w#1' docker compose run --rm --no-deps --no-TTY escalation";
        let said = shell::attempt(&mut self.engine.program(run))?;
        expect(said.code == Some(78) && said.error.contains("write / as %2F"), || {
            format!("H10: exit {:?}: {}{}", said.code, said.out, said.error)
        })?;
        holds("H10", "a password that breaks its address is refused, with what to write instead");
        Ok(())
    }

    fn nothing_is_lost(&self) -> Result<()> {
        self.all_have_runs(self.sent)?;
        let judge = "curl --silent --fail http://127.0.0.1:8090/sim/v1/judge";
        let judge: Value = serde_json::from_str(&read(&mut self.engine.program(judge))?)?;
        expect(judge["duplicates_total"] == 0, || format!("texts were sent twice: {judge}"))?;
        holds("H", "in the end nothing is lost, and nothing was sent twice");
        Ok(())
    }
}

/// An incident of its own subject.
fn incident(number: usize) -> String {
    json!({
        "specversion": "1.0", "id": format!("deploy-{number}"), "source": "monitoring", "type": "incident.created",
        "subject": format!("db-{number}"),
        "data": {"severity": "high", "title": format!("Incident {number}"), "service": "db"},
    })
    .to_string()
}
