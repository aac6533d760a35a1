//! Encodes documents: zstd with a dictionary of what documents repeat.
//!
//! In: JSON as `serde_json` writes it. Out: bytes that decode to the same JSON, byte for byte.
//! Never: changes `codec.dict`: stored documents depend on it. Another dictionary needs another mark.

use std::{cell::RefCell, io, sync::LazyLock};

use zstd::{
    bulk::{Compressor, Decompressor},
    dict::{DecoderDictionary, EncoderDictionary},
    zstd_safe::{CParameter, get_frame_content_size},
};

use crate::phrases;

/// The first byte of a document that was encoded with `codec.dict`. Documents of the first encoding never begin with it.
const MARK: u8 = 0;
/// Trained by `examples/train_codec.rs`.
const DICTIONARY: &[u8] = include_bytes!("codec.dict");
/// zstd's default; level 9 takes four times as long and saves less than 5 %.
const LEVEL: i32 = 3;
/// What every frame begins with; not stored.
const MAGIC: [u8; 4] = 0xFD2F_B528_u32.to_le_bytes();
/// Longest document that is decoded: bytes that are damaged must not claim all memory.
const DOCUMENT_BYTES_MAX: u64 = 64 * 1024 * 1024;

static ENCODER: LazyLock<EncoderDictionary<'static>> =
    LazyLock::new(|| EncoderDictionary::copy(DICTIONARY, LEVEL));
static DECODER: LazyLock<DecoderDictionary<'static>> = LazyLock::new(|| DecoderDictionary::copy(DICTIONARY));

/// The working memory of a thread, made on its first use.
struct Contexts {
    compressor: Compressor<'static>,
    decompressor: Decompressor<'static>,
}

thread_local! {
    static CONTEXTS: RefCell<Option<Contexts>> = const { RefCell::new(None) };
}

impl Contexts {
    fn new() -> io::Result<Self> {
        let mut compressor = Compressor::with_prepared_dictionary(&ENCODER)?;
        // The mark says which dictionary it is.
        compressor.set_parameter(CParameter::DictIdFlag(false))?;
        Ok(Self { compressor, decompressor: Decompressor::with_prepared_dictionary(&DECODER)? })
    }

    fn with<T>(run: impl FnOnce(&mut Self) -> io::Result<T>) -> io::Result<T> {
        CONTEXTS.with_borrow_mut(|contexts| match contexts {
            Some(contexts) => run(contexts),
            None => run(contexts.insert(Self::new()?)),
        })
    }
}

/// Encodes JSON.
pub(crate) fn encode(json: &[u8]) -> Vec<u8> {
    match Contexts::with(|contexts| contexts.compressor.compress(json)) {
        Ok(frame) => [&[MARK], frame.strip_prefix(&MAGIC).unwrap_or(&frame)].concat(),
        // Only for want of memory. JSON as it is stands for itself in the first encoding.
        Err(_) => json.to_vec(),
    }
}

/// Decodes to JSON. `None`: bytes that no version up to this one wrote.
pub(crate) fn decode(stored: &[u8]) -> Option<Vec<u8>> {
    let Some(rest) = stored.strip_prefix(&[MARK]) else { return phrases::decode(stored) };
    let frame = [&MAGIC, rest].concat();
    let length =
        get_frame_content_size(&frame).ok().flatten().filter(|length| *length <= DOCUMENT_BYTES_MAX)?;
    let length = usize::try_from(length).ok()?;
    Contexts::with(|contexts| contexts.decompressor.decompress(&frame, length)).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A run and a timeline, with the bytes that the first encoding stored for them.
    const OF_FIRST_ENCODING: [(&str, &str); 2] = [
        (RUN, include_str!("codec/run.hex")),
        (include_str!("codec/timeline.json"), include_str!("codec/timeline.hex")),
    ];
    const RUN: &str = include_str!("codec/run.json");

    fn bytes_of(hex: &str) -> Vec<u8> {
        let hex = hex.trim_end();
        (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
    }

    #[test]
    fn documents_of_the_first_encoding_are_read() {
        for (json, hex) in OF_FIRST_ENCODING {
            assert_eq!(String::from_utf8(decode(&bytes_of(hex)).unwrap()).unwrap(), json.trim_end());
        }
    }

    /// Stored bytes depend on the dictionary, so a changed one fails here.
    #[test]
    fn documents_of_this_encoding_are_read() {
        let stored = bytes_of(include_str!("codec/run.zstd.hex"));
        assert_eq!(String::from_utf8(decode(&stored).unwrap()).unwrap(), RUN.trim_end());
    }

    #[test]
    fn a_run_takes_less_than_in_the_first_encoding() {
        let (json, hex) = OF_FIRST_ENCODING[0];
        let (length, former) = (encode(json.trim_end().as_bytes()).len(), bytes_of(hex).len());
        assert!(length < former * 9 / 10, "{length} bytes, {former} in the first encoding");
    }

    #[test]
    fn damaged_documents_are_refused() {
        let stored = encode(RUN.as_bytes());
        for damaged in [&stored[..stored.len() - 1], &stored[..1], &[MARK, 0xFF, 1, 2], &[1, MARK]] {
            assert_eq!(decode(damaged), None, "{damaged:?}");
        }
    }

    proptest! {
        #[test]
        fn any_json_comes_back(text in ".*", number in any::<i64>()) {
            let json = serde_json::json!({"id": text, "at": number, "event": {"source": "a", "id": text}});
            let json = json.to_string();
            let stored = encode(json.as_bytes());
            prop_assert_eq!(stored[0], MARK);
            prop_assert_eq!(decode(&stored).unwrap(), json.as_bytes());
        }
    }
}
