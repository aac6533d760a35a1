//! Single words by which replies are understood, as data. In: nothing. Out: lists of folded words.
//!
//! Never: a phrase of several words; those are in `phrases`.

/// Words that take something on.
pub(super) const AFFIRM: &[&str] = &[
    "ack",
    "acks",
    "ackd",
    "acked",
    "acking",
    "acknowledge",
    "acknowledged",
    "acknowledging",
    "ok",
    "okay",
    "k",
    "kk",
    "confirm",
    "confirmed",
    "roger",
    "copy",
    "yes",
    "yep",
    "yeah",
    "mine",
    "taking",
    "oui",
    "si",
    "sim",
    "ja",
    "confirmo",
    "confirmado",
    "confirme",
    "bestatigt",
    "bestatige",
    "quittiert",
    "ubernehme",
];
/// Those of them that say it without a code. Bare `YES` is the provider's opt-in keyword, so it needs a code, or
/// another word.
pub(super) const AFFIRM_ALONE: &[&str] =
    &["ack", "ackd", "acked", "acknowledge", "acknowledged", "ok", "okay"];
/// Words that may stand beside, in a reply without a code.
pub(super) const BESIDE: &[&str] = &[
    "yes", "y", "please", "pls", "thanks", "thank", "you", "thx", "ty", "code", "i", "im", "we", "it", "got",
    "on", "this", "reply",
];
/// Words that mean every open run.
pub(super) const ALL: &[&str] =
    &["all", "both", "everything", "alle", "alles", "todo", "todos", "todas", "tout", "toutes", "tous"];
/// Words that may stand beside those.
pub(super) const BESIDE_ALL: &[&str] =
    &["of", "them", "the", "open", "runs", "pages", "alerts", "incidents", "these", "those"];
/// Words that refuse.
pub(super) const NEGATE: &[&str] = &[
    // English.
    "not",
    "no",
    "nope",
    "nah",
    "nack",
    "nacks",
    "nacked",
    "nak",
    "noack",
    "unack",
    "unacked",
    "unacknowledge",
    "never",
    "dont",
    "doesnt",
    "didnt",
    "cant",
    "cannot",
    "couldnt",
    "wont",
    "wouldnt",
    "shouldnt",
    "isnt",
    "aint",
    "havent",
    "unable",
    "refuse",
    "refused",
    "refusing",
    "decline",
    "declined",
    "declining",
    "reject",
    "rejected",
    "rejecting",
    "deny",
    "denied",
    "negative",
    "nobody",
    "noone",
    "neither",
    "nor",
    "none",
    "without",
    // German, Dutch, the Nordic languages, Finnish.
    "nicht",
    "kein",
    "keine",
    "keinen",
    "nein",
    "nie",
    "niemals",
    "niet",
    "geen",
    "nee",
    "inte",
    "ej",
    "nej",
    "ikke",
    "nei",
    // French, Spanish, Portuguese, Italian, Polish, Turkish, Russian.
    "non",
    "pas",
    "ne",
    "jamais",
    "nunca",
    "jamas",
    "nao",
    "degil",
    "hayir",
    "не",
    "нет",
];
/// Words that ask for something else than to take it on, unless it is taken on in the same breath.
pub(super) const DECLINE: &[&str] = &[
    "stop",
    "cancel",
    "unsubscribe",
    "end",
    "quit",
    "escalate",
    "reassign",
    "forward",
    "delegate",
    "pass",
    "skip",
    "ignore",
    "wrong",
    "invalid",
    "expired",
];
/// Words that begin or mark a question, or mean another person.
pub(super) const ASK: &[&str] = &[
    "who", "whos", "what", "whats", "why", "when", "where", "which", "how", "did", "do", "does", "should",
    "can", "could", "would", "will", "is", "was", "are", "has", "have", "someone", "somebody", "anyone",
    "anybody", "wer", "was", "warum", "wann", "wo", "wie", "qui", "quoi", "pourquoi", "quand", "quien",
    "que", "porque", "cuando", "quem",
];
