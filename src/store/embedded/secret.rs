//! The server key of a store that nobody gave one.

use std::fs;
use std::io;
use std::path::Path;

use secrecy::{ExposeSecret, SecretBox};

use super::failure::cannot_open;
use super::folder::write_new;
use crate::clock::Random;
use crate::store::Error;

/// Reads the 32 bytes of `secret.key` in the store's folder, or draws them the first time (mode 0600).
///
/// Poll bearers and callback secrets are derived from it, so it belongs into the same backup as the store.
/// Errs where the file can't be read or has another length: a new key would make every bearer that was given out worthless.
pub fn secret_key(folder: &Path, random: &dyn Random) -> Result<SecretBox<[u8; 32]>, Error> {
    let path = folder.join("secret.key");
    match fs::read(&path) {
        Ok(bytes) => match <[u8; 32]>::try_from(bytes.as_slice()) {
            Ok(key) => Ok(SecretBox::new(Box::new(key))),
            Err(_) => Err(cannot_open(&path, format_args!("must hold 32 bytes, holds {}; bring the right file back", bytes.len()))),
        },
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let key = random.secret();
            write_new(&path, &key).map_err(|error| cannot_open(&path, error))?;
            tracing::info!(file = %path.display(), "made a new server key");
            Ok(SecretBox::new(Box::new(key)))
        }
        Err(error) => Err(cannot_open(&path, error)),
    }
}

/// Puts a key into the folder of a store that was copied there, so that its first start doesn't draw another one.
///
/// Errs where another one is there already.
pub fn keep_secret_key(folder: &Path, key: &SecretBox<[u8; 32]>) -> Result<(), Error> {
    let path = folder.join("secret.key");
    match fs::read(&path) {
        Ok(bytes) if bytes == key.expose_secret() => Ok(()),
        Ok(_) => Err(cannot_open(&path, "another key is there already; take it away, or name that one")),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            write_new(&path, key.expose_secret()).map_err(|error| cannot_open(&path, error))
        }
        Err(error) => Err(cannot_open(&path, error)),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt;

    use super::*;
    use crate::clock::SystemRandom;

    #[test]
    fn a_key_is_made_once_and_for_its_owner_only() {
        let folder = tempfile::tempdir().unwrap();
        let first = secret_key(folder.path(), &SystemRandom).unwrap();
        let again = secret_key(folder.path(), &SystemRandom).unwrap();
        assert_eq!(first.expose_secret(), again.expose_secret());
        assert_eq!(fs::metadata(folder.path().join("secret.key")).unwrap().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_key_of_another_length_is_refused_and_kept() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("secret.key"), [7; 31]).unwrap();
        let error = secret_key(folder.path(), &SystemRandom).unwrap_err().to_string();
        assert!(error.contains("secret.key: must hold 32 bytes, holds 31"), "{error}");
        assert_eq!(fs::read(folder.path().join("secret.key")).unwrap().len(), 31);
    }
}
