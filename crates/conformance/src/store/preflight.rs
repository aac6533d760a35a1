//! What is kept of preflights. In: reports and starts. Out: a panic where the last of them is not what is kept.
//!
//! Never: judges a preflight.

use std::sync::Arc;

use domain::preflight::{Admitted, Check, Finding, Preflight, PreflightReport, Severity};
use ports::Store;

use crate::fixture::at;

fn report(seconds: i64) -> PreflightReport {
    PreflightReport {
        at: at(seconds),
        environment: "production".to_owned(),
        account: "AC1".to_owned(),
        sender: "MG1".to_owned(),
        configuration: "digest".to_owned(),
        findings: vec![Finding {
            severity: Severity::Error,
            check: Check::Sender,
            id: "sender.inbound_missing".to_owned(),
            what: "replies are posted nowhere".to_owned(),
            remedy: "set the URL".to_owned(),
        }],
    }
}

fn admitted(seconds: i64) -> Admitted {
    let (environment, account, sender) = ("production".to_owned(), "AC1".to_owned(), "MG1".to_owned());
    Admitted { at: at(seconds), environment, account, sender }
}

/// Each replaces the one before, and neither the other.
pub async fn the_last_preflight_and_the_last_start_are_kept(store: Arc<dyn Store>) {
    assert_eq!(store.preflight().await.unwrap(), Preflight::default());
    store.keep_preflight(&report(1)).await.unwrap();
    store.keep_preflight(&report(1)).await.unwrap();
    assert_eq!(store.preflight().await.unwrap(), Preflight { last: Some(report(1)), admitted: None });
    store.note_admitted(&admitted(2)).await.unwrap();
    store.keep_preflight(&report(3)).await.unwrap();
    store.note_admitted(&admitted(4)).await.unwrap();
    let kept = Preflight { last: Some(report(3)), admitted: Some(admitted(4)) };
    assert_eq!(store.preflight().await.unwrap(), kept);
}
