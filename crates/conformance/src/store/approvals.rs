//! Approvals. In: agents that ask, people who decide. Out: a panic where one is decided twice, lost, or too many wait.

use std::sync::Arc;

use domain::approval::{AgentAct, Approval, ApprovalDecision, ApprovalRequest, ApprovalResult};
use domain::id::RunId;
use ports::{Kept, Store, Versioned};

use crate::fixture::{at, at_once};

const MAX: u16 = 3;

fn asked(token: &str, n: u32, second: i64) -> Approval {
    let run = RunId::derive("test", &n.to_string(), "w", None);
    let request = ApprovalRequest {
        by: "helper".into(),
        token: token.into(),
        act: AgentAct::Escalate { run, version: 1, start: 0 },
        workflows: vec!["w".into()],
        policy: "p".into(),
        previews: vec![],
        expires_s: 60,
    };
    Approval::ask(request, at(second))
}

fn decided(approval: &Approval, approved: bool, by: &str, second: i64) -> Approval {
    let (by, via, why) = (by.to_owned(), "operator".to_owned(), String::new());
    Approval {
        decision: Some(ApprovalDecision { approved, by, via, at: at(second), why }),
        ..approval.clone()
    }
}

/// From the asking to the end, with everything it says.
pub async fn an_approval_is_changed_by_who_saw_it_last(store: Arc<dyn Store>) {
    let (one, other) = (asked("t1", 1, 0), asked("t1", 2, 1));
    assert_eq!(store.approval(&one.id).await.unwrap(), None);
    for approval in [&one, &other] {
        assert_eq!(store.keep_approval(approval, 0, MAX, at(1)).await.unwrap(), Kept::Stored);
    }
    let listed: Vec<Approval> = store.approvals().await.unwrap().into_iter().map(|held| held.value).collect();
    assert_eq!(listed, [other, one.clone()], "latest first");
    assert_eq!(store.keep_approval(&one, 5, MAX, at(2)).await.unwrap(), Kept::Changed);
    assert_eq!(store.approvals_to_do().await.unwrap(), []);

    let approved = decided(&one, true, "ada", 3);
    assert_eq!(store.keep_approval(&approved, 1, MAX, at(3)).await.unwrap(), Kept::Stored);
    let stored = Versioned { value: approved.clone(), version: 2 };
    assert_eq!(store.approvals_to_do().await.unwrap(), std::slice::from_ref(&stored));
    let late = decided(&one, false, "eve", 3);
    assert_eq!(store.keep_approval(&late, 1, MAX, at(3)).await.unwrap(), Kept::Changed);
    assert_eq!(store.approval(&one.id).await.unwrap(), Some(stored));

    let result = ApprovalResult { runs: vec![], refused: None, at: at(4) };
    let used = Approval { result: Some(result), ..approved };
    assert_eq!(store.keep_approval(&used, 2, MAX, at(4)).await.unwrap(), Kept::Stored);
    assert_eq!(store.approvals_to_do().await.unwrap(), []);
    assert_eq!(store.approval(&one.id).await.unwrap(), Some(Versioned { value: used, version: 3 }));
}

/// Of those who decide at one moment.
pub async fn one_of_many_decides_on_an_approval(store: Arc<dyn Store>) {
    let one = asked("t1", 1, 0);
    store.keep_approval(&one, 0, MAX, at(0)).await.unwrap();
    let kept = at_once(8, |n| {
        let (store, decided) = (store.clone(), decided(&one, n % 2 == 0, &format!("person {n}"), 1));
        async move {
            (store.keep_approval(&decided, 1, MAX, at(1)).await.unwrap() == Kept::Stored).then_some(decided)
        }
    })
    .await;
    let winners: Vec<Approval> = kept.into_iter().flatten().collect();
    assert_eq!(winners.len(), 1, "{winners:?}");
    assert_eq!(store.approval(&one.id).await.unwrap().map(|held| held.value).as_ref(), winners.first());
}

/// Also of those that are asked for at one moment; what was decided or has expired leaves room.
pub async fn a_token_has_so_many_approvals_waiting(store: Arc<dyn Store>) {
    let kept = at_once(8, |n| {
        let (store, one) = (store.clone(), asked("t1", n, 0));
        async move { (store.keep_approval(&one, 0, MAX, at(0)).await.unwrap(), one) }
    })
    .await;
    let stored: Vec<&Approval> =
        kept.iter().filter(|(kept, _)| *kept == Kept::Stored).map(|(_, one)| one).collect();
    assert_eq!(stored.len(), usize::from(MAX), "{kept:?}");
    assert!(kept.iter().all(|(kept, _)| *kept != Kept::Changed), "{kept:?}");
    let ask = |token: &'static str, n: u32, second: i64| {
        let store = store.clone();
        async move { store.keep_approval(&asked(token, n, second), 0, MAX, at(second)).await.unwrap() }
    };
    assert_eq!(ask("t2", 20, 1).await, Kept::Stored, "another token has room of its own");
    assert_eq!(ask("t1", 21, 1).await, Kept::Full);
    assert_eq!(
        store.keep_approval(&decided(stored[0], false, "ada", 2), 1, MAX, at(2)).await.unwrap(),
        Kept::Stored,
        "who decides needs no room"
    );
    assert_eq!(ask("t1", 22, 2).await, Kept::Stored);
    assert_eq!(ask("t1", 23, 3).await, Kept::Full);
    assert_eq!(ask("t1", 24, 60).await, Kept::Stored, "the others have expired");
    let again = asked("t1", 22, 70);
    assert_eq!(store.keep_approval(&again, 1, MAX, at(70)).await.unwrap(), Kept::Stored, "asked for again");
    assert_eq!(store.approval(&again.id).await.unwrap().map(|held| held.version), Some(2));
}

/// Days later, when another one is asked for; what must be done is kept.
pub async fn an_approval_is_forgotten_long_after_it_was_decided(store: Arc<dyn Store>) {
    let (expired, approved) = (asked("t1", 1, 0), asked("t1", 2, 0));
    store.keep_approval(&expired, 0, MAX, at(0)).await.unwrap();
    store.keep_approval(&approved, 0, MAX, at(0)).await.unwrap();
    store.keep_approval(&decided(&approved, true, "ada", 1), 1, MAX, at(1)).await.unwrap();
    let kept = 60 + 3 * 24 * 3_600;
    store.keep_approval(&asked("t1", 3, kept - 1), 0, MAX, at(kept - 1)).await.unwrap();
    assert!(store.approval(&expired.id).await.unwrap().is_some());
    store.keep_approval(&asked("t1", 4, kept), 0, MAX, at(kept)).await.unwrap();
    assert_eq!(store.approval(&expired.id).await.unwrap(), None);
    assert!(store.approval(&approved.id).await.unwrap().is_some());
}
