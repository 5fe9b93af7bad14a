//! The catalog: which services there are and where each of their three interfaces answers.
//!
//! Made once per launch from the topology; ids are drawn then and stay. Only renders: it checks no listener.

use serde_json::{Value, json};

use super::ids;

/// One service and its three endpoints, as URLs a caller can use as they are.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct CatalogEntry {
    /// `identity`, `compute`.
    pub service_type: String,
    /// `keystone`, `nova`.
    pub name: String,
    /// With scheme, authority and version path: `https://identity.cloud.invalid:5000/v3`.
    pub public: String,
    /// The internal interface.
    pub internal: String,
    /// The admin interface.
    pub admin: String,
}

/// The published catalog.
#[derive(Clone, Debug)]
pub struct Catalog {
    region: String,
    services: Vec<Service>,
}

#[derive(Clone, Debug)]
struct Service {
    id: String,
    entry: CatalogEntry,
    /// In the order public, internal, admin.
    endpoint_ids: [String; 3],
}

impl Service {
    /// `(id, interface, url)` of each endpoint.
    fn endpoints(&self) -> [(&str, &'static str, &str); 3] {
        let [public, internal, admin] = &self.endpoint_ids;
        [
            (public, "public", &self.entry.public),
            (internal, "internal", &self.entry.internal),
            (admin, "admin", &self.entry.admin),
        ]
    }

    fn document(&self) -> Value {
        json!({
            "id": self.id, "name": self.entry.name, "type": self.entry.service_type,
            "enabled": true, "links": {},
        })
    }
}

/// What a list of endpoints or services is narrowed to; `None` = any.
#[derive(Clone, Debug, Default)]
pub struct Narrow {
    /// `?service_id=`
    pub service_id: Option<String>,
    /// `?interface=`
    pub interface: Option<String>,
    /// `?name=`
    pub name: Option<String>,
    /// `?type=`
    pub service_type: Option<String>,
}

impl Catalog {
    /// Publishes entries for one region.
    pub fn new(region: &str, entries: Vec<CatalogEntry>) -> Self {
        let service = |entry| Service {
            id: ids::hex_id(),
            entry,
            endpoint_ids: [ids::hex_id(), ids::hex_id(), ids::hex_id()],
        };
        Self { region: region.to_owned(), services: entries.into_iter().map(service).collect() }
    }

    /// The `catalog` of a token.
    pub fn document(&self) -> Value {
        let service = |service: &Service| {
            let endpoint = |(id, interface, url): (&str, &str, &str)| {
                json!({
                    "id": id, "interface": interface, "url": url,
                    "region": self.region, "region_id": self.region,
                })
            };
            json!({
                "id": service.id, "type": service.entry.service_type, "name": service.entry.name,
                "endpoints": service.endpoints().map(endpoint),
            })
        };
        self.services.iter().map(service).collect()
    }

    /// The array of `GET /v3/endpoints`.
    pub fn endpoints(&self, narrow: &Narrow) -> Value {
        let mut found = Vec::new();
        for service in self.services.iter().filter(|service| fits(narrow.service_id.as_ref(), &service.id)) {
            for (id, interface, url) in service.endpoints() {
                if fits(narrow.interface.as_ref(), interface) {
                    found.push(json!({
                        "id": id, "interface": interface, "url": url, "service_id": service.id,
                        "region": self.region, "region_id": self.region, "enabled": true, "links": {},
                    }));
                }
            }
        }
        Value::Array(found)
    }

    /// The array of `GET /v3/services`.
    pub fn services(&self, narrow: &Narrow) -> Value {
        let wanted = |service: &&Service| {
            fits(narrow.name.as_ref(), &service.entry.name)
                && fits(narrow.service_type.as_ref(), &service.entry.service_type)
        };
        self.services.iter().filter(wanted).map(Service::document).collect()
    }

    /// One service by id.
    pub fn service(&self, id: &str) -> Option<Value> {
        self.services.iter().find(|service| service.id == id).map(Service::document)
    }
}

fn fits(wanted: Option<&String>, value: &str) -> bool {
    wanted.is_none_or(|wanted| wanted == value)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn entry(service_type: &str, name: &str) -> CatalogEntry {
        let url = |interface| format!("http://{interface}.{name}.invalid");
        CatalogEntry {
            service_type: service_type.into(),
            name: name.into(),
            public: url("public"),
            internal: url("internal"),
            admin: url("admin"),
        }
    }

    fn two() -> Catalog {
        Catalog::new("RegionOne", vec![entry("identity", "keystone"), entry("compute", "nova")])
    }

    #[test]
    fn a_token_carries_three_interfaces_per_service() {
        let document = two().document();
        let interfaces: Vec<_> =
            document[1]["endpoints"].as_array().unwrap().iter().map(|e| e["interface"].clone()).collect();
        assert_eq!(interfaces, ["public", "internal", "admin"]);
        assert_eq!(document[1]["endpoints"][1]["url"], "http://internal.nova.invalid");
    }

    #[test]
    fn an_endpoints_service_id_leads_to_its_service() {
        let catalog = two();
        let endpoints = catalog.endpoints(&Narrow::default());
        assert_eq!(endpoints.as_array().unwrap().len(), 6);
        let service = catalog.service(endpoints[5]["service_id"].as_str().unwrap()).unwrap();
        assert_eq!(service["name"], "nova");
        assert_eq!(catalog.service("nova"), None);
    }

    #[test]
    fn filters_narrow_to_exactly_one() {
        let catalog = two();
        let by_type = Narrow { service_type: Some("compute".into()), ..Narrow::default() };
        let found = catalog.services(&by_type);
        assert_eq!(found.as_array().unwrap().len(), 1);
        let narrow = Narrow {
            service_id: found[0]["id"].as_str().map(str::to_owned),
            interface: Some("internal".into()),
            ..Narrow::default()
        };
        assert_eq!(catalog.endpoints(&narrow)[0]["url"], "http://internal.nova.invalid");
        let nobody = Narrow { name: Some("glance".into()), ..Narrow::default() };
        assert_eq!(catalog.services(&nobody), json!([]));
    }
}
