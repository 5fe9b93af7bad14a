//! What a service knows of the listener a call arrived on, whoever calls.
//!
//! The node gives it per listener, from the plan; nothing a caller sends can change it. Decides nothing: what
//! a privileged listener answers, and what a believed certificate is worth, is for each service.

use serde::{Deserialize, Serialize};

/// A listener, as the service behind it sees it. The default is the least trusted one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// Privileged operations are answered here.
    pub privileged: bool,
    /// `Client-Cert` is believed here: whoever is in front removes what a caller made up.
    pub believes_client_cert: bool,
}
