//! What services may believe of callers, read from the topology: one place for each such decision. Pure.

use crate::{
    architecture::{Architecture, ListenerId, ProcessId, Program},
    services::{compute::Worker, origin::Origin},
};

/// What a service knows of a listener of its own.
pub(super) fn origin(architecture: &Architecture, listener: ListenerId) -> Origin {
    Origin {
        privileged: architecture[listener].privileged,
        believes_client_cert: is_behind_cleaners(architecture, listener),
    }
}

/// Does every proxy in front remove a `Client-Cert` the caller made up? A listener on a segment can be reached
/// around any proxy, so nothing is believed there.
fn is_behind_cleaners(architecture: &Architecture, listener: ListenerId) -> bool {
    if architecture[listener].place.segment().is_some() {
        return false;
    }
    let leads_here = |front: &ListenerId| {
        let front = &architecture[*front];
        let routed = front.routes.iter().flat_map(|route| &route.to);
        front.forward.iter().chain(routed).any(|dial| architecture[*dial].to == listener)
    };
    let mut fronts = architecture.listener_ids().filter(leads_here).peekable();
    fronts.peek().is_some() && fronts.all(|front| architecture[front].client_cert.is_some())
}

/// Do all its users reach this process over TLS, wherever that ends?
pub(super) fn is_reached_over_tls(architecture: &Architecture, process: ProcessId) -> bool {
    let mut dials = architecture
        .dial_ids()
        .map(|id| &architecture[id])
        .filter(|dial| architecture[dial.process].program == Program::Users)
        .filter(|dial| architecture[architecture.end_of(dial.to)].process == process)
        .peekable();
    dials.peek().is_some() && dials.all(|dial| dial.tls.is_some())
}

/// What the compute service says runs where: one worker for each host with an agent.
pub(super) fn workers(architecture: &Architecture) -> Vec<Worker> {
    let agents = architecture.process_ids().filter(|id| architecture[*id].program == Program::Agent);
    let worker = |agent: ProcessId| Worker {
        binary: "nova-compute".to_owned(),
        host: architecture[architecture[agent].host].name.clone(),
    };
    agents.map(worker).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::architecture;

    const PROTECTED: &str = include_str!("../../tests/clouds/protected.toml");
    const CLEAR: &str = include_str!("../../tests/clouds/clear.toml");

    /// The protected file after some changes to its text.
    fn changed(changes: &[(&str, &str)]) -> Architecture {
        let mut text = PROTECTED.to_owned();
        for (from, to) in changes {
            assert!(text.contains(from), "{from}");
            text = text.replace(from, to);
        }
        parsed(&text)
    }

    fn parsed(text: &str) -> Architecture {
        architecture::parse("test.toml", text).unwrap_or_else(|wrong| panic!("{wrong}"))
    }

    fn origin_of(architecture: &Architecture, listener: &str) -> Origin {
        origin(architecture, architecture.listener(listener).unwrap())
    }

    const PROXY: &str = r#"identity = "api-1", forward = "identity" }"#;
    const ASKS: &str = r#"identity = "api-1", forward = "identity", client_auth = { trust = ["internal"], required = false }, client_cert = { accept_from = [] } }"#;

    #[test]
    fn a_certificate_is_believed_where_every_proxy_in_front_speaks_for_it() {
        let listener = "api-1/identity/api";
        assert_eq!(origin_of(&changed(&[]), listener), Origin::default());
        assert!(origin_of(&changed(&[(PROXY, ASKS)]), listener).believes_client_cert);
        let second = format!("{ASKS}\nlisteners.other = {{ on = \"management\", {PROXY}");
        assert!(!origin_of(&changed(&[(PROXY, &second)]), listener).believes_client_cert, "one is silent");
        let (local, open) = (
            r#""keystone"
listeners.api = { on = "local" }"#,
            r#""keystone"
listeners.api = { on = "management" }"#,
        );
        let open = origin_of(&changed(&[(PROXY, ASKS), (local, open)]), listener);
        assert!(!open.believes_client_cert, "a neighbour on the segment goes around the proxy");
    }

    #[test]
    fn privilege_is_the_listeners_own() {
        let architecture = parsed(CLEAR);
        assert!(!origin_of(&architecture, "api-1/identity/api").privileged);
        assert!(origin_of(&architecture, "api-1/identity/admin").privileged);
    }

    #[test]
    fn users_come_over_tls_where_their_own_dial_says_so() {
        for (text, tls) in [(PROTECTED, true), (CLEAR, false)] {
            let architecture = parsed(text);
            let page = architecture.process("api-1/login-page").unwrap();
            assert_eq!(is_reached_over_tls(&architecture, page), tls);
            let users = architecture.process("clients/users").unwrap();
            assert!(!is_reached_over_tls(&architecture, users), "nobody reaches them");
        }
    }
}
