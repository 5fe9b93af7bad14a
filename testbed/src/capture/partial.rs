//! A file that appears under its name only when it is whole.
//!
//! Written as `NAME.partial` (0600, created with `O_EXCL`: it doubles as the lock on `NAME`), renamed when finished.
//! Dropped unfinished, or killed, it leaves the partial file, which ends at a whole record unless the kernel was
//! stopped within a write. It does not know what the records are.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Seek, SeekFrom, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use super::error::CaptureError;

/// Records are handed to the kernel when this many bytes of them have gathered.
const GATHER: usize = 256 * 1024;

/// What to do about a file of the same name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Existing {
    /// Leave it and fail.
    Refuse,
    /// Replace it (`--force`), also a partial one.
    Replace,
}

/// The file while it grows. Bytes written to it are gathered; [`PartialFile::settle`] marks the end of a record.
#[derive(Debug)]
pub(super) struct PartialFile {
    file: File,
    partial: PathBuf,
    target: PathBuf,
    existing: Existing,
    gathered: Vec<u8>,
    settled: u64,
}

impl PartialFile {
    pub(super) fn create(target: &Path, existing: Existing) -> Result<Self, CaptureError> {
        let partial = target.with_added_extension("partial");
        if existing == Existing::Replace {
            match fs::remove_file(&partial) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return Err(failed("remove", &partial, error));
                }
                _ => {}
            }
        }
        let file =
            OpenOptions::new().write(true).create_new(true).mode(0o600).open(&partial).map_err(|error| {
                match error.kind() {
                    io::ErrorKind::AlreadyExists => CaptureError::Unfinished { path: partial.clone() },
                    _ => failed("create", &partial, error),
                }
            })?;
        let created = Self {
            file,
            partial,
            target: target.to_owned(),
            existing,
            gathered: Vec::with_capacity(GATHER),
            settled: 0,
        };
        // Looked at only while holding the partial file, so that no other run can finish in between.
        if let Err(taken) = created.target_is_free() {
            fs::remove_file(&created.partial).map_err(|error| failed("remove", &created.partial, error))?;
            return Err(taken);
        }
        Ok(created)
    }

    /// The name the file will have.
    pub(super) fn target(&self) -> &Path {
        &self.target
    }

    /// A record is complete; hands all of them over if enough have gathered.
    pub(super) fn settle(&mut self) -> Result<(), CaptureError> {
        if self.gathered.len() < GATHER { Ok(()) } else { self.hand_over() }
    }

    /// Hands all records over: what a killed run leaves.
    pub(super) fn hand_over(&mut self) -> Result<(), CaptureError> {
        if let Err(error) = self.file.write_all(&self.gathered) {
            // A full disk stops within a record: cut back to the last whole one. If even that fails, the first
            // error is the one to tell.
            let _ =
                self.file.set_len(self.settled).and_then(|()| self.file.seek(SeekFrom::Start(self.settled)));
            return Err(failed("write", &self.partial, error));
        }
        self.settled += self.gathered.len() as u64;
        self.gathered.clear();
        Ok(())
    }

    /// Makes it durable and gives it its name.
    pub(super) fn finish(mut self) -> Result<(), CaptureError> {
        self.hand_over()?;
        self.file.sync_all().map_err(|error| failed("sync", &self.partial, error))?;
        self.target_is_free()?;
        fs::rename(&self.partial, &self.target).map_err(|error| failed("rename", &self.partial, error))?;
        let directory = match self.target.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        File::open(directory)
            .and_then(|opened| opened.sync_all())
            .map_err(|error| failed("sync", directory, error))
    }

    fn target_is_free(&self) -> Result<(), CaptureError> {
        if self.existing == Existing::Replace {
            return Ok(());
        }
        match fs::symlink_metadata(&self.target) {
            Ok(_) => Err(CaptureError::Exists { path: self.target.clone() }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(failed("look at", &self.target, error)),
        }
    }
}

/// Gathers; never fails.
impl Write for PartialFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.gathered.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn failed(action: &'static str, path: &Path, source: io::Error) -> CaptureError {
    CaptureError::Io { action, path: path.to_owned(), source }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn written(target: &Path, existing: Existing, text: &str) -> Result<(), CaptureError> {
        let mut file = PartialFile::create(target, existing)?;
        file.write_all(text.as_bytes()).unwrap();
        file.finish()
    }

    #[test]
    fn the_name_appears_at_the_end_and_only_the_owner_may_read() {
        let directory = tempfile::tempdir().unwrap();
        let target = directory.path().join("a.pcapng");
        let mut file = PartialFile::create(&target, Existing::Refuse).unwrap();
        file.write_all(b"whole").unwrap();
        assert!(!target.exists());
        file.finish().unwrap();
        assert_eq!(fs::read(&target).unwrap(), b"whole");
        assert_eq!(fs::metadata(&target).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_finished_file_is_replaced_only_when_asked() {
        let directory = tempfile::tempdir().unwrap();
        let target = directory.path().join("a.pcapng");
        written(&target, Existing::Refuse, "first").unwrap();
        let refused = written(&target, Existing::Refuse, "second").unwrap_err();
        assert!(matches!(&refused, CaptureError::Exists { path } if *path == target), "{refused}");
        assert_eq!(fs::read(&target).unwrap(), b"first");
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1, "no partial file stays behind");
        written(&target, Existing::Replace, "second").unwrap();
        assert_eq!(fs::read(&target).unwrap(), b"second");
    }

    #[test]
    fn a_file_that_appears_meanwhile_is_not_overwritten() {
        let directory = tempfile::tempdir().unwrap();
        let target = directory.path().join("a.pcapng");
        let file = PartialFile::create(&target, Existing::Refuse).unwrap();
        fs::write(&target, "foreign").unwrap();
        assert!(matches!(file.finish(), Err(CaptureError::Exists { .. })));
        assert_eq!(fs::read(&target).unwrap(), b"foreign");
    }

    #[test]
    fn a_partial_file_is_a_lock_until_forced() {
        let directory = tempfile::tempdir().unwrap();
        let target = directory.path().join("a.pcapng");
        let left_behind = PartialFile::create(&target, Existing::Refuse).unwrap();
        drop(left_behind);
        let refused = PartialFile::create(&target, Existing::Refuse).unwrap_err();
        assert!(refused.to_string().contains("a.pcapng.partial"), "{refused}");
        written(&target, Existing::Replace, "whole").unwrap();
        assert_eq!(fs::read(&target).unwrap(), b"whole");
    }

    #[test]
    fn a_link_at_the_partial_name_is_not_followed() {
        let directory = tempfile::tempdir().unwrap();
        let (target, victim) = (directory.path().join("a.pcapng"), directory.path().join("victim"));
        std::os::unix::fs::symlink(&victim, directory.path().join("a.pcapng.partial")).unwrap();
        assert!(matches!(
            PartialFile::create(&target, Existing::Refuse),
            Err(CaptureError::Unfinished { .. })
        ));
        written(&target, Existing::Replace, "whole").unwrap();
        assert!(!victim.exists());
    }

    #[test]
    fn a_missing_directory_is_named() {
        let directory = tempfile::tempdir().unwrap();
        let target = directory.path().join("nowhere").join("a.pcapng");
        let error = PartialFile::create(&target, Existing::Refuse).unwrap_err();
        assert!(error.to_string().contains("nowhere/a.pcapng.partial"), "{error}");
    }
}
