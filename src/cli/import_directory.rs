//! `enrich-jobs import-directory`: from a CSV file into the directory. A running server picks the new one up by itself.

use std::fmt::Write as _;
use std::fs::File;
use std::path::PathBuf;

use clap::Args;

use super::{Failure, print};
use crate::config::DirectoryOptions;
use crate::enrich::vendors::directory::{ImportError, Skipped, import};

/// How many bad rows are shown.
const SHOWN_MAX: usize = 20;

#[allow(clippy::doc_markdown, reason = "`--help` shows these texts as they are")]
/// Of `import-directory`.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The file: CSV with a header row, UTF-8. Columns: name (required), legal_name, street, city, state, zip, country, phone,
    /// email, website, categories (; between), hours, people (name|role;name|role); others are kept as attributes
    #[arg(value_name = "FILE.csv")]
    file: PathBuf,
    /// The directory's folder, instead of --directory-path
    #[arg(long, value_name = "DIR")]
    path: Option<PathBuf>,
    /// Refuse the file if a row is bad, instead of leaving the row out
    #[arg(long)]
    strict: bool,
    #[command(flatten)]
    directory: DirectoryOptions,
}

pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    super::logs::start_quietly();
    let folder = arguments.path.as_ref().unwrap_or(&arguments.directory.directory_path);
    let file =
        File::open(&arguments.file).map_err(|error| Failure::Failed(format!("{} can't be opened: {error}", arguments.file.display())))?;
    let report = match import(file, folder, arguments.strict) {
        Ok(report) => report,
        Err(ImportError::Strict(skipped)) => {
            eprint!("{}", bad_rows(&skipped));
            return Err(Failure::Failed("nothing was imported, for there are bad rows and --strict was given".to_owned()));
        }
        Err(error) => return Err(Failure::of(&error)),
    };
    eprint!("{}", bad_rows(&report.skipped));
    let skipped = report.skipped.len();
    print(&format!("{}: {} new, {} replaced, {skipped} left out\n", folder.display(), report.imported, report.replaced));
    Ok(())
}

fn bad_rows(skipped: &[Skipped]) -> String {
    let mut text = String::new();
    for bad in skipped.iter().take(SHOWN_MAX) {
        writeln!(text, "line {}: {}", bad.line, bad.reason).unwrap_or_default();
    }
    if let Some(more) = skipped.len().checked_sub(SHOWN_MAX).filter(|more| *more > 0) {
        writeln!(text, "and {more} more").unwrap_or_default();
    }
    text
}
