//! The routes of the page and what each answers.
//!
//! Decides who sees what; what a password or a token is worth is identity's to say.

use std::sync::Arc;

use hyper::{
    StatusCode,
    header::{HeaderValue, LOCATION, SET_COOKIE, VARY},
};
use jiff::Timestamp;

use super::{
    cookies::{self, CSRF, SESSION},
    gate::Gate,
    pages,
    sessions::{Session, Sessions},
};
use crate::{
    services::{
        call::Call,
        form::Form,
        ids,
        pipeline::{Answering, App},
        plant::Plant,
        reply::{Dialect, Fault, Reply, carrying, empty_reply, html_reply},
        route::{Route, route},
    },
    vocabulary::Asset,
};

/// Where people without a session are sent.
const FORM: &str = "/auth/login/?next=/project/";
/// Where people with one are.
const HOME: &str = "/project/";
/// The hidden field of a form, Django's name.
const CSRF_FIELD: &str = "csrfmiddlewaretoken";

/// The app behind the page's pipeline.
pub(super) struct PageApp {
    pub(super) gate: Gate,
    pub(super) sessions: Sessions,
    pub(super) secure: bool,
    pub(super) plant: Arc<dyn Plant>,
}

#[derive(Clone, Copy)]
enum Action {
    Root,
    Form,
    Login,
    Logout,
    Overview,
}

const ROUTES: &[Route<Action>] = &[
    ("GET", "", Action::Root),
    ("GET", "auth/login", Action::Form),
    ("POST", "auth/login", Action::Login),
    ("POST", "auth/logout", Action::Logout),
    ("GET", "project", Action::Overview),
];

impl App for PageApp {
    fn answer(&self, call: Call) -> Answering<'_> {
        Box::pin(async {
            let mut reply = self.act(call).await.unwrap_or_else(|fault| Dialect::Page.reply(fault));
            reply.headers_mut().insert(VARY, HeaderValue::from_static("Cookie"));
            reply
        })
    }
}

impl PageApp {
    async fn act(&self, call: Call) -> Result<Reply, Fault> {
        let (action, _) = route(ROUTES, &call.head.method, call.head.uri.path())?;
        match action {
            Action::Root => Ok(redirect(HOME)),
            Action::Form if self.session(&call).is_some() => Ok(redirect(HOME)),
            Action::Form => Ok(self.form(&call, "", None)),
            Action::Login => self.log_in(call).await,
            Action::Logout => self.log_out(call).await,
            Action::Overview => self.overview(&call).await,
        }
    }

    async fn log_in(&self, mut call: Call) -> Result<Reply, Fault> {
        let form = checked(&mut call).await?;
        let field = |name| form.field(name).unwrap_or_default();
        let (user, password) = (field("username"), field("password"));
        if user.is_empty() || password.is_empty() {
            return Ok(self.form(&call, user, Some("Both fields are required.")));
        }
        let session = match self.gate.log_in(user, password).await {
            Ok(Some(session)) => session,
            Ok(None) => return Ok(self.form(&call, user, Some("Invalid credentials."))),
            Err(_) => {
                let away = "Unable to establish connection to keystone endpoint.";
                return Ok(self.form(&call, user, Some(away)));
            }
        };
        // Never the session somebody came with: it might be one an attacker gave them.
        self.end_session(&call);
        let id = self.sessions.begin(session, Timestamp::now());
        let mut reply = redirect(HOME);
        set(&mut reply, cookies::session(&id, self.secure));
        set(&mut reply, cookies::csrf(&ids::hex(&ids::random::<16>()), self.secure));
        Ok(reply)
    }

    async fn log_out(&self, mut call: Call) -> Result<Reply, Fault> {
        checked(&mut call).await?;
        self.end_session(&call);
        let mut reply = redirect(FORM);
        set(&mut reply, cookies::forget(self.secure));
        Ok(reply)
    }

    async fn overview(&self, call: &Call) -> Result<Reply, Fault> {
        let Some(session) = self.session(call) else { return Ok(redirect(FORM)) };
        match self.gate.holds(&session.token).await {
            Ok(true) => {}
            Ok(false) => {
                self.end_session(call);
                return Ok(redirect(FORM));
            }
            Err(_) => {
                let away = "The Keystone service is temporarily unavailable.";
                return Err(Fault::new(StatusCode::SERVICE_UNAVAILABLE, away));
            }
        }
        let canary = self.plant.plant(Asset::ResponseBody);
        let (csrf, new) = csrf_of(call);
        let mut reply = html_reply(StatusCode::OK, pages::overview(&session, &csrf, &canary));
        if new {
            set(&mut reply, cookies::csrf(&csrf, self.secure));
        }
        Ok(carrying(reply, &self.plant, vec![canary]))
    }

    fn form(&self, call: &Call, user: &str, message: Option<&str>) -> Reply {
        let (csrf, _) = csrf_of(call);
        let mut reply = html_reply(StatusCode::OK, pages::form(&csrf, user, message));
        set(&mut reply, cookies::csrf(&csrf, self.secure));
        reply
    }

    fn session(&self, call: &Call) -> Option<Arc<Session>> {
        self.sessions.find(cookies::read(&call.head.headers, SESSION)?, Timestamp::now())
    }

    fn end_session(&self, call: &Call) {
        if let Some(id) = cookies::read(&call.head.headers, SESSION) {
            self.sessions.end(id);
        }
    }
}

/// The form of a request, if a page of ours made it.
async fn checked(call: &mut Call) -> Result<Form, Fault> {
    let many = |_| Fault::new(StatusCode::BAD_REQUEST, "The form has too many fields.");
    let form = Form::read(&call.bytes().await?).map_err(many)?;
    if cookies::belongs(form.field(CSRF_FIELD), cookies::read(&call.head.headers, CSRF)) {
        return Ok(form);
    }
    Err(Fault::new(StatusCode::FORBIDDEN, "CSRF verification failed. Request aborted."))
}

/// The token for forms, and whether it is new.
fn csrf_of(call: &Call) -> (String, bool) {
    // Only what we could have given: it is repeated in pages and headers.
    let ours = |token: &&str| ids::unhex(token).is_some();
    match cookies::read(&call.head.headers, CSRF).filter(ours) {
        Some(token) => (token.to_owned(), false),
        None => (ids::hex(&ids::random::<16>()), true),
    }
}

fn redirect(to: &'static str) -> Reply {
    let mut reply = empty_reply(StatusCode::FOUND);
    reply.headers_mut().insert(LOCATION, HeaderValue::from_static(to));
    reply
}

fn set(reply: &mut Reply, cookie: Option<HeaderValue>) {
    reply.headers_mut().extend(cookie.map(|cookie| (SET_COOKIE, cookie)));
}
