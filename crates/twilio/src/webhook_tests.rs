//! In: bodies as Twilio sends them, and noise. Out: proof that they are read. Never: product code.

use domain::id::RunId;
use proptest::prelude::*;

use super::*;

const SID: &str = "SM00000000000000000000000000000001";

fn status(body: &str, query: Option<&str>) -> Result<StatusCallback, WebhookError> {
    StatusCallback::from_form(&Form::parse(body.as_bytes())?, query)
}

fn inbound(body: &str) -> Result<Inbound, WebhookError> {
    Inbound::from_form(&Form::parse(body.as_bytes())?)
}

#[test]
fn a_status_callback_carries_our_id_back() {
    let id = MessageId { run: RunId::derive("s", "e", "w", None), number: 2 };
    let body = format!(
        "ErrorCode=30003&RawDlrDoneDate=2607171206&SmsSid={SID}&SmsStatus=undelivered&MessageStatus=undelivered\
         &To=%2B14155550100&MessageSid={SID}&AccountSid=AC1&From=%2B15005550006&ApiVersion=2010-04-01&New=1"
    );
    let callback = status(&body, Some(&format!("message={id}&attempt=3"))).unwrap();
    assert_eq!(callback.sid.as_str(), SID);
    assert_eq!(callback.status, Some(ProviderStatus::Undelivered));
    assert_eq!((callback.error_code, callback.attempt), (Some(30003), Some(3)));
    assert_eq!(callback.message, Some(id));
    assert_eq!(callback.to, Some("+14155550100".parse().unwrap()));
}

#[test]
fn a_callback_without_our_query_still_names_the_text() {
    for query in [None, Some(""), Some("message=nonsense&attempt=-1"), Some("message=%ff")] {
        let callback = status(&format!("MessageSid={SID}&MessageStatus=sent"), query).unwrap();
        assert_eq!((callback.message, callback.attempt), (None, None), "{query:?}");
    }
}

#[test]
fn an_unknown_status_is_kept_as_it_came() {
    let callback = status(&format!("MessageSid={SID}&MessageStatus=partially_delivered"), None).unwrap();
    assert_eq!((callback.status, callback.raw_status.as_str()), (None, "partially_delivered"));
}

#[test]
fn what_is_wrong_with_a_callback_is_named() {
    for (body, error) in [
        ("MessageStatus=sent".to_owned(), WebhookError::Missing("MessageSid")),
        (format!("MessageSid={SID}"), WebhookError::Missing("MessageStatus")),
        ("MessageSid=SM1&MessageStatus=sent".to_owned(), WebhookError::Malformed("MessageSid")),
        (
            format!("MessageSid={SID}&MessageStatus=%ff"),
            WebhookError::Form(FormError::NotUtf8 { field: "MessageStatus".into() }),
        ),
    ] {
        assert_eq!(status(&body, None), Err(error), "{body}");
    }
}

#[test]
fn b9_a_status_counts_whatever_its_code_looks_like() {
    for (code, number, unread) in [
        ("30008", Some(30_008), None),
        ("+30008", Some(30_008), None),
        ("%2030008%0A", Some(30_008), None),
        ("%2230008%22", Some(30_008), None),
        ("null", None, None),
        ("None", None, None),
        ("", None, None),
        ("+", None, None),
        ("0", None, None),
        ("3e4", None, Some("3e4")),
        ("99999999999", None, Some("999999")),
        ("call+%2B14155550100", None, Some("call14")),
    ] {
        let callback =
            status(&format!("MessageSid={SID}&MessageStatus=failed&ErrorCode={code}"), None).unwrap();
        assert_eq!(callback.status, Some(ProviderStatus::Failed), "{code}");
        assert_eq!((callback.error_code, callback.unread_code.as_deref()), (number, unread), "{code}");
    }
}

#[test]
fn b8_a_sender_that_is_no_phone_is_named_by_its_kind() {
    for (from, kind) in [
        ("68849", SenderKind::ShortCode),
        ("SUPPORT", SenderKind::Name),
        ("whatsapp:%2B14155550100", SenderKind::OtherChannel),
        ("rcs:agent", SenderKind::OtherChannel),
        ("%2B0", SenderKind::Other),
        ("%2B", SenderKind::Other),
    ] {
        let error =
            inbound(&format!("MessageSid={SID}&From={from}&To=%2B15005550006&Body=STOP")).unwrap_err();
        assert_eq!(error, WebhookError::NoPhone(kind), "{from}");
    }
}

#[test]
fn an_inbound_text_is_read() {
    let body = format!(
        "ToCountry=US&ToState=&SmsMessageSid={SID}&NumMedia=0&ToCity=&SmsSid={SID}&SmsStatus=received&\
         Body=Ok+%E2%9C%85&To=%2B15005550006&MessagingServiceSid=MG1&NumSegments=1&MessageSid={SID}&From=%2B14155550100"
    );
    let text = inbound(&body).unwrap();
    assert_eq!((text.body.as_str(), text.to.as_str()), ("Ok ✅", "+15005550006"));
    assert_eq!((text.opt_out_type, text.service.as_deref()), (None, Some("MG1")));
    let printed = format!("{text:?}");
    assert!(!printed.contains("Ok") && !printed.contains("555"), "{printed}");
}

#[test]
fn what_is_wrong_with_an_inbound_text_is_named() {
    assert_eq!(inbound(&format!("MessageSid={SID}&To=x")).unwrap_err(), WebhookError::Missing("From"));
}

#[test]
fn what_advanced_opt_out_says_wins_over_the_words() {
    let text =
        inbound(&format!("MessageSid={SID}&From=%2B14155550100&To=x&Body=arret&OptOutType=STOP")).unwrap();
    assert_eq!(text.keyword(&[]), Some(Keyword::Stop));
}

proptest! {
    #[test]
    fn any_bytes_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..300), query in ".{0,40}") {
        if let Ok(form) = Form::parse(&bytes) {
            let _ = StatusCallback::from_form(&form, Some(&query));
            let _ = Inbound::from_form(&form);
        }
    }

    #[test]
    fn any_values_are_survived(sid in ".{0,36}", status in ".{0,20}", code in ".{0,9}", from in ".{0,16}", body in ".{0,80}") {
        let fields = [("MessageSid", &sid), ("MessageStatus", &status), ("ErrorCode", &code), ("From", &from), ("Body", &body)];
        let text = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        let form = Form::parse(text.as_bytes()).unwrap();
        let _ = StatusCallback::from_form(&form, None);
        let _ = Inbound::from_form(&form);
        let _ = keyword(&body, &crate::known_languages());
    }
}
