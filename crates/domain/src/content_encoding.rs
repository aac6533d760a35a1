//! Bodies that were packed on their way. In: the name of an encoding, and bytes. Out: the bytes as they were.
//!
//! Never: unpacks more than the bound, however small the packed bytes are.

use std::{borrow::Cow, io::Read as _};

use flate2::read::MultiGzDecoder;

/// Why a body could not be unpacked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UnpackError {
    /// Another encoding than gzip.
    #[error("the content encoding {0:?} is not taken; send gzip, or none")]
    Unknown(String),
    /// Unpacked, it is larger than the bound.
    #[error("larger than {0} bytes once unpacked")]
    TooLarge(usize),
    /// The bytes are not what the encoding says.
    #[error("the body is not gzip, or breaks off")]
    Broken,
}

/// The body without its content encoding. AMQP's `content_encoding` also names character sets, which pack nothing.
///
/// # Errors
/// When it cannot be unpacked within `bytes_max`.
pub fn unpack<'a>(encoding: &str, body: &'a [u8], bytes_max: usize) -> Result<Cow<'a, [u8]>, UnpackError> {
    match encoding.trim().to_ascii_lowercase().as_str() {
        "" | "identity" | "utf-8" | "utf8" | "us-ascii" | "ascii" | "binary" | "7bit" | "8bit" => {
            Ok(Cow::Borrowed(body))
        }
        "gzip" | "x-gzip" => {
            let mut unpacked = Vec::new();
            let mut bounded = MultiGzDecoder::new(body).take(bytes_max as u64 + 1);
            bounded.read_to_end(&mut unpacked).map_err(|_| UnpackError::Broken)?;
            if unpacked.len() > bytes_max {
                return Err(UnpackError::TooLarge(bytes_max));
            }
            Ok(Cow::Owned(unpacked))
        }
        _ => Err(UnpackError::Unknown(encoding.trim().chars().take(64).collect())),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use flate2::{Compression, write::GzEncoder};

    use super::*;

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut packer = GzEncoder::new(Vec::new(), Compression::best());
        packer.write_all(bytes).unwrap();
        packer.finish().unwrap()
    }

    #[test]
    fn d10_gzip_is_unpacked_within_the_bound_and_no_further() {
        let packed = gzip(&[b' '; 1_000_000]);
        assert_eq!(unpack("gzip", &packed, 1_000_000).unwrap().len(), 1_000_000);
        assert_eq!(unpack("X-GZIP", &packed, 999_999), Err(UnpackError::TooLarge(999_999)));
        assert_eq!(unpack("gzip", &packed[..20], 1_000_000), Err(UnpackError::Broken));
        assert_eq!(unpack("gzip", b"{}", 1_000_000), Err(UnpackError::Broken));
    }

    #[test]
    fn d10_another_encoding_is_refused_by_name() {
        for encoding in ["br", "deflate", "gzip, gzip"] {
            assert_eq!(unpack(encoding, b"{}", 10), Err(UnpackError::Unknown(encoding.to_owned())));
        }
        for encoding in ["", "identity", "UTF-8"] {
            assert_eq!(unpack(encoding, b"{}", 10), Ok(Cow::Borrowed(&b"{}"[..])));
        }
    }
}
