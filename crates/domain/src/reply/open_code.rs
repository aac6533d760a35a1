//! The codes that a phone may send back. In: nothing. Out: the type.
//!
//! Never: reads a reply.

use crate::{ack_code::AckCode, id::MessageId, provider::Text};

/// A code that a phone was asked to send back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenCode {
    /// The code.
    pub code: AckCode,
    /// The message that carried it.
    pub message: MessageId,
    /// What its run is about, by which a reply may name it: `ack db-1`.
    pub about: String,
    /// Whether its run still waits for an acknowledgement.
    pub is_active: bool,
    /// Whether its workflow takes an acknowledgement without a code, while no other run waits for this phone.
    pub bare_word: bool,
    /// Whether only a reply that names the code is about it: neither `ACK ALL` nor its subject is. So it is with approvals,
    /// where who takes their pages on would agree to whatever an agent asks for, and with texts that were not sent yet.
    pub code_only: bool,
    /// The text that carried it, by which a quote of it is known; absent where it is not kept.
    pub page: Option<Text>,
    /// Answers to replies that name the code, by which a quote of one is known.
    pub answers: Vec<Text>,
}
