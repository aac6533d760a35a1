//! Events in structured mode. In: the body of a request. Out: an event that reads back as it was printed, or errors.
#![no_main]

use domain::{cloud_event, event::Event};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|body: &[u8]| {
    match Event::from_json(body) {
        Ok(event) => {
            let again = Event::from_json(&event.to_json()).expect("an event that was printed is read");
            assert_eq!(again, event);
            assert_eq!(again.content(), event.content());
            let named = (Some(event.key.source.clone()), Some(event.key.id.clone()));
            assert_eq!(cloud_event::identity(body), named, "what names a dead letter names its event");
        }
        Err(errors) => {
            assert!(!errors.is_empty());
            assert!(errors.iter().all(|e| e.pointer.is_empty() || e.pointer.starts_with('/')), "{errors:?}");
        }
    }
});
