//! Files only their owner may read: complete under their name or not there at all, nothing overwritten
//! unasked, no planted link followed.
//!
//! It does not know what the files mean, and leaves it to callers to say which file an error is about.

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use rustix::{
    fs::{CWD, OFlags, RenameFlags},
    io::Errno,
};

/// Mode of a directory made here.
pub const DIRECTORY_MODE: u32 = 0o700;
const FILE_MODE: u32 = 0o600;

/// Makes one directory, 0700. Its parents must be there.
pub fn directory(path: &Path) -> io::Result<()> {
    DirBuilder::new().mode(DIRECTORY_MODE).create(path)
}

/// Makes a new file, 0600, to write or only to append to. Something of its name, a link included, is an error.
pub fn create(path: &Path, append: bool) -> io::Result<File> {
    let flags = i32::try_from(OFlags::NOFOLLOW.bits()).unwrap_or_default();
    let mut options = OpenOptions::new();
    options.write(true).append(append).create_new(true).mode(FILE_MODE).custom_flags(flags).open(path)
}

/// Writes a whole file into `directory`: beside its name, synced, renamed onto it. Returns its path.
pub fn write(directory: &Path, name: &str, bytes: &[u8], replace: bool) -> io::Result<PathBuf> {
    let (path, temporary) = (directory.join(name), directory.join(format!(".{name}.part")));
    let mut file = create(&temporary, false)?;
    let result = file
        .write_all(bytes)
        .and_then(|()| file.sync_all())
        .and_then(|()| publish(&temporary, &path, replace))
        .and_then(|()| File::open(directory)?.sync_all());
    if result.is_err() {
        // The error that counts is the first one; a leftover is harmless and hidden.
        let _ = fs::remove_file(&temporary);
    }
    result.map(|()| path)
}

fn publish(temporary: &Path, path: &Path, replace: bool) -> io::Result<()> {
    if replace {
        return fs::rename(temporary, path);
    }
    match rustix::fs::renameat_with(CWD, temporary, CWD, path, RenameFlags::NOREPLACE) {
        // Not every file system knows this flag; all that matter know links.
        Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => move_by_link(temporary, path),
        other => Ok(other?),
    }
}

/// A rename that fails where `path` exists, without the flag for it.
fn move_by_link(temporary: &Path, path: &Path) -> io::Result<()> {
    fs::hard_link(temporary, path)?;
    fs::remove_file(temporary)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    fn listing(path: &Path) -> Vec<String> {
        let entries = fs::read_dir(path).unwrap();
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn a_file_is_private_complete_and_never_replaced_unasked() {
        let home = tempfile::tempdir().unwrap();
        let inside = home.path().join("inside");
        directory(&inside).unwrap();
        let path = write(&inside, "openrc", b"first", false).unwrap();
        let mode = |path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&inside), mode(&path)), (0o700, 0o600));

        let refused = write(&inside, "openrc", b"second", false).unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(fs::read(&path).unwrap(), b"first");
        write(&inside, "openrc", b"third", true).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"third");
        assert_eq!(listing(&inside), ["openrc"]);
    }

    #[test]
    fn a_planted_link_is_neither_followed_nor_removed() {
        let home = tempfile::tempdir().unwrap();
        let victim = home.path().join("victim");
        fs::write(&victim, "precious").unwrap();
        symlink(&victim, home.path().join(".openrc.part")).unwrap();
        assert!(write(home.path(), "openrc", b"overwritten", true).is_err());
        assert_eq!(fs::read(&victim).unwrap(), b"precious");
        assert_eq!(listing(home.path()), [".openrc.part", "victim"]);
    }

    #[test]
    fn moving_by_link_never_replaces() {
        let home = tempfile::tempdir().unwrap();
        let (from, to) = (home.path().join("from"), home.path().join("to"));
        fs::write(&from, "new").unwrap();
        move_by_link(&from, &to).unwrap();
        assert_eq!(listing(home.path()), ["to"]);
        fs::write(&from, "newer").unwrap();
        assert_eq!(move_by_link(&from, &to).unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(fs::read(&to).unwrap(), b"new");
    }
}
