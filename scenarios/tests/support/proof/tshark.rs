//! A capture as tshark sees it: which frames a filter finds, and what a key log opens.
//!
//! One process answers many questions. It knows nothing of cells or verdicts.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    process::Command,
};

use tempfile::NamedTempFile;

/// Marks of a capture that does not tell a whole and orderly story.
const FLAWS: &str = "_ws.malformed || tcp.analysis.lost_segment || tcp.analysis.ack_lost_segment \
                     || tcp.analysis.out_of_order || tcp.analysis.retransmission";

/// A capture file and the secrets it may be opened with.
pub(crate) struct Capture {
    file: NamedTempFile,
    key_log: Option<PathBuf>,
}

impl Capture {
    /// A copy without the secrets a capture may carry inside, so that only `key_log` can open it.
    pub(crate) fn without_secrets(path: &Path, key_log: Option<&Path>) -> Self {
        let file = NamedTempFile::new().unwrap();
        let status = Command::new("editcap").arg("--discard-all-secrets").args([path, file.path()]).status();
        assert!(status.unwrap().success(), "editcap on {}", path.display());
        Self { file, key_log: key_log.map(Path::to_owned) }
    }

    /// The frames a display filter finds.
    pub(crate) fn frames(&self, filter: &str) -> BTreeSet<u64> {
        let printed = self.tshark(&["-Y", filter, "-T", "fields", "-e", "frame.number"]);
        printed.lines().map(|line| line.parse().unwrap()).collect()
    }

    /// What some frames carry above TCP.
    pub(crate) fn payloads(&self, frames: &BTreeSet<u64>) -> BTreeMap<u64, Vec<u8>> {
        let numbers: Vec<String> = frames.iter().map(u64::to_string).collect();
        let filter = format!("frame.number in {{{}}} && tcp.payload", numbers.join(","));
        let fields = ["-Y", &filter, "-T", "fields", "-e", "frame.number", "-e", "tcp.payload"];
        let carried = |line: &str| {
            let (frame, payload) = line.split_once('\t').unwrap();
            (frame.parse().unwrap(), hex(payload).unwrap())
        };
        self.tshark(&fields).lines().map(carried).collect()
    }

    /// Every frame with a flaw, as tshark describes it.
    pub(crate) fn flaws(&self) -> String {
        self.tshark(&["-Y", FLAWS])
    }

    /// TCP stream and interface of every frame.
    pub(crate) fn places(&self) -> BTreeMap<u64, (u64, String)> {
        let fields = ["-T", "fields", "-e", "frame.number", "-e", "tcp.stream", "-e", "frame.interface_name"];
        let place = |line: &str| {
            let mut columns = line.split('\t');
            let mut next = || columns.next().unwrap().to_owned();
            let (frame, stream) = (next().parse().unwrap(), next().parse().unwrap());
            (frame, (stream, next()))
        };
        self.tshark(&fields).lines().map(place).collect()
    }

    /// What TLS carried in some streams, both ways one after the other; a stream that stays closed is empty.
    pub(crate) fn opened(&self, streams: &BTreeSet<u64>) -> BTreeMap<u64, Vec<u8>> {
        let taps = streams.iter().flat_map(|stream| ["-z".to_owned(), format!("follow,tls,raw,{stream}")]);
        let arguments: Vec<String> = ["-q".to_owned()].into_iter().chain(taps).collect();
        conversations(&self.tshark(&arguments.iter().map(String::as_str).collect::<Vec<_>>()))
    }

    fn tshark(&self, arguments: &[&str]) -> String {
        let mut tshark = Command::new("tshark");
        // What bytes look like comes before what a port is registered for: an ephemeral port may be anyone's.
        tshark.args(["-n", "-o", "tcp.try_heuristic_first:TRUE", "-r"]).arg(self.file.path());
        if let Some(key_log) = &self.key_log {
            tshark.arg("-o").arg(format!("tls.keylog_file:{}", key_log.display()));
        }
        let output = tshark.args(arguments).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }
}

/// Reads what `-z follow,tls,raw` prints: per stream lines of hex, those of the accepting side after a tab.
fn conversations(printed: &str) -> BTreeMap<u64, Vec<u8>> {
    let mut all: BTreeMap<u64, [Vec<u8>; 2]> = BTreeMap::new();
    let mut current = None;
    for line in printed.lines() {
        if let Some(stream) = line.strip_prefix("Filter: tcp.stream eq ") {
            current = Some(all.entry(stream.parse().unwrap()).or_default());
        } else if let (Some(bytes), Some(ways)) = (hex(line.trim_start()), &mut current) {
            ways[usize::from(line.starts_with('\t'))].extend(bytes);
        }
    }
    all.into_iter().map(|(stream, ways)| (stream, ways.concat())).collect()
}

fn hex(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u8>> = text.chars().map(|c| c.to_digit(16).map(|digit| digit as u8)).collect();
    let digits = digits.filter(|digits| !digits.is_empty() && digits.len() % 2 == 0)?;
    Some(digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect())
}
