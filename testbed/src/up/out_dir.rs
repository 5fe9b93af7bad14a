//! The directory `up` writes into: new, empty, or with `--force` one a former `up` left. Nothing else in it
//! is touched.

use std::{
    fs::{self, Permissions},
    io,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use super::{CA, HOSTS, OPENRC, UpError};
use crate::private;

/// A directory that is ours to write into.
pub(super) struct OutDir {
    path: PathBuf,
    force: bool,
}

impl OutDir {
    /// Makes it (parents too) or takes it over; private either way.
    pub(super) fn claim(path: &Path, force: bool) -> Result<Self, UpError> {
        if let Some(parent) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
            fs::create_dir_all(parent).map_err(failed(parent))?;
        }
        match private::directory(path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => take_over(path, force)?,
            made => made.map_err(failed(path))?,
        }
        Ok(Self { path: fs::canonicalize(path).map_err(failed(path))?, force })
    }

    /// Where a file of this name is, absolute.
    pub(super) fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Writes a whole file.
    pub(super) fn write(&self, name: &str, bytes: &[u8]) -> Result<PathBuf, UpError> {
        private::write(&self.path, name, bytes, self.force).map_err(failed(&self.file(name)))
    }

    /// Writes a whole file everyone may read who gets to see it, as a mount of it or not at all.
    pub(super) fn publish(&self, name: &str, bytes: &[u8]) -> Result<PathBuf, UpError> {
        let path = self.write(name, bytes)?;
        fs::set_permissions(&path, Permissions::from_mode(0o644)).map_err(failed(&path))?;
        Ok(path)
    }

    /// Removes a file, if it is there.
    pub(super) fn clear(&self, name: &str) -> Result<(), UpError> {
        remove(&self.file(name))
    }
}

fn take_over(path: &Path, force: bool) -> Result<(), UpError> {
    if !fs::symlink_metadata(path).map_err(failed(path))?.is_dir() {
        return Err(UpError::Exists(path.to_owned()));
    }
    let names = fs::read_dir(path).map_err(failed(path))?;
    let names: Vec<_> =
        names.map(|entry| Ok(entry?.file_name())).collect::<io::Result<_>>().map_err(failed(path))?;
    if !names.is_empty() {
        if !force {
            return Err(UpError::Exists(path.to_owned()));
        }
        if !names.iter().any(|name| name == OPENRC) {
            return Err(UpError::NotOurs(path.to_owned()));
        }
        // What a killed writer left would be in the way of the next one.
        for name in [CA, HOSTS, OPENRC] {
            remove(&path.join(format!(".{name}.part")))?;
        }
    }
    fs::set_permissions(path, Permissions::from_mode(private::DIRECTORY_MODE)).map_err(failed(path))
}

fn remove(path: &Path) -> Result<(), UpError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(failed(path)(error)),
        _ => Ok(()),
    }
}

fn failed(path: &Path) -> impl FnOnce(io::Error) -> UpError {
    let path = path.to_owned();
    move |source| match source.kind() {
        io::ErrorKind::AlreadyExists => UpError::Exists(path),
        _ => UpError::Write { path, source },
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_taken_directory_is_left_alone_unless_it_is_a_former_ups_and_force_is_said() {
        let home = tempfile::tempdir().unwrap();
        let lab = home.path().join("deep/lab");
        OutDir::claim(&lab, false).unwrap().write(OPENRC, b"first").unwrap();
        fs::write(lab.join("notes"), "mine").unwrap();

        assert!(matches!(OutDir::claim(&lab, false), Err(UpError::Exists(_))));
        let forced = OutDir::claim(&lab, true).unwrap();
        forced.write(OPENRC, b"second").unwrap();
        assert_eq!(fs::read(lab.join(OPENRC)).unwrap(), b"second");
        assert_eq!(fs::read(lab.join("notes")).unwrap(), b"mine");

        fs::write(home.path().join("deep/thesis"), "years").unwrap();
        assert!(matches!(OutDir::claim(&home.path().join("deep"), true), Err(UpError::NotOurs(_))));
    }

    #[test]
    fn an_empty_directory_becomes_private_and_its_path_absolute() {
        let home = tempfile::tempdir().unwrap();
        let lab = home.path().join("lab");
        fs::create_dir(&lab).unwrap();
        fs::set_permissions(&lab, Permissions::from_mode(0o755)).unwrap();
        let claimed = OutDir::claim(&lab.join("../lab"), false).unwrap();
        assert_eq!(fs::metadata(&lab).unwrap().permissions().mode() & 0o777, 0o700);
        assert_eq!(claimed.file(CA), fs::canonicalize(&lab).unwrap().join(CA));
    }

    #[test]
    fn who_comes_second_writes_nothing() {
        let home = tempfile::tempdir().unwrap();
        let (one, two) =
            (OutDir::claim(home.path(), false).unwrap(), OutDir::claim(home.path(), false).unwrap());
        one.write(CA, b"one").unwrap();
        assert!(matches!(two.write(CA, b"two"), Err(UpError::Exists(_))));
        assert_eq!(fs::read(home.path().join(CA)).unwrap(), b"one");
    }

    #[test]
    fn what_a_killed_writer_left_is_no_obstacle() {
        let home = tempfile::tempdir().unwrap();
        for name in [OPENRC, ".openrc.part", ".ca.pem.part"] {
            fs::write(home.path().join(name), "half").unwrap();
        }
        let forced = OutDir::claim(home.path(), true).unwrap();
        forced.write(CA, b"whole").unwrap();
        forced.write(OPENRC, b"whole").unwrap();
    }

    #[test]
    fn a_file_in_the_way_is_named() {
        let home = tempfile::tempdir().unwrap();
        let file = home.path().join("file");
        fs::write(&file, "").unwrap();
        assert!(matches!(OutDir::claim(&file, true), Err(UpError::Exists(at)) if at == file));
        let below = OutDir::claim(&file.join("lab"), false).err().unwrap().to_string();
        assert!(below.contains("cannot write") || below.contains("exists"), "{below}");
        assert!(below.contains(&*file.to_string_lossy()), "{below}");
    }
}
