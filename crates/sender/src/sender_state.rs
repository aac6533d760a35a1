//! What the tasks of one sender share.

use std::sync::Arc;

use crate::{admission::AdmissionControl, sender_ports::SenderPorts};

/// The ports and the admission control of one sender.
#[derive(Clone)]
pub(crate) struct Sender {
    pub(crate) ports: Arc<SenderPorts>,
    pub(crate) admission: Arc<AdmissionControl>,
}
