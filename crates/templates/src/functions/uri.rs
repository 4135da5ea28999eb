//! `uri`: a reference resolved against a base, as RFC 3986 section 5 has it.

use super::call::{Call, Function, plain};
use crate::{Error, Value};

pub(super) fn find(name: &str) -> Option<Function> {
    (name == "uri").then(|| plain(2, 2, uri))
}

/// A URI in its five parts, as they are written.
#[derive(Clone, Copy)]
struct Parts<'a> {
    scheme: Option<&'a str>,
    authority: Option<&'a str>,
    path: &'a str,
    query: Option<&'a str>,
    fragment: Option<&'a str>,
}

fn uri(call: &mut Call<'_>) -> Result<Value, Error> {
    let base = parts(call.text(0)?);
    let (Some(scheme), Some(authority)) = (base.scheme, base.authority) else {
        return Err(call.says(
            "expects its first argument to be a uri string, an absolute one as 'https://host/path/'.",
        ));
    };
    let reference = parts(call.text(1)?);
    if reference.scheme.is_some() {
        return Ok(Value::Text(written(reference, &without_dots(reference.path))));
    }
    let reference = Parts { scheme: Some(scheme), ..reference };
    if reference.authority.is_some() {
        return Ok(Value::Text(written(reference, &without_dots(reference.path))));
    }
    let reference = Parts { authority: Some(authority), ..reference };
    if reference.path.is_empty() {
        let query = reference.query.or(base.query);
        return Ok(Value::Text(written(Parts { query, ..reference }, rooted(base.path))));
    }
    let path = if reference.path.starts_with('/') {
        reference.path.to_owned()
    } else {
        let folder = rooted(base.path);
        format!("{}{}", &folder[..folder.rfind('/').map_or(0, |slash| slash + 1)], reference.path)
    };
    Ok(Value::Text(written(reference, &without_dots(&path))))
}

fn rooted(path: &str) -> &str {
    if path.is_empty() { "/" } else { path }
}

fn parts(text: &str) -> Parts<'_> {
    let (text, fragment) = cut(text, '#');
    let (text, query) = cut(text, '?');
    let is_scheme = |scheme: &str| {
        scheme.starts_with(|char: char| char.is_ascii_alphabetic())
            && scheme.chars().all(|char| char.is_ascii_alphanumeric() || matches!(char, '+' | '-' | '.'))
    };
    let (scheme, text) = match text.split_once(':') {
        Some((scheme, rest)) if is_scheme(scheme) => (Some(scheme), rest),
        _ => (None, text),
    };
    let (authority, path) = match text.strip_prefix("//") {
        Some(rest) => {
            let end = rest.find('/').unwrap_or(rest.len());
            (Some(&rest[..end]), &rest[end..])
        }
        None => (None, text),
    };
    Parts { scheme, authority, path, query, fragment }
}

fn cut(text: &str, at: char) -> (&str, Option<&str>) {
    text.split_once(at).map_or((text, None), |(before, behind)| (before, Some(behind)))
}

/// A path whose segments `.` and `..` are applied.
fn without_dots(path: &str) -> String {
    let mut kept: Vec<&str> = Vec::new();
    let segments = path.split('/').collect::<Vec<_>>();
    for (place, segment) in segments.iter().enumerate() {
        let is_last = place + 1 == segments.len();
        match *segment {
            "." => {}
            ".." => {
                if kept.len() > 1 {
                    kept.pop();
                }
            }
            other => {
                kept.push(other);
                continue;
            }
        }
        // a folder stays one: what ends in a dot ends in a slash
        if is_last {
            kept.push("");
        }
    }
    kept.join("/")
}

fn written(parts: Parts<'_>, path: &str) -> String {
    let mut uri = String::new();
    if let Some(scheme) = parts.scheme {
        uri.push_str(&scheme.to_ascii_lowercase());
        uri.push(':');
    }
    if let Some(authority) = parts.authority {
        uri.push_str("//");
        uri.push_str(authority);
    }
    uri.push_str(path);
    for (sign, part) in [('?', parts.query), ('#', parts.fragment)] {
        if let Some(part) = part {
            uri.push(sign);
            uri.push_str(part);
        }
    }
    uri
}
