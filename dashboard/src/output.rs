//! Lines to stdout and stderr: a reader that went away ends us quietly, and no byte of a captured answer
//! reaches the terminal as a control sequence.

use std::io::{self, Write};

use crate::exit::Failure;

/// Writes a result to stdout. A closed pipe is no error.
pub fn result(text: &str) -> Result<(), Failure> {
    settle(io::stdout().lock(), text, "stdout")
}

/// Writes a line of progress to stderr. Losing it never ends a run.
pub fn progress(line: &str) {
    let _ = writeln!(io::stderr().lock(), "{line}");
}

/// `text` with control characters shown as `?`; line feeds too.
pub fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '?' } else { c }).collect()
}

fn settle(mut stream: impl Write, text: &str, name: &str) -> Result<(), Failure> {
    match stream.write_all(text.as_bytes()).and_then(|()| stream.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Failure::runtime(format!("cannot write to {name}: {error}")))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Fails(io::ErrorKind);

    impl Write for Fails {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(self.0.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_closed_pipe_is_quiet_and_a_full_disk_is_not() {
        assert_eq!(settle(Fails(io::ErrorKind::BrokenPipe), "x", "stdout"), Ok(()));
        assert!(settle(Fails(io::ErrorKind::StorageFull), "x", "stdout").is_err());
    }

    #[test]
    fn an_answer_cannot_steer_the_terminal() {
        assert_eq!(plain("HTTP 200 \u{1b}[2J\n"), "HTTP 200 ?[2J?");
    }
}
