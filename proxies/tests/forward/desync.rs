//! One request in, one request out, counted at the service: each framing class by itself, in front of and behind a
//! good request, in any pieces.

use std::sync::atomic::Ordering;

use proptest::prelude::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::harness::{OK, clear};

/// What a service hears, and what the caller does, when these pieces are sent.
async fn cross(pieces: Vec<Vec<u8>>) -> (Vec<u8>, Vec<u8>, u64) {
    let mut street = clear();
    let mut caller = street.call().await;
    let (mut reading, mut writing) = tokio::io::split(&mut caller);
    let mut heard = Vec::new();
    let tally = street.tally.clone();
    let calling = async {
        for piece in pieces {
            let _gone = writing.write_all(&piece).await;
            tokio::task::yield_now().await;
        }
        let _gone = writing.shutdown().await;
        let mut answers = Vec::new();
        let _ended = reading.read_to_end(&mut answers).await;
        answers
    };
    let serving = async {
        loop {
            let mut service = street.answer().await;
            // A service that answers whatever ends like a request.
            let mut part = [0; 4096];
            while let Ok(count @ 1..) = service.read(&mut part).await {
                heard.extend_from_slice(&part[..count]);
                if heard.ends_with(b"\r\n\r\n") || heard.ends_with(b"end") {
                    let _gone = service.write_all(OK.as_bytes()).await;
                }
            }
        }
    };
    let answers = tokio::select! { answers = calling => answers, () = serving => unreachable!() };
    (heard, answers, tally.http.forwarded.load(Ordering::Relaxed))
}

const GOOD: &str = "GET /good HTTP/1.1\r\nHost: a\r\n\r\n";

/// Heads and bodies that two readers might end at different places; each carries a request for `/smuggled`.
fn corpus() -> Vec<String> {
    let body = "0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n";
    let lengths =
        ["3", "+3", "-3", " 3 3", "3,3", "3, 4", "0x3", "3;x", "", "1e1", "99999999999999999999", "\x0b3"];
    let codings = [
        "chunked",
        "xchunked",
        "chunked, identity",
        "identity, chunked",
        "chunked;x",
        "\"chunked\"",
        "cow",
        "",
        "\x0bchunked",
        "chunked\x0b",
        "chun\0ked",
        "gzip, chunked",
        ", chunked",
        "chunked,",
    ];
    let names = [
        "Transfer-Encoding:",
        "Transfer-Encoding :",
        " Transfer-Encoding:",
        "\tTransfer-Encoding:",
        "Transfer-Encoding\t:",
        "Transfer\rEncoding:",
        "X: y\rTransfer-Encoding:",
        "X: y\nTransfer-Encoding:",
        "X: y\r\n\tTransfer-Encoding:",
        "Transfer-Encoding",
        "Transfer-Encoding\0:",
        "transfer-encoding:\n ",
    ];
    let mut all = Vec::new();
    let mut add = |fields: &str| {
        for line in ["POST / HTTP/1.1", "POST / HTTP/1.0", "GET / HTTP/1.1"] {
            all.push(format!("{line}\r\nHost: a\r\n{fields}\r\n\r\n{body}"));
        }
    };
    for length in lengths {
        for coding in codings {
            add(&format!("Content-Length: {length}\r\nTransfer-Encoding: {coding}"));
            add(&format!("Transfer-Encoding: {coding}\r\nContent-Length: {length}"));
        }
        for other in lengths {
            add(&format!("Content-Length: {length}\r\nContent-Length: {other}"));
        }
    }
    for name in names {
        for coding in codings {
            add(&format!("{name} {coding}\r\nContent-Length: 3"));
            add(&format!("Content-Length: 3\r\n{name} {coding}"));
        }
    }
    for coding in codings {
        for other in codings {
            add(&format!("Transfer-Encoding: {coding}\r\nTransfer-Encoding: {other}"));
        }
    }
    all
}

/// Every vector behind a good request: the good one arrives, and of the other nothing that could be taken for a
/// request of its own.
#[tokio::test(start_paused = true)]
async fn nothing_of_an_ambiguous_request_reaches_the_service() {
    let corpus = corpus();
    assert!(corpus.len() > 2_000, "{}", corpus.len());
    for vector in corpus {
        let (heard, answers, forwarded) = cross(vec![[GOOD, &vector].concat().into_bytes()]).await;
        let (heard, answers) = (String::from_utf8_lossy(&heard), String::from_utf8_lossy(&answers));
        assert_eq!(heard, "GET /good HTTP/1.1\r\nhost: a\r\n\r\n", "{vector:?}");
        assert_eq!(forwarded, 1, "{vector:?}");
        let statuses: Vec<_> = answers.split("HTTP/1.").skip(1).map(|answer| &answer[2..5]).collect();
        assert_eq!(statuses, ["200", "400"], "{vector:?}: {answers}");
    }
}

/// What is not ambiguous passes, as many times as it was sent, and is framed once.
#[tokio::test(start_paused = true)]
async fn as_many_requests_come_out_as_went_in() {
    let chunked =
        "POST /c HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3;x\r\nend\r\n0\r\nT: v\r\n\r\n";
    let sized = "POST /s HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nend";
    let (heard, answers, forwarded) =
        cross(vec![[GOOD, sized, chunked, "\r\n", GOOD].concat().into_bytes()]).await;
    let (heard, answers) = (String::from_utf8(heard).unwrap(), String::from_utf8(answers).unwrap());
    assert_eq!(
        heard,
        "GET /good HTTP/1.1\r\nhost: a\r\n\r\n\
         POST /s HTTP/1.1\r\nhost: a\r\ncontent-length: 3\r\n\r\nend\
         POST /c HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n3\r\nend\r\n0\r\nt: v\r\n\r\n\
         GET /good HTTP/1.1\r\nhost: a\r\n\r\n"
    );
    assert_eq!((answers.matches("HTTP/1.1 200 OK").count(), forwarded), (4, 4), "{answers}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// However the bytes arrive, the service hears the same requests.
    #[test]
    fn pieces_make_no_difference(sizes in prop::collection::vec(1_usize..60, 1..30)) {
        let sized = "POST /s HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nend";
        let refused = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n";
        let all = [GOOD, sized, GOOD, refused, GOOD].concat().into_bytes();
        let (mut pieces, mut at) = (Vec::new(), 0);
        for size in sizes.iter().cycle() {
            let end = all.len().min(at + size);
            pieces.push(all[at..end].to_vec());
            at = end;
            if at == all.len() {
                break;
            }
        }
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        let (heard, answers, forwarded) = runtime.block_on(cross(pieces));
        let heard = String::from_utf8(heard).unwrap();
        let good = "GET /good HTTP/1.1\r\nhost: a\r\n\r\n";
        let wanted = [good, "POST /s HTTP/1.1\r\nhost: a\r\ncontent-length: 3\r\n\r\nend", good].concat();
        prop_assert_eq!(heard, wanted);
        prop_assert_eq!(forwarded, 3);
        prop_assert!(String::from_utf8(answers).unwrap().contains("HTTP/1.1 400 Bad Request"));
    }
}
