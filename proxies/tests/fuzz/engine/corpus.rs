//! Seeds in files: `.hex` for bytes (blanks are skipped, a line is a comment from `#` on), `.txt` for text whose
//! lines end in CRLF on the wire.

use std::{fmt::Write, fs, path::Path};

/// Every seed of a folder with its file's name, in the order of names.
pub(crate) fn read(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut seeds: Vec<_> = entries
        .map(|entry| {
            let path = entry.expect("a readable folder").path();
            let text =
                fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            let seed = match path.extension().and_then(|extension| extension.to_str()) {
                Some("hex") => from_hex(&text),
                Some("txt") => text.replace('\n', "\r\n").into_bytes(),
                _ => panic!("{}: neither .hex nor .txt", path.display()),
            };
            (path.file_name().unwrap_or_default().to_string_lossy().into_owned(), seed)
        })
        .collect();
    seeds.sort();
    assert!(!seeds.is_empty(), "{}: no seeds", folder.display());
    seeds
}

/// The bytes some text stands for.
pub(crate) fn from_hex(text: &str) -> Vec<u8> {
    let digits: Vec<u32> = text
        .lines()
        .flat_map(|line| line.split('#').next().unwrap_or_default().chars())
        .filter(|character| !character.is_whitespace())
        .map(|digit| digit.to_digit(16).unwrap_or_else(|| panic!("`{digit}` is no hexadecimal digit")))
        .collect();
    digits.chunks(2).map(|pair| pair.iter().fold(0, |byte, digit| byte << 4 | *digit as u8)).collect()
}

/// As [`from_hex`] reads it, 32 bytes a line.
pub(crate) fn as_hex(bytes: &[u8]) -> String {
    let mut text = String::new();
    for line in bytes.chunks(32) {
        for byte in line {
            // Writing to a `String` cannot fail.
            let _ = write!(text, "{byte:02x}");
        }
        text.push('\n');
    }
    text
}
