//! What the roles need from the outside, one trait a page: `Store`, `Bus`, `Carrier`, `Clock`.
//!
//! In: the domain's values. Out: contracts that both backends keep, checked by the `conformance` suite.
//! Never: names SQL, AMQP or HTTP.

pub mod bus;
pub mod carrier;
pub mod clock;
pub mod permits;
pub mod store;

pub use bus::{
    Announcement, Bus, BusError, Dead, DeadWork, Delivery, Ended, Payload, Queue, Receipt, Sending,
};
pub use carrier::{Carrier, CarrierError};
pub use clock::{Clock, SystemClock};
pub use permits::Permits;
pub use store::{Change, Changed, Opened, Slot, Store, StoreError, Versioned};
