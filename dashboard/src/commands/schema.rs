//! `schema`: what a file or a result looks like, as JSON Schema.

use serde_json::Value;

use crate::{
    cli::schema::What,
    doctor,
    exit::{Exit, Failure},
    output,
};

pub(super) fn schema(what: What) -> Result<Exit, Failure> {
    let schema = match what {
        What::Architecture => testbed::schema::ARCHITECTURE.to_owned(),
        What::Scenario => pretty(&scenarios::schema::scenario()),
        What::Matrix => pretty(&scenarios::schema::matrix()),
        What::Events => pretty(&scenarios::schema::events()),
        What::Graph => pretty(&testbed::schema::graph()),
        What::Doctor => pretty(&doctor::schema()),
    };
    output::result(&schema)?;
    Ok(Exit::Expected)
}

fn pretty(schema: &Value) -> String {
    format!("{schema:#}\n")
}
