//! What the command line and the files that it names select.

use std::io::Read;
use std::path::Path;
use std::str::FromStr;

use transload_oci::Pattern;
use transload_transfer::{Code, Error, ForeignLayers, Platforms, Selection, Wanted};

use crate::cli::{ForeignLayersArg, SelectionArgs};
use crate::registries::{read_bounded, unreadable};

/// A file of artifacts has some hundred bytes a line.
const ARTIFACTS_FILE_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// A text that means artifacts, and the file and line that it stands in.
struct Asked {
    text: String,
    origin: Option<String>,
}

/// Reads the selection.
///
/// # Errors
/// `Usage` for files that cannot be read and when nothing is selected, `ReferenceInvalid` for what is no reference and
/// no pattern.
pub(crate) fn selection(args: &SelectionArgs) -> Result<Selection, Error> {
    let plain = |text: &String| Asked { text: text.clone(), origin: None };
    let mut asked: Vec<Asked> = args.artifacts.iter().map(plain).collect();
    let mut excluded: Vec<Asked> = args.exclude.iter().map(plain).collect();
    for file in &args.artifacts_file {
        for (number, line) in read_lines(file)? {
            let origin = Some(format!("{}, line {number}", file.display()));
            match line.strip_prefix('!') {
                Some(text) => excluded.push(Asked { text: text.trim().to_owned(), origin }),
                None => asked.push(Asked { text: line, origin }),
            }
        }
    }
    if asked.is_empty() {
        return Err(Error::new(Code::Usage, "", "nothing to take: no artifact was named").with_next(
            "name artifacts as registry/repository:tag, or a file of them with --artifacts-file",
        ));
    }
    let wanted =
        asked.into_iter().map(|asked| wanted(asked, args.from.as_deref())).collect::<Result<_, _>>()?;
    let excluded = excluded.iter().map(pattern).collect::<Result<_, _>>()?;
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

/// Lines that are neither empty nor comments, with their numbers.
fn read_lines(file: &Path) -> Result<Vec<(usize, String)>, Error> {
    let bytes = if file == Path::new("-") {
        let mut bytes = Vec::new();
        let read = std::io::stdin().take(ARTIFACTS_FILE_BYTES_MAX).read_to_end(&mut bytes);
        read.map_err(|error| unreadable("--artifacts-file", file, &error))?;
        bytes
    } else {
        read_bounded("--artifacts-file", file, ARTIFACTS_FILE_BYTES_MAX)?
    };
    let text = String::from_utf8(bytes).map_err(|_| {
        Error::new(Code::Usage, format!("--artifacts-file {}", file.display()), "it is not text (UTF-8)")
    })?;
    let lines = text.lines().enumerate().map(|(index, line)| {
        // a reference has no '#' in it
        let line = line.split('#').next().unwrap_or_default().trim();
        (index + 1, line.to_owned())
    });
    Ok(lines.filter(|(_, line)| !line.is_empty()).collect())
}
