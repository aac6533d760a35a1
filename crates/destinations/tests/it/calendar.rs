//! Calendars of servers. In: what a server does. Out: what is read, or what is said of it.

use std::{convert::Infallible, time::Duration};

use axum::{
    Router,
    body::Body,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse as _, Redirect},
    routing::get,
};
use bytes::Bytes;
use destinations::{CalendarClient, read_calendar_file};
use domain::{directory::CalendarSource, limits::CALENDAR_BYTES_MAX};
use futures::stream;
use ports::{CalendarFetched, CalendarReader as _};

const TEXT: &str = "BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n";

async fn serve() -> String {
    let tagged = |headers: HeaderMap| async move {
        if headers.get(header::IF_NONE_MATCH).is_some_and(|etag| etag == "\"1\"") {
            return StatusCode::NOT_MODIFIED.into_response();
        }
        ([(header::ETAG, "\"1\"")], TEXT).into_response()
    };
    let endless = || async {
        let chunks = stream::repeat_with(|| Ok::<_, Infallible>(Bytes::from(vec![b'x'; 64 * 1024])));
        Body::from_stream(chunks)
    };
    let hanging = || async { Body::from_stream(stream::pending::<Result<Bytes, Infallible>>()) };
    let router = Router::new()
        .route("/calendar/SECRET.ics", get(tagged))
        .route("/endless", get(endless))
        .route("/hanging", get(hanging))
        .route("/silent", get(std::future::pending::<()>))
        .route("/gone", get(|| async { (StatusCode::NOT_FOUND, "no SECRET here") }))
        .route("/broken", get(|| async { StatusCode::INTERNAL_SERVER_ERROR }))
        .route("/bytes", get(|| async { vec![0xff_u8, 0xfe] }))
        .route("/moved", get(|| async { Redirect::temporary("/calendar/SECRET.ics") }))
        .route("/round", get(|| async { Redirect::temporary("/round") }))
        .route("/away", get(|| async { Redirect::temporary("http://192.0.2.1/SECRET") }))
        .route("/nowhere", get(|| async { StatusCode::FOUND }));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    format!("http://{address}")
}

async fn read(
    base: &str,
    path: &str,
    etag: Option<&str>,
    allow_private: bool,
) -> Result<CalendarFetched, String> {
    let url = format!("{base}{path}").parse().unwrap();
    let patience =
        Duration::from_millis(if path.ends_with("ing") || path == "/silent" { 200 } else { 60_000 });
    let client = CalendarClient::with_timeout([("URL".to_owned(), url)].into(), patience).unwrap();
    client.read(&CalendarSource::UrlIn { variable: "URL".to_owned(), allow_private }, etag).await
}

#[tokio::test]
async fn a_calendar_is_sent_once_and_then_only_if_it_changed() {
    let base = serve().await;
    let text = || Ok(CalendarFetched::Text { text: TEXT.to_owned(), etag: Some("\"1\"".to_owned()) });
    assert_eq!(read(&base, "/calendar/SECRET.ics", None, true).await, text());
    assert_eq!(read(&base, "/calendar/SECRET.ics", Some("\"1\""), true).await, Ok(CalendarFetched::Same));
    assert_eq!(read(&base, "/calendar/SECRET.ics", Some("\"0\""), true).await, text());
    assert_eq!(read(&base, "/moved", None, true).await, text());
}

#[tokio::test]
async fn what_goes_wrong_is_said_without_the_address() {
    let base = serve().await;
    let too_large = format!("the answer is larger than {CALENDAR_BYTES_MAX} bytes");
    for (path, says) in [
        ("/gone", "the server answers 404 Not Found"),
        ("/broken", "the server answers 500 Internal Server Error"),
        ("/endless", &too_large),
        ("/hanging", "the server gave no whole answer within 200ms"),
        ("/silent", "the server gave no whole answer within 200ms"),
        ("/round", "the server redirects more than 3 times"),
        ("/away", "the server sends away from https"),
        ("/nowhere", "the server answers 302 Found and says not where to"),
    ] {
        assert_eq!(read(&base, path, None, true).await, Err(says.to_owned()), "{path}");
    }
    let bytes = read(&base, "/bytes", None, true).await;
    let CalendarFetched::Text { text, .. } = bytes.unwrap() else { panic!("no text") };
    assert_eq!(text, "\u{fffd}\u{fffd}", "who reads it says what is wrong");
    let gone = read("http://127.0.0.1:1", "/SECRET", None, true).await;
    assert_eq!(gone, Err("no connection to the server".to_owned()));
    let private =
        Err("its address is private or of this machine; allow_private = true permits that".to_owned());
    assert_eq!(read(&base, "/calendar/SECRET.ics", None, false).await, private);
    let by_name = base.replace("127.0.0.1", "localhost");
    assert_eq!(read(&by_name, "/calendar/SECRET.ics", None, false).await, private);
    let client = CalendarClient::new([].into()).unwrap();
    let source = CalendarSource::UrlIn { variable: "URL".to_owned(), allow_private: true };
    assert_eq!(client.read(&source, None).await, Err("URL is not set in this process".to_owned()));
}

#[tokio::test]
async fn another_address_is_another_place_and_a_file_is_read_whole() {
    let url =
        |path: &str| [("URL".to_owned(), format!("https://example.com/{path}").parse().unwrap())].into();
    let client = CalendarClient::new(url("a")).unwrap();
    let source = CalendarSource::UrlIn { variable: "URL".to_owned(), allow_private: false };
    let before = client.origin(&source);
    assert_eq!(client.origin(&source), before);
    client.replace(url("b"));
    assert_ne!(client.origin(&source), before);
    assert!(!before.contains("example"));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("desk.ics");
    let missing = client.read(&CalendarSource::File(path.clone()), None).await.unwrap_err();
    assert!(missing.contains("desk.ics cannot be read"), "{missing}");
    std::fs::write(&path, TEXT).unwrap();
    let read = client.read(&CalendarSource::File(path.clone()), None).await;
    assert_eq!(read, Ok(CalendarFetched::Text { text: TEXT.to_owned(), etag: None }));
    std::fs::write(&path, "x".repeat(CALENDAR_BYTES_MAX + 1)).unwrap();
    assert!(read_calendar_file(&path).unwrap_err().contains("is larger than"));
}
