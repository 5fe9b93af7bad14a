//! The one upstream connection of a front connection: dialled when first needed, and again when the service
//! closed it between two requests.
//!
//! Requests go in here; the connection itself is driven by [`drive`], which its owner polls beside them.

use std::{
    error::Error as _,
    io,
    pin::Pin,
    sync::{Mutex, PoisonError},
};

use hyper::{
    Request, Response,
    body::Incoming,
    client::conn::http1::{self, SendRequest},
};
use hyper_util::rt::TokioIo;
use tokio::sync::mpsc;

use crate::stream::BoxStream;

/// Why there is no response.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// The caller's body broke off or was badly framed.
    RequestBody,
    /// No connection, or no whole response head on it.
    Upstream,
}

/// Sends requests, one after the other.
pub(super) struct Upstream<C> {
    connect: C,
    link: Mutex<Option<SendRequest<Incoming>>>,
    drivers: mpsc::Sender<Driver>,
}

type Driver = Pin<Box<http1::Connection<TokioIo<BoxStream>, Incoming>>>;

/// Drives the connection in use until nobody can send on it, or on a new one, any more.
pub(super) async fn drive(drivers: &mut mpsc::Receiver<Driver>) {
    while let Some(driver) = drivers.recv().await {
        // How it ended is told to whoever waits for a response on it.
        let _ended = driver.await;
    }
}

impl<C, F> Upstream<C>
where
    C: Fn() -> F,
    F: Future<Output = io::Result<BoxStream>>,
{
    /// And what is to be driven.
    pub(super) fn new(connect: C) -> (Self, mpsc::Receiver<Driver>) {
        let (drivers, driven) = mpsc::channel(1);
        (Self { connect, link: Mutex::default(), drivers }, driven)
    }

    /// One exchange, until the response head is there. A request no byte of which was taken is sent again, on a
    /// new connection.
    pub(super) async fn send(&self, request: Request<Incoming>) -> Result<Response<Incoming>, Failure> {
        let unsent = match self.kept().await {
            None => request,
            Some(link) => match self.on(link, request).await {
                Err((_, Some(unsent))) => unsent,
                Err((failure, None)) => return Err(failure),
                Ok(response) => return Ok(response),
            },
        };
        let link = self.open().await?;
        self.on(link, unsent).await.map_err(|(failure, _unsent)| failure)
    }

    async fn on(
        &self,
        mut link: SendRequest<Incoming>,
        request: Request<Incoming>,
    ) -> Result<Response<Incoming>, (Failure, Option<Request<Incoming>>)> {
        match link.try_send_request(request).await {
            Ok(response) => {
                *self.link.lock().unwrap_or_else(PoisonError::into_inner) = Some(link);
                Ok(response)
            }
            Err(mut refused) => Err((fault(refused.error()), refused.take_message())),
        }
    }

    /// The connection kept from the last exchange, if it is still good.
    async fn kept(&self) -> Option<SendRequest<Incoming>> {
        let mut link = self.link.lock().unwrap_or_else(PoisonError::into_inner).take()?;
        link.ready().await.ok()?;
        Some(link)
    }

    async fn open(&self) -> Result<SendRequest<Incoming>, Failure> {
        let stream = (self.connect)().await.map_err(|_counted_by_whoever_connects| Failure::Upstream)?;
        let opened = http1::Builder::new().handshake(TokioIo::new(stream)).await;
        let (link, driver) = opened.map_err(|_| Failure::Upstream)?;
        self.drivers.send(Box::pin(driver)).await.map_err(|_| Failure::Upstream)?;
        Ok(link)
    }
}

/// An error of the body that was being sent is the caller's; hyper wraps it in one of its own.
fn fault(error: &hyper::Error) -> Failure {
    let cause = error.source().and_then(|cause| cause.downcast_ref::<hyper::Error>());
    if error.is_user() && cause.is_some() { Failure::RequestBody } else { Failure::Upstream }
}
