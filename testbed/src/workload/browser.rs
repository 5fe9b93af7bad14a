//! A visit to the login page, as a browser makes it: the form, the login, the page behind it.
//!
//! Keeps cookies for one visit only; tells the plant that the password left. Follows the one redirect it
//! expects, by path, on the same dial: whatever host an answer names, nothing else is ever asked.

use std::sync::Arc;

use bytes::Bytes;
use hyper::{
    Method, Request, Response, StatusCode,
    header::{CONTENT_TYPE, COOKIE, LOCATION, SET_COOKIE},
};

use super::{accounts::Account, operations::Failure};
use crate::services::{client::Client, form, plant::Plant};

const FORM: &str = "/auth/login/";
const HOME: &str = "/project/";

/// A browser of an honest user.
pub(super) struct Browser {
    pub(super) client: Client,
    pub(super) plant: Arc<dyn Plant>,
}

impl Browser {
    /// Logs in through the form and looks at one page.
    pub(super) async fn visit(&self, account: &Account) -> Result<(), Failure> {
        let form = self.ask(Method::GET, FORM, "", None).await?;
        let csrf = cookie(&form, "csrftoken").ok_or(Failure::Answer("a form to fill in"))?;
        let fields = [
            ("csrfmiddlewaretoken", csrf.as_str()),
            ("username", &account.name),
            ("password", &account.password),
        ];
        let filled = Some((form::encode(&fields), account.password.as_str()));
        let welcome = self.ask(Method::POST, FORM, &format!("csrftoken={csrf}"), filled).await?;
        let session = cookie(&welcome, "sessionid").ok_or(Failure::Answer("a session"))?;
        let goes_home = welcome.headers().get(LOCATION).is_some_and(|to| to == HOME);
        if welcome.status() != StatusCode::FOUND || !goes_home {
            return Err(Failure::Answer("the way home"));
        }
        let page = self.ask(Method::GET, HOME, &format!("sessionid={session}"), None).await?;
        let named = page.body().windows(account.name.len()).any(|text| text == account.name.as_bytes());
        if page.status() == StatusCode::OK && named { Ok(()) } else { Err(Failure::Answer("my page")) }
    }

    /// One request; a form comes with the secret in it.
    async fn ask(
        &self,
        method: Method,
        path: &str,
        cookies: &str,
        form: Option<(String, &str)>,
    ) -> Result<Response<Bytes>, Failure> {
        let mut request = Request::builder().method(method).uri(path);
        if !cookies.is_empty() {
            request = request.header(COOKIE, cookies);
        }
        let (body, secret) = match form {
            None => (Bytes::new(), None),
            Some((body, secret)) => {
                request = request.header(CONTENT_TYPE, "application/x-www-form-urlencoded");
                (Bytes::from(body), Some(secret.to_owned()))
            }
        };
        let request = request.body(body).map_err(|_| Failure::Answer("a usable cookie"))?;
        let plant = Arc::clone(&self.plant);
        let sent = Arc::new(move || secret.iter().for_each(|secret| plant.sent(secret)));
        let response = self.client.exchange(request, sent).await?;
        let status = response.status();
        if status.is_client_error() || status.is_server_error() {
            return Err(Failure::Status(status));
        }
        Ok(response)
    }
}

/// The value an answer sets a cookie to.
fn cookie(answer: &Response<Bytes>, name: &str) -> Option<String> {
    let lines = answer.headers().get_all(SET_COOKIE).iter().filter_map(|line| line.to_str().ok());
    let mut pairs = lines.filter_map(|line| line.split(';').next()?.split_once('='));
    pairs.find(|(key, value)| *key == name && !value.is_empty()).map(|(_, value)| value.to_owned())
}
