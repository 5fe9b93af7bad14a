//! What stands between a wire and a process: nothing, or a TLS session; with the custody seam on both sides.

use std::{io, sync::Arc, time::Duration};

use tokio::time::timeout;

use crate::{
    caller::{Application, Handshake},
    custody::{Custody, Facing, Observe, Seam, Side},
    stream::{BoxStream, Stream},
    tls::{ClientTls, PeerCertificate, ServerTls},
    transport::Party,
};

/// The accepting side of a link.
#[derive(Clone, Default)]
pub struct FrontCodec {
    tls: Option<ServerTls>,
    ballast: Duration,
    observer: Option<Arc<dyn Observe>>,
}

/// A wire made usable.
pub struct Accepted {
    /// What the process reads and writes.
    pub stream: BoxStream,
    /// What the handshake settled; `None` on a clear link.
    pub tls: Option<Handshake>,
}

/// The dialing side of a link.
#[derive(Clone, Default)]
pub struct BackCodec {
    tls: Option<ClientTls>,
    observer: Option<Arc<dyn Observe>>,
}

impl FrontCodec {
    /// Bytes pass as they are.
    pub fn clear() -> Self {
        Self::default()
    }

    /// TLS ends here.
    pub fn terminate(tls: ServerTls) -> Self {
        Self { tls: Some(tls), ..Self::default() }
    }

    /// Observes both sides.
    #[must_use]
    pub fn observed(mut self, observer: Arc<dyn Observe>) -> Self {
        self.observer = Some(observer);
        self
    }

    /// Makes every handshake burn this much extra CPU: the test switch that proves that a flood's cost is
    /// attributed to its victim.
    #[must_use]
    pub fn with_ballast(mut self, ballast: Duration) -> Self {
        self.ballast = ballast;
        self
    }

    /// True when accepting means a handshake.
    pub fn shakes_hands(&self) -> bool {
        self.tls.is_some()
    }

    /// Makes a wire usable, within `deadline` where that means a handshake.
    pub async fn accept<S: Stream>(&self, wire: S, deadline: Duration) -> io::Result<Accepted> {
        self.accept_from(None, wire, deadline).await
    }

    /// The same, telling an observer who dialled.
    pub async fn accept_from<S: Stream>(
        &self,
        party: Option<Party>,
        wire: S,
        deadline: Duration,
    ) -> io::Result<Accepted> {
        let seams = Seams::of(self.observer.as_ref(), Facing::Front(party));
        let Some(tls) = &self.tls else {
            return Ok(Accepted { stream: held(wire, seams.open(Side::Both)), tls: None });
        };
        let outer = Custody::new(wire, seams.open(Side::Outer));
        let session = within(deadline, tls.accept(outer)).await?;
        burn(self.ballast);
        let connection = session.get_ref().1;
        let tls = Handshake {
            server_name: connection.server_name().map(str::to_ascii_lowercase),
            certificate: PeerCertificate::of(connection),
            application: connection.alpn_protocol().and_then(Application::of),
        };
        Ok(Accepted { stream: held(session, seams.open(Side::Inner)), tls: Some(tls) })
    }
}

impl BackCodec {
    /// Bytes pass as they are.
    pub fn clear() -> Self {
        Self::default()
    }

    /// TLS begins here.
    pub fn originate(tls: ClientTls) -> Self {
        Self { tls: Some(tls), ..Self::default() }
    }

    /// Observes both sides.
    #[must_use]
    pub fn observed(mut self, observer: Arc<dyn Observe>) -> Self {
        self.observer = Some(observer);
        self
    }

    /// True when connecting means a handshake.
    pub fn shakes_hands(&self) -> bool {
        self.tls.is_some()
    }

    /// Makes a dialled wire usable, within `deadline` where that means a handshake.
    pub async fn connect<S: Stream>(&self, wire: S, deadline: Duration) -> io::Result<BoxStream> {
        let seams = Seams::of(self.observer.as_ref(), Facing::Back);
        let Some(tls) = &self.tls else {
            return Ok(held(wire, seams.open(Side::Both)));
        };
        let outer = Custody::new(wire, seams.open(Side::Outer));
        let session = within(deadline, tls.connect(outer)).await?;
        Ok(held(session, seams.open(Side::Inner)))
    }
}

/// The seams of one connection; none without an observer.
struct Seams<'a>(Option<(&'a dyn Observe, u64)>);

impl<'a> Seams<'a> {
    fn of(observer: Option<&'a Arc<dyn Observe>>, facing: Facing) -> Self {
        Self(observer.map(|observer| (&**observer, observer.connection(facing))))
    }

    fn open(&self, side: Side) -> Option<Box<dyn Seam>> {
        self.0.map(|(observer, connection)| observer.seam(connection, side))
    }
}

fn held<S: Stream>(stream: S, seam: Option<Box<dyn Seam>>) -> BoxStream {
    match seam {
        Some(seam) => Box::new(Custody::new(stream, Some(seam))),
        None => Box::new(stream),
    }
}

async fn within<T>(deadline: Duration, handshake: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    timeout(deadline, handshake)
        .await
        .unwrap_or_else(|_| Err(io::Error::new(io::ErrorKind::TimedOut, "TLS handshake took too long")))
}

fn burn(cpu: Duration) {
    if cpu.is_zero() {
        return;
    }
    let clock = || {
        let now = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
        Duration::new(now.tv_sec as u64, now.tv_nsec as u32)
    };
    let until = clock() + cpu;
    while clock() < until {
        std::hint::spin_loop();
    }
}
