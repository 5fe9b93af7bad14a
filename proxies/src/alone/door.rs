//! From settings to what each thread runs.

use std::{collections::BTreeMap, io, path::Path, sync::Arc};

use rustls::{KeyLog, NoKeyLog};
use tokio_util::sync::CancellationToken;

use super::{
    AloneError,
    address::Place,
    settings::{Mode, Settings, SettingsError},
};
use crate::{
    balance::{Backend, Group, Policy},
    caller::Application,
    codec::{BackCodec, FrontCodec},
    forward::{Names, Rules},
    guard::Entrance,
    limits::Limits,
    pass_through::PassThrough,
    proxy::{Forward, Proxy},
    registry::{EntryId, Registry, SourceId},
    routes::{Route, Routes},
    serve::Drained,
    stream::BoxStream,
    tls::{ClientSettings, ClientTls, ServerSettings, ServerTls, TlsError, Verification},
    transport::{
        Dial, Ends, Party,
        loopback::LoopbackIp,
        tcp::{TcpDialer, TcpListen},
        unix::UnixDialer,
    },
};

/// Nobody asks here who dials.
const NOBODY: Party = Party(0);

/// What a thread does with its connections.
#[derive(Clone)]
pub(super) enum Door {
    Forward(Proxy<AloneDial>),
    ByName(PassThrough<AloneDial>),
}

impl Door {
    pub(super) fn new(settings: &Settings, registry: &Registry) -> Result<Self, AloneError> {
        let places = Places { registry, source: registry.source(LoopbackIp::LOCALHOST) };
        let (limits, tally) = (Limits::default(), Arc::default());
        if settings.mode == Mode::PassThrough {
            let (front, routes) = (FrontCodec::clear(), Arc::new(places.routes(settings)?));
            let entrance = Entrance::default();
            return Ok(Self::ByName(PassThrough { entrance, front, routes, limits, tally }));
        }
        let front = FrontCodec::terminate(server(settings)?);
        let group = Arc::new(places.group(&settings.backends, &back(settings)?)?);
        let forward = match settings.mode {
            Mode::Terminate | Mode::ReEncrypt => Forward::Http(rules()),
            Mode::TerminateL4 | Mode::PassThrough => Forward::Bytes,
        };
        Ok(Self::Forward(Proxy::new(front, group, forward)))
    }

    pub(super) async fn run(self, listen: TcpListen, stop: CancellationToken) -> Drained {
        match self {
            Self::Forward(proxy) => proxy.run(listen, stop).await,
            Self::ByName(pass) => pass.run(listen, stop).await,
        }
    }
}

/// Whoever tries it on its own machine may call it `localhost`.
fn rules() -> Rules {
    Rules { names: Names { also: vec!["localhost".to_owned()], ..Names::default() }, ..Rules::default() }
}

fn server(settings: &Settings) -> Result<ServerTls, AloneError> {
    let missing = SettingsError::Missing { mode: settings.mode, what: "a certificate" };
    let (identity, further) = settings.identities.split_first().ok_or(missing)?;
    let application = match settings.mode {
        Mode::Terminate | Mode::ReEncrypt => vec![Application::Http2, Application::Http1],
        Mode::TerminateL4 | Mode::PassThrough => Vec::new(),
    };
    let server =
        ServerSettings { further: further.to_vec(), application, ..ServerSettings::new(identity.clone()) };
    Ok(ServerTls::new(&server, no_key_log())?)
}

fn back(settings: &Settings) -> Result<BackCodec, TlsError> {
    let (Mode::ReEncrypt, Some(name)) = (settings.mode, &settings.backend_name) else {
        return Ok(BackCodec::clear());
    };
    let client = ClientSettings::new(settings.authorities.clone(), Verification::Name, name.clone());
    Ok(BackCodec::originate(ClientTls::new(&client, no_key_log())?))
}

fn no_key_log() -> Arc<dyn KeyLog> {
    Arc::new(NoKeyLog)
}

/// Outside programs become registry entries here and nowhere else.
struct Places<'a> {
    registry: &'a Registry,
    source: SourceId,
}

impl Places<'_> {
    fn routes(&self, settings: &Settings) -> Result<Routes<Group<AloneDial>>, AloneError> {
        let route = |route: &super::Route| {
            let to = if route.to.is_empty() { &settings.backends } else { &route.to };
            Ok(Route { name: route.name.clone(), to: self.group(to, &BackCodec::clear())? })
        };
        let routes = settings.routes.iter().map(route).collect::<Result<_, AloneError>>()?;
        Ok(Routes::new(routes, &BTreeMap::new())?)
    }

    fn group(&self, places: &[Place], back: &BackCodec) -> Result<Group<AloneDial>, AloneError> {
        let backend = |place: &Place| {
            let (name, dial, back) = (place.to_string(), self.dial(place)?, back.clone());
            Ok(Backend { name, dial, back, header: None })
        };
        let backends = places.iter().map(backend).collect::<Result<_, AloneError>>()?;
        Ok(Group::new(backends, Policy::RoundRobin))
    }

    fn dial(&self, place: &Place) -> io::Result<AloneDial> {
        let registry = self.registry.clone();
        Ok(match place {
            Place::Unix(path) => AloneDial::Unix(UnixDialer::new(registry, NOBODY, self.file(path))),
            Place::Tcp(at) => {
                let at = at.endpoint().ok_or_else(|| io::Error::other("no loopback endpoint"))?;
                let entry = self.registry.outside(at);
                AloneDial::Tcp(TcpDialer::new(registry, self.source, NOBODY, entry)?)
            }
        })
    }

    fn file(&self, path: &Path) -> EntryId {
        self.registry.outside_unix(path.to_owned())
    }
}

/// A way to an outside program.
#[derive(Clone)]
pub(super) enum AloneDial {
    Tcp(TcpDialer),
    Unix(UnixDialer),
}

impl Dial for AloneDial {
    type Stream = BoxStream;

    async fn dial(&self) -> io::Result<(BoxStream, Ends)> {
        match self {
            Self::Tcp(dial) => dial.dial().await.map(|(stream, ends)| (Box::new(stream) as BoxStream, ends)),
            Self::Unix(dial) => dial.dial().await.map(|(stream, ends)| (Box::new(stream) as BoxStream, ends)),
        }
    }
}
