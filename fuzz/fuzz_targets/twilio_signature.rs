//! `X-Twilio-Signature`. In: a URL, a signature, and a form, one a line. Out: what was signed is genuine in any order of
//! its parameters; the same with another parameter, another token or any other signature is not.
#![no_main]

use libfuzzer_sys::fuzz_target;
use twilio::{Form, Secret, SignatureVerifier, SigningKey};

fuzz_target!(|input: &str| {
    let mut parts = input.splitn(3, '\n');
    let url = parts.next().unwrap_or_default();
    let given = parts.next().unwrap_or_default();
    let Ok(form) = Form::parse(parts.next().unwrap_or_default().as_bytes()) else { return };
    let params = form.params();
    let verifier = SignatureVerifier::new(vec![Secret::new("next"), Secret::new("token"), Secret::new("")]);
    let genuine = SigningKey::new(&Secret::new("token")).sign(url, params);

    let mut turned = params.to_vec();
    turned.reverse();
    assert!(verifier.verify(url, &turned, &genuine));
    assert!(given == genuine || !verifier.verify(url, params, given), "nobody signed this");
    turned.push(("another".to_owned(), "parameter".to_owned()));
    assert!(params.contains(&turned[turned.len() - 1]) || !verifier.verify(url, &turned, &genuine));
    for other in ["", "tokens"] {
        let forged = SigningKey::new(&Secret::new(other)).sign(url, params);
        assert!(!verifier.verify(url, params, &forged), "signed with {other:?}");
    }
    let _ = verifier.verify_json_body(url, input.as_bytes(), given);
});
