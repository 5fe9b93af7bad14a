//! From seams to records: names a connection, stamps each buffer, turns read and written into directions.
//!
//! Lives as long as its codec; a seam as long as its stream.

use std::sync::Arc;

use proxies::custody::{Facing, Observe, Seam, Side};

use super::{
    Custody,
    record::{Connection, Record},
};
use crate::vocabulary::Direction;

/// Observes one codec of one process.
pub(super) struct Post {
    custody: Custody,
    record: Arc<Record>,
    /// `host/process` at the far end, where this codec dials.
    to: Option<String>,
}

impl Post {
    pub(super) fn new(custody: Custody, record: Arc<Record>, to: Option<String>) -> Self {
        Self { custody, record, to }
    }
}

impl Observe for Post {
    fn connection(&self, facing: Facing) -> u64 {
        let own = self.record.process();
        let (link, accepted) = match (facing, &self.to) {
            (Facing::Back, Some(to)) => (format!("{own}>{to}"), false),
            (Facing::Back, None) => (format!("{own}>unnamed/listener"), false),
            (Facing::Front(party), _) => {
                (format!("{}>{own}", self.custody.fabric().parties().who(party).label), true)
            }
        };
        let number = self.custody.next_connection();
        self.record.connect(Connection { number, process: own.to_owned(), link, accepted });
        number
    }

    fn seam(&self, connection: u64, side: Side) -> Box<dyn Seam> {
        Box::new(Recording {
            custody: self.custody.clone(),
            record: self.record.clone(),
            connection: self.record.connection(connection),
            side,
        })
    }
}

/// Copies what passes one seam into the record.
struct Recording {
    custody: Custody,
    record: Arc<Record>,
    /// `None` for a number this record never gave: nothing is kept of it.
    connection: Option<Arc<Connection>>,
    side: Side,
}

impl Recording {
    fn keep(&self, read: bool, bytes: &[u8]) {
        let Some(connection) = &self.connection else { return };
        // Who accepted reads what was sent to the acceptor; who dialled writes it.
        let direction = if read == connection.accepted { Direction::ToAcceptor } else { Direction::ToDialer };
        self.record.keep(connection, self.side, direction, self.custody.fabric().now(), bytes);
    }
}

impl Seam for Recording {
    fn read(&mut self, bytes: &[u8]) {
        self.keep(true, bytes);
    }

    fn written(&mut self, bytes: &[u8]) {
        self.keep(false, bytes);
    }
}
