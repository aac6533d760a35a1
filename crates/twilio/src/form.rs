//! Decodes `application/x-www-form-urlencoded` bodies strictly. In: bytes from the network. Out: names and values.
//!
//! Never: replaces bytes that are not UTF-8; a signature over replaced text would be a signature over something else.

/// Most parameters one webhook may carry. Twilio sends about twenty, and two more for each picture.
pub const FIELDS_MAX: usize = 256;

/// The decoded parameters, in the order they came.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Form(Vec<(String, String)>);

/// Why a body is not a form.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FormError {
    /// The bytes of a name or a value are not UTF-8 once decoded.
    #[error("the form's field {field} is not UTF-8")]
    NotUtf8 {
        /// The field's name, or `#` and its position where the name itself is unreadable.
        field: String,
    },
    /// There are more fields than anything legitimate sends.
    #[error("the form has more than {FIELDS_MAX} fields")]
    TooManyFields,
}

impl Form {
    /// Decodes a body or a query string.
    pub fn parse(body: &[u8]) -> Result<Self, FormError> {
        let mut fields = Vec::new();
        for (position, pair) in body.split(|b| *b == b'&').filter(|pair| !pair.is_empty()).enumerate() {
            if position == FIELDS_MAX {
                return Err(FormError::TooManyFields);
            }
            let split = pair.iter().position(|b| *b == b'=');
            let (name, value) = match split {
                Some(at) => (&pair[..at], &pair[at + 1..]),
                None => (pair, &[][..]),
            };
            let name = decode(name).ok_or_else(|| FormError::NotUtf8 { field: format!("#{position}") })?;
            let Some(value) = decode(value) else {
                return Err(FormError::NotUtf8 { field: shown(&name) });
            };
            fields.push((name, value));
        }
        Ok(Self(fields))
    }

    /// Every field, in order; what a signature is computed over.
    pub fn params(&self) -> &[(String, String)] {
        &self.0
    }

    /// The first value of a field.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }

    /// The first value of a field, unless it is empty: Twilio sends some fields empty that it could leave out.
    pub fn filled(&self, name: &str) -> Option<&str> {
        self.get(name).filter(|value| !value.is_empty())
    }
}

impl std::fmt::Debug for Form {
    /// Names alone: values hold texts and numbers.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.0.iter().map(|(name, _)| name)).finish()
    }
}

/// A field name as it may appear in an error: short, and without anything that could be a number.
fn shown(name: &str) -> String {
    name.chars().take(40).filter(|c| c.is_ascii_alphanumeric()).collect()
}

/// `+` is a space, `%XX` a byte; a `%` without two hex digits stands for itself, as browsers have it.
fn decode(text: &[u8]) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut at = 0;
    while at < text.len() {
        let hex = |offset: usize| text.get(at + offset).and_then(|b| char::from(*b).to_digit(16));
        let byte = match (text[at], hex(1), hex(2)) {
            (b'%', Some(high), Some(low)) => {
                at += 2;
                (high * 16 + low) as u8
            }
            (b'+', _, _) => b' ',
            (byte, _, _) => byte,
        };
        bytes.push(byte);
        at += 1;
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_body_decodes_in_order() {
        let form = Form::parse(b"Body=Ok+%E2%9C%85&To=%2B1415&Empty=&Bare&&Broken=100%").unwrap();
        let pairs: Vec<_> = form.params().iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        let expected = [("Body", "Ok ✅"), ("To", "+1415"), ("Empty", ""), ("Bare", ""), ("Broken", "100%")];
        assert_eq!(pairs, expected);
        assert_eq!((form.get("Empty"), form.filled("Empty")), (Some(""), None));
    }

    #[test]
    fn bytes_that_are_not_text_are_refused_by_field() {
        let error = Form::parse(b"From=x&Body=%ff%fe").unwrap_err();
        assert_eq!(error, FormError::NotUtf8 { field: "Body".into() });
        assert_eq!(Form::parse(b"%ff=x").unwrap_err(), FormError::NotUtf8 { field: "#0".into() });
    }

    #[test]
    fn a_flood_of_fields_is_refused() {
        let body = "a=b&".repeat(FIELDS_MAX + 1);
        assert_eq!(Form::parse(body.as_bytes()), Err(FormError::TooManyFields));
    }

    #[test]
    fn printing_a_form_shows_no_values() {
        let form = Form::parse(b"Body=secret&From=%2B14155550100").unwrap();
        assert_eq!(format!("{form:?}"), r#"{"Body", "From"}"#);
    }

    proptest! {
        #[test]
        fn any_bytes_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = Form::parse(&bytes);
        }

        #[test]
        fn what_was_encoded_decodes_to_itself(fields in proptest::collection::vec((".{0,8}", ".{0,20}"), 1..10)) {
            let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(&fields).finish();
            prop_assert_eq!(Form::parse(body.as_bytes()).unwrap().params().to_vec(), fields);
        }
    }
}
