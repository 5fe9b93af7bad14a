//! Which architecture meets which scenario, and in what order: every control before the cell that needs it.
//! Pure.

use std::collections::BTreeSet;

use testbed::architecture::{self, Architecture, Engine};

use super::{Request, RunError};
use crate::{
    catalog::{self, Profile, Scenario},
    verdict::ControlRef,
};

/// One pair, as indices into the plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Pair {
    pub(super) architecture: usize,
    pub(super) scenario: usize,
}

/// What will run.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    /// Asked for, then those only controls need.
    pub(super) architectures: Vec<Architecture>,
    /// Asked for, then those only controls need.
    pub(super) scenarios: Vec<Scenario>,
    /// In order.
    pub(super) steps: Vec<Pair>,
    engine: Option<Engine>,
}

/// The same under another program, where one is asked for.
fn under(architecture: &Architecture, engine: Option<Engine>) -> Architecture {
    engine.map_or_else(|| architecture.clone(), |engine| architecture.with_engine(engine))
}

impl Plan {
    pub(super) fn of(request: &Request) -> Result<Self, RunError> {
        let mut plan = Self {
            architectures: request.architectures.iter().map(|shown| under(shown, request.engine)).collect(),
            scenarios: request.scenarios.clone(),
            steps: Vec::new(),
            engine: request.engine,
        };
        let mut done = BTreeSet::new();
        for architecture in 0..request.architectures.len() {
            for scenario in 0..request.scenarios.len() {
                plan.visit(Pair { architecture, scenario }, request.profile, &mut done)?;
            }
        }
        Ok(plan)
    }

    /// The controls of a pair's cells.
    pub(super) fn controls(&self, pair: Pair) -> Vec<ControlRef> {
        let (architecture, scenario) =
            (&self.architectures[pair.architecture], &self.scenarios[pair.scenario]);
        let cells = scenario.controls.iter().map(|control| control.cell(&architecture.name, &scenario.id));
        cells
            .map(|(architecture, scenario)| ControlRef {
                architecture: architecture.to_owned(),
                scenario: scenario.to_owned(),
            })
            // The control's own cell needs none.
            .filter(|control| control.architecture != architecture.name || control.scenario != scenario.id)
            .collect()
    }

    /// Architectures by name, with their segments, for capture files.
    pub(super) fn pcap_names(&self) -> Vec<(String, Vec<String>)> {
        let segments = |architecture: &Architecture| {
            architecture.segments.iter().map(|segment| segment.name.clone()).collect()
        };
        self.architectures.iter().map(|shown| (shown.name.clone(), segments(shown))).collect()
    }

    fn visit(&mut self, pair: Pair, profile: Profile, done: &mut BTreeSet<Pair>) -> Result<(), RunError> {
        let scenario = &self.scenarios[pair.scenario];
        let name = &self.architectures[pair.architecture].name;
        if !scenario.architectures.to(name) || scenario.phases(profile).is_none() || !done.insert(pair) {
            return Ok(());
        }
        for control in self.controls(pair) {
            let needed = Pair {
                architecture: self.architecture(&control.architecture)?,
                scenario: self.scenario(&control.scenario)?,
            };
            self.visit(needed, profile, done)?;
        }
        self.steps.push(pair);
        Ok(())
    }

    fn architecture(&mut self, name: &str) -> Result<usize, RunError> {
        if let Some(known) = self.architectures.iter().position(|known| known.name == name) {
            return Ok(known);
        }
        let loaded = architecture::load(name).map_err(|error| RunError::Plan(error.to_string()))?;
        self.architectures.push(under(&loaded, self.engine));
        Ok(self.architectures.len() - 1)
    }

    fn scenario(&mut self, id: &str) -> Result<usize, RunError> {
        if let Some(known) = self.scenarios.iter().position(|known| known.id == id) {
            return Ok(known);
        }
        let loaded = catalog::load(id).map_err(|error| RunError::Plan(error.to_string()))?;
        self.scenarios.push(loaded);
        Ok(self.scenarios.len() - 1)
    }
}
