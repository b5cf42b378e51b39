//! The child: it never outlives this process, however that ends.

use std::io::{BufRead as _, BufReader, Read};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::Duration;

use tokio::sync::oneshot;

use crate::cli::Failure;

/// Starts the program and ends it, by its own id, when standard input closes: that is so when this process lets go of the pipe, and
/// also when it is killed and can't see to anything any more. Only the program holds standard output then, whose end says that it
/// has ended.
const KEEPER: &str = r#"
    "$@" 2>&1 </dev/null &
    child=$!
    exec >/dev/null 2>&1
    trap 'kill -9 $child; wait $child' EXIT
    trap 'exit 143' HUP INT TERM
    read -r _
"#;
/// Longer than a start takes, however busy the machine is.
const START_TIME_MAX: Duration = Duration::from_secs(30);
/// What the program says before the address.
const LISTENING: &str = "Listening on ";

/// Anvil, until this is dropped.
#[derive(Debug)]
pub(super) struct Process {
    keeper: Child,
    /// Closing it ends the program.
    open: Option<ChildStdin>,
    url: String,
}

impl Process {
    /// Starts anvil on a free port of loopback, and waits until it listens.
    pub(super) async fn start(anvil: &Path, arguments: &[&str]) -> Result<Self, Failure> {
        let mut command = Command::new("sh");
        command.args(["-c", KEEPER, "sh"]).arg(anvil).args(["--host", "127.0.0.1", "--port", "0"]).args(arguments);
        // A group of its own: Ctrl-C is for this process, which still settles with the chain's help.
        command.process_group(0).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut keeper = command.spawn().map_err(|error| Failure::Failed(format!("no shell can be started: {error}")))?;
        let (open, out) = (keeper.stdin.take(), keeper.stdout.take());
        // From here on it ends whatever happens.
        let mut process = Self { keeper, open, url: String::new() };
        let (address, said) = oneshot::channel();
        std::thread::spawn(move || out.map(|out| read_out(out, address)));
        let said = tokio::time::timeout(START_TIME_MAX, said).await;
        process.url = match said {
            Ok(Ok(Ok(address))) => format!("http://{address}"),
            Ok(Ok(Err(last))) => return Err(Failure::Failed(format!("anvil ended at its start: {last}"))),
            Ok(Err(_)) | Err(_) => return Err(Failure::Failed("anvil does not start".to_owned())),
        };
        Ok(process)
    }

    pub(super) fn url(&self) -> &str {
        &self.url
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.open.take());
        if let Err(error) = self.keeper.wait() {
            tracing::warn!(%error, "the local chain's end can't be seen");
        }
    }
}

/// Hands over the address, or the first line of a program that ends before it has one; then reads on, so that it never writes into a
/// full pipe.
fn read_out(out: impl Read, address: oneshot::Sender<Result<String, String>>) {
    let (mut address, mut first) = (Some(address), None);
    for line in BufReader::new(out).lines().map_while(Result::ok) {
        if let Some(heard) = line.strip_prefix(LISTENING)
            && let Some(address) = address.take()
        {
            // Whoever has stopped waiting needs none.
            address.send(Ok(heard.trim().to_owned())).ok();
        }
        first = first.or_else(|| Some(line).filter(|line| !line.trim().is_empty()));
    }
    if let Some(address) = address {
        address.send(Err(first.unwrap_or_else(|| "it said nothing".to_owned()))).ok();
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    /// A program that writes its id, says where it listens, and stays.
    fn program(folder: &Path, script: &str) -> std::path::PathBuf {
        let file = folder.join("program");
        std::fs::write(&file, format!("#!/bin/sh\n{script}\n")).unwrap();
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o755)).unwrap();
        file
    }

    fn is_alive(id: &str) -> bool {
        Command::new("kill").args(["-0", id]).stderr(Stdio::null()).status().unwrap().success()
    }

    #[tokio::test]
    async fn it_ends_when_it_is_let_go_of() {
        let folder = tempfile::tempdir().unwrap();
        let id = folder.path().join("id");
        let script = format!("echo $$ > {}\necho\necho Listening on 127.0.0.1:99\nexec sleep 60", id.display());
        let process = Process::start(&program(folder.path(), &script), &[]).await.unwrap();
        assert_eq!(process.url(), "http://127.0.0.1:99");
        let id = std::fs::read_to_string(id).unwrap();
        assert!(is_alive(id.trim()));
        drop(process);
        assert!(!is_alive(id.trim()));
    }

    #[tokio::test]
    async fn one_that_does_not_start_says_why() {
        let folder = tempfile::tempdir().unwrap();
        let script = "echo error: unexpected argument >&2\nexit 2";
        let error = Process::start(&program(folder.path(), script), &[]).await.unwrap_err();
        assert!(error.to_string().ends_with("error: unexpected argument"), "{error}");
        assert!(Process::start(&folder.path().join("nothing"), &[]).await.is_err());
    }
}
