//! A paper whose commands are run as they stand in it.
//!
//! Blocks ` ```sh ` are run in order in one folder, with the variables of those before. A block ` ```sh server ` is one
//! command that stays, "in a terminal of its own". A block ` ```text ` is what the block before it prints: each of its
//! lines has to be there, in that order; `…` stands for any text, and a line that is `…` alone for any lines. Ports are
//! changed to free ones, and nothing else.

use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tempfile::TempDir;
use transload_testkit::cli::{Cli, Finished, Running};
use transload_testkit::hog::{free_port, wait_until};
use transload_testkit::peers::search_path;

/// Longest that a server may take until it listens.
const READY_LIMIT: Duration = Duration::from_secs(180);
/// Longest that one block may take.
const BLOCK_LIMIT: Duration = Duration::from_secs(900);
/// Longest that a server may stay.
const SERVER_LIMIT: Duration = Duration::from_secs(1_800);

/// What is between two fences.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Block {
    Command(String),
    Server(String),
    Printed(String),
}

/// A shell whose variables live from block to block, and servers that end with it.
pub(crate) struct Shell {
    folder: TempDir,
    programs: PathBuf,
    ports: Vec<(&'static str, u16)>,
    servers: Vec<Running>,
}

impl Shell {
    /// In an empty home folder, with the folder of this program first in `PATH`. Each of `ports`, as it stands in the
    /// paper, becomes a free one.
    pub(crate) fn new(program: &str, ports: &[&'static str]) -> Self {
        let programs = Path::new(program).parent().unwrap().to_owned();
        let ports = ports.iter().map(|&port| (port, free_port())).collect();
        Self { folder: tempfile::tempdir().unwrap(), programs, ports, servers: Vec::new() }
    }

    /// Its home.
    pub(crate) fn home(&self) -> &Path {
        self.folder.path()
    }

    /// Runs a whole paper; panics with the block that fails, or that prints something else.
    pub(crate) fn follow(&mut self, paper: &str) {
        let mut printed: Option<(String, String)> = None;
        for block in blocks(paper) {
            match block {
                Block::Command(text) => {
                    let ended = self.run(&text);
                    let told = ended.stdout.clone() + &ended.stderr;
                    assert!(ended.status.success(), "{}\n{text}\n{told}", ended.status);
                    printed = Some((text, told));
                }
                Block::Server(text) => self.serve(&text),
                Block::Printed(expected) => {
                    let (command, told) = printed.as_ref().expect("a command before what it prints");
                    let expected = self.in_place(&expected);
                    if let Err(line) = matches_in_order(&expected, told) {
                        panic!("{command}\ndoes not print '{line}' where it should, but\n{told}");
                    }
                }
            }
        }
    }

    /// Runs a block to its end.
    pub(crate) fn run(&self, block: &str) -> Finished {
        let state = self.state();
        let script = format!(
            "set -euo pipefail\n[ -e '{state}' ] && . '{state}' && cd \"$PWD\"\nset -a\n{}\nset +a\nexport -p > '{state}'\n",
            self.in_place(block)
        );
        self.bash(BLOCK_LIMIT).run(["-c", &script])
    }

    fn serve(&mut self, block: &str) {
        let (state, text) = (self.state(), self.in_place(block));
        let script = format!("[ -e '{state}' ] && . '{state}' && cd \"$PWD\"\n{}", with_exec(&text));
        let mut running = self.bash(SERVER_LIMIT).spawn(["-c", &script]);
        let mine: Vec<u16> = self
            .ports
            .iter()
            .map(|(_, port)| *port)
            .filter(|port| text.contains(&port.to_string()))
            .collect();
        let up = || mine.iter().all(|port| TcpStream::connect(("127.0.0.1", *port)).is_ok());
        let ready = wait_until(READY_LIMIT, || up() || running.has_ended());
        assert!(ready && up(), "{text}\ndoes not start: {}{}", running.stdout(), running.stderr());
        self.servers.push(running);
    }

    fn bash(&self, limit: Duration) -> Cli {
        let others = search_path();
        let path = [self.programs.clone()].into_iter().chain(std::env::split_paths(&others));
        Cli::new("/bin/bash")
            .limit(limit)
            .env("PATH", std::env::join_paths(path).unwrap())
            .env("HOME", self.home())
            .env("AZURE_CORE_COLLECT_TELEMETRY", "false")
            .env("AZURE_CORE_NO_COLOR", "true")
            .folder(self.home())
    }

    /// Where the variables are kept between two blocks; not in the home, which may be looked at.
    fn state(&self) -> String {
        format!("{}.state", self.folder.path().display())
    }

    fn in_place(&self, text: &str) -> String {
        self.ports.iter().fold(text.to_owned(), |text, (from, to)| text.replace(from, &to.to_string()))
    }
}

impl Drop for Shell {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(self.state());
    }
}

/// The last command in place of the shell, so that ending the one ends the other. Assignments before it stay.
fn with_exec(text: &str) -> String {
    let (before, last) = text.trim_end().rsplit_once("\n\n").unwrap_or(("", text));
    format!("{before}\nexec env {last}")
}

fn blocks(paper: &str) -> Vec<Block> {
    let mut found = Vec::new();
    let mut lines = paper.lines();
    while let Some(line) = lines.next() {
        let Some(kind) = line.strip_prefix("```") else { continue };
        let text = lines.by_ref().take_while(|line| !line.starts_with("```")).collect::<Vec<_>>().join("\n");
        match kind.trim() {
            "sh" => found.push(Block::Command(text)),
            "sh server" => found.push(Block::Server(text)),
            "text" => found.push(Block::Printed(text)),
            _ => {}
        }
    }
    found
}

/// The first line of `expected` that is not in `told` behind those before it.
fn matches_in_order<'a>(expected: &'a str, told: &str) -> Result<(), &'a str> {
    let mut rest = told.lines();
    for line in expected.lines().map(str::trim).filter(|line| !line.is_empty() && *line != "…") {
        if !rest.any(|seen| fits(line, seen.trim())) {
            return Err(line);
        }
    }
    Ok(())
}

/// Whether a line is as it was written, where `…` is any text and runs of spaces are one.
fn fits(pattern: &str, line: &str) -> bool {
    let plain = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let (pattern, line) = (plain(pattern), plain(line));
    let mut pieces = pattern.split('…').map(str::trim);
    let first = pieces.next().unwrap_or_default();
    let Some(mut rest) = line.strip_prefix(first) else { return false };
    let mut last = None;
    for piece in pieces {
        let Some(at) = rest.find(piece) else { return false };
        rest = &rest[at + piece.len()..];
        last = Some(piece);
    }
    match last {
        None => rest.is_empty(),
        Some(piece) => piece.is_empty() || rest.is_empty() || line.ends_with(piece),
    }
}

#[test]
fn what_is_printed_is_compared_line_by_line_with_gaps() {
    assert!(fits("a … c", "a   b c") && fits("a …", "a b c") && fits("…", "x") && fits("a b", "a   b"));
    assert!(!fits("a … c", "a b d") && !fits("a", "a b") && !fits("b …", "a b"));
    assert_eq!(matches_in_order("a\n…\nc", "a\nb\nc"), Ok(()));
    assert_eq!(matches_in_order("c\na", "a\nb\nc"), Err("a"));
    let paper = "x\n```sh\na\nb\n```\n```sh server\nc\n```\n```text\nd\n```\n```json\ne\n```\n";
    let expected =
        [Block::Command("a\nb".to_owned()), Block::Server("c".to_owned()), Block::Printed("d".to_owned())];
    assert_eq!(blocks(paper), expected);
}
