#![allow(clippy::all, missing_docs, warnings)]
use std::sync::Arc; use std::sync::atomic::*; use std::time::*;
use conformance::fixture::*; use conformance::bus::*; use embedded::*; use ports::*; use futures::StreamExt;
use domain::carrier::*; use domain::message::MessageEvent; use domain::workflow::*;
fn cpu() -> f64 { let s=std::fs::read_to_string("/proc/self/stat").unwrap(); let f:Vec<&str>=s.rsplit(')').next().unwrap().split_whitespace().collect(); (f[11].parse::<f64>().unwrap()+f[12].parse::<f64>().unwrap())/100.0 }
#[tokio::main]
async fn main() {
    let a: Vec<String> = std::env::args().collect();
    if a.get(1).map(|s| s=="json").unwrap_or(false) {
        let c = Opening::new("schema_1", 1).subject("db-1").change(); let c = submitted(&c.run, &sid("schema_1",1), at(1)); println!("{}", serde_json::to_string(&c.run).unwrap()); return; }
    let n: u32 = a.get(1).map(|s| s.parse().unwrap()).unwrap_or(20000);
    let conc: u32 = a.get(2).map(|s| s.parse().unwrap()).unwrap_or(64);
    let dir = tempfile::tempdir_in("/tmp").unwrap();
    let e = Embedded::open(EmbeddedConfig::new(dir.path().join("d.db"), lanes(), Arc::new(SystemClock))).unwrap();
    // workflow without ack
    let schema = serde_json::json!({"type":"object","properties":{"title":{"type":"string"}},"required":["title"]});
    let mut d = WorkflowDefinition::new("invoice", STANDARD, "{{ title }}", schema, vec![Step{notify: vec![Target::Field("phone".into())], deliver_within_s: Some(60), ack_within_s: None}]);
    d.stage = Stage::Live;
    let wf = Workflow::compile(d).unwrap();
    let t0 = Instant::now(); let c0 = cpu();
    let prep: Vec<_> = (0..n).map(|i| { event("bench", i, STANDARD) }).collect();
    println!("prep {:.1} us/event", (cpu()-c0)*1e6/n as f64);
    // pure domain cost
    let c0 = cpu();
    for i in 0..2000 { let run = build(&prep[i as usize % prep.len()], &wf, i); let mut r=run.run; let s=sid("bench", i); std::hint::black_box(step(&r,&wf,&s,CarrierStatus::Queued)); }
    println!("domain open+1 step {:.1} us", (cpu()-c0)*1e6/2000.0);
    let (store, bus) = (e.store(), e.bus());
    let t0 = Instant::now(); let c0 = cpu();
    let next = Arc::new(AtomicU32::new(0));
    let prep = Arc::new(prep);
    let pubs: Vec<_> = (0..16).map(|_| { let (bus,next,prep)=(bus.clone(),next.clone(),prep.clone()); tokio::spawn(async move { loop { let i=next.fetch_add(1,Ordering::Relaxed); if i>=n {break} bus.publish_events(std::slice::from_ref(&prep[i as usize])).await.unwrap(); } }) }).collect();
    let done = Arc::new(AtomicU32::new(0));
    let lat = Arc::new(std::sync::Mutex::new(vec![]));
    let mut ds = bus.consume(Queue::Events(Lane::Standard), conc as u16).await.unwrap();
    let domain_us = Arc::new(AtomicU64::new(0));
    let mut tasks = vec![];
    for _ in 0..n {
        let d = ds.next().await.unwrap();
        let (store, wf, done, lat, dus) = (store.clone(), wf.clone(), done.clone(), lat.clone(), domain_us.clone());
        tasks.push(tokio::spawn(async move {
            let t=Instant::now();
            let Payload::Event(b) = &d.payload else { panic!() };
            let q = Instant::now();
            let ev = domain::event::Event::from_json(b).unwrap();
            let i: u32 = ev.key.id.rsplit('-').next().unwrap().parse().unwrap();
            let mut c = build(&ev, &wf, i);
            dus.fetch_add(q.elapsed().as_nanos() as u64, Ordering::Relaxed);
            store.consent(&c.run.messages[0].recipient.number).await.unwrap();
            store.open_run(c.clone(), c.run.opened_at).await.unwrap();
            let s = sid("bench", i);
            for (k, st) in [CarrierStatus::Queued, CarrierStatus::Sent, CarrierStatus::Delivered].into_iter().enumerate() {
                let v = store.load_run(&c.run.id).await.unwrap().unwrap();
                let q = Instant::now();
                let nx = step(&v.value, &wf, &s, st);
                dus.fetch_add(q.elapsed().as_nanos() as u64, Ordering::Relaxed);
                assert!(matches!(store.change_run(nx, v.version).await.unwrap(), Changed::Stored{..}));
            }
            assert!(d.receipt.ack().await.unwrap());
            lat.lock().unwrap().push(t.elapsed());
            done.fetch_add(1, Ordering::Relaxed);
        }));
    }
    for t in tasks { t.await.unwrap(); }
    let el = t0.elapsed().as_secs_f64(); let c = cpu()-c0;
    let mut l = lat.lock().unwrap().clone(); l.sort();
    println!("{n} events conc {conc}: {:.0} ev/s, cpu {:.1} us/event (of which domain wall {:.1} us), p50 {:?} p99 {:?} per event", n as f64/el, c*1e6/n as f64, domain_us.load(Ordering::Relaxed) as f64/1e3/n as f64, l[l.len()/2], l[l.len()*99/100]);
    let t=Instant::now(); let s=store.sums().await.unwrap(); println!("sums {:?} in {:?}", s, t.elapsed());
    let t=Instant::now(); e.close().await; println!("close {:?} file {} MB", t.elapsed(), std::fs::metadata(dir.path().join("d.db")).unwrap().len()>>20);
    let t=Instant::now(); let e = Embedded::open(EmbeddedConfig::new(dir.path().join("d.db"), lanes(), Arc::new(SystemClock))).unwrap(); println!("open {:?}", t.elapsed());
    let t=Instant::now(); let s=e.store().sums().await.unwrap(); println!("sums cold {:?}", t.elapsed());
}
fn build(ev: &domain::event::Event, wf: &Workflow, i: u32) -> Change {
    use domain::run::*; let mut fx = domain::timeline::Effects::default(); let now = at(0);
    let mut run = Run::open(ev, wf, now, &mut fx);
    let aud = Audience { addressees: vec![Addressee{recipient: domain::directory::Recipient{target:"field:phone".into(), name:String::new(), number: number("b", i), time_zone: None}, consent: Default::default(), taken: vec![]}], unresolved: vec![]};
    let env = Default::default(); let set = Setting { workflow: wf, environment: &env, now };
    run.start_step(0, &aud, &set, &mut fx); run.intend(1, wf, now, &mut fx);
    let due = run.next_due(wf); Change { run, due, effects: fx }
}
fn step(run: &domain::run::Run, wf: &Workflow, sid: &MessageSid, st: CarrierStatus) -> Change {
    let mut run = run.clone(); let mut fx = domain::timeline::Effects::default();
    if st == CarrierStatus::Queued { let o = SubmitOutcome::Sent{sid: sid.clone(), status: st}; run.apply_to_message(1, &MessageEvent::Answered{attempt:1, outcome:&o}, wf, at(1), &mut fx); }
    else { run.apply_to_message(1, &MessageEvent::Status{sid, status: st, code: None, class: FailureClass::Informational}, wf, at(2), &mut fx); }
    let due = run.next_due(wf); Change { run, due, effects: fx }
}
