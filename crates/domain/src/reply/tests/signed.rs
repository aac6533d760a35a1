//! Replies with something under them. In: greetings, names, and what programs add. Out: proof that they change nothing.
//! Never: product code.

use super::{Meaning, two};
use crate::reply::{People, read};

/// What a reply of this contact means, who has a colleague.
fn meaning(name: &str, body: &str) -> Meaning {
    read(body, &two(), &People::new(name, ["Robert Miller"])).meaning
}

#[test]
fn b1_a_signature_of_the_sender_changes_nothing() {
    for under in [
        "Regards,",
        "Regards\nAda",
        "Best regards\nAda Byron",
        "LG Ada",
        "Gruß Ada",
        "Mit freundlichen Grüßen",
        "VG",
        "br Ada",
        "Saludos, Ada",
        "Cordialement, Ada",
        "- Ada Byron, SRE",
        "Kind regards,\nAda",
        "Viele Grüße\nAda Byron\nSRE",
        "Cdt",
        "Un saludo",
        "+1 415 555 0101",
        "https://example.com",
        "Best,\nAda\n+1 (415) 555-0101",
        "ADA BYRON",
        "Thanks,\nAda Byron",
        "Bien cordialement\nAda Byron",
        "Atentamente,\nAda",
        "MfG\nAda",
        "If you are not the intended recipient, do not read this and delete it.",
        "This email is confidential. If you are not the intended recipient, you must not use it.",
        "Diese Nachricht ist vertraulich und nicht für andere.",
        "Ce message est confidentiel. Ne pas diffuser.",
        "Este mensaje es confidencial. No lo reenvíe.",
    ] {
        for text in ["ACK K7X4", "ok K7X4", "ack K7X4 looking"] {
            let body = format!("{text}\n{under}");
            assert_eq!(meaning("Ada Byron", &body), Meaning::Acknowledge, "{body}");
        }
    }
    for body in [
        "ACK K7X4 LG Ada",
        "ACK K7X4, br Ada",
        "ACK K7X4. Saludos, Ada",
        "ACK K7X4 Cordialement",
        "ACK K7X4 Sent from my iPhone",
        "ACK K7X4 Sent from my Galaxy S10",
        "ACK K7X4 - Ada Byron",
        "ACK K7X4 Von meinem iPhone gesendet",
    ] {
        assert_eq!(meaning("Ada Byron", body), Meaning::Acknowledge, "{body}");
    }
}

#[test]
fn b1_ones_own_whole_name_below_a_line_is_a_signature_whatever_its_words() {
    for name in
        ["Hope Later", "Jack Nack", "Ann-Marie No", "Art Wait", "Monday Sick", "Will Busy", "Neto Nunca"]
    {
        for under in [name.to_owned(), format!("Regards,\n{name}"), format!("- {name}"), name.to_lowercase()]
        {
            assert_eq!(meaning(name, &format!("ACK K7X4\n{under}")), Meaning::Acknowledge, "{name}: {under}");
        }
    }
}

#[test]
fn b2_what_is_no_signature_of_the_sender_counts() {
    for body in [
        "ACK K7X4\nRegards to Bob",
        "ACK K7X4\nBob",
        "ACK K7X4\nRegards\nRobert",
        "ACK K7X4 nack",
        "ACK K7X4 no\nJack Nack",
        "ACK K7X4\nnack",
        "ACK K7X4 LG Bob",
        "ACK K7X4 sent from my neighbour's phone, not me",
        "ACK K7X4\nJack Nack later",
        "ACK K7X4\nhttps://example.com later",
        "ACK K7X4 later\nRegards",
        "Regards",
        "Jack Nack",
        "ACK K7X4\n8 15",
    ] {
        assert_ne!(meaning("Jack Nack", body), Meaning::Acknowledge, "{body}");
    }
}
