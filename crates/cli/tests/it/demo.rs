//! The demo after its story, as somebody meets it who tries the lines that it prints.

use std::{
    io::{BufRead as _, BufReader},
    process::{Child, Command, Stdio},
    sync::mpsc::Receiver,
};

use serde_json::{Value, json};

use crate::harness::{PATIENCE, event};

/// A demo with its screen.
struct Demo {
    child: Child,
    lines: Receiver<String>,
}

impl Demo {
    fn start() -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_callout"))
            .args(["demo", "--listen", "127.0.0.1:0"])
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .unwrap();
        let (tx, lines) = std::sync::mpsc::channel();
        let screen = BufReader::new(child.stdout.take().unwrap());
        std::thread::spawn(move || screen.lines().map_while(Result::ok).try_for_each(|line| tx.send(line)));
        Self { child, lines }
    }

    /// The next line of the screen that holds all of these.
    fn line(&self, parts: &[&str]) -> String {
        loop {
            let line = self.lines.recv_timeout(PATIENCE).unwrap_or_else(|_| panic!("no line with {parts:?}"));
            if parts.iter().all(|part| line.contains(part)) {
                return line;
            }
        }
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// The URL in a line that calls curl.
fn url(line: &str) -> String {
    line.split_whitespace().find(|word| word.starts_with("http://")).unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn g10_after_its_story_the_demo_tells_what_happens_to_those_who_follow_its_hints() {
    let demo = Demo::start();
    demo.line(&["8 of 8 outcomes as expected"]);
    let events = url(&demo.line(&["curl", "/v1/events"]));
    let phone = url(&demo.line(&["curl", "/sim/v1/phones/"]));
    let reply = url(&demo.line(&["curl", "/reply"]));
    let list = demo.line(&["runs list --config"]);
    assert_eq!(reply, format!("{phone}/reply"));

    let client = http_client::client_builder(http_client::Reach::Plain).build().unwrap();
    let data = json!({"severity": "high", "title": "Disk almost full", "service": "db-7"});
    let mut page = event("incident.created", "try-1", "db-7", data);
    page["source"] = json!("monitoring");
    let request = client.post(events).bearer_auth("monitoring-key");
    let request = request.header("content-type", "application/cloudevents+json").body(page.to_string());
    assert_eq!(request.send().await.unwrap().status(), 202);
    let number = phone.rsplit('/').next().unwrap();
    let shown = demo.line(&[number, "shows: HIGH: Disk almost full (db-7)"]);
    let code = shown.split("ACK ").nth(1).unwrap().split(' ').next().unwrap();
    let received: Value = client.get(&phone).send().await.unwrap().json().await.unwrap();
    assert!(received.to_string().contains(&format!("Reply ACK {code} to acknowledge")), "{received}");

    let answer = json!({"body": format!("ACK {code}")}).to_string();
    let answered = client.post(reply).header("content-type", "application/json").body(answer).send().await;
    assert!(answered.unwrap().status().is_success());
    demo.line(&["db-7: acknowledged by Platform primary (reply)"]);
    let listed = Command::new("sh").args(["-c", &list]).env_remove("CALLOUT_CONFIG").output().unwrap();
    let text = String::from_utf8_lossy(&listed.stdout);
    assert!(listed.status.success(), "{}", String::from_utf8_lossy(&listed.stderr));
    assert!(text.lines().any(|line| line.contains("db-7") && line.contains("acknowledged")), "{text}");
}
