//! Copies of calendars. In: copies. Out: a panic where the last one is not the one that is found, or two read at once.

use std::sync::Arc;

use domain::oncall::copy::{CalendarCopy, CalendarRead, CalendarState};
use jiff::SignedDuration;
use ports::Store;

use crate::fixture::at;

fn state(schedule: &str) -> CalendarState {
    let mut state = CalendarState::new(schedule, "primary", "origin");
    let copy = CalendarCopy {
        digest: "digest".to_owned(),
        etag: Some("\"1\"".to_owned()),
        read_at: at(1),
        bytes: 10,
        shifts: 2,
        not_taken: Vec::new(),
        passed_over: vec!["a VJOURNAL".to_owned()],
    };
    state.tried(CalendarRead::Copy(copy), "origin", 0, at(1));
    state
}

/// A try that failed leaves the text as it is.
pub async fn the_last_copy_of_each_calendar_is_kept(store: Arc<dyn Store>) {
    assert_eq!(store.calendars().await.unwrap(), []);
    assert_eq!(store.calendar_text("a", "primary").await.unwrap(), None);
    let (mut a, b) = (state("a"), state("b"));
    for _ in 0..2 {
        store.keep_calendar(&b, Some("of b")).await.unwrap();
        store.keep_calendar(&a, Some("of a")).await.unwrap();
    }
    a.tried(CalendarRead::Failed("404".to_owned()), "origin", 2, at(9));
    store.keep_calendar(&a, None).await.unwrap();
    assert_eq!(store.calendars().await.unwrap(), [a.clone(), b.clone()]);
    assert_eq!(store.calendar_text("a", "primary").await.unwrap().as_deref(), Some("of a"));
    store.keep_calendar(&a, Some("BEGIN:VCALENDAR\r\nÄ")).await.unwrap();
    assert_eq!(store.calendar_text("a", "primary").await.unwrap().as_deref(), Some("BEGIN:VCALENDAR\r\nÄ"));
    assert_eq!(store.calendar_text("a", "secondary").await.unwrap(), None);
    store.remove_calendar("a", "primary").await.unwrap();
    store.remove_calendar("a", "primary").await.unwrap();
    assert_eq!(store.calendars().await.unwrap(), [b]);
    assert_eq!(store.calendar_text("a", "primary").await.unwrap(), None);
    assert_eq!(store.calendar_text("b", "primary").await.unwrap().as_deref(), Some("of b"));
}

/// One that is taken and not kept is not among them, and what is kept stays while another reads.
pub async fn one_of_many_reads_a_calendar(store: Arc<dyn Store>) {
    let minute = SignedDuration::from_mins(1);
    let take = || store.take_calendar("a", "primary", at(0), minute);
    let taken = futures::future::try_join_all((0..8).map(|_| take())).await.unwrap();
    assert_eq!(taken.iter().filter(|taken| **taken).count(), 1);
    assert_eq!(store.calendars().await.unwrap(), []);
    assert!(store.take_calendar("a", "secondary", at(0), minute).await.unwrap(), "each by itself");
    assert!(!take().await.unwrap(), "until its time is over");
    store.keep_calendar(&state("a"), Some("of a")).await.unwrap();
    assert!(take().await.unwrap(), "or until it is kept");
    assert_eq!(store.calendars().await.unwrap(), [state("a")]);
}
