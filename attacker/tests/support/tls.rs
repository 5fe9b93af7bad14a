//! A TLS in shape only, from both sides.

use std::{future::Future, io, pin::Pin, sync::Arc};

use testbed::foothold::{AttackerTls, BoxStream, HandshakeFailure, TlsBackend};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// The attacker's kit.
pub(crate) fn kit() -> AttackerTls {
    AttackerTls::new(Arc::new(MadeUp))
}

struct MadeUp;

impl TlsBackend for MadeUp {
    fn accept(
        &self,
        mut victim: BoxStream,
        server_name: String,
    ) -> Pin<Box<dyn Future<Output = Result<BoxStream, HandshakeFailure>> + Send + '_>> {
        Box::pin(async move {
            take_record(&mut victim).await.map_err(|_| HandshakeFailure::Closed)?;
            let offer = format!("certificate for {server_name}\n");
            victim.write_all(offer.as_bytes()).await.map_err(|_| HandshakeFailure::Closed)?;
            match line(&mut victim).await.as_str() {
                "yes" => Ok(victim),
                "" => Err(HandshakeFailure::Closed),
                alert => Err(HandshakeFailure::Alert(alert.to_owned())),
            }
        })
    }

    fn connect(
        &self,
        mut stream: BoxStream,
        server_name: String,
    ) -> Pin<Box<dyn Future<Output = io::Result<BoxStream>> + Send + '_>> {
        Box::pin(async move {
            stream.write_all(&hello(&server_name)).await?;
            if line(&mut stream).await.is_empty() {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            stream.write_all(b"yes\n").await?;
            Ok(stream)
        })
    }
}

/// Says hello and returns the name on the certificate that came back.
pub(crate) async fn offered(stream: &mut (impl AsyncRead + AsyncWrite + Unpin), name: &str) -> String {
    stream.write_all(&hello(name)).await.unwrap();
    line(stream).await.trim_start_matches("certificate for ").to_owned()
}

/// Plays an honest server up to the first plaintext; false when the far side spoke something else.
pub(crate) async fn serve(stream: &mut (impl AsyncRead + AsyncWrite + Unpin), name: &str) -> bool {
    let mut first = [0];
    stream.read_exact(&mut first).await.unwrap();
    if first != [0x16] {
        stream.write_all(b"\x15\x03\x03\x00\x02\x02\x32").await.unwrap();
        return false;
    }
    let mut rest = [0; 4];
    stream.read_exact(&mut rest).await.unwrap();
    skip(stream, rest[2], rest[3]).await.unwrap();
    stream.write_all(format!("certificate for {name}\n").as_bytes()).await.unwrap();
    line(stream).await == "yes"
}

/// A `ClientHello` that asks for a name, in one record.
pub(crate) fn hello(name: &str) -> Vec<u8> {
    let vector = |width: usize, body: &[u8]| {
        let length = u32::try_from(body.len()).unwrap().to_be_bytes();
        [&length[4 - width..], body].concat()
    };
    let names = vector(2, &[&[0][..], &vector(2, name.as_bytes())].concat());
    let extensions = vector(2, &[&[0, 0][..], &vector(2, &names)].concat());
    let fields = [&[3, 3][..], &[7; 32], &[0], &[0, 2, 0x13, 1], &[1, 0], &extensions].concat();
    let message = [&[1][..], &vector(3, &fields)].concat();
    [&[0x16, 3, 1][..], &vector(2, &message)].concat()
}

async fn take_record(stream: &mut BoxStream) -> io::Result<()> {
    let mut head = [0; 5];
    stream.read_exact(&mut head).await?;
    skip(stream, head[3], head[4]).await
}

async fn skip(stream: &mut (impl AsyncRead + Unpin), high: u8, low: u8) -> io::Result<()> {
    let mut body = vec![0; usize::from(u16::from_be_bytes([high, low]))];
    stream.read_exact(&mut body).await.map(|_| ())
}

/// A line without its end; empty when the far side left.
pub(crate) async fn line(stream: &mut (impl AsyncRead + Unpin)) -> String {
    let mut text = String::new();
    let mut byte = [0];
    while stream.read_exact(&mut byte).await.is_ok() && byte != *b"\n" {
        text.push(char::from(byte[0]));
    }
    text
}
