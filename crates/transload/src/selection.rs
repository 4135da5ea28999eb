//! What the command line and the files that it names select.

use std::collections::HashSet;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use transload_oci::Pattern;
use transload_transfer::{
    Code, Error, ForeignLayers, ListError, Listed, Platforms, Selection, Wanted, find_references,
};

use crate::cli::{ForeignLayersArg, SelectionArgs};
use crate::registries::{read_bounded, unreadable};

const OPTION: &str = "--artifacts-file";
/// A file of artifacts has some hundred bytes a line.
const ARTIFACTS_FILE_BYTES_MAX: u64 = 64 * 1024 * 1024;
/// Files of a folder that is looked through.
const FILES_MAX: usize = 20_000;
/// Names of files that are looked at in a folder.
const EXTENSIONS: [&str; 3] = ["yaml", "yml", "json"];
/// Whose names Kubernetes and Compose mean when they name no registry.
const DOCKER_HUB: &str = "docker.io";

/// A text that means artifacts, and the file and line that it stands in.
struct Asked {
    text: String,
    origin: Option<String>,
    of_docker: bool,
}

/// What was asked for, and what was excluded.
#[derive(Default)]
struct Texts {
    asked: Vec<Asked>,
    excluded: Vec<Asked>,
}

/// Reads the selection.
///
/// # Errors
/// `Usage` for files that cannot be read or have no reference in them, and when nothing is selected; `ReferenceInvalid`
/// for what is no reference and no pattern.
pub(crate) fn selection(args: &SelectionArgs) -> Result<Selection, Error> {
    let plain = |text: &String| Asked { text: text.clone(), origin: None, of_docker: false };
    let mut texts = Texts {
        asked: args.artifacts.iter().map(plain).collect(),
        excluded: args.exclude.iter().map(plain).collect(),
    };
    for file in &args.artifacts_file {
        texts.read(file)?;
    }
    if texts.asked.is_empty() {
        return Err(Error::new(Code::Usage, "", "nothing to take: no artifact was named").with_next(
            "name artifacts as registry/repository:tag, or a file of them with --artifacts-file",
        ));
    }
    let mut wanted: Vec<Wanted> = Vec::new();
    let mut seen = HashSet::new();
    for asked in texts.asked {
        let found = self::wanted(asked, args.from.as_deref())?;
        if seen.insert(found.pattern.to_string()) {
            wanted.push(found);
        }
    }
    let excluded = texts.excluded.iter().map(pattern).collect::<Result<_, _>>()?;
    let latest = args.latest.map(|count| usize::try_from(count).unwrap_or(usize::MAX));
    let platforms = Platforms { wanted: args.platform.clone(), rewrite: args.platform_rewrite };
    let foreign_layers = match args.foreign_layers {
        ForeignLayersArg::Carry => ForeignLayers::Carry,
        ForeignLayersArg::Omit => ForeignLayers::Omit,
    };
    Ok(Selection { wanted, excluded, latest, platforms, foreign_layers, referrers: !args.no_referrers })
}

fn pattern(asked: &Asked) -> Result<Pattern, Error> {
    Pattern::from_str(&asked.text).map_err(|error| {
        Error::new(Code::ReferenceInvalid, asked.origin.clone().unwrap_or_default(), error.to_string())
    })
}

fn wanted(asked: Asked, from: Option<&str>) -> Result<Wanted, Error> {
    let pattern = pattern(&asked)?;
    let pattern = match from {
        Some(registry) => pattern.with_registry(registry.trim_end_matches('/')),
        None if asked.of_docker => pattern.with_registry(DOCKER_HUB),
        None => pattern,
    };
    if pattern.registry().is_none() {
        return Err(Error::new(Code::ReferenceInvalid, pattern.to_string(), "it names no registry")
            .with_next(format!(
                "write docker.io/{pattern} if Docker Hub is meant, or name the registry with --from"
            )));
    }
    Ok(Wanted { pattern, origin: asked.origin })
}

impl Texts {
    /// Takes what a file names, or all files of a folder, or standard input (`-`).
    fn read(&mut self, file: &Path) -> Result<(), Error> {
        if file == Path::new("-") {
            let mut bytes = Vec::new();
            let read = std::io::stdin().take(ARTIFACTS_FILE_BYTES_MAX).read_to_end(&mut bytes);
            read.map_err(|error| unreadable(OPTION, file, &error))?;
            return self.take(Path::new("standard input"), bytes, true);
        }
        if !file.is_dir() {
            return self.take(file, read_bounded(OPTION, file, ARTIFACTS_FILE_BYTES_MAX)?, true);
        }
        let before = self.asked.len();
        for inside in files_of(file)? {
            let bytes = read_bounded(OPTION, &inside, ARTIFACTS_FILE_BYTES_MAX)?;
            self.take(&inside, bytes, false)?;
        }
        if self.asked.len() == before { Err(empty(file)) } else { Ok(()) }
    }

    /// Takes what a text names. One file in a folder may well name nothing.
    fn take(&mut self, file: &Path, bytes: Vec<u8>, must_name: bool) -> Result<(), Error> {
        let subject = |line: Option<usize>| match line {
            Some(line) => format!("{}, line {line}", file.display()),
            None => file.display().to_string(),
        };
        let text = String::from_utf8(bytes).map_err(|_| {
            Error::new(Code::Usage, format!("{OPTION} {}", file.display()), "it is not text (UTF-8)")
        })?;
        let list = find_references(&text).map_err(|error| {
            let ListError { line, detail, next } = error;
            let made = Error::new(Code::Usage, subject(line), detail);
            next.into_iter().fold(made, |made, next| made.with_next(next))
        })?;
        if must_name && list.documents > 0 && list.listed.is_empty() {
            return Err(empty(file));
        }
        for Listed { text, line, excluded, of_docker } in list.listed {
            let asked = Asked { text, origin: Some(subject(line)), of_docker };
            if excluded { self.excluded.push(asked) } else { self.asked.push(asked) }
        }
        Ok(())
    }
}

fn empty(file: &Path) -> Error {
    Error::new(Code::Usage, format!("{OPTION} {}", file.display()), "no image reference was found in it")
        .with_next("docs/selection.md says what is looked for; or name the images one a line")
}

/// Manifests in a folder and below, in order of their names. Hidden ones and links to folders are passed over.
fn files_of(folder: &Path) -> Result<Vec<PathBuf>, Error> {
    let mut files = Vec::new();
    let mut open = vec![folder.to_owned()];
    while let Some(next) = open.pop() {
        let entries = std::fs::read_dir(&next).map_err(|error| unreadable(OPTION, &next, &error))?;
        for entry in entries {
            let entry = entry.map_err(|error| unreadable(OPTION, &next, &error))?;
            let path = entry.path();
            let kind = entry.file_type().map_err(|error| unreadable(OPTION, &path, &error))?;
            let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
            if entry.file_name().to_string_lossy().starts_with('.') {
                continue;
            } else if kind.is_dir() {
                open.push(path);
            } else if EXTENSIONS.contains(&extension.to_ascii_lowercase().as_str()) && path.is_file() {
                files.push(path);
            }
        }
        if files.len() > FILES_MAX {
            let subject = format!("{OPTION} {}", folder.display());
            return Err(Error::new(
                Code::LimitExceeded,
                subject,
                format!("it has more than {FILES_MAX} manifests"),
            ));
        }
    }
    files.sort_unstable();
    Ok(files)
}
