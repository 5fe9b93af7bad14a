//! An example to start from: an architecture and a scenario, commented, that run as they are.
//!
//! It writes both files or none of them, and overwrites only when asked to.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use testbed::private;

use crate::exit::Failure;

/// Names and texts, the architecture first.
const FILES: [(&str, &str); 2] =
    [("my-cloud.toml", include_str!("my-cloud.toml")), ("my-sniff.toml", include_str!("my-sniff.toml"))];

/// Writes the example into `directory`; returns the paths in the order of the architecture and the scenario.
pub fn write(directory: &Path, force: bool) -> Result<Vec<PathBuf>, Failure> {
    fs::create_dir_all(directory).map_err(|error| failed(directory, &error))?;
    let paths = FILES.map(|(name, _)| directory.join(name));
    if let (false, Some(taken)) = (force, paths.iter().find(|path| path.symlink_metadata().is_ok())) {
        return Err(exists(taken));
    }
    for ((name, text), path) in FILES.iter().zip(&paths) {
        private::write(directory, name, text.as_bytes(), force).map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists if !force => exists(path),
            _ => failed(path, &error),
        })?;
    }
    Ok(paths.to_vec())
}

fn exists(path: &Path) -> Failure {
    Failure::usage(format!("`{}` exists already", path.display()))
        .help("choose another directory, or --force to overwrite the example")
}

fn failed(path: &Path, error: &io::Error) -> Failure {
    Failure::runtime(format!("cannot write `{}`: {error}", path.display()))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::exit::Exit;

    #[test]
    fn nothing_is_overwritten_unasked_and_nothing_is_half_written() {
        let home = tempfile::tempdir().unwrap();
        let scenario = home.path().join("my-sniff.toml");
        fs::write(&scenario, "mine").unwrap();
        let refused = write(home.path(), false).unwrap_err();
        assert_eq!(refused.exit, Exit::Usage);
        assert!(refused.help.as_ref().is_some_and(|help| help.contains("--force")), "{refused}");
        assert_eq!(fs::read_to_string(&scenario).unwrap(), "mine");
        assert_eq!(fs::read_dir(home.path()).unwrap().count(), 1, "the other one is not there either");

        assert_eq!(write(home.path(), true).unwrap().len(), 2);
        assert_eq!(fs::read_to_string(&scenario).unwrap(), FILES[1].1);
    }

    #[test]
    fn a_directory_that_cannot_be_made_is_named() {
        let refused = write(Path::new("/proc/lab"), false).unwrap_err();
        assert_eq!(refused.exit, Exit::Runtime);
        assert!(refused.what.contains("/proc/lab"), "{refused}");
    }
}
