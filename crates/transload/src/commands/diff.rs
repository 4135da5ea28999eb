//! `transload diff`.

use std::path::Path;

use transload_oci::{Reference, Selector};
use transload_transfer::{Code, Contents, Diff, Engine, Error, Selection};

use super::{engine, plan};
use crate::cli::DiffArgs;
use crate::config::Environment;
use crate::exit::Exit;
use crate::location;
use crate::output::Output;
use crate::registries::Registries;

/// What a registry is marked with where it could be taken for a file.
const REGISTRY_SCHEME: &str = "docker://";

/// What is compared.
enum Side<'a> {
    /// A plan in a file.
    Plan(&'a Path),
    /// A bundle.
    Bundle(&'a str),
    /// A registry, perhaps with a prefix.
    Registry(&'a str),
}

pub(crate) async fn run(
    args: Box<DiffArgs>,
    environment: &Environment,
    output: &Output,
) -> Result<Exit, Error> {
    let engine = engine(None, &output.silent());
    let looking = Looking { args: &args, environment, output, engine: &engine };
    let (before, after) = match (Side::of(&args.before), Side::of(&args.after)) {
        (Side::Registry(_), Side::Registry(_)) => {
            let detail = "both sides are registries, and nothing says which artifacts are meant";
            return Err(
                Error::new(Code::Usage, "diff", detail).with_next("name a bundle or a plan on one side")
            );
        }
        (before, Side::Registry(registry)) => {
            let before = looking.contents(&before).await?;
            let after = looking.registry(registry, &before).await?;
            (before, after)
        }
        (Side::Registry(registry), after) => {
            let after = looking.contents(&after).await?;
            (looking.registry(registry, &after).await?, after)
        }
        (before, after) => (looking.contents(&before).await?, looking.contents(&after).await?),
    };
    let diff = Diff::of(&before, &after);
    output.diff(&diff)?;
    Ok(if args.exit_code && !diff.is_empty() { Exit::Conflict } else { Exit::Success })
}

impl<'a> Side<'a> {
    fn of(text: &'a str) -> Self {
        if let Some(registry) = text.strip_prefix(REGISTRY_SCHEME) {
            return Self::Registry(registry);
        }
        let path = Path::new(text);
        if path.extension().is_some_and(|extension| extension == "json") {
            return Self::Plan(path);
        }
        let host = text.split('/').next().unwrap_or(text);
        let names_registry =
            !text.contains("://") && (host.contains(':') || host == "localhost" || looks_like_host(host));
        if names_registry && !path.exists() { Self::Registry(text) } else { Self::Bundle(text) }
    }
}

/// `registry.example`, and not `./file`, `file.tar`, `..`.
fn looks_like_host(text: &str) -> bool {
    let ends_like_file = [".tar", ".gz", ".tgz", ".zst", ".partial"].iter().any(|end| text.ends_with(end));
    text.contains('.') && !text.starts_with('.') && !ends_like_file
}

/// How the sides are looked at.
struct Looking<'a> {
    args: &'a DiffArgs,
    environment: &'a Environment,
    output: &'a Output,
    engine: &'a Engine,
}

impl Looking<'_> {
    async fn contents(&self, side: &Side<'_>) -> Result<Contents, Error> {
        match side {
            Side::Plan(file) => Ok(plan::read(file)?.contents),
            Side::Bundle(text) => {
                let DiffArgs { store, trust, .. } = self.args;
                let (store, name) = location::open_bundle(text, store, trust, self.environment).await?;
                Contents::of_bundle(self.engine, &store, &name).await
            }
            Side::Registry(registry) => self.registry(registry, &Contents::default()).await,
        }
    }

    /// What a registry has of the same names.
    async fn registry(&self, registry: &str, other: &Contents) -> Result<Contents, Error> {
        let DiffArgs { registries, trust, resources, .. } = self.args;
        let registries = Registries::new(registries, trust, self.environment)?.within(resources, self.output);
        let (target, prefix) = registries.target(registry)?;
        let inside = |repository: &str| {
            if prefix.is_empty() { repository.to_owned() } else { format!("{prefix}/{repository}") }
        };
        let references = other.artifacts.iter().map(|content| Reference {
            registry: Some(target.host().to_owned()),
            repository: inside(&content.repository),
            selector: match &content.tag {
                Some(tag) => Selector::Tag(tag.clone()),
                None => Selector::Digest(content.digest, None),
            },
        });
        let selection = Selection::of(references);
        let sources = registries.sources(&selection)?;
        let there = Contents::of_registries(self.engine, &sources, &selection).await?;
        Ok(there.renamed(|repository| match prefix.as_str() {
            "" => Some(repository.to_owned()),
            prefix => repository.strip_prefix(prefix)?.strip_prefix('/').map(str::to_owned),
        }))
    }
}
