//! The OpenStack stand-ins: Identity v3, Compute v2.1 and a login page, served over any byte stream.
//!
//! ```text
//! stream ── http::serve ── Pipeline (filters: request id, size limit, auth …) ── app ── store
//!                                                          └── client ── dial `identity`
//! ```
//!
//! [`http`] serves one connection, [`pipeline`] is the order a request passes its filters in, [`identity`],
//! [`compute`] and [`login_page`] are the apps, [`queue`] carries messages beside them, [`origin`] is what they know
//! of the listener a call came in by, [`plant`] is where canaries come from, [`Renewal`] makes a service log in again.
//! The surface is what the real
//! `openstack` client asks for `token issue`, `catalog list`, `endpoint list` and `server list`, what the honest
//! workload does, and a few privileged operations; everything else is an honest 404 or 405.
//!
//! Nothing here opens a socket, speaks TLS, or spawns a task: the caller hands in streams, and a service is
//! usable from any thread and any runtime. The only threads are those of
//! [`identity::HashPool`], joined when it is dropped.

pub mod call;
pub mod catalog;
pub mod client;
pub mod client_cert;
pub mod compute;
pub mod form;
pub mod http;
pub mod identity;
pub mod ids;
mod keystone;
pub mod login_page;
pub mod origin;
pub mod pipeline;
pub mod plant;
pub mod queue;
mod renewal;
pub mod reply;
mod route;
mod watched;

pub use renewal::Renewal;
pub use watched::Written;

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod binding;
#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod privilege;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod transcript;
