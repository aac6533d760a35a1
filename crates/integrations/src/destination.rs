//! One destination, and how it is treated.

use std::sync::Arc;

use ports::DestinationClient;

/// One destination, and how it is treated.
#[derive(Clone)]
pub struct Destination {
    /// Its name, by which its effects are found.
    pub name: String,
    /// What makes its requests.
    pub client: Arc<dyn DestinationClient>,
    /// Requests at once.
    pub in_flight_max: u16,
    /// Whether what happened to a run is told in its order: later effects wait for earlier ones.
    pub in_order: bool,
    /// How long after what it tells of an effect is given up, in seconds.
    pub give_up_after_s: u32,
}
