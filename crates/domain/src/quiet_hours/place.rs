//! Where a recipient is, for quiet hours. In: a recipient, and the zone for those that are not known. Out: zones, and where they
//! are known from.
//!
//! Never: guesses one zone where a number may be in several: all of them count.

use jiff::tz::TimeZone;

use super::zone;
use crate::{directory::Recipient, phone::zones_of};

/// Where the zone of a recipient is known from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ZoneSource {
    /// The contact says it.
    Contact,
    /// A field of the event says it.
    Event,
    /// The first digits of the number do.
    Number,
    /// It is not known, and the configured one counts.
    Default,
}

impl ZoneSource {
    /// Its name in decisions.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Contact => "contact",
            Self::Event => "event",
            Self::Number => "number",
            Self::Default => "default",
        }
    }
}

/// Where a recipient is, or may be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Every zone that may be theirs, at least one.
    pub zones: Vec<TimeZone>,
    /// Where that is known from.
    pub source: ZoneSource,
}

impl Place {
    /// The zone that contact or event names, else those of the number, else the default; `None` where there is none.
    pub fn of(recipient: &Recipient, default: Option<&str>) -> Option<Self> {
        let named = recipient.time_zone.as_deref().and_then(zone);
        if let Some(named) = named {
            let source = if recipient.is_of_event() { ZoneSource::Event } else { ZoneSource::Contact };
            return Some(Self { zones: vec![named], source });
        }
        let zones: Vec<_> = zones_of(&recipient.number).filter_map(zone).collect();
        if !zones.is_empty() {
            return Some(Self { zones, source: ZoneSource::Number });
        }
        Some(Self { zones: vec![default.and_then(zone)?], source: ZoneSource::Default })
    }
}
