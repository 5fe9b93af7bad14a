//! The data plane: connections in, codecs on both sides, bytes both ways.
//!
//! ```text
//!  registry      who holds which loopback address:port, and who announced which connection
//!  transport     Listen / Dial, over TCP, Unix sockets or memory
//!  neighbour     a child under another user id: what it may connect to and open
//!  codec         clear or TLS, with the custody seam on both sides   (tls, custody)
//!  relay         both ways with half-close; between plain sockets large amounts inside the kernel
//!  http          heads, bodies and framing of HTTP/1.1, judged strictly; pure
//!  forward       HTTP messages both ways, on upstream connections kept between requests
//!  proxy         front codec → group → relay or forward: terminate, re-encrypt, copy   (caller)
//!  balance       which of equal places a connection goes to, by turn, load, source or TLS session; which are up
//!  proxy_header  PROXY protocol: whose connection it is, told and believed
//!  pass_through  peek → route by name → dial → replay → relay: TLS untouched
//!  peek          first bytes → which server a ClientHello asks for, which session a ServerHello names; pure
//!  routes        name → target; pure
//!  refusal       why a connection was turned away, its alert and its count; pure
//!  serve         accept loop, bound, drain, counts                   (limits)
//!  guard         what is turned away: rates before any handshake, rates per token, a request filter
//!  thread        an OS thread with a runtime of its own
//!  alone         one of these by itself, between outside programs
//! ```
//!
//! It knows neither topology nor attack. An address cannot be dialled: only a registry
//! entry can.

pub mod alone;
pub mod balance;
pub mod caller;
pub mod codec;
pub mod custody;
pub mod forward;
pub mod guard;
pub mod http;
pub mod limits;
pub mod neighbour;
pub mod pass_through;
pub mod peek;
pub mod proxy;
pub mod proxy_header;
pub mod refusal;
pub mod registry;
pub mod relay;
pub mod routes;
pub mod serve;
pub mod stream;
pub mod thread;
pub mod tls;
pub mod transport;

pub use rustls;
