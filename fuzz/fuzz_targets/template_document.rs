//! Any text is a document or refused; what a strict parser takes is taken as well, and read the same again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use transload_templates::{Limits, Node};

fuzz_target!(|text: &str| {
    let limits = Limits { document_bytes_max: 64 << 10, ..Limits::default() };
    match Node::parse(text, &limits) {
        Ok(node) => {
            let json = node.to_json();
            // a document of strict JSON comes back as it was; numbers of many digits may be rounded
            let again = Node::parse(&json.to_string(), &limits);
            assert!(again.is_ok_and(|again| again.to_json() == json));
        }
        Err(error) => {
            let is_bounded = matches!(error.kind, transload_templates::ErrorKind::Limit);
            let is_twice = error.message.contains("is there twice");
            assert!(
                is_bounded || is_twice || serde_json::from_str::<serde_json::Value>(text).is_err(),
                "{error}"
            );
        }
    }
});
