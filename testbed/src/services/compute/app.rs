//! The routes of Compute v2.1 and what each answers.
//!
//! Believes the identity headers of the filter before it; without them a caller is nobody.

use std::sync::Arc;

use hyper::{StatusCode, header::LOCATION};
use serde_json::{Value, json};

use super::{
    auth::header,
    documents::{self, Worker},
    store::{Actor, ComputeStore, Server},
};
use crate::{
    services::{
        call::Call,
        pipeline::{Answering, App},
        plant::Plant,
        queue::{Notice, Publisher, Task},
        reply::{Dialect, Fault, Reply, carrying, empty_reply, json_reply},
        route::{Route, route},
    },
    vocabulary::Asset,
};

/// Nova's `[api] max_limit`.
const MAX_LIST: usize = 1000;

/// The app behind compute's pipeline.
pub(super) struct ComputeApp {
    pub(super) store: Arc<ComputeStore>,
    pub(super) endpoint: String,
    pub(super) identity_uri: String,
    pub(super) workers: Vec<Worker>,
    pub(super) plant: Arc<dyn Plant>,
    /// Tells compute hosts what was done, where there is a queue.
    pub(super) publisher: Option<Arc<Publisher>>,
}

#[derive(Clone, Copy)]
enum Action {
    Versions,
    Version,
    List,
    ListDetail,
    Create,
    Show,
    Delete,
    Flavors,
    FlavorsDetail,
    Workers,
}

/// `detail` stands before `{}`, which would take it as an id.
const ROUTES: &[Route<Action>] = &[
    ("GET", "", Action::Versions),
    ("GET", "v2.1", Action::Version),
    ("GET", "v2.1/servers", Action::List),
    ("POST", "v2.1/servers", Action::Create),
    ("GET", "v2.1/servers/detail", Action::ListDetail),
    ("GET", "v2.1/servers/{}", Action::Show),
    ("DELETE", "v2.1/servers/{}", Action::Delete),
    ("GET", "v2.1/flavors", Action::Flavors),
    ("GET", "v2.1/flavors/detail", Action::FlavorsDetail),
    ("GET", "v2.1/os-services", Action::Workers),
];

impl App for ComputeApp {
    fn answer(&self, call: Call) -> Answering<'_> {
        Box::pin(async { self.act(call).await.unwrap_or_else(|fault| Dialect::Nova.reply(fault)) })
    }
}

impl ComputeApp {
    async fn act(&self, mut call: Call) -> Result<Reply, Fault> {
        let path = call.head.uri.path().to_owned();
        let (action, id) = route(ROUTES, &call.head.method, &path)?;
        let version = documents::version(&self.endpoint);
        match action {
            Action::Versions => return Ok(ok(&json!({"versions": [version]}))),
            Action::Version => return Ok(ok(&json!({"version": version}))),
            _ => {}
        }
        let actor = self.actor(&call)?;
        match action {
            Action::List => {
                let servers: Value = self
                    .servers(&actor)
                    .iter()
                    .map(|server| documents::brief(&self.endpoint, server))
                    .collect();
                Ok(ok(&json!({"servers": servers})))
            }
            Action::ListDetail => Ok(self.list_in_detail(&actor)),
            Action::Create => {
                let body = call.json().await?;
                self.create(&actor, &body).await
            }
            Action::Show => {
                let server = self.store.find(&actor.project, id).ok_or_else(|| unknown(id))?;
                Ok(ok(&json!({"server": documents::detail(&self.endpoint, &server)})))
            }
            Action::Delete => {
                if !self.store.delete(&actor, id) {
                    return Err(unknown(id));
                }
                self.tell(Task::Terminate, &actor, id).await;
                Ok(empty_reply(StatusCode::NO_CONTENT))
            }
            Action::Flavors => Ok(ok(&json!({"flavors": documents::flavors(false)}))),
            Action::FlavorsDetail => Ok(ok(&json!({"flavors": documents::flavors(true)}))),
            Action::Workers if may_administer(&call) => {
                Ok(ok(&json!({"services": documents::workers(&self.workers)})))
            }
            Action::Workers => Err(forbidden("os-services:list")),
            Action::Versions | Action::Version => Err(unknown("version")),
        }
    }

    /// Whoever the filter vouched for.
    fn actor(&self, call: &Call) -> Result<Actor, Fault> {
        let field = |name| call.header(name).map(str::to_owned);
        let actor = || {
            Some(Actor {
                user: field(header::USER_ID)?,
                user_name: field(header::USER_NAME)?,
                project: field(header::PROJECT_ID)?,
                request_id: call.request_id.clone(),
            })
        };
        actor().ok_or_else(|| Fault::unauthorized(&self.identity_uri))
    }

    fn servers(&self, actor: &Actor) -> Vec<Server> {
        self.store.of_project(&actor.project, MAX_LIST)
    }

    /// The newest server's metadata carries this response's canary; an empty list has nothing to give away.
    fn list_in_detail(&self, actor: &Actor) -> Reply {
        let mut servers: Vec<Value> =
            self.servers(actor).iter().map(|server| documents::detail(&self.endpoint, server)).collect();
        let Some(newest) = servers.first_mut() else { return ok(&json!({"servers": []})) };
        let canary = self.plant.plant(Asset::ResponseBody);
        newest["metadata"]["description"] = canary.clone().into();
        carrying(ok(&json!({"servers": servers})), &self.plant, vec![canary])
    }

    async fn create(&self, actor: &Actor, body: &Value) -> Result<Reply, Fault> {
        let new = documents::new_server(body)?;
        let server = self.store.create(actor, new);
        let server = server.map_err(|full| Fault::new(StatusCode::FORBIDDEN, full.to_string()))?;
        self.tell(Task::Build, actor, &server.id).await;
        let password = self.plant.plant(Asset::ResponseBody);
        let links = documents::links(&self.endpoint, &server);
        let location = links.pointer("/0/href").and_then(Value::as_str).and_then(|href| href.parse().ok());
        let answer = json!({"server": {"id": server.id, "links": links, "adminPass": password}});
        let mut reply = json_reply(StatusCode::ACCEPTED, &answer);
        reply.headers_mut().extend(location.map(|location| (LOCATION, location)));
        Ok(carrying(reply, &self.plant, vec![password]))
    }

    /// A message that is lost is the publisher's to count: what the caller asked for was done.
    async fn tell(&self, task: Task, actor: &Actor, server_id: &str) {
        if let Some(publisher) = &self.publisher {
            publisher.tell(Notice { task, server_id, request_id: &actor.request_id }).await;
        }
    }
}

fn ok(body: &Value) -> Reply {
    json_reply(StatusCode::OK, body)
}

/// An admin at a listener that answers privileged operations.
fn may_administer(call: &Call) -> bool {
    let admin = call.header(header::ROLES).is_some_and(|roles| roles.split(',').any(|role| role == "admin"));
    call.origin.privileged && admin
}

/// One and the same whether the listener or the role is missing.
fn forbidden(action: &str) -> Fault {
    let message = format!("Policy doesn't allow os_compute_api:{action} to be performed.");
    Fault::new(StatusCode::FORBIDDEN, message)
}

fn unknown(id: &str) -> Fault {
    Fault::new(StatusCode::NOT_FOUND, format!("Instance {id} could not be found."))
}
