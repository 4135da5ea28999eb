//! Where the references are in documents of each kind.

use transload_oci::{Reference, Selector};

use super::tree::{NO_KEY, Node};
use super::{ListError, Listed};

/// What a name without tag and digest means to Kubernetes and Compose.
const LATEST: &str = "latest";
/// Keys of custom resources that hold an image, besides those that end with `Image`.
const IMAGE_KEYS: [&str; 2] = ["imageName", "containerImage"];
/// Environment variables by which operators are told their images.
const RELATED_IMAGE: &str = "RELATED_IMAGE_";

/// Finds the references of one document.
pub(super) fn find(document: &Node, listed: &mut Vec<Listed>) -> Result<(), ListError> {
    let kind = document.get("kind").and_then(Node::text);
    if let Some(artifacts) = report(document) {
        listed.extend(artifacts);
        return Ok(());
    }
    match kind {
        // its schema has properties that are called image
        Some("CustomResourceDefinition") => Ok(()),
        Some("Kustomization" | "Component") => kustomization(document, listed),
        None if is_kustomization(document) => kustomization(document, listed),
        None if matches!(document.get("services"), Some(Node::Map(_))) => compose(document, listed),
        // what runs there is what a cluster says of itself
        _ => anything(document, kind == Some("ConfigMap"), listed),
    }
}

/// A report of an earlier transfer, or what `inspect` says of a bundle: its artifacts.
fn report(document: &Node) -> Option<Vec<Listed>> {
    let artifacts = document.get("artifacts")?.items();
    let ours = document.get("operation").or_else(|| document.get("location"));
    ours.and_then(Node::text)?;
    let source = |artifact: &Node| {
        let source = artifact.get("source")?;
        let text = source.text()?.to_owned();
        Some(Listed { text, line: source.line(), excluded: false, of_docker: false })
    };
    artifacts.iter().map(source).collect()
}

fn is_kustomization(document: &Node) -> bool {
    let images = document.get("images").map(Node::items).unwrap_or_default();
    document.get("apiVersion").is_none()
        && images
            .iter()
            .any(|image| ["newName", "newTag", "digest"].iter().any(|key| image.get(key).is_some()))
}

/// The images that a kustomization puts in the place of others. One without a tag and a digest takes those of the
/// resources, which are other files.
fn kustomization(document: &Node, listed: &mut Vec<Listed>) -> Result<(), ListError> {
    for image in document.get("images").map(Node::items).unwrap_or_default() {
        let text = |key: &str| image.get(key).and_then(Node::text).filter(|text| !text.is_empty());
        let Some(name) = text("newName").or_else(|| text("name")) else { continue };
        let reference = match (text("newTag"), text("digest")) {
            (_, Some(digest)) => format!("{name}@{digest}"),
            (Some(tag), None) => format!("{name}:{tag}"),
            (None, None) => continue,
        };
        take(&reference, image.line(), listed)?;
    }
    Ok(())
}

fn compose(document: &Node, listed: &mut Vec<Listed>) -> Result<(), ListError> {
    let Some(Node::Map(services)) = document.get("services") else { return Ok(()) };
    for (_, service) in services {
        if let Some(image) = service.get("image") {
            let text = with_defaults(image.text().unwrap_or_default());
            take(&text, image.line(), listed)?;
        }
    }
    Ok(())
}

/// `${TAG:-1.2}` is `1.2` as long as nobody sets it.
fn with_defaults(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        let Some((inside, behind)) = after.split_once('}') else { break };
        let Some((_, default)) = inside.split_once(":-").or_else(|| inside.split_once('-')) else { break };
        out.push_str(before);
        out.push_str(default);
        rest = behind;
    }
    out + rest
}

/// Kubernetes objects of every kind, custom resources, Helm values: wherever a key says that it is an image.
fn anything(node: &Node, lenient: bool, listed: &mut Vec<Listed>) -> Result<(), ListError> {
    match node {
        Node::Text { .. } => Ok(()),
        Node::List(items) => items.iter().try_for_each(|item| anything(item, lenient, listed)),
        Node::Map(entries) => {
            let is_object = node.get("kind").is_some() && node.get("apiVersion").is_some();
            for (key, value) in entries {
                match (key.as_str(), value) {
                    ("status", _) if is_object => {}
                    ("image", Node::Text { text, line }) if !lenient => take(text, *line, listed)?,
                    ("image", Node::Map(_)) => image_map(value, lenient, listed)?,
                    ("images", Node::List(items)) => images(items, lenient, listed)?,
                    (_, Node::Text { text, line }) if is_image_key(key) => take_pinned(text, *line, listed),
                    _ => anything(value, lenient, listed)?,
                }
            }
            let name = node.get("name").and_then(Node::text).unwrap_or_default();
            if let Some(Node::Text { text, line }) =
                node.get("value").filter(|_| name.starts_with(RELATED_IMAGE))
            {
                take_pinned(text, *line, listed);
            }
            Ok(())
        }
    }
}

fn is_image_key(key: &str) -> bool {
    key == "image" || key.ends_with("Image") || IMAGE_KEYS.contains(&key)
}

/// `image: {repository: …, tag: …}` of Helm values and custom resources, `image: {reference: …}` of image volumes.
fn image_map(image: &Node, lenient: bool, listed: &mut Vec<Listed>) -> Result<(), ListError> {
    let text = |key: &str| image.get(key).and_then(Node::text).filter(|text| !text.is_empty());
    let line = image.line();
    if let Some(reference) = text("reference") {
        return take(reference, line, listed);
    }
    if image.get(NO_KEY).is_some() {
        return Err(template(line));
    }
    let Some(repository) = text("repository").or_else(|| text("name").filter(|_| text("tag").is_some()))
    else {
        return anything(image, lenient, listed);
    };
    let registry = text("registry").map(|registry| format!("{registry}/")).unwrap_or_default();
    let tag = text("tag").map(|tag| format!(":{tag}")).unwrap_or_default();
    let digest = text("digest").map(|digest| format!("@{digest}")).unwrap_or_default();
    take(&format!("{registry}{repository}{tag}{digest}"), line, listed)
}

/// A list of images: texts, maps with an image in them, or maps with a name that is one.
fn images(items: &[Node], lenient: bool, listed: &mut Vec<Listed>) -> Result<(), ListError> {
    for item in items {
        match item {
            Node::Text { text, line } => take_pinned(text, *line, listed),
            _ => {
                if let Some(Node::Text { text, line }) =
                    item.get("name").filter(|_| item.get("image").is_none())
                {
                    take_pinned(text, *line, listed);
                }
                anything(item, lenient, listed)?;
            }
        }
    }
    Ok(())
}

/// An image where nothing else can stand.
fn take(text: &str, line: Option<usize>, listed: &mut Vec<Listed>) -> Result<(), ListError> {
    let text = text.trim().trim_start_matches("docker://");
    if text.is_empty() {
        return Ok(());
    }
    if text.contains("{{") {
        return Err(template(line));
    }
    if text.contains('$') {
        let detail = format!("the image '{text}' has a variable in it");
        return Err(ListError::new(line, detail).with_next(
            "put its value in: docker compose config, or envsubst, writes the file as it is meant",
        ));
    }
    match text.parse::<Reference>() {
        Ok(reference) => {
            push(reference, line, listed);
            Ok(())
        }
        Err(error) => Err(ListError::new(line, error.to_string())),
    }
}

/// A text that may be an image: it is one if it names a tag or a digest.
fn take_pinned(text: &str, line: Option<usize>, listed: &mut Vec<Listed>) {
    if let Ok(reference) = text.trim().parse::<Reference>()
        && reference.selector != Selector::All
    {
        push(reference, line, listed);
    }
}

fn push(mut reference: Reference, line: Option<usize>, listed: &mut Vec<Listed>) {
    if reference.selector == Selector::All {
        reference.selector = Selector::Tag(LATEST.to_owned());
    }
    listed.push(Listed { text: reference.to_string(), line, excluded: false, of_docker: true });
}

fn template(line: Option<usize>) -> ListError {
    ListError::new(line, "the image is a template that nobody filled in")
        .with_next("render it first: helm template CHART | transload … --artifacts-file -")
}
