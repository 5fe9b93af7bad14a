//! What the tests of peek and pass-through stand on.
// Each test binary uses its own part of it; stand-ins run until the test's runtime ends with it.
#![allow(dead_code, clippy::unwrap_used, clippy::disallowed_methods)]

pub(crate) mod cut;
pub(crate) mod hellos;
pub(crate) mod places;
pub(crate) mod scene;
pub(crate) mod servers;
