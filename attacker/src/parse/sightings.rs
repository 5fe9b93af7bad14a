//! A token and a server seen together: what a replay needs.
//!
//! Reads paths and lists only; which sighting is worth acting on is for a technique to decide.

use serde_json::Value;

use super::http::{Message, RequestHead, ResponseHead};

/// A token that was used on a server, or on a list that showed it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sighting {
    /// The token.
    pub token: String,
    /// The server's id.
    pub server_id: String,
    /// Path of the servers' collection as the service spells it: `/v2.1/servers`.
    pub collection: String,
    /// How it was seen.
    pub seen: Seen,
}

/// How a server was seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seen {
    /// In a list, with its creation time where the list tells it, and its position.
    Listed {
        /// As written; ISO 8601 sorts by age.
        created: Option<String>,
        /// Position in the list; services list the newest first.
        position: usize,
    },
    /// In a path, or alone in a response.
    Alone,
    /// Deleted by somebody: not worth another thought.
    Gone,
}

/// A server of a list.
pub(super) struct Listed<'a> {
    pub(super) id: &'a str,
    created: Option<&'a str>,
}

/// Every sighting in a successful exchange.
pub fn sightings(request: &Message<RequestHead>, response: &Message<ResponseHead>) -> Vec<Sighting> {
    let Some(token) = request.head.headers.get("x-auth-token").filter(|token| is_plain(token)) else {
        return Vec::new();
    };
    let Some(collection) = collection(&request.head.path) else { return Vec::new() };
    if !(200..=299).contains(&response.head.status) {
        return Vec::new();
    }
    let sighting = |id: &str, seen: Seen| {
        let (token, collection) = (token.to_owned(), collection.to_owned());
        is_id(id).then(|| Sighting { token, server_id: id.to_owned(), collection, seen })
    };
    if let Some((_, id)) = server_in_path(&request.head.path) {
        let seen = if request.head.method == "DELETE" { Seen::Gone } else { Seen::Alone };
        return sighting(id, seen).into_iter().collect();
    }
    let json: Value = serde_json::from_slice(&response.body).unwrap_or_default();
    let created = json.pointer("/server/id").and_then(Value::as_str);
    let created = created.and_then(|id| sighting(id, Seen::Alone));
    let listed = listed_servers(&json).into_iter().enumerate().filter_map(|(position, server)| {
        sighting(server.id, Seen::Listed { created: server.created.map(str::to_owned), position })
    });
    created.into_iter().chain(listed).collect()
}

/// The servers of a list, in its order.
pub(super) fn listed_servers(json: &Value) -> Vec<Listed<'_>> {
    let servers = json.get("servers").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    servers.iter().filter_map(Listed::read).collect()
}

impl<'a> Listed<'a> {
    fn read(server: &'a Value) -> Option<Self> {
        let id = server.get("id")?.as_str()?;
        Some(Self { id, created: server.get("created").and_then(Value::as_str) })
    }
}

/// `(collection, id)` of a path that names one server.
pub(super) fn server_in_path(path: &str) -> Option<(&str, &str)> {
    let collection = collection(path)?;
    let rest = path.get(collection.len()..)?.strip_prefix('/')?;
    let id = rest.split(['/', '?']).next()?;
    (id != "detail" && is_id(id)).then_some((collection, id))
}

/// `/v2.1/servers` of `/v2.1/servers/detail?limit=3`.
fn collection(path: &str) -> Option<&str> {
    const NAME: &str = "/servers";
    let path = path.split('?').next()?;
    let end = path.find(NAME)? + NAME.len();
    let (collection, rest) = path.split_at_checked(end)?;
    (rest.is_empty() || rest.starts_with('/')).then_some(collection)
}

/// Safe to write into a request line.
fn is_id(id: &str) -> bool {
    (1..=64).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

/// Safe to write into a header line.
fn is_plain(token: &str) -> bool {
    !token.is_empty() && token.bytes().all(|byte| byte.is_ascii_graphic())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::parse::http::Head;

    fn exchange(request: &str, status: u16, body: &str) -> Vec<Sighting> {
        let head = RequestHead::read(format!("{request} HTTP/1.1\r\nX-Auth-Token: tok\r\n\r\n").as_bytes());
        let answer = ResponseHead::read(format!("HTTP/1.1 {status} X\r\n\r\n").as_bytes());
        let request = Message { head: head.unwrap(), body: Vec::new(), whole: true };
        let response = Message { head: answer.unwrap(), body: body.as_bytes().to_vec(), whole: true };
        sightings(&request, &response)
    }

    #[test]
    fn a_list_shows_every_server_with_its_age() {
        let body = r#"{"servers":[{"id":"b","created":"2026-10-02T00:00:00Z"},{"id":"a"},{"id":"../x"}]}"#;
        let seen = exchange("GET /compute/v2.1/servers/detail?limit=9", 200, body);
        let ids: Vec<&str> = seen.iter().map(|sighting| sighting.server_id.as_str()).collect();
        assert_eq!(ids, ["b", "a"]);
        assert!(seen.iter().all(|it| it.collection == "/compute/v2.1/servers" && it.token == "tok"));
        let created = Some("2026-10-02T00:00:00Z".to_owned());
        assert_eq!(seen.first().unwrap().seen, Seen::Listed { created, position: 0 });
    }

    #[test]
    fn paths_and_creations_show_one_server_and_a_deletion_marks_it_gone() {
        assert_eq!(exchange("GET /v2.1/servers/s-1", 200, "{}").first().unwrap().seen, Seen::Alone);
        assert_eq!(exchange("DELETE /v2.1/servers/s-1", 204, "").first().unwrap().seen, Seen::Gone);
        let made = exchange("POST /v2.1/servers", 202, r#"{"server":{"id":"s-2"}}"#);
        assert_eq!(made.first().unwrap().server_id, "s-2");
    }

    #[test]
    fn refusals_and_other_paths_show_nothing() {
        assert_eq!(exchange("GET /v2.1/servers/s-1", 401, "{}"), []);
        assert_eq!(exchange("GET /v2.1/flavors/s-1", 200, "{}"), []);
        assert_eq!(exchange("GET /v2.1/serversight", 200, r#"{"servers":[{"id":"a"}]}"#), []);
    }
}
