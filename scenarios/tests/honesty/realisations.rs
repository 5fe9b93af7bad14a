//! How a crossing is realised changes no verdict.

use scenarios::runner::Request;
use testbed::launch::Realisation;

use crate::support::{families, judged, only, reference, request, run, shipped};

#[test]
fn a_relay_in_front_of_every_listener_changes_no_verdict() {
    let relayed = run(Request { realisation: Realisation::Relay, ..request(shipped(), families()) });
    let wrapped = judged(&only(reference(), &families()));
    let relayed = judged(&only(&relayed, &families()));
    let assets: usize = families().iter().map(|scenario| scenario.assets.len()).sum();
    assert_eq!(wrapped.len(), shipped().len() * assets, "every cell of every family");
    assert_eq!(relayed, wrapped);
}
