//! Servers, flavors and workers as Nova writes them, and what it reads from a create. Pure.

use std::collections::BTreeMap;

use hyper::StatusCode;
use serde_json::{Map, Value, json};

use super::store::{NewServer, Server};
use crate::services::reply::Fault;

/// Nova limits names, metadata keys and values alike.
const MAX_TEXT: usize = 255;

/// The flavors of this cloud: id, name, vCPUs, RAM in MiB, disk in GiB.
const FLAVORS: &[(&str, &str, u32, u32, u32)] =
    &[("1", "m1.tiny", 1, 512, 1), ("2", "m1.small", 1, 2048, 20), ("3", "m1.medium", 2, 4096, 40)];

/// A service of Nova's on some host, as the plan of the launch knows it; nobody watches whether it lives.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Worker {
    /// `nova-compute`.
    pub binary: String,
    /// On which host.
    pub host: String,
}

/// The list of `/os-services`.
pub(super) fn workers(workers: &[Worker]) -> Value {
    let worker = |(number, worker): (usize, &Worker)| {
        json!({
            "id": number + 1, "binary": worker.binary, "host": worker.host, "zone": "nova",
            "status": "enabled", "state": "up", "updated_at": null, "disabled_reason": null,
        })
    };
    workers.iter().enumerate().map(worker).collect()
}

/// The version document of `/` and `/v2.1`.
pub(super) fn version(endpoint: &str) -> Value {
    json!({
        "id": "v2.1", "status": "CURRENT", "version": "2.1", "min_version": "2.1",
        "updated": "2013-07-23T11:33:21Z",
        "links": [{"rel": "self", "href": format!("{endpoint}/v2.1/")}],
    })
}

/// A server in the short form of `GET /servers`.
pub(super) fn brief(endpoint: &str, server: &Server) -> Value {
    json!({"id": server.id, "name": server.name, "links": links(endpoint, server)})
}

/// A server in full.
pub(super) fn detail(endpoint: &str, server: &Server) -> Value {
    let at = server.created.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    json!({
        "id": server.id, "name": server.name, "status": "ACTIVE",
        "tenant_id": server.project, "user_id": server.user, "metadata": server.metadata,
        "addresses": {}, "image": "", "flavor": {"id": server.flavor, "links": []},
        "created": at, "updated": at, "links": links(endpoint, server),
    })
}

/// The list of `/flavors` or, in full, of `/flavors/detail`.
pub(super) fn flavors(full: bool) -> Value {
    let flavor = |&(id, name, vcpus, ram, disk): &(&str, &str, u32, u32, u32)| {
        let mut flavor = json!({"id": id, "name": name, "links": []});
        if full {
            flavor["vcpus"] = vcpus.into();
            flavor["ram"] = ram.into();
            flavor["disk"] = disk.into();
            flavor["swap"] = "".into();
            flavor["os-flavor-access:is_public"] = true.into();
        }
        flavor
    };
    FLAVORS.iter().map(flavor).collect()
}

pub(super) fn links(endpoint: &str, server: &Server) -> Value {
    json!([{"rel": "self", "href": format!("{endpoint}/v2.1/servers/{}", server.id)}])
}

/// Reads the body of `POST /servers`; anything Nova's schema would refuse of it is a 400 that names it.
pub(super) fn new_server(body: &Value) -> Result<NewServer, Fault> {
    let server = body.get("server").and_then(Value::as_object).ok_or_else(|| invalid("server"))?;
    let text = |key| server.get(key).and_then(Value::as_str);
    let name = text("name").filter(|name| !name.trim().is_empty() && name.len() <= MAX_TEXT);
    let name = name.ok_or_else(|| invalid("name"))?;
    let flavor = text("flavorRef").ok_or_else(|| invalid("flavorRef"))?;
    // A reference may be a whole URL; its last segment is the id.
    let flavor = flavor.rsplit('/').next().unwrap_or(flavor);
    if !FLAVORS.iter().any(|(id, ..)| *id == flavor) {
        return Err(Fault::new(StatusCode::BAD_REQUEST, format!("Flavor {flavor} could not be found.")));
    }
    let metadata = match server.get("metadata") {
        None => BTreeMap::new(),
        Some(Value::Object(map)) => metadata(map).ok_or_else(|| invalid("metadata"))?,
        Some(_) => return Err(invalid("metadata")),
    };
    Ok(NewServer { name: name.to_owned(), flavor: flavor.to_owned(), metadata })
}

fn metadata(map: &Map<String, Value>) -> Option<BTreeMap<String, String>> {
    let pair = |(key, value): (&String, &Value)| {
        let value = value.as_str()?;
        (key.len() <= MAX_TEXT && value.len() <= MAX_TEXT).then(|| (key.clone(), value.to_owned()))
    };
    map.iter().map(pair).collect()
}

fn invalid(field: &str) -> Fault {
    Fault::new(StatusCode::BAD_REQUEST, format!("Invalid input for field/attribute {field}."))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_create_is_read_with_its_flavor_as_id_or_url() {
        for flavor in ["2", "http://compute.invalid/flavors/2"] {
            let body = json!({"server": {"name": "web", "flavorRef": flavor, "metadata": {"k": "v"}}});
            let new = new_server(&body).unwrap();
            assert_eq!((new.flavor.as_str(), new.metadata["k"].as_str()), ("2", "v"));
        }
    }

    #[test]
    fn whatever_nova_would_refuse_is_a_400_that_names_it() {
        let long = "x".repeat(MAX_TEXT + 1);
        let cases = [
            (json!([]), "server"),
            (json!({"server": 7}), "server"),
            (json!({"server": {"flavorRef": "1"}}), "name"),
            (json!({"server": {"name": " ", "flavorRef": "1"}}), "name"),
            (json!({"server": {"name": long, "flavorRef": "1"}}), "name"),
            (json!({"server": {"name": "a"}}), "flavorRef"),
            (json!({"server": {"name": "a", "flavorRef": "99"}}), "Flavor 99"),
            (json!({"server": {"name": "a", "flavorRef": "1", "metadata": []}}), "metadata"),
            (json!({"server": {"name": "a", "flavorRef": "1", "metadata": {"k": 1}}}), "metadata"),
            (json!({"server": {"name": "a", "flavorRef": "1", "metadata": {"k": long}}}), "metadata"),
        ];
        for (body, part) in cases {
            let fault = new_server(&body).unwrap_err();
            assert_eq!(fault.status, StatusCode::BAD_REQUEST, "{body}");
            assert!(fault.message.contains(part), "{body}: {}", fault.message);
        }
    }
}
