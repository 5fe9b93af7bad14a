//! How a crossing is realised changes no verdict.

use scenarios::runner::Request;
use testbed::launch::Realisation;

use crate::support::{families, judged, only, reference, request, run, shipped};

fn changes_no_verdict(realisation: Realisation) {
    let other = run(Request { realisation, ..request(shipped(), families()) });
    let wrapped = judged(&only(reference(), &families()));
    let other = judged(&only(&other, &families()));
    let assets: usize = families().iter().map(|scenario| scenario.assets.len()).sum();
    assert_eq!(wrapped.len(), shipped().len() * assets, "every cell of every family");
    assert_eq!(other, wrapped);
}

#[test]
fn a_relay_in_front_of_every_listener_changes_no_verdict() {
    changes_no_verdict(Realisation::Relay);
}

#[test]
fn a_tap_at_every_dialer_changes_no_verdict() {
    changes_no_verdict(Realisation::Dialer);
}
