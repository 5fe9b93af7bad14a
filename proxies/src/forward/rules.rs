//! What a listener that speaks HTTP does with requests, as a plain value.

use serde::{Deserialize, Serialize};

use super::{client_cert::ClientCert, forwarded::Forwarded};
use crate::{
    caller::Caller,
    http::{Refused, request::RequestHead},
};

/// Everything that is decided by a request's head.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Rules {
    /// Tells services about the caller's certificate; `None` tells nothing, and lets nobody else tell either.
    pub client_cert: Option<ClientCert>,
    /// Tells services where requests came from.
    pub forwarded: Forwarded,
    /// Whether a connection opened for one name may ask for another.
    pub names: Names,
    /// Which group a request goes to; without any, the first.
    pub routes: Vec<HttpRoute>,
}

/// Whether the name of a handshake and that of a request must be one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Names {
    /// Answers 421 where they are not, and the handshake had one.
    pub checked: bool,
    /// Names that may be asked for whatever the handshake said, such as `localhost`.
    pub also: Vec<String>,
}

impl Default for Names {
    fn default() -> Self {
        Self { checked: true, also: Vec::new() }
    }
}

/// Requests that go to one group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HttpRoute {
    /// The host asked for, without port; any if `None`.
    pub host: Option<String>,
    /// The first segments of its path: `/v3` is the beginning of `/v3` and `/v3/x`, not of `/v30`.
    pub path: String,
    /// Which of the proxy's groups.
    pub group: usize,
}

impl HttpRoute {
    fn takes(&self, host: &str, path: &str) -> bool {
        let prefix = self.path.trim_end_matches('/');
        let rest = path.strip_prefix(prefix);
        self.host.as_ref().is_none_or(|wanted| wanted.eq_ignore_ascii_case(host))
            && rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }
}

impl Rules {
    /// Which group a request goes to: a route that names its host before one that does not, then the one with the
    /// longest path.
    pub fn group(&self, head: &RequestHead<'_>) -> Result<usize, Refused> {
        if self.routes.is_empty() {
            return Ok(0);
        }
        let (host, path) = (head.host_name(), head.path());
        if is_crooked(path) {
            return Err(Refused::bad("a path that a service may read as another"));
        }
        let taking = self.routes.iter().filter(|route| route.takes(host, path));
        let best = taking.max_by_key(|route| (route.host.is_some(), route.path.len()));
        best.map(|route| route.group).ok_or(Refused { status: 404, why: "no route" })
    }

    /// Is the name asked for one this connection was opened for?
    pub fn directed(&self, caller: &Caller, head: &RequestHead<'_>) -> Result<(), Refused> {
        let opened_for = caller.tls.as_ref().and_then(|tls| tls.server_name.as_deref());
        let Some(opened_for) = opened_for.filter(|_| self.names.checked) else { return Ok(()) };
        let asked = head.host_name();
        if asked.eq_ignore_ascii_case(opened_for)
            || self.names.also.iter().any(|name| name.eq_ignore_ascii_case(asked))
        {
            return Ok(());
        }
        Err(Refused { status: 421, why: "another name than the handshake's" })
    }
}

/// Dot segments, empty ones, and their escaped forms: a service that resolves them sees another path than the one
/// that chose it.
fn is_crooked(path: &str) -> bool {
    if !path.contains(['.', '%']) && !path.contains("//") {
        return false;
    }
    let plain = path.to_ascii_lowercase().replace("%2e", ".").replace("%2f", "/").replace("%5c", "/");
    let slashes = |text: &str| text.bytes().filter(|byte| *byte == b'/').count();
    slashes(&plain) != slashes(path)
        || plain.contains("//")
        || plain.split('/').any(|segment| segment == "." || segment == "..")
        || plain.contains("%25")
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::{
        caller::Handshake,
        http::{Field, Version},
    };

    fn asked<T>(host: &str, target: &str, then: impl FnOnce(&RequestHead<'_>) -> T) -> T {
        let fields = [Field { name: "Host", value: host.as_bytes() }];
        then(&RequestHead::judge("GET", target, Version::Http11, &fields).unwrap())
    }

    fn route(host: Option<&str>, path: &str, group: usize) -> HttpRoute {
        HttpRoute { host: host.map(str::to_owned), path: path.to_owned(), group }
    }

    #[test]
    fn the_most_particular_route_wins() {
        let rules = Rules {
            routes: vec![
                route(None, "/v3", 1),
                route(None, "/", 2),
                route(Some("b.invalid"), "/", 3),
                route(None, "/v3/auth/", 4),
            ],
            ..Rules::default()
        };
        let group = |host: &str, target: &str| asked(host, target, |head| rules.group(head));
        for (host, target, wanted) in [
            ("a", "/v3", 1),
            ("a", "/v3?x=/v3/auth", 1),
            ("a", "/v3/x", 1),
            ("a", "/v30", 2),
            ("a", "/V3", 2),
            ("a", "/v3/auth", 4),
            ("a", "/v3/auth/tokens", 4),
            ("B.invalid:5000", "/v3", 3),
        ] {
            assert_eq!(group(host, target), Ok(wanted), "{host}{target}");
        }
        for crooked in ["/x/../v3", "/v3/%2E%2e/x", "/v3%2fauth", "/v3//auth", "/./v3", "/%252e/", "/x%5cy"] {
            assert_eq!(group("a", crooked).unwrap_err().status, 400, "{crooked}");
        }
        let narrow = Rules { routes: vec![route(None, "/v3", 0)], ..Rules::default() };
        assert_eq!(asked("a", "/v2", |head| narrow.group(head)).unwrap_err().status, 404);
        assert_eq!(
            asked("a", "/x/../y", |head| Rules::default().group(head)),
            Ok(0),
            "nothing depends on it"
        );
    }

    #[test]
    fn a_connection_for_one_name_does_not_ask_for_another() {
        let caller = |name: Option<&str>| {
            let tls = Handshake { server_name: name.map(str::to_owned), ..Handshake::default() };
            Caller { tls: Some(tls), ..Caller::default() }
        };
        let names = Names { also: vec!["localhost".to_owned()], ..Names::default() };
        let rules = Rules { names, ..Rules::default() };
        let verdict = |sni, host| asked(host, "/", |head| rules.directed(&caller(sni), head));
        assert_eq!(verdict(Some("a.invalid"), "A.invalid:5000"), Ok(()));
        assert_eq!(verdict(Some("a.invalid"), "localhost:5000"), Ok(()));
        assert_eq!(verdict(None, "b.invalid"), Ok(()));
        assert_eq!(verdict(Some("a.invalid"), "b.invalid").unwrap_err().status, 421);
        let clear = asked("b.invalid", "/", |head| rules.directed(&Caller::default(), head));
        assert_eq!(clear, Ok(()));
        let unchecked = Rules { names: Names { checked: false, also: vec![] }, ..Rules::default() };
        assert_eq!(asked("b", "/", |head| unchecked.directed(&caller(Some("a")), head)), Ok(()));
    }
}
