//! Test doubles: a registry of canaries that remembers, and dials that end in a service over memory.

#![allow(clippy::unwrap_used)]

use std::{
    io,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use bytes::Bytes;
use hyper::{HeaderMap, Request, StatusCode};
use jiff::SignedDuration;
use serde_json::{Value, json};
use tokio::{io::duplex, time::Instant};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    call::Call,
    catalog::{Catalog, CatalogEntry},
    client::{Client, ExchangeError},
    client_cert::{self, CLIENT_CERT},
    compute::{Compute, ComputeConfig, ComputeStore, ServiceUser, Worker},
    http::{Service, serve},
    identity::{Cloud, Directory, HashCost, Identity, IdentityConfig, NewUser, Tokens},
    origin::Origin,
    pipeline::Answering,
    plant::Plant,
};
use crate::{
    connect::{Connect, Connecting},
    vocabulary::Asset,
};

/// Remembers everything it was told.
#[derive(Default)]
pub(crate) struct Registry {
    pub(crate) planted: Mutex<Vec<(Asset, String)>>,
    pub(crate) adopted: Mutex<Vec<String>>,
    pub(crate) sent: Mutex<Vec<String>>,
}

impl Registry {
    pub(crate) fn of(&self, asset: Asset) -> Vec<String> {
        let planted = self.planted.lock().unwrap();
        planted.iter().filter(|(kind, _)| *kind == asset).map(|(_, value)| value.clone()).collect()
    }

    pub(crate) fn was_sent(&self, value: &str) -> bool {
        self.sent.lock().unwrap().iter().any(|sent| sent == value)
    }
}

impl Plant for Registry {
    fn plant(&self, asset: Asset) -> String {
        let mut planted = self.planted.lock().unwrap();
        let value = format!("canary-{asset}-{}", planted.len());
        planted.push((asset, value.clone()));
        value
    }

    fn adopt_token(&self, token: &str) {
        self.adopted.lock().unwrap().push(token.to_owned());
    }

    fn sent(&self, value: &str) {
        self.sent.lock().unwrap().push(value.to_owned());
    }
}

/// A dial that ends in a service, over memory.
pub(crate) struct Wire {
    pub(crate) service: Arc<dyn Service>,
    pub(crate) authority: &'static str,
    /// Connections opened so far.
    pub(crate) opened: AtomicUsize,
    /// The listener its calls arrive on.
    pub(crate) origin: Origin,
    drain: Mutex<CancellationToken>,
    served: TaskTracker,
}

impl Wire {
    /// Closes every connection opened so far, as a restarted service does.
    pub(crate) fn hang_up(&self) {
        std::mem::take(&mut *self.drain.lock().unwrap()).cancel();
    }

    pub(crate) fn to(service: Arc<dyn Service>, authority: &'static str) -> Arc<Self> {
        Self::through(Origin::default(), service, authority)
    }

    /// To a listener of the service's.
    pub(crate) fn through(origin: Origin, service: Arc<dyn Service>, authority: &'static str) -> Arc<Self> {
        Arc::new(Self {
            service,
            authority,
            origin,
            opened: AtomicUsize::default(),
            drain: Mutex::default(),
            served: TaskTracker::new(),
        })
    }
}

impl Connect for Wire {
    fn connect(&self) -> Connecting<'_> {
        Box::pin(async {
            self.opened.fetch_add(1, Ordering::Relaxed);
            let (near, far) = duplex(64 * 1024);
            let drain = self.drain.lock().unwrap().clone();
            self.served.spawn(serve(Box::new(far), Arc::clone(&self.service), self.origin, drain));
            Ok(Box::new(near) as _)
        })
    }

    fn authority(&self) -> &str {
        self.authority
    }
}

/// A proxy's word in front of a service: whatever `Client-Cert` a caller made up is replaced by the
/// certificate the caller really presented, if any.
pub(crate) struct Fronted {
    pub(crate) service: Arc<dyn Service>,
    pub(crate) certificate: Option<&'static [u8]>,
}

impl Service for Fronted {
    fn call(&self, mut call: Call) -> Answering<'_> {
        call.head.headers.remove(CLIENT_CERT);
        if let Some(der) = self.certificate {
            let value = client_cert::write(der).parse().unwrap();
            call.head.headers.insert(CLIENT_CERT, value);
        }
        self.service.call(call)
    }
}

/// A listener behind such a proxy.
pub(crate) const BELIEVING: Origin = Origin { privileged: false, believes_client_cert: true };

/// A listener for privileged operations.
pub(crate) const PRIVILEGED: Origin = Origin { privileged: true, believes_client_cert: false };

/// A dial nobody answers.
pub(crate) struct Refused;

impl Connect for Refused {
    fn connect(&self) -> Connecting<'_> {
        Box::pin(async { Err(io::ErrorKind::ConnectionRefused.into()) })
    }

    fn authority(&self) -> &'static str {
        "nobody.invalid:1"
    }
}

/// Identity and compute with three users, over memory, hashing cooperatively.
pub(crate) struct Stand {
    pub(crate) registry: Arc<Registry>,
    pub(crate) identity: Arc<Identity>,
    pub(crate) compute: Arc<Compute>,
    pub(crate) to_identity: Arc<Wire>,
    pub(crate) to_compute: Arc<Wire>,
    pub(crate) store: Arc<ComputeStore>,
}

impl Stand {
    pub(crate) async fn new() -> Self {
        Self::with_lifetime(Tokens::LIFETIME).await
    }

    pub(crate) async fn with_lifetime(lifetime: SignedDuration) -> Self {
        Self::made(lifetime, false).await
    }

    /// Both services bind tokens.
    pub(crate) async fn binding() -> Self {
        Self::made(Tokens::LIFETIME, true).await
    }

    async fn made(lifetime: SignedDuration, bind_tokens: bool) -> Self {
        let registry = Arc::new(Registry::default());
        let cloud = Arc::new(Cloud {
            directory: Directory::default(),
            tokens: Tokens::new(lifetime).unwrap(),
            catalog: Catalog::new("RegionOne", vec![entry("identity", "v3"), entry("compute", "v2.1")]),
        });
        let identity = Identity::start(IdentityConfig {
            cloud,
            endpoint: "http://identity.invalid:5000".into(),
            cost: HashCost::LEAST,
            hash_threads: 0,
            bind_tokens,
            plant: registry.clone(),
        })
        .unwrap();
        for (name, role, project) in
            [("alice", "member", "demo"), ("admin", "admin", "demo"), ("nova", "service", "service")]
        {
            let new = NewUser {
                name: name.into(),
                password: format!("{name}-password"),
                roles: vec![role.into()],
                project: project.into(),
            };
            identity.provision(new).await.unwrap();
        }
        let to_identity = Wire::to(identity.clone(), "identity.invalid:5000");
        let store = Arc::new(ComputeStore::new(Instant::now()));
        let config = compute_config(&registry, &store, to_identity.clone(), "nova-password");
        let compute = Compute::new(ComputeConfig { bind_tokens, ..config });
        let to_compute = Wire::to(compute.clone(), "compute.invalid:8774");
        Self { registry, identity, compute, to_identity, to_compute, store }
    }

    /// To identity, through a proxy that saw this certificate.
    pub(crate) fn to_identity_as(&self, certificate: Option<&'static [u8]>) -> Arc<Wire> {
        let fronted = Fronted { service: self.identity.clone(), certificate };
        Wire::through(BELIEVING, Arc::new(fronted), "identity.invalid:5000")
    }

    /// To compute, through a proxy that saw this certificate.
    pub(crate) fn to_compute_as(&self, certificate: Option<&'static [u8]>) -> Arc<Wire> {
        let fronted = Fronted { service: self.compute.clone(), certificate };
        Wire::through(BELIEVING, Arc::new(fronted), "compute.invalid:8774")
    }

    /// A token of a user, got as the real client gets it.
    pub(crate) async fn token(&self, user: &str) -> String {
        self.token_over(self.to_identity.clone(), user).await
    }

    /// The same over another dial.
    pub(crate) async fn token_over(&self, dial: Arc<Wire>, user: &str) -> String {
        let body = login_body(user, &format!("{user}-password"), None);
        let answer = ask(dial, post("/v3/auth/tokens", &body)).await;
        assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.body);
        answer.text("x-subject-token").to_owned()
    }
}

pub(crate) fn compute_config(
    registry: &Arc<Registry>,
    store: &Arc<ComputeStore>,
    identity: Arc<dyn Connect>,
    password: &str,
) -> ComputeConfig {
    ComputeConfig {
        store: store.clone(),
        endpoint: "http://compute.invalid:8774".into(),
        identity_uri: "http://identity.invalid:5000".into(),
        identity,
        service_user: ServiceUser {
            name: "nova".into(),
            password: password.into(),
            project: "service".into(),
        },
        bind_tokens: false,
        workers: vec![Worker { binary: "nova-compute".into(), host: "compute-1".into() }],
        plant: registry.clone(),
        publisher: None,
    }
}

fn entry(service_type: &str, version: &str) -> CatalogEntry {
    let url = |interface| format!("http://{interface}.{service_type}.invalid/{version}");
    CatalogEntry {
        service_type: service_type.into(),
        name: format!("{service_type}-name"),
        public: url("public"),
        internal: url("internal"),
        admin: url("admin"),
    }
}

/// The body the real client sends; `project` as scope.
pub(crate) fn login_body(user: &str, password: &str, project: Option<&str>) -> Value {
    let domain = json!({"name": "Default"});
    let mut body = json!({"auth": {"identity": {"methods": ["password"],
        "password": {"user": {"name": user, "domain": domain, "password": password}}}}});
    if let Some(project) = project {
        body["auth"]["scope"] = json!({"project": {"name": project, "domain": domain}});
    }
    body
}

pub(crate) fn get(path: &str, token: &str) -> Request<Bytes> {
    with_token("GET", path, token)
}

pub(crate) fn with_token(method: &str, path: &str, token: &str) -> Request<Bytes> {
    let request = Request::builder().method(method).uri(path).header("X-Auth-Token", token);
    request.body(Bytes::new()).unwrap()
}

pub(crate) fn post(path: &str, body: &Value) -> Request<Bytes> {
    Request::post(path).body(Bytes::from(body.to_string())).unwrap()
}

/// A response a test can look into.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    /// Null when empty.
    pub(crate) body: Value,
}

impl Answer {
    pub(crate) fn text(&self, header: &str) -> &str {
        self.headers.get(header).unwrap_or_else(|| panic!("no {header} in {self:?}")).to_str().unwrap()
    }
}

/// One request on a connection of its own.
pub(crate) async fn ask(dial: Arc<dyn Connect>, request: Request<Bytes>) -> Answer {
    try_ask(dial, request).await.unwrap()
}

pub(crate) async fn try_ask(
    dial: Arc<dyn Connect>,
    request: Request<Bytes>,
) -> Result<Answer, ExchangeError> {
    let response = Client::new(dial, 0).exchange(request, Arc::new(|| ())).await?;
    let (head, body) = response.into_parts();
    let body = if body.is_empty() { Value::Null } else { serde_json::from_slice(&body).unwrap() };
    Ok(Answer { status: head.status, headers: head.headers, body })
}
