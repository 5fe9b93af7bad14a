//! The data plane: connections in, codecs on both sides, bytes both ways.
//!
//! ```text
//!  registry      who holds which loopback address:port, and who announced which connection
//!  transport     Listen / Dial, over TCP (the only module that opens sockets) or memory
//!  codec         clear or TLS, with the custody seam on both sides   (tls, custody)
//!  relay         both ways with half-close
//!  forward_http  HTTP messages both ways, with `Client-Cert` put right
//!  proxy         front codec → dial → back codec → relay or forward_http: terminate, re-encrypt, copy   (upstream)
//!  pass_through  peek → route by name → dial → replay → relay: TLS untouched
//!  peek          first bytes → which server a ClientHello asks for; pure
//!  routes        name → dials, in turn; pure
//!  refusal       why a connection was turned away, its alert and its count; pure
//!  serve         accept loop, bound, drain, counts                   (limits)
//! ```
//!
//! It knows neither topology nor attack. An address cannot be dialled: only a registry
//! entry can.

pub mod codec;
pub mod custody;
pub mod forward_http;
pub mod limits;
pub mod pass_through;
pub mod peek;
pub mod proxy;
pub mod refusal;
pub mod registry;
pub mod relay;
pub mod routes;
pub mod serve;
pub mod stream;
pub mod tls;
pub mod transport;
mod upstream;

pub use rustls;
