//! Texts that phones send. In: replies. Out: signed webhooks, blocks, automatic answers. Never: sleeps.

use twilio::Inbound;
use twilio_sim::{NotDelivered, Number, ReplyRule, Service, SimConfig, Status};

use crate::harness::*;

async fn with_receiver() -> (twilio_sim::SimHandle, Receiver) {
    let receiver = Receiver::start().await;
    let inbound_url = Some(receiver.url("/inbound?x=1").parse().unwrap());
    let number = Number { number: FROM.into(), inbound_url: inbound_url.clone() };
    let service = Service {
        sid: SERVICE.into(),
        senders: vec![POOL.into()],
        inbound_url,
        advanced_opt_out: true,
        ..Service::default()
    };
    let config = SimConfig { numbers: vec![number, POOL.into()], services: vec![service], ..config() };
    (start(config).await, receiver)
}

#[tokio::test]
async fn a_reply_goes_to_the_last_sender_and_is_signed() {
    let (sim, receiver) = with_receiver().await;
    let phone = sim.phone(PHONE);
    assert_eq!(phone.reply("hm?").await, Err(NotDelivered::NothingToReplyTo));
    assert_eq!(phone.send("+15559999999", "hm?").await, Err(NotDelivered::NotOurs));
    Api::of(&sim).text(PHONE, "db-1 is down", None).await;
    sim.wait_until(|view| view.with_status(Status::Delivered) == 1, PATIENCE).await.unwrap();
    let replied = phone.reply("ack ✅").await.unwrap();
    assert_eq!((replied.to.as_str(), replied.answered), (FROM, Some(200)));
    let hook = &receiver.hooks()[0];
    assert!(hook.genuine);
    let inbound = Inbound::from_form(&hook.form).unwrap();
    assert_eq!((inbound.body.as_str(), inbound.from.as_str()), ("ack ✅", PHONE));
    assert_eq!((inbound.sid.as_str(), inbound.opt_out_type), (replied.sid.as_str(), None));
    assert_eq!(phone.sent().len(), 1);
}

#[tokio::test]
async fn stop_blocks_until_start_and_still_reaches_the_webhook() {
    let (sim, receiver) = with_receiver().await;
    let (api, phone) = (Api::of(&sim), sim.phone(PHONE));
    let form = [("To", PHONE), ("From", FROM), ("Body", "x")];
    phone.send(FROM, " Stop ").await.unwrap();
    let (status, error) = api.create(&form).await;
    assert_eq!((status, &error["code"]), (400, &serde_json::json!(21_610)));
    assert_eq!(
        api.create(&[("To", PHONE), ("From", POOL), ("Body", "x")]).await.0,
        201,
        "another sender may"
    );
    phone.send(FROM, "start").await.unwrap();
    assert_eq!(api.create(&form).await.0, 201);
    assert_eq!(receiver.hooks().len(), 2);
    let automatic = phone.texts().iter().filter(|text| text.automatic).count();
    assert_eq!(automatic, 2);
    assert_eq!(sim.report().accepted, 2, "automatic answers are not texts of ours");
}

#[tokio::test]
async fn stop_to_a_service_blocks_all_of_it_and_says_its_kind() {
    let (sim, receiver) = with_receiver().await;
    let api = Api::of(&sim);
    sim.phone(PHONE).send(POOL, "STOP").await.unwrap();
    let inbound = Inbound::from_form(&receiver.hooks()[0].form).unwrap();
    assert_eq!(
        (inbound.opt_out_type, inbound.service.as_deref()),
        (Some(twilio::OptOut::Stop), Some(SERVICE))
    );
    for form in [
        [("To", PHONE), ("MessagingServiceSid", SERVICE), ("Body", "x")],
        [("To", PHONE), ("From", POOL), ("Body", "x")],
    ] {
        assert_eq!(api.create(&form).await.1["code"], 21_610);
    }
}

#[tokio::test]
async fn yes_is_an_answer_unless_the_phone_had_opted_out() {
    let (sim, _receiver) = with_receiver().await;
    let phone = sim.phone(PHONE);
    phone.send(FROM, "YES").await.unwrap();
    assert!(phone.texts().is_empty());
    phone.send(FROM, "stop please").await.unwrap();
    assert_eq!(Api::of(&sim).create(&[("To", PHONE), ("From", FROM), ("Body", "x")]).await.0, 201);
}

#[tokio::test]
async fn a_phone_acknowledges_by_itself() {
    let (sim, receiver) = with_receiver().await;
    let rule = ReplyRule { when_contains: "down".into(), body: "ACK {code}".into(), after_ms: 0 };
    sim.phone(PHONE).answers(vec![rule]);
    let api = Api::of(&sim);
    api.text(PHONE, "all is well", None).await;
    api.text(PHONE, "db-1 is down. Reply 7K2P to acknowledge.", None).await;
    let hooks = receiver.wait_for(1).await;
    assert_eq!(hooks[0].form.get("Body"), Some("ACK 7K2P"));
    assert_eq!(sim.phone(PHONE).sent().len(), 1);
}

#[tokio::test]
async fn without_a_webhook_a_reply_is_lost_as_it_is_at_twilio() {
    let sim = start(config()).await;
    let replied = sim.phone(PHONE).send(POOL, "hello").await.unwrap();
    assert_eq!(replied.answered, None);
    assert_eq!(sim.report().inbound.lost, 1);
}
