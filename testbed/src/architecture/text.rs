//! From a path to text: size and encoding are checked before anything is parsed.

use std::{
    fs::File,
    io::{self, Read as _},
};

use super::{
    LoadError,
    diagnose::{Diagnostics, Finding},
};

/// Largest file that is read, in bytes. The shipped ones have about 4 KiB.
pub const MAX_BYTES: usize = 1 << 20;

/// Reads a file as text.
pub fn load(path: &str) -> Result<String, LoadError> {
    let bytes = read(path).map_err(|source| LoadError::Unreadable { path: path.to_owned(), source })?;
    Ok(decode(path, bytes)?)
}

/// One byte more than is allowed is enough to know that it is too much.
fn read(path: &str) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(MAX_BYTES as u64 + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Checks size and encoding.
pub fn decode(file: &str, bytes: Vec<u8>) -> Result<String, Diagnostics> {
    if bytes.len() > MAX_BYTES {
        let finding = Finding::new(0..0, format!("the file is larger than {} KiB", MAX_BYTES >> 10));
        return Err(Diagnostics::new(file, "", vec![finding]));
    }
    String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        let byte = error.as_bytes().get(at).copied().unwrap_or_default();
        let finding = Finding::new(at..at + 1, format!("byte 0x{byte:02x} is not UTF-8"))
            .help("save the file as UTF-8 text");
        Diagnostics::new(file, String::from_utf8_lossy(error.as_bytes()), vec![finding])
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_file_of_one_mebibyte_is_read_and_one_byte_more_is_refused() {
        assert!(decode("x", vec![b' '; MAX_BYTES]).is_ok());
        let refused = decode("x", vec![b' '; MAX_BYTES + 1]).unwrap_err();
        assert_eq!(refused.findings()[0].message, "the file is larger than 1024 KiB");
    }

    #[test]
    fn a_byte_that_is_no_text_is_named_with_its_place() {
        let refused = decode("x.toml", b"a = 1\nb = \"\xff\"\n".to_vec()).unwrap_err();
        assert!(refused.to_string().contains("error: byte 0xff is not UTF-8"), "{refused}");
        assert!(refused.to_string().contains("--> x.toml:2:6"), "{refused}");
    }
}
