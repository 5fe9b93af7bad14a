//! The doors honest users go through: the plans of their dials.

use super::{LaunchError, plans::Drawing};
use crate::{architecture::Program, node::plan::DialPlan};

/// How one group of honest users reaches the cloud.
#[derive(Clone, Debug)]
pub struct Doors {
    /// `host/process`.
    pub label: String,
    /// To identity.
    pub identity: DialPlan,
    /// To compute.
    pub compute: DialPlan,
    /// To the login page, where there is one.
    pub login_page: Option<DialPlan>,
}

impl Doors {
    /// The doors of every `users` process.
    pub fn of(drawing: &Drawing<'_>) -> Result<Vec<Self>, LaunchError> {
        let architecture = drawing.architecture;
        let users = architecture.process_ids().filter(|id| architecture[*id].program == Program::Users);
        users
            .map(|process| {
                Ok(Self {
                    label: architecture.process_label(process),
                    identity: drawing.dial(drawing.named_dial(process, "identity")?)?,
                    compute: drawing.dial(drawing.named_dial(process, "compute")?)?,
                    login_page: drawing
                        .named_dial(process, "login-page")
                        .ok()
                        .map(|dial| drawing.dial(dial))
                        .transpose()?,
                })
            })
            .collect()
    }
}
