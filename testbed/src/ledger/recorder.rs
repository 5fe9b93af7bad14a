//! From the tap to the capture store: flows as records, on the tap thread, no disk.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use bytes::Bytes;

use crate::{
    capture::{Ending, FlowRecord, FlowStore},
    fabric::tap::{Flow, Observer},
    vocabulary::Direction,
};

/// Keeps what crossed.
pub struct Recorder(pub Arc<Mutex<FlowStore>>);

impl Observer for Recorder {
    fn opened(&mut self, flow: &Arc<Flow>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).open(FlowRecord {
            id: flow.id,
            link: flow.link.as_str().into(),
            segment: flow.segment.index(),
            dialer: flow.dialer.to_socket_addr(),
            acceptor: flow.acceptor.to_socket_addr(),
            phase: flow.phase,
            opened: flow.opened,
            chunks: Vec::new(),
            ended: None,
        });
    }

    fn crossed(&mut self, flow: &Flow, direction: Direction, at: Duration, bytes: &Bytes) {
        let mut store = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        store.push(flow.id, direction, at, bytes.clone());
    }

    fn ended(&mut self, flow: &Flow, at: Duration, cut: Option<Direction>) {
        let how = cut.map_or(Ending::Fin, Ending::Reset);
        self.0.lock().unwrap_or_else(PoisonError::into_inner).end(flow.id, at, how);
    }
}
