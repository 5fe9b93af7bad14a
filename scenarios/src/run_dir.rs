//! The directory a run leaves behind: private, every file complete or absent, nothing overwritten unasked.
//!
//! The directory is 0700 and each file 0600. A file is written beside its name, synced, and renamed onto it;
//! `events.jsonl` alone grows line by line, one write per line, and is synced when the run ends. It does
//! not know what the files mean.

use std::{
    fs::{self, File},
    io::{self, Write},
    os::unix::fs::PermissionsExt,
    path::{Component, Path, PathBuf},
};

use testbed::private;

use crate::event::Stamped;

/// The stream of a run, inside its directory.
pub const EVENTS: &str = "events.jsonl";
/// Endings of files a run leaves behind, for `--force`.
const OURS: [&str; 6] = [".json", ".jsonl", ".md", ".hgrm", ".hlog", ".pcapng"];

/// A run directory or one of its files could not be written.
#[derive(Debug, thiserror::Error)]
pub enum RunDirError {
    /// Something is there already.
    #[error("`{}` exists already; choose another directory, or --force to replace a former run", .0.display())]
    Exists(PathBuf),
    /// `--force` was given, but this is not what a run leaves behind.
    #[error("`{}` is not empty and holds no `events.jsonl`: --force replaces former runs only", .0.display())]
    NoRun(PathBuf),
    /// The disk is full.
    #[error("no space left on the disk of `{}`; what was written before is intact", .0.display())]
    NoSpace(PathBuf),
    /// Not ours to write.
    #[error("no permission to write `{}`", .0.display())]
    NoPermission(PathBuf),
    /// Mounted read-only.
    #[error("`{}` is on a read-only file system", .0.display())]
    ReadOnly(PathBuf),
    /// A name that would leave the directory.
    #[error("`{0}` cannot be a file of a run: names carry no `/` and do not begin with a dot")]
    BadName(String),
    /// Anything else.
    #[error("cannot write `{}`: {source}", .path.display())]
    Io {
        /// Which file or directory.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl RunDirError {
    fn at(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| match source.kind() {
            io::ErrorKind::AlreadyExists => Self::Exists(path),
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::NoSpace(path),
            io::ErrorKind::PermissionDenied => Self::NoPermission(path),
            io::ErrorKind::ReadOnlyFilesystem => Self::ReadOnly(path),
            _ => Self::Io { path, source },
        }
    }
}

/// `runs/<utc>-<scenario>-<seed>`, where a run goes that was given no `--out`; with a number behind it where an
/// earlier run of the same second took that name.
pub fn default_path(started: jiff::Timestamp, scenario: &str, seed: u64) -> PathBuf {
    first_free(Path::new("runs"), &format!("{}-{scenario}-{seed}", started.strftime("%Y%m%dT%H%M%SZ")))
}

fn first_free(parent: &Path, name: &str) -> PathBuf {
    let first = parent.join(name);
    let further = (2..1000).map(|number| parent.join(format!("{name}-{number}")));
    let free = std::iter::once(first.clone()).chain(further).find(|path| !path.exists());
    free.unwrap_or(first)
}

/// The directory of one run.
#[derive(Debug)]
pub struct RunDir {
    path: PathBuf,
    force: bool,
}

impl RunDir {
    /// Makes `path` (its parents too), or takes an empty one. With `force` the files of a former run there
    /// are removed first; anything else is never touched.
    pub fn create(path: impl Into<PathBuf>, force: bool) -> Result<Self, RunDirError> {
        let path = path.into();
        let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
        if let Some(parent) = parent {
            fs::create_dir_all(parent).map_err(RunDirError::at(parent))?;
        }
        match private::directory(&path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => take_over(&path, force)?,
            other => other.map_err(RunDirError::at(&path))?,
        }
        Ok(Self { path, force })
    }

    /// May it replace what is there?
    pub fn replaces(&self) -> bool {
        self.force
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Writes a whole file: complete under its name, or not there at all. Returns its path.
    pub fn write(&self, name: &str, bytes: &[u8]) -> Result<PathBuf, RunDirError> {
        let path = self.file(name)?;
        private::write(&self.path, name, bytes, self.force).map_err(RunDirError::at(&path))
    }

    /// Starts `events.jsonl`. There is one writer per run.
    pub fn event_log(&self) -> Result<EventLog, RunDirError> {
        let path = self.path.join(EVENTS);
        let file = private::create(&path, true).map_err(RunDirError::at(&path))?;
        Ok(EventLog { path, file })
    }

    fn file(&self, name: &str) -> Result<PathBuf, RunDirError> {
        let mut parts = Path::new(name).components();
        let plain = matches!((parts.next(), parts.next()), (Some(Component::Normal(_)), None));
        if !plain || name.starts_with('.') || name.ends_with('/') {
            return Err(RunDirError::BadName(name.to_owned()));
        }
        Ok(self.path.join(name))
    }
}

/// The growing `events.jsonl`. Dropped without [`EventLog::finish`] its lines are there, but not synced.
#[derive(Debug)]
pub struct EventLog {
    path: PathBuf,
    file: File,
}

impl EventLog {
    /// Appends one event as one line, in one write.
    pub fn append(&mut self, event: &Stamped) -> Result<(), RunDirError> {
        let line = crate::jsonl::line(event);
        self.file.write_all(line.as_bytes()).map_err(RunDirError::at(&self.path))
    }

    /// Brings everything to the disk.
    pub fn finish(self) -> Result<PathBuf, RunDirError> {
        let directory = self.path.parent().unwrap_or(Path::new("."));
        self.file
            .sync_all()
            .and_then(|()| File::open(directory)?.sync_all())
            .map_err(RunDirError::at(&self.path))?;
        Ok(self.path)
    }
}

/// Writes a file of its own, outside a run directory: mode 0600, never through a link, replacing only when
/// told so.
pub fn write_private(path: &Path, bytes: &[u8], force: bool) -> Result<(), RunDirError> {
    if force {
        match fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(RunDirError::at(path)(error));
            }
            _ => {}
        }
    }
    private::create(path, false)
        .and_then(|mut file| file.write_all(bytes).and_then(|()| file.sync_all()))
        .map_err(RunDirError::at(path))
}

fn take_over(path: &Path, force: bool) -> Result<(), RunDirError> {
    if !fs::symlink_metadata(path).map_err(RunDirError::at(path))?.is_dir() {
        return Err(RunDirError::Exists(path.to_owned()));
    }
    let entries: Vec<fs::DirEntry> =
        fs::read_dir(path).and_then(Iterator::collect).map_err(RunDirError::at(path))?;
    if !entries.is_empty() {
        if !force {
            return Err(RunDirError::Exists(path.to_owned()));
        }
        if entries.iter().all(|entry| entry.file_name() != EVENTS) {
            return Err(RunDirError::NoRun(path.to_owned()));
        }
        for entry in entries {
            remove_ours(&entry).map_err(RunDirError::at(&entry.path()))?;
        }
    }
    fs::set_permissions(path, fs::Permissions::from_mode(private::DIRECTORY_MODE))
        .map_err(RunDirError::at(path))
}

fn remove_ours(entry: &fs::DirEntry) -> io::Result<()> {
    let name = entry.file_name();
    let ours = name.to_str().is_some_and(|name| OURS.iter().any(|ending| name.ends_with(ending)));
    if ours && entry.file_type()?.is_file() {
        fs::remove_file(entry.path())?;
    }
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::{fs::OpenOptions, os::unix::fs::symlink};

    use rustix::io::Errno;

    use super::*;
    use crate::sample;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    fn listing(path: &Path) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(path)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn a_run_is_private_and_complete() {
        let home = tempfile::tempdir().unwrap();
        let run = RunDir::create(home.path().join("runs/one"), false).unwrap();
        let file = run.write("matrix.json", b"{}").unwrap();
        let mut log = run.event_log().unwrap();
        let events = sample::run();
        for event in &events {
            log.append(event).unwrap();
        }
        let stream = log.finish().unwrap();
        assert_eq!((mode(run.path()), mode(&file), mode(&stream)), (0o700, 0o600, 0o600));
        assert_eq!(listing(run.path()), ["events.jsonl", "matrix.json"]);
        assert_eq!(crate::jsonl::read(&stream).unwrap(), events);
    }

    #[test]
    fn nothing_is_overwritten_unasked() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("one");
        let run = RunDir::create(&path, false).unwrap();
        run.write("report.md", b"first").unwrap();
        let again = run.write("report.md", b"second").unwrap_err();
        assert!(matches!(&again, RunDirError::Exists(at) if at.ends_with("one/report.md")), "{again}");
        assert_eq!(fs::read(path.join("report.md")).unwrap(), b"first");
        assert_eq!(listing(&path), ["report.md"]);
        assert!(matches!(RunDir::create(&path, false), Err(RunDirError::Exists(_))));
    }

    #[test]
    fn force_replaces_a_former_run_and_nothing_else() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("one");
        let run = RunDir::create(&path, false).unwrap();
        run.event_log().unwrap().finish().unwrap();
        run.write("gone.login.hgrm", b"x").unwrap();
        fs::write(path.join("notes.txt"), "mine").unwrap();
        let run = RunDir::create(&path, true).unwrap();
        assert_eq!(listing(&path), ["notes.txt"]);
        run.write("report.md", b"first").unwrap();
        run.write("report.md", b"second").unwrap();
        assert_eq!(fs::read(path.join("report.md")).unwrap(), b"second");
    }

    #[test]
    fn force_refuses_a_directory_that_is_no_run() {
        let home = tempfile::tempdir().unwrap();
        fs::write(home.path().join("thesis.md"), "years of work").unwrap();
        let refused = RunDir::create(home.path(), true).unwrap_err();
        assert!(matches!(refused, RunDirError::NoRun(_)), "{refused}");
        assert_eq!(listing(home.path()), ["thesis.md"]);
    }

    #[test]
    fn a_planted_link_is_not_followed() {
        let home = tempfile::tempdir().unwrap();
        let victim = home.path().join("victim");
        fs::write(&victim, "precious").unwrap();
        let run = RunDir::create(home.path().join("one"), false).unwrap();
        symlink(&victim, run.path().join(EVENTS)).unwrap();
        symlink(&victim, run.path().join(".report.md.part")).unwrap();
        assert!(matches!(run.event_log(), Err(RunDirError::Exists(_))));
        assert!(run.write("report.md", b"overwritten").is_err());
        assert_eq!(fs::read(&victim).unwrap(), b"precious");
        symlink(home.path().join("elsewhere"), home.path().join("two")).unwrap();
        assert!(matches!(RunDir::create(home.path().join("two"), true), Err(RunDirError::Exists(_))));
    }

    #[test]
    fn a_name_cannot_leave_the_directory() {
        let home = tempfile::tempdir().unwrap();
        let run = RunDir::create(home.path().join("one"), false).unwrap();
        for name in ["../x", "a/b", "/etc/x", "", ".", "..", ".hidden", "x/"] {
            assert!(matches!(run.write(name, b""), Err(RunDirError::BadName(_))), "{name}");
        }
    }

    #[test]
    fn errors_name_the_path_and_the_cause() {
        let home = tempfile::tempdir().unwrap();
        let table = [
            (Errno::NOSPC, "no space left on the disk of `"),
            (Errno::DQUOT, "no space left on the disk of `"),
            (Errno::ACCESS, "no permission to write `"),
            (Errno::ROFS, "read-only file system"),
            (Errno::IO, "cannot write `"),
        ];
        for (errno, text) in table {
            let path = home.path().join("matrix.json");
            let message = RunDirError::at(&path)(errno.into()).to_string();
            assert!(message.contains(text) && message.contains("matrix.json"), "{message}");
        }
        fs::write(home.path().join("file"), "").unwrap();
        let below = RunDir::create(home.path().join("file/run"), false).unwrap_err();
        assert!(below.to_string().contains("file"), "{below}");
    }

    #[test]
    fn a_full_disk_is_said_and_leaves_no_half_file() {
        // `/dev/full` answers every write with ENOSPC.
        let Ok(file) = OpenOptions::new().write(true).open("/dev/full") else {
            let _ = io::stderr().write_all(b"SKIPPED a_full_disk_is_said: no /dev/full here\n");
            return;
        };
        let mut log = EventLog { path: PathBuf::from("runs/x/events.jsonl"), file };
        let error = log.append(&sample::run()[0]).unwrap_err();
        assert!(matches!(&error, RunDirError::NoSpace(_)), "{error}");
        assert!(error.to_string().contains("runs/x/events.jsonl"));
    }

    #[test]
    fn two_runs_of_one_second_have_names_of_their_own() {
        let parent = tempfile::tempdir().unwrap();
        let mut names = Vec::new();
        for _ in 0..3 {
            let path = first_free(parent.path(), "now-compare-42");
            std::fs::create_dir(&path).unwrap();
            names.push(path.file_name().unwrap().to_str().unwrap().to_owned());
        }
        assert_eq!(names, ["now-compare-42", "now-compare-42-2", "now-compare-42-3"]);
    }

    #[test]
    fn the_default_path_sorts_by_time() {
        let started: jiff::Timestamp = "2026-11-22T10:35:07.5Z".parse().unwrap();
        assert_eq!(default_path(started, "compare", 42), Path::new("runs/20261122T103507Z-compare-42"));
    }
}
