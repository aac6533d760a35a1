//! What texts come from. In: `[twilio]` and its originators, with mistakes. Out: each with its line and what to write.

use crate::problems;

#[test]
fn what_texts_cannot_come_from_is_said() {
    let text = r#"environment = "test"
[[twilio.originator]]
name = "typo"
from = "x!!"
[[twilio.originator]]
name = "nowhere"
from = "+14155550100"
countries = []
[[twilio.originator]]
name = "again"
from = "+14155550100"
countries = ["+49"]
"#;
    insta::assert_snapshot!(problems("callout.toml", text), @r#"
    callout.toml:4: twilio.originator.from: expected a number such as "+14155550100", a short code of 3 to 8 digits, or a sender ID of at most 11 letters and digits, with a letter
    callout.toml:5: twilio.originator.countries: names none: leave it out for an originator of all countries
    callout.toml:11: twilio.originator: another originator has this number or service: name its countries there
    3 errors in the configuration
    "#);
    for wrong in ["415 555 0100", "", "+1"] {
        let said =
            problems("callout.toml", &format!("environment = \"test\"\n[twilio]\nfrom = \"{wrong}\"\n"));
        assert!(said.starts_with("callout.toml:3: twilio.from: expected a number such as"), "{said}");
    }
}
