//! Keys of buckets out of secrets.

use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use transload_blobstore::{GcsIdentity, S3Identity};

use crate::container::StoreSecret;
use crate::error::{Error, ErrorKind};
use crate::sas::renew;

/// Who signs requests to S3, and where the bucket is.
pub(crate) struct S3Key {
    pub(crate) identity: S3Identity,
    pub(crate) region: Option<String>,
    pub(crate) endpoint: Option<String>,
}

/// As people write it, and as Amazon's tools do (`aws sts`, files of credentials).
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct S3Json {
    #[serde(alias = "AccessKeyId", alias = "aws_access_key_id")]
    access_key_id: String,
    #[serde(alias = "SecretAccessKey", alias = "aws_secret_access_key")]
    secret_access_key: SecretText,
    #[serde(default, alias = "SessionToken", alias = "aws_session_token")]
    session_token: Option<SecretText>,
    #[serde(default)]
    region: Option<String>,
    #[serde(default)]
    endpoint: Option<String>,
}

/// Text that goes from JSON to where it is wiped.
#[derive(Deserialize)]
#[serde(from = "String")]
struct SecretText(SecretString);

impl From<String> for SecretText {
    fn from(text: String) -> Self {
        Self(text.into())
    }
}

impl S3Key {
    /// # Errors
    /// `CredentialInvalid`, never with the value in it.
    pub(crate) fn parse(secret: &StoreSecret) -> Result<Self, Error> {
        let text = secret.value.expose_secret().trim();
        if text.starts_with('{') {
            // the parser's own words may quote the value
            let json: S3Json = serde_json::from_str(text).map_err(|_| no_s3_key(secret))?;
            let some = |text: Option<String>| text.filter(|text| !text.is_empty());
            let session = json.session_token.map(|token| token.0);
            let session = session.filter(|token| !token.expose_secret().is_empty());
            if json.access_key_id.is_empty() || json.secret_access_key.0.expose_secret().is_empty() {
                return Err(no_s3_key(secret));
            }
            let key = json.secret_access_key.0;
            return Ok(Self {
                identity: S3Identity::Key { id: json.access_key_id, secret: key, session },
                region: some(json.region),
                endpoint: some(json.endpoint),
            });
        }
        let sound = |part: &str| !part.is_empty() && !part.contains(char::is_whitespace);
        match text.split_once(':') {
            Some((id, key)) if sound(id) && sound(key) && !key.starts_with("//") => Ok(Self {
                identity: S3Identity::Key { id: id.to_owned(), secret: key.into(), session: None },
                region: None,
                endpoint: None,
            }),
            _ => Err(no_s3_key(secret)),
        }
    }
}

fn no_s3_key(secret: &StoreSecret) -> Error {
    Error::new(
        ErrorKind::CredentialInvalid,
        format!("secret {}", secret.uri),
        "it holds no key for S3",
        format!(
            "write it as {{\"accessKeyId\":\"…\",\"secretAccessKey\":\"…\"}}, with \"sessionToken\", \"region\" and \
             \"endpoint\" if need be, or as id:key; {}",
            renew(&secret.uri)
        ),
    )
}

/// # Errors
/// `CredentialInvalid`, never with the value in it.
pub(crate) fn service_account(secret: &StoreSecret) -> Result<GcsIdentity, Error> {
    GcsIdentity::of_key(secret.value.clone()).map_err(|error| {
        Error::new(
            ErrorKind::CredentialInvalid,
            format!("secret {}", secret.uri),
            format!("it holds no service account's key: {}", error.detail()),
            format!("make a key of the service account in JSON; {}", renew(&secret.uri)),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<S3Key, Error> {
        S3Key::parse(&StoreSecret { value: text.into(), uri: "https://v.x/secrets/s3".to_owned() })
    }

    #[test]
    fn keys_are_taken_as_json_and_as_two_words() {
        let full = r#"{"accessKeyId":"ID","secretAccessKey":"PLANTED","sessionToken":"PLANTED2","region":"eu-west-1","endpoint":"https://s3.example"}"#;
        let key = parse(full).unwrap();
        assert_eq!(key.region.as_deref(), Some("eu-west-1"));
        assert_eq!(key.endpoint.as_deref(), Some("https://s3.example"));
        let Ok(S3Key { identity: S3Identity::Key { id, secret, session }, .. }) = parse(full) else {
            panic!()
        };
        assert_eq!((id.as_str(), secret.expose_secret()), ("ID", "PLANTED"));
        assert_eq!(session.unwrap().expose_secret(), "PLANTED2");
        let aws =
            r#"{"AccessKeyId":"ID","SecretAccessKey":"PLANTED","SessionToken":"","Expiration":"2027-01-01"}"#;
        let Ok(S3Key { identity: S3Identity::Key { session: None, .. }, .. }) = parse(aws) else { panic!() };
        let Ok(S3Key { identity: S3Identity::Key { id, secret, .. }, .. }) = parse(" ID:PLAN:TED\n") else {
            panic!()
        };
        assert_eq!((id.as_str(), secret.expose_secret()), ("ID", "PLAN:TED"));
    }

    #[test]
    fn what_is_no_key_is_refused_in_words_without_it() {
        let google = r#"{"type":"service_account","private_key":"PLANTED"}"#;
        for text in [
            "",
            "PLANTED",
            "PLANTED:",
            ":PLANTED",
            "https://PLANTED",
            "{PLANTED",
            google,
            r#"{"accessKeyId":"PLANTED","secretAccessKey":7}"#,
            r#"{"accessKeyId":"","secretAccessKey":"PLANTED"}"#,
        ] {
            let Err(error) = parse(text) else { panic!("{text}") };
            assert_eq!(error.kind(), ErrorKind::CredentialInvalid);
            assert!(!format!("{error:?}").contains("PLANTED"), "{error:?}");
        }
    }
}
