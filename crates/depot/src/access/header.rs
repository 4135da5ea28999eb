//! What a request says about who sent it (`Authorization`).

use std::fmt;

use axum::http::{HeaderMap, header};
use base64::Engine as _;
use base64::engine::general_purpose::GeneralPurpose;
use base64::engine::{DecodePaddingMode, GeneralPurposeConfig};
use secrecy::SecretString;

/// With padding or without it: clients differ.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// A credential out of a header.
pub enum Given {
    /// There is none.
    Nothing,
    /// User and password.
    Basic {
        /// The user's name.
        user: String,
        /// The password.
        password: SecretString,
    },
    /// A token.
    Bearer(SecretString),
    /// There is something, but it makes no sense.
    Nonsense,
}

impl Given {
    /// Reads the header. An empty Basic credential is none: clients without a credential send one when they were
    /// asked.
    pub fn of(headers: &HeaderMap) -> Self {
        let mut values = headers.get_all(header::AUTHORIZATION).iter();
        let Some(value) = values.next() else { return Self::Nothing };
        if values.next().is_some() {
            return Self::Nonsense;
        }
        let Some((scheme, rest)) = value.to_str().ok().and_then(|text| text.trim().split_once(' ')) else {
            return Self::Nonsense;
        };
        let rest = rest.trim_start();
        match scheme.to_ascii_lowercase().as_str() {
            "basic" => basic(rest).unwrap_or(Self::Nonsense),
            "bearer" if !rest.is_empty() => Self::Bearer(SecretString::from(rest)),
            _ => Self::Nonsense,
        }
    }
}

fn basic(text: &str) -> Option<Given> {
    let text = String::from_utf8(BASE64.decode(text).ok()?).ok()?;
    let (user, password) = text.split_once(':')?;
    if user.is_empty() && password.is_empty() {
        return Some(Given::Nothing);
    }
    if user.chars().any(char::is_control) {
        return None;
    }
    Some(Given::Basic { user: user.to_owned(), password: SecretString::from(password) })
}

impl fmt::Debug for Given {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Nothing => "Nothing",
            Self::Basic { .. } => "Basic",
            Self::Bearer(_) => "Bearer",
            Self::Nonsense => "Nonsense",
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use secrecy::ExposeSecret as _;

    use super::*;

    fn of(values: &[&str]) -> String {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(header::AUTHORIZATION, value.parse().unwrap());
        }
        match Given::of(&headers) {
            Given::Basic { user, password } => format!("{user} with {}", password.expose_secret()),
            Given::Bearer(token) => format!("token {}", token.expose_secret()),
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn credentials_are_read_as_clients_write_them() {
        assert_eq!(of(&[]), "Nothing");
        // a:b:c, with and without padding, and in any case of the scheme
        assert_eq!(of(&["Basic YTpiOmM="]), "a with b:c");
        assert_eq!(of(&["basic  YTpiOmM"]), "a with b:c");
        assert_eq!(of(&["Basic Og=="]), "Nothing");
        assert_eq!(of(&["Basic YTo="]), "a with ");
        assert_eq!(of(&["BEARER x.y.z"]), "token x.y.z");
        for nonsense in ["", "Basic", "Basic !!", "Basic YQ==", "Bearer ", "Digest a=b", "Basic YQphOmI="] {
            assert_eq!(of(&[nonsense]), "Nonsense", "{nonsense}");
        }
        assert_eq!(of(&["Bearer a", "Bearer b"]), "Nonsense");
    }

    proptest! {
        #[test]
        fn what_is_encoded_comes_back(user in "[^:\\p{C}]{1,20}", password in "\\PC{0,40}") {
            let text = BASE64.encode(format!("{user}:{password}"));
            prop_assert_eq!(of(&[&format!("Basic {text}")]), format!("{user} with {password}"));
        }

        #[test]
        fn no_header_breaks_it(value in prop::collection::vec(any::<u8>(), 0..60)) {
            if let Ok(value) = axum::http::HeaderValue::from_bytes(&value) {
                let mut headers = HeaderMap::new();
                headers.append(header::AUTHORIZATION, value);
                let _ = Given::of(&headers);
            }
        }
    }
}
