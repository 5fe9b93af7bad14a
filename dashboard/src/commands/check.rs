//! `check`: every file is looked at, all errors are shown, one wrong file makes exit code 2.

use std::path::PathBuf;

use crate::{
    engine::Shelf,
    exit::{Exit, Failure},
    output,
};

pub(super) fn check(shelf: &impl Shelf, files: &[PathBuf]) -> Result<Exit, Failure> {
    let mut worst = Exit::Expected;
    for file in files {
        match shelf.check(file) {
            Ok(what) => output::result(&format!("{}: {what}\n", file.display()))?,
            Err(failure) => {
                output::progress(&failure.to_string());
                // A file that cannot be read outranks one that can and is wrong.
                if worst != Exit::Runtime {
                    worst = failure.exit;
                }
            }
        }
    }
    Ok(worst)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::engine::{Entry, Standing, Topic, UpRequest};

    /// Judges a file by its name.
    struct ByName;

    impl Shelf for ByName {
        fn check(&self, file: &Path) -> Result<String, Failure> {
            match file.to_string_lossy().as_ref() {
                "wrong.toml" => Err(Failure::usage("unknown field")),
                "gone.toml" => Err(Failure::runtime("no such file")),
                _ => Ok("architecture".into()),
            }
        }
        fn list(&self, _: Topic) -> Result<Vec<Entry>, Failure> {
            Ok(Vec::new())
        }
        fn up(&self, _: &UpRequest) -> Result<Box<dyn Standing>, Failure> {
            Err(Failure::runtime("not here"))
        }
    }

    #[test]
    fn one_wrong_file_among_good_ones_decides() {
        let files = |names: &[&str]| names.iter().map(PathBuf::from).collect::<Vec<_>>();
        assert_eq!(check(&ByName, &files(&["good.toml"])), Ok(Exit::Expected));
        assert_eq!(check(&ByName, &files(&["wrong.toml", "good.toml"])), Ok(Exit::Usage));
        assert_eq!(check(&ByName, &files(&["gone.toml", "wrong.toml"])), Ok(Exit::Runtime));
    }
}
