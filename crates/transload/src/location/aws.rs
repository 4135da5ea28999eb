//! Whose requests to S3 are, and where they go: as Amazon's own tools find it.

use std::collections::HashMap;
use std::path::Path;

use transload_blobstore::{Credential, S3Identity, S3Options, StoreOptions};
use transload_transfer::{Code, Error};

use crate::cli::StoreArgs;
use crate::config::AwsEnvironment;

/// Profiles beyond this are something else.
const PROFILE_FILE_BYTES_MAX: u64 = 1 << 20;

/// Completes the options for S3 and says who signs. In this order: nobody if that was asked for, the key in the
/// environment, a workload's token, the profile, a task's or pod's role, the machine's role.
pub(super) fn set_up(
    args: &StoreArgs,
    aws: &AwsEnvironment,
    options: &mut StoreOptions,
) -> Result<Credential, Error> {
    let profile = Profile::read(aws)?;
    options.s3 = S3Options {
        endpoint: args
            .endpoint
            .clone()
            .or_else(|| aws.endpoint.clone())
            .or_else(|| profile.value("endpoint_url")),
        region: args.region.clone().or_else(|| aws.region.clone()).or_else(|| profile.value("region")),
        virtual_host: args.virtual_host.then_some(true),
        // what is typed is meant; what is inherited may not be
        plain_http: args.endpoint.is_some(),
    };
    let identity = if args.anonymous { S3Identity::Anonymous } else { identity(aws, &profile)? };
    Ok(Credential::S3(identity))
}

fn identity(aws: &AwsEnvironment, profile: &Profile) -> Result<S3Identity, Error> {
    match (&aws.access_key_id, &aws.secret_access_key) {
        (Some(id), Some(secret)) => {
            return Ok(S3Identity::Key {
                id: id.clone(),
                secret: secret.clone().into(),
                session: aws.session_token.clone().map(Into::into),
            });
        }
        (None, None) => {}
        (id, _) => {
            let (there, missing) = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY");
            let (there, missing) = if id.is_some() { (there, missing) } else { (missing, there) };
            return Err(Error::new(
                Code::CredentialInvalid,
                there,
                format!("it is set and {missing} is not"),
            )
            .with_next("set both"));
        }
    }
    if let (Some(role), Some(token_file)) = (&aws.role_arn, &aws.web_identity_token_file) {
        return Ok(S3Identity::WebIdentity {
            role: role.clone(),
            token_file: token_file.clone(),
            session_name: aws.role_session_name.clone(),
        });
    }
    if let Some(identity) = profile.identity()? {
        return Ok(identity);
    }
    if let Some(relative_uri) = &aws.container_relative_uri {
        return Ok(S3Identity::Task { relative_uri: relative_uri.clone() });
    }
    if let (Some(uri), Some(token_file)) = (&aws.container_full_uri, &aws.container_token_file) {
        return Ok(S3Identity::Pod { uri: uri.clone(), token_file: token_file.clone() });
    }
    if aws.metadata_disabled {
        return Ok(S3Identity::Anonymous);
    }
    Ok(S3Identity::Instance { endpoint: aws.metadata_endpoint.clone() })
}

/// What Amazon's two files say about a profile.
struct Profile {
    name: String,
    values: HashMap<String, String>,
}

impl Profile {
    fn read(aws: &AwsEnvironment) -> Result<Self, Error> {
        let name = aws.profile.clone().unwrap_or_else(|| "default".to_owned());
        let config = text(aws.config_file.as_deref())?;
        let credentials = text(aws.credentials_file.as_deref())?;
        // in the one file sections have a word in front, in the other they have not
        let mut values = section(&config, &format!("profile {name}"));
        if name == "default" {
            values.extend(section(&config, &name));
        }
        values.extend(section(&credentials, &name));
        if values.is_empty() && aws.profile.is_some() {
            let detail = "neither ~/.aws/config nor ~/.aws/credentials has such a profile";
            return Err(Error::new(Code::CredentialInvalid, format!("AWS_PROFILE {name}"), detail)
                .with_next("check the profile's name, and AWS_CONFIG_FILE and AWS_SHARED_CREDENTIALS_FILE if they are set"));
        }
        Ok(Self { name, values })
    }

    fn value(&self, key: &str) -> Option<String> {
        self.values.get(key).cloned()
    }

    /// Its key; `None` when it has nothing that signs.
    fn identity(&self) -> Result<Option<S3Identity>, Error> {
        if let (Some(id), Some(secret)) =
            (self.value("aws_access_key_id"), self.value("aws_secret_access_key"))
        {
            let session = self.value("aws_session_token").map(Into::into);
            return Ok(Some(S3Identity::Key { id, secret: secret.into(), session }));
        }
        if let (Some(role), Some(file)) = (self.value("role_arn"), self.value("web_identity_token_file")) {
            let session_name = self.value("role_session_name");
            return Ok(Some(S3Identity::WebIdentity { role, token_file: file.into(), session_name }));
        }
        let foreign = ["sso_session", "sso_start_url", "credential_process", "role_arn", "login_session"];
        match foreign.into_iter().find(|key| self.values.contains_key(*key)) {
            Some(key) => {
                let detail = format!("it signs in by {key}, which only Amazon's own tools can");
                Err(Error::new(Code::CredentialInvalid, format!("profile {}", self.name), detail).with_next(
                    format!(
                        "run: eval \"$(aws configure export-credentials --profile {} --format env)\"",
                        self.name
                    ),
                ))
            }
            None => Ok(None),
        }
    }
}

/// The file's text; empty when there is no file.
fn text(path: Option<&Path>) -> Result<String, Error> {
    let Some(path) = path else { return Ok(String::new()) };
    let failed = |detail: String| Error::new(Code::CredentialInvalid, path.display().to_string(), detail);
    match std::fs::metadata(path) {
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(String::new()),
        Err(e) => return Err(failed(e.to_string())),
        Ok(meta) if meta.len() > PROFILE_FILE_BYTES_MAX => {
            return Err(failed(format!("{} bytes are too many for a file of profiles", meta.len())));
        }
        Ok(_) => {}
    }
    std::fs::read_to_string(path).map_err(|e| failed(e.to_string()))
}

/// The values of a section. Indented lines belong to a value with parts, of which none is wanted.
fn section(text: &str, name: &str) -> HashMap<String, String> {
    let mut within = false;
    let mut values = HashMap::new();
    for line in text.lines() {
        if line.starts_with([' ', '\t', '#', ';']) {
            continue;
        }
        if let Some(header) = line.trim().strip_prefix('[').and_then(|l| l.split_once(']')) {
            within = header.0.split_whitespace().eq(name.split_whitespace());
        } else if let (true, Some((key, value))) = (within, line.split_once('=')) {
            values.insert(key.trim().to_ascii_lowercase(), value.trim().to_owned());
        }
    }
    values
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(folder: &Path) -> AwsEnvironment {
        AwsEnvironment {
            credentials_file: Some(folder.join("credentials")),
            config_file: Some(folder.join("config")),
            ..AwsEnvironment::default()
        }
    }

    fn files() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(
            folder.path().join("credentials"),
            "[default]\naws_access_key_id=FIRST\naws_secret_access_key = a=b/c\n\n# note\n[other]\n\
             aws_access_key_id = SECOND\naws_secret_access_key = two\naws_session_token = three\n",
        )
        .unwrap();
        std::fs::write(
            folder.path().join("config"),
            "[default]\nregion = eu-west-1\ns3 =\n  addressing_style = path\n[profile other]\nendpoint_url = https://s\n\
             [profile  single]\nsso_session = work\n",
        )
        .unwrap();
        folder
    }

    fn shown(aws: &AwsEnvironment) -> Result<String, Error> {
        identity(aws, &Profile::read(aws)?).map(|identity| format!("{identity:?}"))
    }

    #[test]
    fn keys_come_from_the_environment_then_a_token_then_the_profile_then_the_machine() {
        let folder = files();
        let mut aws = environment(folder.path());
        assert!(shown(&aws).unwrap().contains("FIRST"));
        aws.profile = Some("other".to_owned());
        assert!(shown(&aws).unwrap().contains("SECOND"));
        (aws.role_arn, aws.web_identity_token_file) = (Some("arn:r".to_owned()), Some("/t".into()));
        assert_eq!(shown(&aws).unwrap(), "WebIdentity(arn:r)");
        (aws.access_key_id, aws.secret_access_key) = (Some("ENV".to_owned()), Some("SECRET".to_owned()));
        let key = shown(&aws).unwrap();
        assert!(key.contains("ENV") && !key.contains("SECRET"), "{key}");
        assert!(!format!("{aws:?}").contains("SECRET"));
        let nothing = AwsEnvironment::default();
        assert_eq!(shown(&nothing).unwrap(), "Instance");
        let task = AwsEnvironment { container_relative_uri: Some("/x".to_owned()), ..nothing };
        assert_eq!(shown(&task).unwrap(), "Task");
    }

    #[test]
    fn profiles_give_region_and_endpoint_and_the_command_line_goes_before_them() {
        let folder = files();
        let mut aws = environment(folder.path());
        let mut args = StoreArgs::default();
        let mut options = StoreOptions::default();
        set_up(&args, &aws, &mut options).unwrap();
        assert_eq!(options.s3.region.as_deref(), Some("eu-west-1"));
        aws.profile = Some("other".to_owned());
        set_up(&args, &aws, &mut options).unwrap();
        assert_eq!(options.s3.endpoint.as_deref(), Some("https://s"));
        assert!(!options.s3.plain_http);
        (args.endpoint, args.region) = (Some("http://here".to_owned()), Some("x".to_owned()));
        set_up(&args, &aws, &mut options).unwrap();
        assert_eq!(
            (options.s3.endpoint.as_deref(), options.s3.region.as_deref()),
            (Some("http://here"), Some("x"))
        );
        assert!(options.s3.plain_http);
    }

    #[test]
    fn what_cannot_be_used_is_named_with_the_way_out() {
        let folder = files();
        let mut aws = environment(folder.path());
        aws.profile = Some("single".to_owned());
        let error = shown(&aws).unwrap_err();
        assert!(format!("{error:?}").contains("sso_session"), "{error:?}");
        aws.profile = Some("nobody".to_owned());
        assert_eq!(shown(&aws).unwrap_err().code(), Code::CredentialInvalid);
        let half = AwsEnvironment { access_key_id: Some("x".to_owned()), ..AwsEnvironment::default() };
        assert!(shown(&half).unwrap_err().to_string().contains("AWS_SECRET_ACCESS_KEY"));
    }
}
