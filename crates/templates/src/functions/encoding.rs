//! Encodings: base64, base64ToJson, base64ToString, dataUri, dataUriToString, json, uriComponent, uriComponentToString.

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use super::call::{Call, Function, plain};
use crate::{Error, Evaluator, Node, Value};

/// Base64 that pads, and takes what is not padded.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// What stays as it is in a component of a URI: RFC 3986's unreserved characters.
const COMPONENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

pub(super) fn find(name: &str) -> Option<Function> {
    Some(match name {
        "base64" => plain(1, 1, |call| Ok(Value::Text(BASE64.encode(call.text(0)?)))),
        "base64tostring" => plain(1, 1, |call| Ok(Value::Text(decoded(call, call.text(0)?)?))),
        "base64tojson" => plain(1, 1, |call| parsed(call, &decoded(call, call.text(0)?)?)),
        "datauri" => plain(1, 1, |call| {
            Ok(Value::Text(format!("data:text/plain;charset=utf8;base64,{}", BASE64.encode(call.text(0)?))))
        }),
        "datauritostring" => plain(1, 1, data_uri_to_string),
        "json" => plain(1, 1, |call| parsed(call, call.text(0)?)),
        "uricomponent" => {
            plain(1, 1, |call| Ok(Value::Text(utf8_percent_encode(call.text(0)?, COMPONENT).to_string())))
        }
        "uricomponenttostring" => plain(1, 1, |call| Ok(Value::Text(percent_decoded(call, call.text(0)?)?))),
        _ => return None,
    })
}

fn decoded(call: &Call<'_>, text: &str) -> Result<String, Error> {
    let no_base64 = |_| {
        call.says("was invoked with a parameter that is not valid. The value cannot be decoded from base64 representation.")
    };
    let bytes = BASE64.decode(text.trim()).map_err(no_base64)?;
    String::from_utf8(bytes).map_err(|_| call.fault("what the string encodes is not text in UTF-8"))
}

fn percent_decoded(call: &Call<'_>, text: &str) -> Result<String, Error> {
    let decoded = percent_decode_str(text).decode_utf8();
    Ok(decoded.map_err(|_| call.fault("what the string encodes is not text in UTF-8"))?.into_owned())
}

/// A value of JSON. What is wrong with the text is told by its place in it, not by what it holds.
fn parsed(call: &Call<'_>, text: &str) -> Result<Value, Error> {
    let limits = Evaluator::limits(call.evaluator);
    let node = Node::parse(text, limits).map_err(|error| match error.at {
        Some(at) => {
            call.fault(&format!("the string is not valid JSON at line {}, position {}", at.line, at.column))
        }
        None => call.fault("the string is longer than a document may be"),
    })?;
    Ok(node.into_value())
}

/// `data:[type][;parameter]…[;base64],data`
fn data_uri_to_string(call: &mut Call<'_>) -> Result<Value, Error> {
    let uri = call.text(0)?;
    let rest = uri.get(..5).filter(|scheme| scheme.eq_ignore_ascii_case("data:")).map(|_| &uri[5..]);
    let Some((head, data)) = rest.and_then(|rest| rest.split_once(',')) else {
        return Err(call.says("expects its parameter to be formatted as a valid data URI. The provided value was not formatted correctly. Please see https://aka.ms/arm-functions#dataUriToString for usage details."));
    };
    let is_base64 = head.rsplit(';').next().is_some_and(|last| last.trim().eq_ignore_ascii_case("base64"));
    let data = percent_decoded(call, data)?;
    Ok(Value::Text(if is_base64 { decoded(call, &data)? } else { data }))
}
