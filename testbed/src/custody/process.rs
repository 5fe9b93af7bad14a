//! The memory of a real process: a child that stands in a proxy's place, read from the kernel's own files.
//!
//! Linux only: `/proc/PID/maps` says what is written to, `/proc/PID/mem` what is there. Only memory the process can
//! write is read: code and files hold nothing of a request. It is read while the process runs on, so that a stretch
//! may be from before and its neighbour from after; whatever is found was there. Nothing is kept but what is asked for.

use std::{
    fs::{self, File},
    io,
    ops::Range,
    os::unix::fs::FileExt,
    time::Duration,
};

use aho_corasick::AhoCorasick;
use bytes::Bytes;
pub use proxies::registry::process_tree;

/// Bytes read at once.
const CHUNK: u64 = 1 << 20;
/// Bytes of a page.
const PAGE: usize = 4096;
const ZEROS: [u8; PAGE] = [0; PAGE];
/// Bytes of one process tree that are looked at in one go.
const MOST: u64 = 512 << 20;

/// What the memory of a process tree held at one moment.
#[derive(Clone, Debug)]
pub struct Image {
    /// `host/process`.
    pub process: String,
    /// When, since the run started.
    pub at: Duration,
    /// Stretches of memory.
    pub stretches: Vec<Stretch>,
}

/// A stretch of memory that lies together.
#[derive(Clone, Debug)]
pub struct Stretch {
    /// Whose, where the tree has several.
    pub pid: u32,
    /// What the kernel calls it: `[heap]`, or nothing.
    pub name: String,
    /// Where it begins.
    pub address: u64,
    /// The bytes.
    pub bytes: Bytes,
}

impl Image {
    /// The memory of these processes, now. One that is gone meanwhile has none; one that may not be read is an error.
    pub fn of(process: &str, at: Duration, pids: &[u32]) -> io::Result<Self> {
        let (mut stretches, mut room) = (Vec::new(), MOST);
        for pid in pids {
            let maps = match fs::read_to_string(format!("/proc/{pid}/maps")) {
                Err(gone) if gone.kind() == io::ErrorKind::NotFound => continue,
                maps => maps?,
            };
            let memory = File::open(format!("/proc/{pid}/mem"))?;
            for (range, name) in maps.lines().filter_map(written) {
                let length = (range.end - range.start).min(room);
                room -= length;
                for (address, bytes) in read(&memory, range.start..range.start + length) {
                    stretches.push(Stretch { pid: *pid, name: name.to_owned(), address, bytes });
                }
            }
        }
        Ok(Self { process: process.to_owned(), at, stretches })
    }

    /// Which of some pieces of bytes are there, in their order. A piece that is empty is nowhere.
    pub fn holds(&self, pieces: &[&[u8]]) -> Vec<bool> {
        let mut there = vec![false; pieces.len()];
        let known: Vec<usize> = (0..pieces.len()).filter(|index| !pieces[*index].is_empty()).collect();
        if known.is_empty() {
            return there;
        }
        let Ok(search) = AhoCorasick::new(known.iter().map(|index| pieces[*index])) else { return there };
        for stretch in &self.stretches {
            for found in search.find_overlapping_iter(&stretch.bytes) {
                there[known[found.pattern().as_usize()]] = true;
            }
        }
        there
    }

    /// Bytes in all.
    pub fn len(&self) -> usize {
        self.stretches.iter().map(|stretch| stretch.bytes.len()).sum()
    }

    /// Was nothing read?
    pub fn is_empty(&self) -> bool {
        self.stretches.is_empty()
    }
}

/// A line of `maps`, where it is private memory that can be written.
fn written(line: &str) -> Option<(Range<u64>, &str)> {
    let mut columns = line.split_whitespace();
    let (from, to) = columns.next()?.split_once('-')?;
    let range = u64::from_str_radix(from, 16).ok()?..u64::from_str_radix(to, 16).ok()?;
    columns.next().filter(|rights| rights.starts_with("rw"))?;
    let name = columns.nth(3).unwrap_or_default();
    // What the kernel keeps there for itself cannot be read this way.
    (!name.starts_with("[vv") && !range.is_empty()).then_some((range, name))
}

/// As much of it as can be read, without pages nobody wrote to; memory that went meanwhile ends it.
fn read(memory: &File, range: Range<u64>) -> Vec<(u64, Bytes)> {
    let (mut stretches, mut held): (Vec<(u64, Bytes)>, Vec<u8>) = (Vec::new(), Vec::new());
    let mut chunk = vec![0; CHUNK.min(range.end - range.start) as usize];
    let (mut at, mut began) = (range.start, range.start);
    while at < range.end {
        let wanted = chunk.len().min((range.end - at) as usize);
        let read = memory.read_at(&mut chunk[..wanted], at).unwrap_or_default();
        if read == 0 {
            break;
        }
        for page in chunk[..read].chunks(PAGE) {
            if page == &ZEROS[..page.len()] {
                if !held.is_empty() {
                    stretches.push((began, std::mem::take(&mut held).into()));
                }
            } else {
                began = if held.is_empty() { at } else { began };
                held.extend_from_slice(page);
            }
            at += page.len() as u64;
        }
    }
    if !held.is_empty() {
        stretches.push((began, held.into()));
    }
    stretches
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::{
        io::{Read, Write},
        process::{Command, Stdio},
    };

    use super::*;

    #[test]
    fn lines_of_the_kernels_list_are_read_as_it_prints_them() {
        let heap = "55d0c0a00000-55d0c0a21000 rw-p 00000000 00:00 0                          [heap]";
        assert_eq!(written(heap), Some((0x55d0_c0a0_0000..0x55d0_c0a2_1000, "[heap]")));
        let nameless = "7f0000000000-7f0000001000 rw-p 00000000 00:00 0";
        assert_eq!(written(nameless).unwrap().1, "");
        assert_eq!(written(&heap.replace("rw-p", "r--p")), None);
        assert_eq!(written(&heap.replace("[heap]", "[vvar]")), None);
        assert_eq!(written("nonsense"), None);
    }

    #[test]
    fn what_a_child_holds_is_found_and_what_it_never_held_is_not() {
        let secret = format!("canary-{:016x}", rand::random::<u64>());
        let child =
            Command::new("cat").env("HELD", &secret).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
        let mut child = child.unwrap();
        // Its echo says that it is the program by now, and no more the fork of this one.
        child.stdin.as_mut().unwrap().write_all(b"!").unwrap();
        child.stdout.as_mut().unwrap().read_exact(&mut [0]).unwrap();
        let holds = |needle: &[u8]| {
            let image = Image::of("edge/proxy", Duration::ZERO, &[child.id()]).unwrap();
            assert!(!image.is_empty() && image.len() > 4096);
            let there = image.holds(&[b"", needle]);
            assert!(!there[0], "nothing is nowhere");
            there[1]
        };
        assert!(holds(secret.as_bytes()));
        assert!(!holds(b"canary-of-somebody-else"));
        drop(child.stdin.take());
        let pid = child.id();
        child.wait().unwrap();
        assert!(Image::of("edge/proxy", Duration::ZERO, &[pid]).unwrap().is_empty());
    }
}
