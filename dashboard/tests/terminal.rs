//! The real dashboard on a real pseudo-terminal: it draws, it leaves, and the terminal is as it was.
//!
//! Each test runs a shell that notes `stty -a` before and after the example `scripted`; nothing waits for
//! time, only for what appears on the screen.
#![allow(clippy::unwrap_used)]

use std::{
    io::{Read, Write},
    path::PathBuf,
    process::Command,
    sync::{
        Once,
        mpsc::{self, Receiver},
    },
    thread::JoinHandle,
    time::Duration,
};

use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};
use tokio::time::Instant;

/// Longest wait for a screen: a stuck program must fail the test, not hang it.
const STUCK: Duration = Duration::from_mins(1);

const SIZE: PtySize = PtySize { rows: 24, cols: 100, pixel_width: 0, pixel_height: 0 };

struct Stage {
    screen: vt100::Parser,
    bytes: Receiver<Vec<u8>>,
    keyboard: Box<dyn Write + Send>,
    child: Box<dyn Child + Send + Sync>,
    master: Box<dyn MasterPty + Send>,
    folder: tempfile::TempDir,
    reading: JoinHandle<()>,
}

impl Stage {
    /// Starts `scripted` in a shell that records the terminal's mode around it, its process id and exit code.
    fn begin(arguments: &str) -> Self {
        let pair = native_pty_system().openpty(SIZE).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let mut command = CommandBuilder::new("sh");
        command.arg("-c");
        command.arg(format!(
            "stty -a > before; sh -c 'echo $$ > pid; exec \"$SCRIPTED\" {arguments}'; echo $? > code; \
             stty -a > after; echo THE END"
        ));
        command.cwd(folder.path());
        command.env("SCRIPTED", scripted());
        command.env("TERM", "xterm-256color");
        command.env("RUST_BACKTRACE", "0");
        let child = pair.slave.spawn_command(command).unwrap();
        drop(pair.slave);
        let mut reader = pair.master.try_clone_reader().unwrap();
        let (send, bytes) = mpsc::channel();
        let reading = std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(count @ 1..) = reader.read(&mut buffer) {
                if send.send(buffer[..count].to_vec()).is_err() {
                    break;
                }
            }
        });
        let keyboard = pair.master.take_writer().unwrap();
        let screen = vt100::Parser::new(SIZE.rows.try_into().unwrap(), SIZE.cols.try_into().unwrap(), 0);
        Self { screen, bytes, keyboard, child, master: pair.master, folder, reading }
    }

    /// Reads until the screen contains `text`.
    fn see(&mut self, text: &str) {
        while !self.screen.screen().contents().contains(text) {
            match self.bytes.recv_timeout(STUCK) {
                Ok(bytes) => self.screen.process(&bytes),
                Err(error) => panic!("{error}: no `{text}` on:\n{}", self.screen.screen().contents()),
            }
        }
    }

    fn press(&mut self, keys: &str) {
        self.keyboard.write_all(keys.as_bytes()).unwrap();
        self.keyboard.flush().unwrap();
    }

    fn signal(&self, name: &str) {
        let status = Command::new("kill").args([&format!("-{name}"), &self.pid()]).status();
        assert!(status.unwrap().success());
    }

    fn pid(&self) -> String {
        self.note("pid").trim().to_owned()
    }

    fn note(&self, name: &str) -> String {
        std::fs::read_to_string(self.folder.path().join(name)).unwrap()
    }

    /// Waits for the end and checks that the terminal is as it was.
    fn end(&mut self, code: u8) {
        self.see("THE END");
        self.child.wait().unwrap();
        assert_eq!(self.note("before"), self.note("after"), "the terminal's mode");
        assert_eq!(self.note("code").trim(), code.to_string(), "exit code");
        let screen = self.screen.screen();
        assert!(!screen.alternate_screen(), "left on the alternate screen");
        assert!(!screen.hide_cursor(), "left without a cursor");
        assert!(!screen.bracketed_paste(), "left in bracketed paste");
    }
}

/// Waits until the process's state, as `ps` says it, is as wished; it is empty once the process is gone.
fn becomes(pid: &str, wished: impl Fn(&str) -> bool) {
    let until = Instant::now() + STUCK;
    loop {
        let said = Command::new("ps").args(["-o", "state=", "-p", pid]).output().unwrap().stdout;
        let state = String::from_utf8_lossy(&said).trim().to_owned();
        if wished(&state) {
            return;
        }
        assert!(Instant::now() < until, "the process stays in state `{state}`");
        std::thread::yield_now();
    }
}

/// The example, built from the present sources even where only this test was asked for.
fn scripted() -> PathBuf {
    static BUILT: Once = Once::new();
    let binary = PathBuf::from(env!("CARGO_BIN_EXE_testbed"));
    let folder = binary.parent().unwrap();
    BUILT.call_once(|| {
        let mut cargo = Command::new(env!("CARGO"));
        cargo.args(["build", "--quiet", "--locked", "--package", "dashboard", "--example", "scripted"]);
        cargo.arg("--target-dir").arg(folder.parent().unwrap());
        if folder.ends_with("release") {
            cargo.arg("--release");
        }
        assert!(cargo.status().unwrap().success(), "the example `scripted` does not build");
    });
    folder.join("examples").join("scripted")
}

#[test]
fn q_leaves_a_finished_run_with_its_exit_code() {
    let mut stage = Stage::begin("finished");
    stage.see("DONE, verdicts deviate");
    stage.press("2");
    stage.see("public-in-path-careless");
    stage.press("q");
    stage.end(3);
}

#[test]
fn q_asks_while_running_and_no_goes_on() {
    let mut stage = Stage::begin("attacked");
    stage.see("RUNNING");
    stage.press("q");
    stage.see("still running");
    stage.press("n");
    stage.press("4");
    stage.see("Honest requests per second");
    stage.press("q");
    stage.see("still running");
    stage.press("y");
    stage.end(130);
}

#[test]
fn ctrl_c_stops_the_run_and_leaves() {
    let mut stage = Stage::begin("attacked");
    stage.see("RUNNING");
    stage.press("\u{3}");
    stage.end(130);
}

#[test]
fn a_replay_is_paused_stepped_through_and_left_with_exit_code_0() {
    let mut stage = Stage::begin("finished --replay");
    stage.see("REPLAY PLAYING");
    stage.press("g");
    stage.see("event 0/");
    stage.press("]]]");
    stage.see("event 3/");
    stage.press("[");
    stage.see("REPLAY PAUSED");
    stage.see("event 2/");
    stage.press("+");
    stage.see(" x2 ");
    stage.press("x");
    stage.see("this run is recorded");
    stage.press("G");
    stage.see("REPLAY AT END");
    stage.see("DONE, verdicts deviate");
    stage.press("q");
    stage.end(0);
}

#[test]
fn a_signal_ends_a_replay_as_it_ends_a_run() {
    let mut stage = Stage::begin("finished --replay");
    stage.see("REPLAY PLAYING");
    stage.signal("TERM");
    stage.end(143);
}

#[test]
fn capital_q_leaves_the_last_screen() {
    let mut stage = Stage::begin("finished");
    stage.see("DONE, verdicts deviate");
    stage.press("2Q");
    stage.end(3);
    assert!(stage.screen.screen().contents().contains("public-in-path-careless"));
}

#[test]
fn signals_restore_the_terminal_and_kill() {
    for (name, number) in [("TERM", 15), ("HUP", 1), ("QUIT", 3)] {
        let mut stage = Stage::begin("attacked");
        stage.see("RUNNING");
        stage.signal(name);
        stage.end(128 + number);
    }
}

#[test]
fn an_interrupt_from_outside_is_a_ctrl_c() {
    let mut stage = Stage::begin("attacked");
    stage.see("RUNNING");
    stage.signal("INT");
    stage.end(130);
}

#[test]
fn an_engine_that_panics_does_not_tear_the_screen() {
    let mut stage = Stage::begin("attacked breaks");
    stage.see("BROKE OFF");
    let torn = stage.screen.screen().contents();
    assert!(!torn.contains("the engine broke"), "the message waits until the screen is free:\n{torn}");
    stage.press("q");
    stage.end(1);
    assert!(stage.screen.screen().contents().contains("the engine broke"));
}

#[test]
fn a_panic_of_the_dashboard_restores_the_terminal() {
    let mut stage = Stage::begin("attacked fragile");
    stage.see("RUNNING");
    stage.press("X");
    stage.end(1);
    let left = stage.screen.screen().contents();
    assert!(left.contains("asked to skip a fragile script"), "{left}");
    assert!(left.contains("the dashboard failed"), "{left}");
}

#[test]
fn a_new_size_is_drawn_at_once() {
    let mut stage = Stage::begin("attacked");
    stage.see("RUNNING");
    stage.master.resize(PtySize { rows: 10, cols: 40, pixel_width: 0, pixel_height: 0 }).unwrap();
    stage.screen.screen_mut().set_size(10.try_into().unwrap(), 40.try_into().unwrap());
    stage.see("enlarge to 60x16");
    stage.master.resize(SIZE).unwrap();
    stage.screen.screen_mut().set_size(SIZE.rows.try_into().unwrap(), SIZE.cols.try_into().unwrap());
    stage.see("Honest work");
    stage.press("\u{3}");
    stage.end(130);
}

#[test]
fn suspending_gives_the_terminal_back_and_going_on_takes_it_again() {
    let mut stage = Stage::begin("attacked");
    stage.see("RUNNING");
    stage.press("\u{1a}");
    while stage.screen.screen().alternate_screen() {
        let bytes = stage.bytes.recv_timeout(STUCK).unwrap();
        stage.screen.process(&bytes);
    }
    assert!(!stage.screen.screen().hide_cursor());
    // Going on means nothing to a process that has not stopped yet.
    becomes(&stage.pid(), |state| state.starts_with('T'));
    stage.signal("CONT");
    while !stage.screen.screen().alternate_screen() {
        let bytes = stage.bytes.recv_timeout(STUCK).unwrap();
        stage.screen.process(&bytes);
    }
    stage.see("RUNNING");
    stage.press("\u{3}");
    stage.end(130);
}

#[test]
fn the_second_ctrl_c_leaves_a_run_that_does_not_stop() {
    let mut stage = Stage::begin("attacked stubborn");
    stage.see("RUNNING");
    stage.press("\u{3}");
    stage.see("STOPPING");
    stage.press("\u{3}");
    stage.end(130);
}

#[test]
fn the_second_signal_ends_a_run_that_does_not_stop() {
    let mut stage = Stage::begin("attacked stubborn");
    stage.see("RUNNING");
    stage.signal("INT");
    stage.see("STOPPING");
    stage.signal("INT");
    stage.end(130);
}

#[test]
fn headless_ends_by_signal_as_well() {
    for (name, code) in [("INT", 130), ("TERM", 143)] {
        let mut stage = Stage::begin("attacked --headless");
        stage.see("[ 35/128]");
        stage.signal(name);
        stage.end(code);
    }
}

#[test]
fn a_terminal_that_goes_away_takes_the_dashboard_with_it() {
    let mut stage = Stage::begin("attacked");
    stage.see("RUNNING");
    let pid = stage.pid();
    // The reader lets go of the terminal with the next bytes that nobody wants.
    drop(stage.bytes);
    stage.keyboard.write_all(b"?").unwrap();
    stage.reading.join().unwrap();
    drop((stage.keyboard, stage.master));
    becomes(&pid, |state| state.is_empty() || state.starts_with('Z'));
}
