//! What notices say, in each language. In: a kind and a language. Out: a template.
//!
//! Never: needs another alphabet than GSM-7, so that a notice is one segment.

use crate::run::RunPhase;

/// What a notice is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum NoticeKind {
    /// The reply acknowledged.
    Acknowledged,
    /// Somebody had acknowledged before.
    AlreadyAcknowledged,
    /// The run had ended before.
    Ended,
    /// The reply could mean several runs.
    Which,
    /// The reply says that its sender does not take it on.
    Declined,
    /// The same, of a run that somebody had acknowledged.
    StillAcknowledged,
    /// Nothing waits for this phone.
    NothingOpen,
    /// Anything else.
    NotUnderstood,
    /// The event that somebody was texted about is over.
    AllClear,
    /// The reply acknowledged, and its step waits for others as well.
    AcknowledgedPartly,
    /// The reply handed on.
    HandedOver,
    /// The reply allows what an agent asks for.
    Allowed,
    /// The reply refuses it.
    Refused,
}

impl NoticeKind {
    /// All kinds, in the order of their numbers.
    pub const ALL: [Self; 13] = [
        Self::Acknowledged,
        Self::AlreadyAcknowledged,
        Self::Ended,
        Self::Which,
        Self::Declined,
        Self::StillAcknowledged,
        Self::NothingOpen,
        Self::NotUnderstood,
        Self::AllClear,
        Self::AcknowledgedPartly,
        Self::HandedOver,
        Self::Allowed,
        Self::Refused,
    ];

    /// Its key in the configuration.
    pub fn key(self) -> &'static str {
        match self {
            Self::Acknowledged => "acknowledged",
            Self::AlreadyAcknowledged => "already_acknowledged",
            Self::Ended => "ended",
            Self::Which => "which",
            Self::Declined => "declined",
            Self::StillAcknowledged => "still_acknowledged",
            Self::NothingOpen => "nothing_open",
            Self::NotUnderstood => "not_understood",
            Self::AllClear => "all_clear",
            Self::AcknowledgedPartly => "acknowledged_partly",
            Self::HandedOver => "handed_over",
            Self::Allowed => "allowed",
            Self::Refused => "refused",
        }
    }

    /// The usual template.
    pub(super) fn text(self, language: Language) -> &'static str {
        TEXTS[self as usize][language as usize]
    }
}

/// A language of notices.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Language {
    /// `en`
    #[default]
    English,
    /// `de`
    German,
    /// `fr`
    French,
    /// `es`
    Spanish,
}

impl Language {
    /// All languages, in the order of their numbers.
    pub const ALL: [Self; 4] = [Self::English, Self::German, Self::French, Self::Spanish];

    /// Its code by ISO 639-1.
    pub fn code(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::German => "de",
            Self::French => "fr",
            Self::Spanish => "es",
        }
    }

    /// How a run ended, in this language.
    pub fn state(self, phase: RunPhase) -> &'static str {
        let words = match phase {
            RunPhase::Active => ["open", "offen", "ouvert", "abierto"],
            RunPhase::Acknowledged => ["acknowledged", "übernommen", "pris en charge", "confirmado"],
            RunPhase::Completed => ["completed", "abgeschlossen", "terminé", "completado"],
            RunPhase::Resolved => ["resolved", "behoben", "résolu", "resuelto"],
            RunPhase::Exhausted => {
                ["escalated to a ticket", "an ein Ticket", "passé en ticket", "en un ticket"]
            }
            RunPhase::Suppressed => ["suppressed", "unterdrückt", "supprimé", "suprimido"],
            RunPhase::Expired => ["expired", "abgelaufen", "expiré", "caducado"],
            RunPhase::Cancelled => ["cancelled", "abgebrochen", "annulé", "cancelado"],
        };
        words[self as usize]
    }
}

/// By kind, then by language.
const TEXTS: [[&str; Language::ALL.len()]; NoticeKind::ALL.len()] = [
    [
        "Acknowledged: {{ about }}. You own it.",
        "Übernommen: {{ about }}. Es liegt bei dir.",
        "Pris en charge : {{ about }}. C'est à vous.",
        "Confirmado: {{ about }}. Queda a su cargo.",
    ],
    [
        "Already acknowledged by {{ by }} at {{ at }}: {{ about }}.",
        "Schon übernommen von {{ by }} um {{ at }}: {{ about }}.",
        "Déjà pris en charge par {{ by }} à {{ at }} : {{ about }}.",
        "Ya confirmado por {{ by }} a las {{ at }}: {{ about }}.",
    ],
    [
        "Already over ({{ state }}): {{ about }}.",
        "Schon vorbei ({{ state }}): {{ about }}.",
        "Déjà fini ({{ state }}) : {{ about }}.",
        "Ya terminado ({{ state }}): {{ about }}.",
    ],
    [
        "Which one? Reply ACK with its code, or ACK ALL: {{ choices }}",
        "Welches? Antworte ACK mit dem Code, oder ACK ALL: {{ choices }}",
        "Lequel ? Répondez ACK avec son code, ou ACK ALL : {{ choices }}",
        "Cual? Responda ACK con su codigo, o ACK ALL: {{ choices }}",
    ],
    [
        "Noted: you do not take {{ about }}.",
        "Notiert: du übernimmst nicht {{ about }}.",
        "Noté : vous ne prenez pas {{ about }}.",
        "Anotado: no se encarga de {{ about }}.",
    ],
    [
        "{{ about }} was acknowledged by {{ by }} at {{ at }} and is still theirs. Nobody else is paged.",
        "{{ about }} wurde von {{ by }} um {{ at }} übernommen und bleibt dort. Sonst wird niemand gerufen.",
        "{{ about }} a été pris en charge par {{ by }} à {{ at }} et lui reste. Personne d'autre n'est appelé.",
        "{{ about }} fue confirmado por {{ by }} a las {{ at }} y sigue a su cargo. No se avisa a nadie mas.",
    ],
    [
        "Nothing is open for you.",
        "Für dich ist nichts offen.",
        "Rien n'est ouvert pour vous.",
        "No hay nada abierto.",
    ],
    [
        "Not understood. Reply ACK {{ code }} to take {{ about }}.",
        "Nicht verstanden. Antworte ACK {{ code }} für {{ about }}.",
        "Pas compris. Répondez ACK {{ code }} pour {{ about }}.",
        "No entendido. Responda ACK {{ code }} para {{ about }}.",
    ],
    ["Resolved: {{ about }}.", "Behoben: {{ about }}.", "Résolu : {{ about }}.", "Resuelto: {{ about }}."],
    [
        "Noted: {{ about }}. Still waiting for {{ by }}.",
        "Notiert: {{ about }}. Es fehlt noch: {{ by }}.",
        "Noté : {{ about }}. On attend encore {{ by }}.",
        "Anotado: {{ about }}. Falta todavia {{ by }}.",
    ],
    [
        "Handed over: {{ about }}. The next step is paged.",
        "Übergeben: {{ about }}. Der nächste Schritt wird gerufen.",
        "Transmis : {{ about }}. L'étape suivante est appelée.",
        "Pasado: {{ about }}. Se avisa al paso siguiente.",
    ],
    [
        "Your yes to {{ about }} is noted. It is done unless something has changed since.",
        "Dein Ja zu {{ about }} ist notiert. Es gilt, wenn sich seither nichts geändert hat.",
        "Votre oui à {{ about }} est noté. Il vaut si rien n'a changé depuis.",
        "Su si a {{ about }} esta anotado. Vale si nada ha cambiado desde entonces.",
    ],
    [
        "Your no to {{ about }} is noted.",
        "Dein Nein zu {{ about }} ist notiert.",
        "Votre non à {{ about }} est noté.",
        "Su no a {{ about }} esta anotado.",
    ],
];
