//! Where anvil and the compiled contracts are, or in one line how to get them.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// How the repository brings anvil: a package of its own for each platform.
const INSTALL: &str = "npm --prefix contracts ci";

/// Both.
#[derive(Debug, Clone)]
pub(in crate::cli) struct Found {
    /// The program: a path, or a name that a shell finds.
    pub(super) anvil: PathBuf,
    /// The repository's folder of contracts.
    pub(super) contracts: PathBuf,
}

/// What is missing, as a sentence that says what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(in crate::cli) enum Missing {
    /// There is no such folder.
    #[error("it takes the repository's folder contracts/: run this in the repository, or name the folder by --contracts")]
    Contracts,
    /// No anvil beside the contracts, and none that a shell finds.
    #[error("there is no anvil for a local chain: `{INSTALL}` in the repository brings it, where there is Node.js; then run this again")]
    Anvil,
}

impl Found {
    /// Looks in `contracts`, or else for a folder of that name here and above. Anvil of the repository comes first, as its version is known
    /// to do.
    pub(in crate::cli) fn look(contracts: Option<&Path>) -> Result<Self, Missing> {
        let is_it = |folder: &Path| folder.join("artifacts/TestToken.json").is_file();
        let contracts = match contracts {
            Some(folder) => Some(folder.to_owned()).filter(|folder| is_it(folder)),
            None => std::env::current_dir()
                .ok()
                .and_then(|here| here.ancestors().map(|above| above.join("contracts")).find(|folder| is_it(folder))),
        };
        let contracts = contracts.ok_or(Missing::Contracts)?;
        let installed = contracts.join(format!("node_modules/@foundry-rs/anvil-{}/bin/anvil", platform()));
        let anvil = if installed.is_file() { Some(installed) } else { Some(PathBuf::from("anvil")).filter(|name| answers(name)) };
        Ok(Self { anvil: anvil.ok_or(Missing::Anvil)?, contracts })
    }
}

/// As packages of npm name it.
fn platform() -> String {
    let system = match std::env::consts::OS {
        "macos" => "darwin",
        other => other,
    };
    let processor = match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    };
    format!("{system}-{processor}")
}

fn answers(program: &Path) -> bool {
    let asked = Command::new(program).arg("--version").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
    asked.is_ok_and(|status| status.success())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_repositorys_own_anvil_comes_first_and_what_is_missing_is_said() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(Found::look(Some(folder.path())).unwrap_err(), Missing::Contracts);
        std::fs::create_dir(folder.path().join("artifacts")).unwrap();
        std::fs::write(folder.path().join("artifacts/TestToken.json"), "{}").unwrap();
        // Nothing beside the contracts: what a shell finds has to do.
        assert_eq!(Found::look(Some(folder.path())).is_ok(), answers(Path::new("anvil")));
        let bin = folder.path().join(format!("node_modules/@foundry-rs/anvil-{}/bin", platform()));
        std::fs::create_dir_all(&bin).unwrap();
        std::fs::write(bin.join("anvil"), "").unwrap();
        let found = Found::look(Some(folder.path())).unwrap();
        assert_eq!((found.anvil, found.contracts.as_path()), (bin.join("anvil"), folder.path()));
        assert!(Missing::Anvil.to_string().contains("npm --prefix contracts ci"));
    }
}
