//! A directory of its own in the system's temporary place, gone with its owner.
//!
//! A process that was killed cannot take its directory away: each is locked while it is in use, and whoever makes
//! a new one first removes those of the same user that nobody holds any more.

use std::{
    env,
    fs::{self, DirBuilder, File, Permissions},
    io,
    os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt},
    path::{Path, PathBuf},
};

/// Others may pass through, to what is theirs, and list nothing.
const MODE: u32 = 0o711;

/// What every name begins with.
const PREFIX: &str = "testbed-";
/// The file that is locked while the directory is in use.
const LOCK: &str = ".in-use";

/// Removed with everything in it when dropped.
#[derive(Debug)]
pub(super) struct Directory {
    path: PathBuf,
    // Held for the lock on it.
    _in_use: File,
}

impl Directory {
    /// A new one: a link or directory that somebody planted under its name is an error.
    pub(super) fn new() -> io::Result<Self> {
        let temporary = env::temp_dir().canonicalize()?;
        // Leftovers of others are no reason not to start.
        let _ = sweep(&temporary);
        let path = temporary.join(format!("{PREFIX}{:016x}", rand::random::<u64>()));
        make(&path)?;
        let in_use = File::create_new(path.join(LOCK))?;
        in_use.try_lock()?;
        Ok(Self { path, _in_use: in_use })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// A folder in it.
    pub(super) fn folder(&self, name: &str) -> io::Result<PathBuf> {
        let path = self.path.join(name);
        make(&path)?;
        Ok(path)
    }

    /// Removes it now; later calls find nothing to do.
    pub(super) fn remove(&self) -> io::Result<()> {
        match fs::remove_dir_all(&self.path) {
            Err(gone) if gone.kind() == io::ErrorKind::NotFound => Ok(()),
            other => other,
        }
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        // Whoever wanted the outcome called `remove`.
        let _ = self.remove();
    }
}

/// Removes directories of this user whose owner is gone. One without a lock file is just being made.
fn sweep(temporary: &Path) -> io::Result<()> {
    let me = rustix::process::geteuid().as_raw();
    for entry in fs::read_dir(temporary)? {
        let path = entry?.path();
        let ours =
            path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(PREFIX.as_bytes()));
        let Some(data) = fs::symlink_metadata(&path).ok().filter(|data| ours && data.is_dir()) else {
            continue;
        };
        let Ok(lock) = File::open(path.join(LOCK)) else { continue };
        if data.uid() == me && lock.try_lock().is_ok() {
            fs::remove_dir_all(&path)?;
        }
    }
    Ok(())
}

/// Whatever the umask says.
fn make(path: &Path) -> io::Result<()> {
    DirBuilder::new().mode(MODE).create(path)?;
    fs::set_permissions(path, Permissions::from_mode(MODE))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn what_a_killed_process_left_goes_and_what_is_in_use_stays() {
        let temporary = tempfile::tempdir().unwrap();
        let make = |name: &str| {
            let path = temporary.path().join(name);
            fs::create_dir(&path).unwrap();
            (File::create_new(path.join(LOCK)).unwrap(), path)
        };
        let (held, in_use) = make("testbed-1");
        held.try_lock().unwrap();
        let (_, left) = make("testbed-2");
        let (_, foreign) = make("another-program");
        let unlocked = temporary.path().join("testbed-3");
        fs::create_dir(&unlocked).unwrap();
        sweep(temporary.path()).unwrap();
        assert_eq!(
            [&in_use, &left, &foreign, &unlocked].map(|path| path.exists()),
            [true, false, true, true]
        );
    }
}
