//! `proxy`: one component alone, until a signal; then what runs may finish.

use proxies::alone::{self, Alone, AloneError, PemError, Place, Route, Settings};

use crate::{
    cli::{global::Global, proxy::Proxy},
    exit::{Exit, Failure},
    output, signals,
};

pub(super) fn proxy(global: &Global, options: &Proxy) -> Result<Exit, Failure> {
    // Listening first: a signal during the start must end it, too.
    let signals = signals::listen(signals::Scope::Ending)?;
    let settings = settings(options)?;
    let alone = Alone::start(&settings).map_err(|error| failure(&error))?;
    if !global.quiet {
        output::progress(&format!("{} on {}, ready", settings.mode, alone.at()));
    }
    signals.wait();
    let drained = alone.stop().map_err(|error| Failure::runtime(error.to_string()))?;
    if drained.cut > 0 {
        output::progress(&format!("{} connections did not end in time and were cut", drained.cut));
    }
    Ok(Exit::Expected)
}

fn settings(options: &Proxy) -> Result<Settings, Failure> {
    if options.cert.len() != options.key.len() {
        return Err(Failure::usage("each --cert needs its own --key").help("give them in pairs"));
    }
    let pairs = options.cert.iter().zip(&options.key);
    let identities = pairs.map(|(chain, key)| alone::identity(chain, key)).collect::<Result<_, _>>();
    let authorities: Result<Vec<_>, _> = options.ca.iter().map(|file| alone::authorities(file)).collect();
    let unread = |error: PemError| Failure::usage(error.to_string());
    Ok(Settings {
        mode: options.mode.into(),
        listen: options.listen,
        backends: options.backend.clone(),
        identities: identities.map_err(unread)?,
        authorities: authorities.map_err(unread)?.concat(),
        backend_name: options.backend_name.clone(),
        routes: routes(&options.sni),
        threads: options.threads,
    })
}

/// The same name twice means two places for it.
fn routes(said: &[Route]) -> Vec<Route> {
    let mut routes: Vec<Route> = Vec::new();
    for route in said {
        let places: Vec<Place> = route.to.clone();
        match routes.iter_mut().find(|known| known.name.eq_ignore_ascii_case(&route.name)) {
            Some(known) => known.to.extend(places),
            None => routes.push(route.clone()),
        }
    }
    routes
}

fn failure(error: &AloneError) -> Failure {
    if error.is_usage() { Failure::usage(error.to_string()) } else { Failure::runtime(error.to_string()) }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_name_said_twice_has_two_places() {
        let route = |name: &str, at: &str| Route { name: name.to_owned(), to: vec![at.parse().unwrap()] };
        let said = [
            route("a.invalid", "127.0.0.1:1"),
            route("b.invalid", "127.0.0.1:2"),
            route("A.invalid", "127.0.0.1:3"),
        ];
        let routes = routes(&said);
        let places: Vec<_> = routes.iter().map(|route| (route.name.as_str(), route.to.len())).collect();
        assert_eq!(places, [("a.invalid", 2), ("b.invalid", 1)]);
    }
}
