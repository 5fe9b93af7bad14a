//! One direction of a flow: takes its records one by one, opens what is protected, reads what is inside.
//!
//! ```text
//!           first protected record          Finished
//!   clear ───────────────────────► handshake ───────► application ⟲ KeyUpdate
//!     │                                │                   │
//!     └───────────── anything that cannot be opened ───────┴──► sealed: counted only
//! ```
//!
//! In TLS 1.3 a record says itself that it is protected. Before, all are that follow a `ChangeCipherSpec`,
//! whatever they are called; the keys stay the same after `Finished`.

use proxies::peek::ClientHello;

use super::{
    alert::Alert,
    error::OpenError,
    handshake::{CLIENT_HELLO, FINISHED, KEY_UPDATE, Message, Messages, SERVER_HELLO},
    hello::ServerHello,
    opened::{Kind, OneWay, Piece},
    protection::RecordProtection,
    records::{ALERT, APPLICATION_DATA, CHANGE_CIPHER_SPEC, HANDSHAKE, Record, Records},
    session::{Epoch, Session},
};
use crate::vocabulary::Direction;

/// How far a direction is.
enum State {
    /// Records in clear text.
    Clear,
    /// Protected records; the keys are made when the first one needs them.
    Protected(Epoch, Option<Box<dyn RecordProtection>>),
    /// Records are framed and counted, no longer opened.
    Sealed,
    /// Not even framed any more.
    Lost,
}

/// One direction.
pub(super) struct Side {
    direction: Direction,
    records: Records,
    messages: Messages,
    state: State,
    /// A `ChangeCipherSpec` that means it was read.
    changed: bool,
    early_records: u64,
    opened: OneWay,
}

impl Side {
    pub(super) fn new(direction: Direction) -> Self {
        Self {
            direction,
            records: Records::default(),
            messages: Messages::default(),
            state: State::Clear,
            changed: false,
            early_records: 0,
            opened: OneWay::default(),
        }
    }

    pub(super) fn receive(&mut self, bytes: &[u8], order: u64) {
        self.records.receive(bytes, order);
    }

    pub(super) fn unread(&self) -> &[u8] {
        self.records.unread()
    }

    /// Takes the bytes as they are: the flow is not TLS.
    pub(super) fn copy(&mut self) {
        self.opened.pieces.extend(self.records.drain_chunks());
    }

    /// Opens every whole record that can be judged yet.
    pub(super) fn open(&mut self, session: &mut Session) {
        while !self.waits(session) {
            if matches!(self.state, State::Lost) {
                return self.records.discard();
            }
            let at = self.records.offset();
            match self.records.next() {
                Ok(Some(record)) => {
                    if let Err(error) = self.read(record, session) {
                        session.error(error);
                        self.state = State::Sealed;
                    }
                }
                Ok(None) => return,
                Err(_) => {
                    session.error(OpenError::NotARecord { direction: self.direction, at });
                    self.state = State::Lost;
                }
            }
        }
    }

    pub(super) fn finish(mut self, kind: Kind, session: &mut Session) -> OneWay {
        let direction = self.direction;
        if kind != Kind::Tls {
            return self.opened;
        }
        if self.waits(session) {
            self.give_up(session);
        }
        let at = self.records.offset();
        if !self.records.unread().is_empty() || (!self.messages.is_empty() && !self.is_given_up()) {
            session.error(OpenError::Truncated { direction, at });
        }
        if self.early_records > 0 {
            session.error(OpenError::EarlyData { records: self.early_records });
        }
        self.opened
    }

    /// Nobody will say how the next record is protected.
    fn give_up(&mut self, session: &mut Session) {
        self.state = State::Sealed;
        if self.records.unread().first() == Some(&CHANGE_CIPHER_SPEC) {
            // Is none itself.
            let _passed_over = self.records.next();
        }
        if !self.records.unread().is_empty() {
            session.secrets();
            session.error(OpenError::NoHellos { direction: self.direction, at: self.records.offset() });
        }
        self.open(session);
    }

    fn is_given_up(&self) -> bool {
        matches!(self.state, State::Sealed | State::Lost)
    }

    /// The next record is protected or may say so, and the other direction has not said yet how.
    fn waits(&self, session: &Session) -> bool {
        matches!(self.records.unread().first(), Some(&(APPLICATION_DATA | CHANGE_CIPHER_SPEC)))
            && !self.is_given_up()
            && !session.is_agreed()
    }

    fn read(&mut self, record: Record, session: &mut Session) -> Result<(), OpenError> {
        match (record.kind, &self.state) {
            _ if self.changed => self.read_protected(record, session),
            (APPLICATION_DATA, State::Clear) if session.changes_cipher() => Err(self.malformed(&record)),
            (APPLICATION_DATA, _) => self.read_protected(record, session),
            // What it means depends on the other direction, for which a closed one did not wait.
            (_, State::Sealed | State::Lost) => Ok(()),
            (CHANGE_CIPHER_SPEC, _) if session.changes_cipher() => self.change_cipher(&record),
            (CHANGE_CIPHER_SPEC, _) => Ok(()),
            (ALERT, _) => self.read_alert(&record, false, session),
            (HANDSHAKE, State::Clear) => self.read_handshake(&record, session),
            _ => Err(self.malformed(&record)),
        }
    }

    fn change_cipher(&mut self, record: &Record) -> Result<(), OpenError> {
        self.changed = true;
        // Half a message before it would be continued under keys.
        if !self.messages.is_empty() || record.body[..] != [1] {
            return Err(self.malformed(record));
        }
        self.state = State::Protected(Epoch::Handshake, None);
        Ok(())
    }

    fn read_protected(&mut self, mut record: Record, session: &mut Session) -> Result<(), OpenError> {
        self.opened.protected_records += 1;
        if matches!(self.state, State::Clear) {
            self.state = State::Protected(Epoch::Handshake, None);
        }
        let (direction, at) = (self.direction, record.span.start);
        let State::Protected(epoch, keys) = &mut self.state else { return Ok(()) };
        let keys = match keys {
            Some(keys) => keys,
            None => keys.insert(session.protection(direction, *epoch, at)?),
        };
        match keys.open(&mut record) {
            Some(kind) => self.read_inner(kind, record, session),
            None if direction == Direction::ToAcceptor
                && *epoch == Epoch::Handshake
                && session.offered_early_data() =>
            {
                self.early_records += 1;
                Ok(())
            }
            None => Err(OpenError::Sealed { direction, at }),
        }
    }

    fn read_inner(&mut self, kind: u8, record: Record, session: &mut Session) -> Result<(), OpenError> {
        match kind {
            APPLICATION_DATA => {
                self.opened.application_records += 1;
                self.opened.pieces.push(Piece {
                    bytes: record.body.freeze(),
                    span: record.span,
                    order: record.order,
                });
                Ok(())
            }
            ALERT => self.read_alert(&record, true, session),
            HANDSHAKE => self.read_handshake(&record, session),
            CHANGE_CIPHER_SPEC if self.changed => {
                Err(OpenError::Renegotiated { direction: self.direction, at: record.span.start })
            }
            _ => Err(self.malformed(&record)),
        }
    }

    fn read_alert(
        &mut self,
        record: &Record,
        protected: bool,
        session: &mut Session,
    ) -> Result<(), OpenError> {
        let alert = Alert::read(self.direction, &record.body, protected, record.order)
            .ok_or_else(|| self.malformed(record))?;
        session.alert(alert);
        Ok(())
    }

    fn read_handshake(&mut self, record: &Record, session: &mut Session) -> Result<(), OpenError> {
        self.messages.receive(&record.body);
        while let Some(message) = self.messages.next().map_err(|_| self.malformed(record))? {
            self.read_message(&message, session).ok_or_else(|| self.malformed(record))?;
        }
        Ok(())
    }

    /// `None` if the message cannot be read, or keys change in the middle of a record.
    fn read_message(&mut self, message: &Message, session: &mut Session) -> Option<()> {
        match (message.kind, self.direction, &mut self.state) {
            (CLIENT_HELLO, Direction::ToAcceptor, State::Clear) => {
                session.client_said(ClientHello::read(&message.body)?);
            }
            (SERVER_HELLO, Direction::ToDialer, State::Clear) => {
                session.server_said(ServerHello::read(&message.body)?);
            }
            (FINISHED, _, State::Protected(Epoch::Handshake, keys)) => {
                self.opened.finished = true;
                let kept = keys.take().filter(|_| self.changed);
                self.state = State::Protected(Epoch::Application, kept);
                return self.messages.is_empty().then_some(());
            }
            (KEY_UPDATE, _, State::Protected(Epoch::Application, Some(keys))) => {
                return (keys.update() && self.messages.is_empty()).then_some(());
            }
            _ => {}
        }
        Some(())
    }

    fn malformed(&self, record: &Record) -> OpenError {
        OpenError::Malformed { direction: self.direction, at: record.span.start }
    }
}
