//! `doctor`: what this machine allows; exit code 1 where nothing could run.

use crate::{
    cli::doctor::{Doctor, Format},
    doctor,
    exit::{Exit, Failure},
    output,
};

pub(super) fn doctor(options: &Doctor) -> Result<Exit, Failure> {
    let checks = doctor::judge(&doctor::facts());
    output::result(&match options.format {
        Format::Text => doctor::text(&checks),
        Format::Json => doctor::json(&checks).map_err(|error| Failure::runtime(error.to_string()))?,
    })?;
    Ok(if doctor::usable(&checks) { Exit::Expected } else { Exit::Runtime })
}
