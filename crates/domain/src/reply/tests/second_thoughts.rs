//! What takes an acknowledgement back, puts it off or doubts it. In: replies in four languages. Out: proof that none of
//! them acknowledges. Never: product code.

use super::{Meaning, meaning, means, two, undecided::leaves_open};

#[test]
fn b2_a_condition_after_the_keyword_leaves_it_open() {
    leaves_open(&[
        "ack K7X4 si puedo",
        "ack K7X4 si besoin",
        "ack K7X4 depends",
        "ack K7X4 depending",
        "ack K7X4 provided",
        "ack K7X4 assuming",
        "ack K7X4 sofern nötig",
        "ack K7X4 au cas où",
        "ack K7X4 según",
    ]);
}

#[test]
fn b2_a_refusal_after_the_keyword_leaves_it_open() {
    leaves_open(&[
        "ack K7X4 noo",
        "ack K7X4 nooo",
        "ack K7X4 NOOOO",
        "ack K7X4 nopee",
        "ack K7X4 neinnn",
        "ack K7X4 nonnn",
        "ack K7X4 laterrr",
        "ack K7X4 nada",
        "ack K7X4 nyet",
        "ack K7X4 nix",
        "ack K7X4 nimmer",
        "ack K7X4 keinesfalls",
        "ack K7X4 tampoco",
        "ack K7X4 néant",
        "ack K7X4 negativ",
        "ack K7X4 negatory",
        "ack K7X4 hardly",
        "ack K7X4 barely",
        "ack K7X4 unlikely",
        "ack K7X4 scarcely",
        "ack K7X4 kaum",
        "ack K7X4 guère",
        "ack K7X4 apenas",
        "ack K7X4 rien",
    ]);
}

#[test]
fn b2_what_is_taken_back_is_left_open() {
    leaves_open(&[
        "ack K7X4 scratch that",
        "ack K7X4 strike that",
        "ack K7X4 retract",
        "ack K7X4 rescind",
        "ack K7X4 disregard",
        "ack K7X4 revoked",
        "ack K7X4 void",
        "ack K7X4 cancelled",
        "ack K7X4 typo",
        "ack K7X4 sike",
        "ack K7X4 psych",
        "ack K7X4 prank",
        "ack K7X4 autocorrect",
        "ack K7X4 olvídalo",
        "ack K7X4 oublie",
        "ack K7X4 falsch",
        "ack K7X4 retracting",
        "ack K7X4 vergiss es",
        "ack K7X4 annule",
        "ack K7X4 anulado",
        "ack K7X4 kidding",
    ]);
}

#[test]
fn b2_what_is_put_off_is_left_open() {
    leaves_open(&[
        "ack K7X4 defer",
        "ack K7X4 deferred",
        "ack K7X4 pause",
        "ack K7X4 paused",
        "ack K7X4 pending",
        "ack K7X4 waiting",
        "ack K7X4 delayed",
        "ack K7X4 shortly",
        "ack K7X4 übermorgen",
        "ack K7X4 irgendwann",
        "ack K7X4 weds",
        "ack K7X4 latr",
        "ack K7X4 bbl",
        "ack K7X4 ttyl",
        "ack K7X4 gtg",
        "ack K7X4 goodnight",
        "ack K7X4 zzz",
        "ack K7X4 besetzt",
        "ack K7X4 occupé",
        "ack K7X4 ill",
        "ack K7X4 stuck",
        "ack K7X4 stranded",
        "ack K7X4 blocked",
        "ack K7X4 clueless",
        "ack K7X4 helpless",
        "ack K7X4 cooking",
        "ack K7X4 boarding",
        "ack K7X4 demnächst",
        "ack K7X4 prochainement",
        "ack K7X4 comiendo",
    ]);
}

#[test]
fn b2_doubt_after_the_keyword_leaves_it_open() {
    leaves_open(&[
        "ack K7X4 i guess",
        "ack K7X4 i think",
        "ack K7X4 apparently",
        "ack K7X4 supposedly",
        "ack K7X4 allegedly",
        "ack K7X4 doubtful",
        "ack K7X4 meh",
        "ack K7X4 presumably",
        "ack K7X4 wondering",
        "ack K7X4 angeblich",
        "ack K7X4 je crois",
        "ack K7X4 supongo",
    ]);
}

#[test]
fn b2_somebody_else_after_the_keyword_leaves_it_open() {
    leaves_open(&[
        "ack K7X4 transfer",
        "ack K7X4 forwarded",
        "ack K7X4 manager",
        "ack K7X4 backup",
        "ack K7X4 team",
        "ack K7X4 dba",
        "ack K7X4 teammate",
        "ack K7X4 - tom's",
        "ack K7X4 transferring",
        "ack K7X4 oncaller",
        "ack K7X4 Kollegin",
        "ack K7X4 chefin",
        "ack K7X4 suplente",
        "ack K7X4. Bob",
        "ack K7X4\nBOB",
        "ack K7X4 Sterling",
    ]);
}

#[test]
fn b2_signs_of_doubt_delay_and_help_leave_it_open() {
    leaves_open(&[
        "ack K7X4 ❓",
        "ack K7X4 ❔",
        "K7X4 ❓",
        "ok K7X4 ❓",
        "❓ ack K7X4",
        "ack K7X4❔",
        "K7X4 ⏳",
        "K7X4 ⏰",
        "K7X4 🆘",
        "⏳ K7X4",
        "🆘 K7X4",
        "ack K7X4 ✋",
        "ack K7X4 🤔",
        "ack K7X4 🙈",
        "ack K7X4 ⏳",
        "ack K7X4 🆘",
        "ack K7X4 :/",
        "ack K7X4 :-/",
        "ack K7X4 ⌛",
        "ack K7X4 🛑",
        "ack K7X4 🕗",
        "ack K7X4 🍻",
        "ack K7X4 🏖",
        "K7X4 ⏸",
    ]);
    for body in ["ack ❓", "ok ⏳", "ack 🆘", "ok 🤔"] {
        assert_eq!(meaning(body, &[two().remove(0)]).0, Meaning::NotUnderstood, "{body}");
    }
}

#[test]
fn b2_what_is_struck_out_is_not_said() {
    leaves_open(&[
        "~ACK K7X4~",
        "~K7X4~",
        "-ACK K7X4-",
        "--ACK K7X4--",
        "ack ~K7X4~",
        "~ack~ K7X4",
        "–ACK K7X4–",
        "—K7X4—",
        "~ok~ K7X4",
        "(-ack K7X4-)",
        "ok K7X4 ~mine~",
    ]);
    for body in ["~ok~", "-ok-", "~~ok~~", "~ack all~"] {
        assert_eq!(meaning(body, &[two().remove(0)]).0, Meaning::NotUnderstood, "{body}");
    }
    super::acknowledges(
        "K7X4",
        &["ACK K7X4 ~5 min", "ack K7-X4", "- ACK K7X4", "ACK K7X4 -Ada", "ACK K7X4 - looking"],
    );
}

#[test]
fn b2_a_text_that_breaks_off_acknowledges_nothing() {
    means(
        Meaning::NotUnderstood,
        &[
            "ack all except",
            "ack all but",
            "ok all, except",
            "alle außer",
            "ack all sauf",
            "ack all salvo",
            "K7X4 but",
            "ack K7X4 but",
            "ack K7X4 aber ...",
            "ok K7X4 mais",
            "ack K7X4, pero",
        ],
    );
    for body in ["yes but", "ja aber", "oui mais", "si pero", "ok however", "ok, but..."] {
        assert_eq!(meaning(body, &[two().remove(0)]).0, Meaning::NotUnderstood, "{body}");
    }
}

#[test]
fn b2_how_somebody_is_takes_nothing_on() {
    for body in
        ["I'm ok", "everything ok", "all ok", "alles ok", "tout va bien", "todo ok", "I am okay", "ist ok"]
    {
        assert_eq!(meaning(body, &[two().remove(0)]).0, Meaning::NotUnderstood, "{body}");
    }
}

#[test]
fn b2_what_a_team_will_do_says_not_who_does_it() {
    leaves_open(&[
        "ok we will look K7X4",
        "we will check K7X4",
        "ok K7X4 we'll look",
        "wir werden schauen K7X4",
        "ok nous allons regarder K7X4",
        "ok vamos a mirar K7X4",
    ]);
}

#[test]
fn b4_a_refusal_is_told_only_where_it_is_certain() {
    means(
        Meaning::NotUnderstood,
        &[
            "no wifi, ack K7X4",
            "not good. ack K7X4",
            "nein so was, ack K7X4",
            "pas cool, ack K7X4",
            "no me digas. ack K7X4",
        ],
    );
    means(
        Meaning::Negated,
        &["no need to ack K7X4", "don't call me, K7X4", "ACK K7X4 nooo", "not mine, ack K7X4 no"],
    );
    assert_eq!(meaning("no K7X4 no 44MC", &two()), (Meaning::Negated, "K7X4 44MC".into()));
}
