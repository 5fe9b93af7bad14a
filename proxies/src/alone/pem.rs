//! Certificates, keys and authorities from the files outside programs keep them in.

use std::{
    io,
    path::{Path, PathBuf},
};

use rustls::pki_types::{
    CertificateDer, PrivateKeyDer,
    pem::{self, PemObject},
};

use crate::tls::Identity;

/// Why a file is of no use.
#[derive(Debug, thiserror::Error)]
pub enum PemError {
    /// It cannot be read.
    #[error("cannot read `{}`: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
    /// It is not PEM, or holds something else.
    #[error("`{}` holds no {wanted} in PEM: {why}", path.display())]
    Nothing {
        /// The file.
        path: PathBuf,
        /// What was looked for.
        wanted: &'static str,
        /// What was found instead, for people.
        why: String,
    },
    /// A key in an older form.
    #[error(
        "`{}` holds a key that is not PKCS#8: convert it with `openssl pkcs8 -topk8 -nodes`", path.display()
    )]
    OldKey {
        /// The file.
        path: PathBuf,
    },
}

/// A certificate chain, leaf first, and the key of its leaf.
pub fn identity(chain: &Path, key: &Path) -> Result<Identity, PemError> {
    let chain = certificates(chain)?;
    match PrivateKeyDer::from_pem_slice(&read(key)?) {
        Ok(PrivateKeyDer::Pkcs8(found)) => Ok(Identity { chain, key: found.secret_pkcs8_der().to_vec() }),
        Ok(_) => Err(PemError::OldKey { path: key.to_owned() }),
        Err(why) => Err(nothing(key, "private key", &why)),
    }
}

/// Every certificate of a file: authorities to trust.
pub fn authorities(file: &Path) -> Result<Vec<Vec<u8>>, PemError> {
    certificates(file)
}

fn certificates(file: &Path) -> Result<Vec<Vec<u8>>, PemError> {
    let text = read(file)?;
    let found = CertificateDer::pem_slice_iter(&text).map(|found| found.map(|der| der.to_vec()));
    let found: Vec<_> = found.collect::<Result<_, _>>().map_err(|why| nothing(file, "certificate", &why))?;
    if found.is_empty() {
        return Err(nothing(file, "certificate", &pem::Error::NoItemsFound));
    }
    Ok(found)
}

fn read(file: &Path) -> Result<Vec<u8>, PemError> {
    std::fs::read(file).map_err(|source| PemError::Unreadable { path: file.to_owned(), source })
}

fn nothing(file: &Path, wanted: &'static str, why: &pem::Error) -> PemError {
    PemError::Nothing { path: file.to_owned(), wanted, why: why.to_string() }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_file_says_what_is_wrong_with_it() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            std::fs::write(folder.path().join(name), text).unwrap();
            folder.path().join(name)
        };
        let key = rcgen::KeyPair::generate().unwrap();
        let made = rcgen::CertificateParams::default().self_signed(&key).unwrap();
        let chain = write("chain.pem", &[made.pem(), made.pem()].concat());
        let good = write("key.pem", &key.serialize_pem());
        let read = identity(&chain, &good).unwrap();
        assert_eq!((read.chain.len(), read.key), (2, key.serialize_der()));
        assert_eq!(authorities(&chain).unwrap().len(), 2);

        let old = key.serialize_pem().replace("PRIVATE", "EC PRIVATE");
        let gone = folder.path().join("gone.pem");
        let table = [
            (identity(&gone, &good), "cannot read", "gone.pem"),
            (identity(&good, &good), "holds no certificate", "key.pem"),
            (identity(&chain, &chain), "holds no private key", "chain.pem"),
            (identity(&chain, &write("old.pem", &old)), "openssl pkcs8 -topk8", "old.pem"),
            (identity(&write("empty.pem", ""), &good), "holds no certificate", "empty.pem"),
        ];
        for (outcome, why, name) in table {
            let said = outcome.unwrap_err().to_string();
            assert!(said.contains(why) && said.contains(name), "{said}");
        }
    }
}
