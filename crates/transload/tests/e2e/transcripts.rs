//! What people read, word for word: each file in `tests/transcripts/` is a session at a shell, and is run.
//!
//! A line `$ …` is a command for `sh`; what follows is its output, standard error behind `! `, and the exit code in
//! brackets where it is not 0. Lines with `# ` are prose. What differs from run to run is replaced by a word.
//! `UPDATE_TRANSCRIPTS=1 cargo test -p transload --test e2e transcripts` writes the files anew; read the difference.

use std::fs;
use std::path::{Path, PathBuf};

use regex::Regex;
use transload_testkit::cli::Cli;
use transload_testkit::images::{self, Corpus, image, layer};
use transload_testkit::peers::{DockerRegistry, DockerRegistryOptions};

use crate::support::push_one;

/// Every file has a line here, so that each is a test that can be run alone.
macro_rules! transcripts {
    ($($name:ident),+ $(,)?) => {
        const ALL: &[&str] = &[$(stringify!($name)),+];
        $(#[test] fn $name() { play(stringify!($name)); })+
    };
}

transcripts!(
    first_transfer,
    formats,
    help,
    limits,
    login,
    mistakes,
    pipes,
    places,
    plans,
    results,
    selection,
    settings,
);

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/transcripts")
}

#[test]
fn every_file_is_played() {
    let entries = fs::read_dir(folder()).unwrap();
    let mut names: Vec<String> = entries.map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    assert_eq!(names, ALL.iter().map(|name| format!("{name}.txt")).collect::<Vec<_>>());
}

/// Where a session plays: a registry with samples, an empty one, and one that wants a credential.
struct Stage {
    source: DockerRegistry,
    target: DockerRegistry,
    guarded: DockerRegistry,
    shell: Cli,
}

impl Stage {
    fn new() -> Self {
        let source = DockerRegistry::start();
        // one after the other: what the images share is pushed once
        for entry in &samples().entries {
            push_one(&source.host(), &format!("{}:{}", entry.repository, entry.tag), &entry.artifact);
        }
        let target = DockerRegistry::start();
        let guarded = DockerRegistry::start_with(DockerRegistryOptions { auth: true, ..Default::default() });
        let program = Path::new(env!("CARGO_BIN_EXE_transload"));
        let search = format!("{}:/usr/bin:/bin", program.parent().unwrap().display());
        let shell = Cli::new("/bin/sh")
            .env("PATH", search)
            .env("SOURCE", source.host())
            .env("TARGET", target.host())
            .env("GUARDED", guarded.host());
        Self { source, target, guarded, shell }
    }

    /// Runs a command and gives its output as it stands in the file.
    fn run(&self, command: &str) -> String {
        let done = self.shell.run(["-c", command]);
        let mut lines: Vec<String> = done.stdout.lines().map(escaped).collect();
        lines.extend(done.stderr.lines().map(|line| format!("! {line}")));
        if done.code() != 0 {
            lines.push(format!("[{}]", done.code()));
        }
        let text: String = lines.iter().map(|line| format!("{}\n", line.trim_end())).collect();
        self.normalised(&text)
    }

    /// What differs from run to run, replaced by what it is, and by as much of it, so that tables keep their shape.
    fn normalised(&self, text: &str) -> String {
        let hosts = [
            (&self.source, "source.test:443"),
            (&self.target, "target.test:443"),
            (&self.guarded, "guarded.tst:443"),
        ];
        let text = hosts.iter().fold(text.to_owned(), |text, (host, name)| text.replace(&host.host(), name));
        let text = text.replace(self.shell.home().to_str().unwrap(), "/home/them");
        let text = text.replace(env!("CARGO_PKG_VERSION"), "VERSION");
        let digest = "digest".to_owned() + &".".repeat(58);
        let differing = [
            (r"\b[0-9a-f]{64}\b", digest.as_str()),
            (r"\b[0-9a-f]{12}\b", &digest[..12]),
            (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)", "TIME"),
            (r"\d{4}-\d\d-\d\d \d\d:\d\dZ", "YYYY-MM-DD hh:mmZ"),
            (r"\b\d+ days ago", "N days ago"),
            (r"\b127\.0\.0\.1:\d{5}\b", "127.0.0.1:NNNNN"),
            (r"\(\d+\.\d\d s\)", "(N s)"),
            (r"\b\d+\.\d s\b", "N s"),
            (r"N s, (\d|\.)+ ([KMG]i)?B/s", "N s, N MiB/s"),
            (r#""seconds": [0-9.e-]+"#, r#""seconds": N"#),
        ];
        // how far it is, which is told where something takes seconds
        let text =
            Regex::new(r"(?m)^! .* of .* \(\d+ %\), .* left\n").unwrap().replace_all(&text, "").into_owned();
        differing.iter().fold(text, |text, (pattern, word)| {
            Regex::new(pattern).unwrap().replace_all(&text, *word).into_owned()
        })
    }
}

/// A line of output that could be taken for a command or for prose.
fn escaped(line: &str) -> String {
    if line.starts_with(['$', '#', '!', '\\', '[']) { format!("\\{line}") } else { line.to_owned() }
}

fn samples() -> Corpus {
    let mut corpus = Corpus::default();
    let base = layer(2000, 300_000);
    for (n, tag) in (1..).zip(["v1.0.0", "v1.1.0", "v1.2.0-rc.1", "v2.0.0"]) {
        corpus.add("team/web", tag, image(&[base.clone(), layer(2000 + n, 40_000)]));
    }
    corpus.add("next/web", "v1.0.0", image(&[base, layer(2009, 40_000)]));
    corpus.add("team/db", "16", images::multi_arch(21, 50_000));
    let signed = image(&[layer(2010, 60_000)]);
    corpus.add(
        "team/api",
        "v1",
        signed.with_tagged("sig", images::cosign_signature).with_referrer(images::sbom),
    );
    corpus.add("charts/web", "1.2.3", images::helm_chart("web", "1.2.3", 5_000));
    corpus
}

fn play(name: &str) {
    let file = folder().join(format!("{name}.txt"));
    let written = fs::read_to_string(&file).unwrap();
    let stage = Stage::new();
    let mut played = String::new();
    for line in written.lines() {
        match line.strip_prefix("$ ") {
            Some(command) => played.push_str(&format!("\n$ {command}\n{}", stage.run(command))),
            None if line.starts_with("# ") => {
                // prose stands apart from the output before it
                let apart =
                    !played.is_empty() && !played.lines().last().is_some_and(|last| last.starts_with("# "));
                played.push_str(&format!("{}{line}\n", if apart { "\n" } else { "" }));
            }
            None => {}
        }
    }
    if option_env!("UPDATE_TRANSCRIPTS").is_some() {
        fs::write(&file, &played).unwrap();
        return;
    }
    if let Some((at, (there, here))) = differing(&written, &played) {
        panic!(
            "{}, line {at}:\n  written: {there}\n  played:  {here}\n\nthe whole of it, as it is now:\n{played}\n\
             UPDATE_TRANSCRIPTS=1 writes it anew",
            file.display()
        );
    }
}

/// The first line that is another, counted from 1.
fn differing<'a>(written: &'a str, played: &'a str) -> Option<(usize, (&'a str, &'a str))> {
    let (mut there, mut here) = (written.lines(), played.lines());
    (1..).find_map(|at| match (there.next(), here.next()) {
        (None, None) => Some(None),
        (a, b) if a != b => Some(Some((at, (a.unwrap_or("(nothing)"), b.unwrap_or("(nothing)"))))),
        _ => None,
    })?
}

#[test]
fn a_difference_is_seen() {
    assert_eq!(differing("a\nb\n", "a\nb\n"), None);
    assert_eq!(differing("a\nb\n", "a\nc\n"), Some((2, ("b", "c"))));
    assert_eq!(differing("a\n", "a\nc\n"), Some((2, ("(nothing)", "c"))));
    assert_eq!(escaped("$ x"), "\\$ x");
}
