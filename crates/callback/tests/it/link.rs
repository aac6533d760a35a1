//! The link of a text, as browsers, scanners and previews follow it.

use axum::http::StatusCode;
use conformance::fixture::{at, sid};
use domain::{run::RunPhase, timeline::TimelineEvent};

use crate::harness::{PUBLIC_URL, World};

#[tokio::test]
async fn a_fetched_page_acknowledges_nothing_and_the_button_does() {
    let world = World::new();
    let (id, path) = world.open_linked(1).await;
    let path = path.split('.').next().unwrap();
    for method in ["GET", "HEAD", "GET"] {
        let page = world.browse(method, path).await;
        assert_eq!(page.status, StatusCode::OK);
        assert!(method == "HEAD" || page.body.contains("<button>Acknowledge"), "{}", page.body);
    }
    assert_eq!(world.run(&id).await.phase(), RunPhase::Active);
    for _ in 0..2 {
        let pressed = world.browse("POST", path).await;
        assert_eq!(
            (pressed.status, &pressed.headers["location"]),
            (StatusCode::SEE_OTHER, &path.parse().unwrap())
        );
    }
    assert_eq!(world.run(&id).await.phase(), RunPhase::Acknowledged);
    let by_link =
        |what: &TimelineEvent| matches!(what, TimelineEvent::Acknowledged { via, .. } if via == "link");
    assert_eq!(world.count(&id, by_link).await, 1);
    assert_eq!(world.count(&id, |what| matches!(what, TimelineEvent::AcknowledgedLate { .. })).await, 0);
    let after = world.browse("GET", path).await;
    assert!(after.body.contains("Acknowledged by ") && !after.body.contains("<button>"), "{}", after.body);
}

#[tokio::test]
async fn a_page_of_another_site_acknowledges_nothing() {
    let world = World::new();
    let (id, path) = world.open_linked(1).await;
    let path = path.split('.').next().unwrap();
    for from in [
        &[("sec-fetch-site", "cross-site"), ("origin", "null")][..],
        &[("origin", "https://evil.example")],
        &[("origin", "https://evil.example"), ("host", "callout.example")],
    ] {
        let refused = world.browse_with("POST", path, from).await;
        assert_eq!(refused.status, StatusCode::FORBIDDEN, "{from:?}");
        assert!(refused.body.contains("Open the link of the text itself"), "{}", refused.body);
    }
    assert_eq!(world.run(&id).await.phase(), RunPhase::Active);
    let own = PUBLIC_URL.trim_end_matches('/');
    for (n, from) in [
        &[("sec-fetch-site", "same-origin"), ("origin", "null")][..],
        &[("origin", own)],
        &[("origin", "http://10.0.0.7:8080"), ("host", "10.0.0.7:8080")],
    ]
    .into_iter()
    .enumerate()
    {
        let (id, path) = world.open_linked(n as u32 + 2).await;
        world.browse_with("POST", path.split('.').next().unwrap(), from).await;
        assert_eq!(world.run(&id).await.phase(), RunPhase::Acknowledged, "{from:?}");
    }
}

#[tokio::test]
async fn no_other_link_shows_or_changes_anything() {
    let world = World::new();
    let (id, path) = world.open_linked(1).await;
    let path = path.split('.').next().unwrap();
    let (other, _) = world.open_linked(2).await;
    let secret = path.rsplit('/').next().unwrap();
    let foreign = [
        format!("/a/{other}-1/{secret}"),
        format!("/a/{id}-2/{secret}"),
        format!("/a/{id}-1/{}", secret.to_uppercase()),
        format!("/a/{id}-1/{}", &secret[1..]),
        "/a/x/y".to_owned(),
        format!("/a/{}-1/{secret}", world.open(3).await),
    ];
    for path in &foreign {
        for method in ["GET", "POST"] {
            let refused = world.browse(method, path).await;
            assert_eq!(refused.status, StatusCode::NOT_FOUND, "{method} {path}");
            assert!(refused.body.contains("not known, or its time is over"), "{}", refused.body);
        }
    }
    assert_eq!(world.run(&id).await.phase(), RunPhase::Active);
}

#[tokio::test]
async fn a_link_ends_and_says_what_became_of_its_run_until_then() {
    let world = World::new();
    let (id, path) = world.open_linked(1).await;
    let path = path.split('.').next().unwrap();
    world.runs.apply(&id, |run, ctx| run.cancel("ben", ctx)).await.unwrap();
    assert!(world.browse("GET", path).await.body.contains("Over: cancelled"));
    assert_eq!(world.browse("POST", path).await.status, StatusCode::SEE_OTHER);
    assert_eq!(world.run(&id).await.phase(), RunPhase::Cancelled);
    world.clock.set(at(8 * 24 * 3_600));
    assert_eq!(world.browse("GET", path).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn the_page_runs_nothing_and_the_link_goes_nowhere() {
    let world = World::new();
    let (_, path) = world.open_linked(1).await;
    let page = world.browse("GET", path.split('.').next().unwrap()).await;
    for (name, value) in [
        ("cache-control", "no-store"),
        ("referrer-policy", "no-referrer"),
        ("x-robots-tag", "noindex, nofollow"),
    ] {
        assert_eq!(page.headers[name], value);
    }
    assert!(page.headers["content-security-policy"].to_str().unwrap().starts_with("default-src 'none'"));
    assert!(!page.body.contains("<script") && !page.body.contains("http"), "{}", page.body);
    // A reply with the code still does.
    let (id, _) = world.open_linked(2).await;
    let code = world.run(&id).await.message(1).unwrap().ack().unwrap();
    world.text(&sid("link", 1), "+14155550101", &format!("ACK {code}")).await;
    assert_eq!(world.run(&id).await.phase(), RunPhase::Acknowledged);
}
