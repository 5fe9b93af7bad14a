//! What happens to a panic while the dashboard owns the terminal.
//!
//! In the drawing thread: the terminal is restored first, then the previous hook speaks. In any other thread
//! (the engine judges what that means for its run): the message is kept, so that it does not tear the screen,
//! and printed after the dashboard has left. Without a dashboard nothing changes.

use std::{
    panic,
    sync::{Mutex, MutexGuard, Once, PoisonError},
    thread::{self, ThreadId},
};

use super::terminal;

/// The thread that draws.
static DRAWING: Mutex<Option<ThreadId>> = Mutex::new(None);
/// Messages of other threads.
static KEPT: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// Installs the hook once and makes the calling thread the drawing one.
pub fn watch() {
    static INSTALLED: Once = Once::new();
    *lock(&DRAWING) = Some(thread::current().id());
    INSTALLED.call_once(|| {
        let previous = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            let drawing = *lock(&DRAWING) == Some(thread::current().id());
            if terminal::owned() && !drawing {
                let name = thread::current().name().unwrap_or("without a name").to_owned();
                lock(&KEPT).push(format!("thread {name}: {info}"));
            } else {
                terminal::restore();
                previous(info);
            }
        }));
    });
}

/// How many messages are kept.
pub fn kept() -> usize {
    lock(&KEPT).len()
}

/// Takes the kept messages.
pub fn take() -> Vec<String> {
    std::mem::take(&mut lock(&KEPT))
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
