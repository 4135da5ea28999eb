//! Where in a body something is, by names and numbers: whoever uses a client has not seen the body, but knows its members.

/// Longest name that is shown.
const NAME_MAX: usize = 64;

/// An object or a list that a place is in.
enum Frame {
    /// With the name of the member that is being read.
    Object(Option<String>),
    /// With the number of the item that is being read.
    List(usize),
}

/// The member (`properties.options[0]`) whose value is being read, or was last read, at a line and a column as the parser
/// counts them. `None` for the body itself.
pub(crate) fn member_at(body: &[u8], line: usize, column: usize) -> Option<String> {
    let begin: usize =
        body.split_inclusive(|&byte| byte == b'\n').take(line.checked_sub(1)?).map(<[u8]>::len).sum();
    let read = &body[..begin.saturating_add(column).min(body.len())];
    let mut frames: Vec<Frame> = Vec::new();
    let mut at = 0;
    while let Some(&byte) = read.get(at) {
        at += 1;
        match byte {
            b'{' => frames.push(Frame::Object(None)),
            b'[' => frames.push(Frame::List(0)),
            b'}' | b']' => drop(frames.pop()),
            b',' => match frames.last_mut() {
                Some(Frame::Object(name)) => *name = None,
                Some(Frame::List(number)) => *number += 1,
                None => {}
            },
            b'"' => {
                let length = text_length(&read[at..])?;
                if let Some(Frame::Object(name @ None)) = frames.last_mut() {
                    *name = Some(shown(&read[at..at + length]));
                }
                at += length + 1;
            }
            _ => {}
        }
    }
    let path = frames.iter().fold(String::new(), |path, frame| match frame {
        Frame::Object(None) => path,
        Frame::Object(Some(name)) if path.is_empty() => name.clone(),
        Frame::Object(Some(name)) => format!("{path}.{name}"),
        Frame::List(number) => format!("{path}[{number}]"),
    });
    Some(path).filter(|path| !path.is_empty())
}

/// How long a text is whose opening quote was read, without the closing one.
fn text_length(rest: &[u8]) -> Option<usize> {
    let mut escaped = false;
    rest.iter().position(|&byte| {
        let ends = byte == b'"' && !escaped;
        escaped = byte == b'\\' && !escaped;
        ends
    })
}

/// A name as it may be repeated: a plain word. Anything else might be a secret that went astray.
fn shown(name: &[u8]) -> String {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.$".contains(byte);
    if name.len() <= NAME_MAX && name.iter().all(plain) {
        String::from_utf8_lossy(name).into_owned()
    } else {
        "…".to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The member at the place of a `^`, which is taken out.
    fn at(marked: &str) -> Option<String> {
        let (before, after) = marked.split_once('^').unwrap();
        let line = before.matches('\n').count() + 1;
        let column = before.len() - before.rfind('\n').map_or(0, |end| end + 1);
        member_at(format!("{before}{after}").as_bytes(), line, column)
    }

    #[test]
    fn a_place_is_named_by_the_member_that_is_read_there() {
        for (marked, member) in [
            (r#"{"tags": {"a": "1", "z": 9^}}"#, Some("tags.z")),
            (r#"{"tags": {"a": "}", "q\"\\": "x", "z": "^9"}}"#, None),
            (r#"{"properties": {"options": "x"^}}"#, Some("properties.options")),
            (r#"{"a": [{"b": 1}, {"b": [1, 2^]}]}"#, Some("a[1].b[1]")),
            (r#"{"a": {"b": 1}^, "c": 2}"#, Some("a")),
            (r#"{"a": ^{"b": 1}}"#, Some("a")),
            ("{\"a\": 1,\n \"b\": {\n  \"c\": true^}}", Some("b.c")),
            (r#"{"sv=1&sig=geheim": 1^}"#, Some("…")),
            (r#""text"^"#, None),
            ("^", None),
        ] {
            assert_eq!(at(marked).as_deref(), member, "{marked}");
        }
        assert_eq!(member_at(b"{", 0, 0), None);
        assert_eq!(member_at(b"{\"a\": 1}", 9, 900).as_deref(), None);
    }
}
