//! Another user of an API host against made-up doors and files: both what is given away and what is not.
#![allow(clippy::unwrap_used)]

mod support;

use std::{future::Future, pin::Pin, sync::Arc};

use attacker::loot::SecretKind;
use bytes::Bytes;
use support::{
    attempts, foothold, run, secrets,
    street::{Door, Street, identity},
};
use testbed::foothold::{Answer, FileView, Files, FilesBackend, TargetId};

/// Three files: one that may be read, one that may not, one that is empty.
struct Shelf;

impl FilesBackend for Shelf {
    fn files(&self) -> Vec<FileView> {
        let file = |(id, label): (usize, &&str)| FileView {
            id: TargetId::for_test(u32::try_from(id).unwrap()),
            label: (*label).to_owned(),
        };
        ["host/open.key", "host/guarded.key", "host/empty.key"].iter().enumerate().map(file).collect()
    }

    fn read(&self, file: TargetId) -> Pin<Box<dyn Future<Output = Result<Bytes, Answer>> + Send + '_>> {
        let bytes = match file {
            file if file == TargetId::for_test(0) => Ok(Bytes::from_static(b"key")),
            file if file == TargetId::for_test(1) => Err(Answer::Denied("EACCES".to_owned())),
            _ => Ok(Bytes::new()),
        };
        Box::pin(std::future::ready(bytes))
    }
}

#[tokio::test]
async fn every_key_file_is_tried_once_and_what_is_read_comes_home() {
    let (foothold, _stop) = foothold();
    let loot = run("neighbour-key", foothold.with_files(Files::new(Arc::new(Shelf)))).await;
    let told = [
        "host/open.key read the whole file -> bytes `3 bytes` served",
        "host/guarded.key read the whole file -> permission denied (EACCES)",
        "host/empty.key read the whole file -> bytes `0 bytes`",
    ];
    assert_eq!(attempts(&loot), told);
    assert_eq!(secrets(&loot, &SecretKind::PrivateKey.to_string()), ["key"]);
}

#[tokio::test(start_paused = true)]
async fn services_are_asked_in_clear_alone() {
    let (foothold, _stop) = foothold();
    let street = Street::new(&[
        ("open", Door::Clear(identity)),
        ("secure", Door::Tls(identity)),
        ("refused", Door::Refused),
    ]);
    let mut lines = attempts(&run("neighbour-connect", foothold.with_reach(street.reach())).await);
    lines.sort();
    let told = [
        "host/open GET / in clear -> HTTP 300 served",
        "host/refused GET / in clear -> connection refused",
        "host/secure GET / in clear -> alert decode_error",
    ];
    assert_eq!(lines, told);
}

#[tokio::test]
async fn what_was_not_granted_or_was_called_off_brings_nothing_home() {
    let (without, _stop) = foothold();
    let loot = run("neighbour-key", without).await;
    assert_eq!((loot.attempts().count(), loot.secrets().count(), loot.items.len()), (0, 0, 1));
    let (stopped, stop) = foothold();
    stop.cancel();
    let loot = run("neighbour-key", stopped.with_files(Files::new(Arc::new(Shelf)))).await;
    assert_eq!(loot.items.len(), 0);
}
