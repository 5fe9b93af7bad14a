//! Users at work: login, list, create, delete, a visit to the page, and what one operation leaves for the next.
//!
//! Tokens of completed logins serve later operations, in turn; deletes take servers that earlier creates made.
//! [`Users::warm_up`] provides both before a schedule starts. An operation that still finds no token or no
//! server first does the login or create it lacks, and that time is part of its latency.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use hyper::StatusCode;

use super::{
    accounts::Account,
    browser::Browser,
    client::OpenStack,
    generator::{Perform, Performing},
    schedule::Operation,
};
use crate::{
    connect::Connect,
    services::{
        client::{Client, ExchangeError},
        plant::Plant,
    },
};

/// Sessions kept; a newer login replaces the oldest.
const MAX_SESSIONS: usize = 64;

/// Why an operation failed.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// No connection, or it broke.
    #[error(transparent)]
    Exchange(#[from] ExchangeError),
    /// Refused, or worse.
    #[error("answered {0}")]
    Status(StatusCode),
    /// Answered as agreed, but without something it needed.
    #[error("answered without {0}")]
    Answer(&'static str),
    /// Every account has logged in already.
    #[error("no account is left to log in with")]
    NoAccount,
    /// These users know no login page.
    #[error("there is no login page to visit")]
    NoPage,
    /// Patience ended.
    #[error("took too long")]
    TooLong,
}

impl Failure {
    /// A word to count by.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Exchange(ExchangeError::Connect { .. }) => "connect",
            Self::Exchange(_) => "http",
            Self::Status(status) if status.is_server_error() => "server-error",
            Self::Status(_) => "refused",
            Self::Answer(_) => "answer",
            Self::NoAccount => "no-account",
            Self::NoPage => "no-page",
            Self::TooLong => "too-long",
        }
    }
}

/// How users reach the services.
pub struct UsersConfig {
    /// The dial named `identity`.
    pub identity: Arc<dyn Connect>,
    /// The dial named `compute`.
    pub compute: Arc<dyn Connect>,
    /// The dial named `login-page`, where there is one.
    pub login_page: Option<Arc<dyn Connect>>,
    /// Idle connections kept per dial; 0 = one connection per request.
    pub keep: usize,
    /// Gives canaries and hears which were sent.
    pub plant: Arc<dyn Plant>,
}

/// The honest users of one launch.
pub struct Users {
    cloud: OpenStack,
    browser: Option<Browser>,
    /// Who has not logged in yet.
    accounts: Mutex<VecDeque<Account>>,
    /// Tokens, in turn.
    sessions: Mutex<VecDeque<String>>,
    /// Ids of own servers, oldest first.
    servers: Mutex<VecDeque<String>>,
}

impl Users {
    /// Users without accounts, sessions or servers.
    pub fn new(config: UsersConfig) -> Arc<Self> {
        let plant = config.plant.clone();
        let browser = config.login_page.map(|page| Browser { client: Client::new(page, config.keep), plant });
        Arc::new(Self {
            browser,
            cloud: OpenStack {
                identity: Client::new(config.identity, config.keep),
                compute: Client::new(config.compute, config.keep),
                plant: config.plant,
            },
            accounts: Mutex::default(),
            sessions: Mutex::default(),
            servers: Mutex::default(),
        })
    }

    /// Accounts for logins to come, used in this order.
    pub fn add_accounts(&self, accounts: Vec<Account>) {
        lock(&self.accounts).extend(accounts);
    }

    /// Logs in until `sessions` tokens are there and creates until `servers` servers are; one by one, recorded
    /// nowhere, each login using up an account.
    pub async fn warm_up(&self, sessions: usize, servers: usize) -> Result<(), Failure> {
        while lock(&self.sessions).len() < sessions.min(MAX_SESSIONS) {
            self.log_in(self.next_account()).await?;
        }
        while lock(&self.servers).len() < servers {
            self.create().await?;
        }
        Ok(())
    }

    fn next_account(&self) -> Option<Account> {
        lock(&self.accounts).pop_front()
    }

    async fn log_in(&self, account: Option<Account>) -> Result<String, Failure> {
        let token = self.cloud.log_in(&account.ok_or(Failure::NoAccount)?).await?;
        let mut sessions = lock(&self.sessions);
        if sessions.len() >= MAX_SESSIONS {
            sessions.pop_front();
        }
        sessions.push_back(token.clone());
        Ok(token)
    }

    /// The next token in turn; logs in where there is none.
    async fn token(&self) -> Result<String, Failure> {
        let next = {
            let mut sessions = lock(&self.sessions);
            let next = sessions.pop_front();
            sessions.extend(next.clone());
            next
        };
        match next {
            Some(token) => Ok(token),
            None => self.log_in(self.next_account()).await,
        }
    }

    async fn list(&self) -> Result<(), Failure> {
        let token = self.token().await?;
        let listed = self.cloud.list(&token).await;
        self.judged(&token, listed).map(drop)
    }

    async fn create(&self) -> Result<(), Failure> {
        let id = self.make().await?;
        lock(&self.servers).push_back(id);
        Ok(())
    }

    async fn make(&self) -> Result<String, Failure> {
        let token = self.token().await?;
        let made = self.cloud.create(&token).await;
        self.judged(&token, made)
    }

    async fn delete(&self) -> Result<(), Failure> {
        let oldest = lock(&self.servers).pop_front();
        let id = match oldest {
            Some(id) => id,
            None => self.make().await?,
        };
        let token = self.token().await?;
        let deleted = self.cloud.delete(&token, &id).await;
        self.judged(&token, deleted)
    }

    async fn visit(&self, account: Option<Account>) -> Result<(), Failure> {
        let browser = self.browser.as_ref().ok_or(Failure::NoPage)?;
        browser.visit(&account.ok_or(Failure::NoAccount)?).await
    }

    /// Forgets a token that was answered 401: revoked or expired, it would only fail others.
    fn judged<T>(&self, token: &str, outcome: Result<T, Failure>) -> Result<T, Failure> {
        if let Err(Failure::Status(StatusCode::UNAUTHORIZED)) = outcome {
            lock(&self.sessions).retain(|kept| kept != token);
        }
        outcome
    }
}

impl Perform for Users {
    fn perform(self: Arc<Self>, operation: Operation) -> Performing {
        // Taken now, not when the task first runs: which login is whose depends on the schedule alone.
        let account = operation.logs_in().then(|| self.next_account()).flatten();
        Box::pin(async move {
            match operation {
                Operation::Login => self.log_in(account).await.map(drop),
                Operation::List => self.list().await,
                Operation::Create => self.create().await,
                Operation::Delete => self.delete().await,
                Operation::Page => self.visit(account).await,
            }
        })
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
