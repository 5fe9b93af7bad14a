//! A directory of its own in the system's temporary place, gone with its owner, whatever happened.

use std::{
    env,
    fs::{self, DirBuilder, Permissions},
    io,
    os::unix::fs::{DirBuilderExt, PermissionsExt},
    path::{Path, PathBuf},
};

/// Others may pass through, to what is theirs, and list nothing.
const MODE: u32 = 0o711;

/// Removed with everything in it when dropped.
#[derive(Debug)]
pub(super) struct Directory(PathBuf);

impl Directory {
    /// A new one: a link or directory that somebody planted under its name is an error.
    pub(super) fn new() -> io::Result<Self> {
        let path = env::temp_dir().canonicalize()?.join(format!("testbed-{:016x}", rand::random::<u64>()));
        make(&path)?;
        Ok(Self(path))
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }

    /// A folder in it.
    pub(super) fn folder(&self, name: &str) -> io::Result<PathBuf> {
        let path = self.0.join(name);
        make(&path)?;
        Ok(path)
    }

    /// Removes it now; later calls find nothing to do.
    pub(super) fn remove(&self) -> io::Result<()> {
        match fs::remove_dir_all(&self.0) {
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

/// Whatever the umask says.
fn make(path: &Path) -> io::Result<()> {
    DirBuilder::new().mode(MODE).create(path)?;
    fs::set_permissions(path, Permissions::from_mode(MODE))
}
