//! In: published vectors and arbitrary requests. Out: proof that ours are Twilio's signatures. Never: product code.

use proptest::prelude::*;

use super::*;

const U: &str = "https://mycompany.com/myapp.php?foo=1&bar=2";

fn pairs(list: &[(&str, &str)]) -> Vec<(String, String)> {
    list.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
}

fn call(caller: &str) -> Vec<(String, String)> {
    pairs(&[
        ("CallSid", "CA1234567890ABCDE"),
        ("Caller", caller),
        ("Digits", "1234"),
        ("From", caller),
        ("To", "+18005551212"),
    ])
}

/// Both directions at once: we sign as Twilio does, and we accept what Twilio signed.
fn check(token: &str, url: &str, params: &[(String, String)], signature: &str) {
    assert_eq!(SigningKey::new(&token.into()).sign(url, params), signature, "{url}");
    check_accepted(token, url, params, signature);
}

fn check_accepted(token: &str, url: &str, params: &[(String, String)], signature: &str) {
    let verifier = SignatureVerifier::new(vec![token.into()]);
    assert!(verifier.verify(url, params, signature), "{url}");
    assert!(verifier.verify(&format!("{url}#rc=5&rp=all"), params, signature), "{url} with a fragment");
    assert!(!verifier.verify(url, params, &signature.to_lowercase()), "{url}");
}

#[test]
fn the_published_vectors_hold() {
    let p = call("+14158675309");
    check("12345", U, &p, "RSOYDt4T1cUTdK1PDd93/VVr8B8=");
    check("12345", "https://mycompany.com:443/myapp.php?foo=1&bar=2", &p, "kvajT1Ptam85bY51eRf/AJRuM3w=");
    check("12345", "http://mycompany.com:80/myapp.php?foo=1&bar=2", &p, "0ZXoZLH/DfblKGATFgpif+LLRf4=");
    check("12345", "http://mycompany.com:1234/myapp.php?foo=1&bar=2", &p, "Zmvh+3yNM1Phv2jhDCwEM3q5ebU=");
    check("12345", U, &call("+12349013030"), "0/KCTR6DLpKmkAf8muzZqo1nDgQ=");
    check("12345", U, &pairs(&[("property", "value"), ("boolean", "true")]), "NBdBDr/T/lgjI+tlgpXjKZQZs/k=");
}

#[test]
fn a_user_name_and_password_are_signed_with_the_url() {
    let p = call("+14158675309");
    let plain = "https://user:pass@mycompany.com/myapp.php?foo=1&bar=2";
    let with_port = "https://user:pass@mycompany.com:443/myapp.php?foo=1&bar=2";
    check("12345", plain, &p, "CukzLTc1tT5dXEDIHm/tKBanW10=");
    check("12345", with_port, &p, "ZQFR1PTIZXF2MXB8ZnKCvnnA+rI=");
    check_accepted("12345", plain, &p, "ZQFR1PTIZXF2MXB8ZnKCvnnA+rI=");
}

#[test]
fn a_name_sorts_before_the_names_it_begins() {
    let mut params = call("+14158675309");
    params.extend(pairs(&[("ReasonConferenceEnded", "test"), ("Reason", "Participant")]));
    check("12345", U, &params, "vOEb5UThFn24KEfnOFLQY2AE5FY=");
}

#[test]
fn repeated_values_count_once_and_in_order() {
    let digits = [("Sid", "CA123"), ("SidAccount", "AC123"), ("Digits", "5678"), ("Digits", "1234")];
    let mut params = pairs(&digits);
    check("12345", U, &params, "IK+Dwps556ElfBT0I3Rgjkr1wJU=");
    params.extend(pairs(&[("Digits", "1234")]));
    check("12345", U, &params, "IK+Dwps556ElfBT0I3Rgjkr1wJU=");
    let key = "MessagingBinding.Address";
    for order in [["+1325xxxxxxx", "+1415xxxxxxx"], ["+1415xxxxxxx", "+1325xxxxxxx"]] {
        check("12345", U, &pairs(&order.map(|v| (key, v))), "83O6e2vORAoJHUNzJjDWN1jz+BA=");
    }
}

#[test]
fn the_port_may_be_there_or_not() {
    let p = call("+14158675309");
    let odd_port = "https://mycompany.com:1234/myapp.php?foo=1&bar=2";
    check_accepted("12345", odd_port, &p, "RSOYDt4T1cUTdK1PDd93/VVr8B8=");
    check_accepted("12345", U, &p, "kvajT1Ptam85bY51eRf/AJRuM3w=");
}

#[test]
fn a_json_body_is_signed_through_its_hash() {
    let body = br#"{"property": "value", "boolean": true}"#;
    let sha = "0a1ff7634d9ab3b95db5c9a2dfe9416e41502b283a80c7cf19632632f96e6620";
    let verifier = SignatureVerifier::new(vec!["12345".into()]);
    let alone = format!("https://mycompany.com/myapp.php?bodySHA256={sha}");
    let with_others = format!("{U}&bodySHA256={sha}");
    assert!(verifier.verify_json_body(&with_others, body, "a9nBmqA0ju/hNViExpshrM61xv4="));
    assert!(verifier.verify_json_body(&alone, body, "y77kIzt2vzLz71DgmJGsen2scGs="));
    assert!(!verifier.verify_json_body(&alone, b"{}", "y77kIzt2vzLz71DgmJGsen2scGs="));
    assert!(!verifier.verify_json_body(U, body, "y77kIzt2vzLz71DgmJGsen2scGs="));
}

#[test]
fn the_vectors_shaped_like_texts_hold() {
    let status = pairs(&[
        ("AccountSid", "AC00000000000000000000000000000001"),
        ("ApiVersion", "2010-04-01"),
        ("From", "+15005550006"),
        ("MessageSid", "SM00000000000000000000000000000001"),
        ("SmsSid", "SM00000000000000000000000000000001"),
        ("MessageStatus", "delivered"),
        ("SmsStatus", "delivered"),
        ("RawDlrDoneDate", "2607171206"),
        ("To", "+14155550100"),
    ]);
    let url = "https://hooks.example.com/twilio/status?tenant=7";
    check("test_auth_token", url, &status, "9s5b1EoG+Ht9p8ycPc2WiOCJc1U=");
    let inbound = pairs(&[
        ("Body", "Ok ✅ caf\u{e9} & more"),
        ("From", "+14155550100"),
        ("MessageSid", "SM00000000000000000000000000000002"),
        ("NumMedia", "0"),
        ("OptOutType", ""),
        ("To", "+15005550006"),
    ]);
    let url = "https://hooks.example.com/twilio/inbound";
    check("test_auth_token", url, &inbound, "BuAFaFh5n0ycFYbAeOz3ozq1ZVs=");
    check("test_auth_token", url, &[], "UDlGw/FSLokSjp+ZV9t3Zf5fDxg=");
}

#[test]
fn either_token_is_accepted_during_a_rotation_and_no_token_accepts_nothing() {
    let url = "https://hooks.example.com/twilio/inbound";
    let both = SignatureVerifier::new(vec!["old".into(), "new".into()]);
    for token in ["old", "new"] {
        assert!(both.verify(url, &[], &SigningKey::new(&token.into()).sign(url, &[])));
    }
    assert!(!both.verify(url, &[], &SigningKey::new(&"other".into()).sign(url, &[])));
    let none = SignatureVerifier::new(vec!["".into()]);
    assert!(!none.verify(url, &[], &SigningKey::new(&"".into()).sign(url, &[])));
    assert_eq!(format!("{both:?}"), "SignatureVerifier { keys: [***, ***] }");
}

#[test]
fn a_token_longer_than_a_block_is_hashed_first() {
    let token = "k".repeat(100);
    let mut mac = Hmac::<Sha1>::new_from_slice(token.as_bytes()).unwrap();
    mac.update(U.as_bytes());
    let expected = STANDARD.encode(mac.finalize().into_bytes());
    assert_eq!(SigningKey::new(&token.into()).sign(U, &[]), expected);
}

#[test]
fn an_ipv6_host_keeps_its_colons() {
    let split = PortSplit::of("http://[::1]:8080/x");
    assert_eq!((split.before, split.port, split.after), ("http://[::1]", Some("8080"), "/x"));
    let split = PortSplit::of("http://[::1]/x");
    assert_eq!((split.before, split.port, split.after), ("http://[::1]", None, "/x"));
}

proptest! {
    #[test]
    fn any_request_is_survived(url in ".{0,60}", key in ".{0,9}", value in ".{0,20}", signature in ".{0,40}") {
        let verifier = SignatureVerifier::new(vec!["token".into()]);
        let _ = verifier.verify(&url, &[(key, value)], &signature);
        let _ = verifier.verify_json_body(&url, b"{}", &signature);
    }

    #[test]
    fn what_was_signed_is_verified(token in ".{1,90}", path in "[a-z/?=&]{0,30}", params in proptest::collection::vec((".{0,9}", ".{0,20}"), 0..8)) {
        let token = Secret::new(token);
        let url = format!("https://example.com/{path}");
        let signature = SigningKey::new(&token).sign(&url, &params);
        prop_assert!(SignatureVerifier::new(vec![token]).verify(&url, &params, &signature));
    }

    #[test]
    fn a_flipped_bit_is_refused(at in 0usize..28, bit in 0u8..8, value in "[a-z]{1,9}") {
        let token: Secret = "12345".into();
        let params = vec![("Body".to_owned(), value.clone())];
        let signature = SigningKey::new(&token).sign(U, &params);
        let verifier = SignatureVerifier::new(vec![token]);
        let mut flipped = signature.clone().into_bytes();
        flipped[at] ^= 1 << bit;
        prop_assert!(!verifier.verify(U, &params, &String::from_utf8_lossy(&flipped)));
        let mut body = value.into_bytes();
        body[0] ^= 1;
        let changed = vec![("Body".to_owned(), String::from_utf8_lossy(&body).into_owned())];
        prop_assert!(!verifier.verify(U, &changed, &signature));
    }
}
