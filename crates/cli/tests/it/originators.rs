//! Several originators. In: texts of one that do not arrive. Out: the other one in its place, and what says so.

use serde_json::{Value, json};
use twilio_sim::{FaultKind, Injection};

use crate::{
    harness::{FIRST, Fleet, OTHER_FROM, event, run_of},
    status::status_until,
};

const USUAL_FROM: &str = "+15005550006";

async fn start() -> Fleet {
    let usual = format!("from = \"{USUAL_FROM}\"\n");
    let table =
        |name: &str, from: &str| format!("[[twilio.originator]]\nname = \"{name}\"\nfrom = \"{from}\"\n");
    let answer = "answer_max = \"1s\"\n";
    let tables = format!("{answer}{}{}", table("usual", USUAL_FROM), table("other", OTHER_FROM));
    Fleet::start_with(&[(&usual, ""), (answer, &tables)]).await
}

fn note(n: usize) -> Value {
    event(
        "note.created",
        &format!("n-{n}"),
        &format!("s-{n}"),
        json!({"text": format!("Note {n}"), "phone": FIRST}),
    )
}

/// Whom the texts that the phone received or should have received came from.
fn origins(fleet: &Fleet) -> Vec<String> {
    fleet.sim.view(|view| view.texts(FIRST).iter().map(|text| text.from.clone()).collect())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_originator_whose_texts_do_not_arrive_gives_way_and_status_says_so() {
    let fleet = start().await;
    // A carrier that filters: another attempt does not help, so each of them stays undelivered.
    let filtered = Injection {
        from: Some(USUAL_FROM.to_owned()),
        code: Some(30_007),
        count: 1_000,
        ..FaultKind::DeliveryFailure.into()
    };
    fleet.sim.inject(filtered);
    for n in 0..10 {
        assert_eq!(fleet.event(&note(n)).await, 202);
    }
    let is_demoted = |report: &Value| report["status"]["originators"][0]["is_demoted"] == true;
    let (report, code) = status_until(&fleet, is_demoted).await;
    let usual = &report["status"]["originators"][0];
    assert_eq!(
        (&usual["originator"], &usual["calling_code"], &usual["failed"]),
        (&json!("usual"), &json!("+1"), &json!(10))
    );
    assert_eq!(code, Some(1));
    let what = report["findings"].to_string();
    assert!(what.contains("texts from usual to +1 do not arrive: 0 of the latest 10 did"), "{what}");
    assert!(String::from_utf8(fleet.run(&["status"]).stdout).unwrap().contains("DEMOTED"));

    // Senders hear of it with the next exchange.
    let (mut n, mut took_over) = (10, None);
    while took_over.is_none() {
        assert_eq!(fleet.event(&note(n)).await, 202);
        let run = fleet
            .run_until(&run_of(&format!("n-{n}"), "note", &format!("s-{n}")), |run| {
                let timeline = run["timeline"].to_string();
                timeline.contains("\"delivered\"") || timeline.contains("\"undelivered\"")
            })
            .await;
        took_over = run["timeline"].to_string().contains("originator_chosen").then_some(run);
        n += 1;
    }
    let told = took_over.unwrap()["timeline"].to_string();
    assert!(
        told.contains("goes from other instead of usual") || told.contains("\"instead_of\":\"usual\""),
        "{told}"
    );
    assert_eq!(origins(&fleet), [OTHER_FROM], "only the last one arrived");
    fleet.metrics_with(0, &["callout_originator_demoted{originator=\"usual\",country=\"+1\"} 1"]).await;
    fleet
        .metrics_with(0, &["callout_originator_instead_total{originator=\"other\",instead_of=\"usual\"} 1"])
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_text_that_was_not_delivered_is_tried_again_from_another_originator() {
    let fleet = start().await;
    fleet.sim.inject(Injection {
        from: Some(USUAL_FROM.to_owned()),
        code: Some(30_003),
        ..FaultKind::DeliveryFailure.into()
    });
    assert_eq!(fleet.event(&note(1)).await, 202);
    fleet.wait_until(|view| view.texts(FIRST).len() == 1).await;
    assert_eq!(origins(&fleet), [OTHER_FROM]);
    let shown = fleet.json(&["runs", "show", &run_of("n-1", "note", "s-1")]).to_string();
    assert!(shown.contains("an attempt from it failed"), "{shown}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_text_whose_originator_is_refused_goes_from_another_at_once() {
    // Numbers of Twilio's test credentials: one that is not valid, and one whose queue is full.
    for refused in ["+15005550001", "+15005550008"] {
        let usual = format!("from = \"{USUAL_FROM}\"\n");
        let answer = "answer_max = \"1s\"\n";
        let table =
            |name: &str, from: &str| format!("[[twilio.originator]]\nname = \"{name}\"\nfrom = \"{from}\"\n");
        let tables = format!("{answer}{}{}", table("usual", refused), table("other", OTHER_FROM));
        let fleet = Fleet::start_with(&[(&usual, ""), (answer, &tables)]).await;
        for n in 0..10 {
            assert_eq!(fleet.event(&note(n)).await, 202);
        }
        fleet.wait_until(|view| view.texts(FIRST).len() == 10).await;
        assert!(origins(&fleet).iter().all(|from| from == OTHER_FROM), "{refused}");
        let is_demoted = |report: &Value| {
            report["status"]["originators"][0]["is_demoted"] == true
                || report["status"]["originators"][1]["is_demoted"] == true
        };
        status_until(&fleet, is_demoted).await;
        let audit = fleet.audit_once_settled().await;
        assert_eq!(audit["dead_letters"], json!({}), "{audit}");
    }
}

/// A number without a registration: its receipts say so, and every text would end there.
#[tokio::test(flavor = "multi_thread")]
async fn a_text_that_its_originator_may_not_send_goes_from_another_at_once() {
    let fleet = start().await;
    for code in [30_032, 30_034] {
        fleet.sim.inject(Injection {
            from: Some(USUAL_FROM.to_owned()),
            code: Some(code),
            ..FaultKind::DeliveryFailure.into()
        });
        assert_eq!(fleet.event(&note(code as usize)).await, 202);
        let id = run_of(&format!("n-{code}"), "note", &format!("s-{code}"));
        let run = fleet.run_until(&id, |run| run["phase"] == "completed").await;
        assert!(run["timeline"].to_string().contains(&code.to_string()), "{run}");
    }
    assert_eq!(origins(&fleet), [OTHER_FROM, OTHER_FROM]);
}
