//! What an error of SQLite means for us.

use std::path::Path;

use rusqlite::{ErrorCode, ffi};

use crate::store::Error;

/// By what has to be done about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Failure {
    /// No space was left for a page of the log.
    Full,
    /// Perhaps the same: SQLite knows `ENOSPC` alone as "full", and reports a quota or a size limit (`EDQUOT`, `EFBIG`), and any
    /// lack of space for its shared index, as an I/O error.
    MaybeFull,
    /// The disk didn't do as told. After a failed sync the kernel may have dropped the pages, so trying again proves nothing (safety.md RS11).
    Io,
    /// A page that isn't what it must be.
    Damaged,
    /// Anything else; nothing was written.
    Other,
}

pub(super) fn classify(error: &rusqlite::Error) -> Failure {
    let extended = error.sqlite_error().map_or(0, |error| error.extended_code);
    match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => Failure::Full,
        Some(ErrorCode::SystemIoFailure) => match extended {
            ffi::SQLITE_IOERR_WRITE | ffi::SQLITE_IOERR_SHMSIZE | ffi::SQLITE_IOERR_TRUNCATE => Failure::MaybeFull,
            ffi::SQLITE_IOERR_CORRUPTFS | ffi::SQLITE_IOERR_DATA | ffi::SQLITE_IOERR_SHORT_READ => Failure::Damaged,
            _ => Failure::Io,
        },
        // The last three: our statements fit our tables, so where they don't, a name or a key isn't what it was.
        Some(
            ErrorCode::DatabaseCorrupt
            | ErrorCode::NotADatabase
            | ErrorCode::Unknown
            | ErrorCode::ConstraintViolation
            | ErrorCode::TypeMismatch,
        ) => Failure::Damaged,
        Some(_) | None if is_of_another_type(error) => Failure::Damaged,
        Some(_) | None => Failure::Other,
    }
}

/// A value of another type than the schema says was not written by us.
fn is_of_another_type(error: &rusqlite::Error) -> bool {
    use rusqlite::Error as E;
    matches!(error, E::InvalidColumnType(..) | E::FromSqlConversionFailure(..) | E::IntegralValueOutOfRange(..) | E::SqlInputError { .. })
}

/// What a reader is told. A read that fails proves nothing about what is written, so it never ends the process.
pub(super) fn of_read(error: &rusqlite::Error) -> Error {
    match classify(error) {
        Failure::Damaged => Error::Corrupt(error.to_string()),
        Failure::Full | Failure::MaybeFull | Failure::Io | Failure::Other => Error::Unavailable(error.to_string()),
    }
}

/// What the opener of a store is told.
pub(super) fn of_open(path: &Path, error: &rusqlite::Error) -> Error {
    match classify(error) {
        Failure::Damaged => Error::Corrupt(format!("{}: {error}", path.display())),
        Failure::Full => Error::Full,
        Failure::MaybeFull | Failure::Io | Failure::Other => cannot_open(path, error),
    }
}

/// The same for anything that isn't about pages.
pub(super) fn cannot_open(path: &Path, reason: impl std::fmt::Display) -> Error {
    Error::Open { path: path.display().to_string(), message: reason.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failure(code: std::ffi::c_int) -> Failure {
        classify(&rusqlite::Error::SqliteFailure(ffi::Error::new(code), None))
    }

    /// F-S1, F-S3, RS11: a lack of space is survived, a failed sync never is.
    #[test]
    fn every_failure_has_its_meaning() {
        assert_eq!(failure(ffi::SQLITE_FULL), Failure::Full);
        assert_eq!(failure(ffi::SQLITE_IOERR_WRITE), Failure::MaybeFull);
        assert_eq!(failure(ffi::SQLITE_IOERR_SHMSIZE), Failure::MaybeFull);
        for code in [ffi::SQLITE_IOERR, ffi::SQLITE_IOERR_FSYNC, ffi::SQLITE_IOERR_DIR_FSYNC, ffi::SQLITE_IOERR_READ] {
            assert_eq!(failure(code), Failure::Io, "{code}");
        }
        assert_eq!(failure(ffi::SQLITE_CORRUPT), Failure::Damaged);
        assert_eq!(failure(ffi::SQLITE_NOTADB), Failure::Damaged);
        assert_eq!(failure(ffi::SQLITE_BUSY), Failure::Other);
    }
}
