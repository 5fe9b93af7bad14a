//! One handshake between two codecs, and what each side says of it.

use std::{io, sync::Arc, time::Duration};

use proxies::{
    caller::Handshake,
    codec::{BackCodec, FrontCodec},
    rustls::{self, AlertDescription},
    tls::{ClientSettings, ServerSettings},
};
use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

use crate::support::{client, server};

const DEADLINE: Duration = Duration::from_secs(5);

/// What the two sides say.
pub(crate) struct Met {
    pub(crate) server: io::Result<Handshake>,
    pub(crate) client: io::Result<Handshake>,
}

impl Met {
    /// What the client says, where nobody failed; the sides agree on all that both see.
    pub(crate) fn well(self) -> Handshake {
        let (server, client) = (self.server.unwrap(), self.client.unwrap());
        let seen = |side: &Handshake| (side.application, side.version, side.group, side.resumed);
        assert_eq!(seen(&server), seen(&client));
        client
    }

    /// The alert the client met; the server let nobody in.
    pub(crate) fn alert(self) -> AlertDescription {
        assert!(self.server.is_err());
        let error = self.client.unwrap_err();
        match error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
            Some(rustls::Error::AlertReceived(alert)) => *alert,
            _ => panic!("no alert but {error:?}"),
        }
    }
}

pub(crate) fn front(settings: &ServerSettings) -> FrontCodec {
    FrontCodec::terminate(server(settings))
}

pub(crate) fn back(settings: &ClientSettings) -> BackCodec {
    BackCodec::originate(client(settings))
}

/// A handshake, a word of the server's, and the client's last flight known to have been judged.
pub(crate) async fn meet(front: &FrontCodec, back: &BackCodec) -> Met {
    let (near, far) = duplex(64 * 1024);
    let serving = async {
        let mut accepted = front.accept(far, DEADLINE).await?;
        accepted.stream.write_all(b"welcome").await?;
        accepted.stream.shutdown().await?;
        Ok(accepted.tls.unwrap())
    };
    let calling = async {
        let mut opened = back.negotiate(near, DEADLINE).await?;
        let mut heard = Vec::new();
        opened.stream.read_to_end(&mut heard).await?;
        assert_eq!(heard, b"welcome");
        Ok(opened.tls.unwrap())
    };
    let (server, client) = tokio::join!(serving, calling);
    Met { server, client }
}

/// The same between settings.
pub(crate) async fn of(server: &ServerSettings, client: &ClientSettings) -> Met {
    meet(&front(server), &back(client)).await
}

/// Everything a key log heard.
#[derive(Debug, Default)]
pub(crate) struct Secrets(std::sync::Mutex<Vec<(String, Vec<u8>)>>);

impl Secrets {
    pub(crate) fn new() -> Arc<Self> {
        Arc::default()
    }

    pub(crate) fn all(&self) -> Vec<(String, Vec<u8>)> {
        self.0.lock().unwrap().clone()
    }
}

impl rustls::KeyLog for Secrets {
    fn log(&self, label: &str, _: &[u8], secret: &[u8]) {
        self.0.lock().unwrap().push((label.to_owned(), secret.to_vec()));
    }
}
