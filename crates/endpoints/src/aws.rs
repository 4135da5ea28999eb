//! Whose requests to S3 are, and where they go, as Amazon's own tools find it, from an environment that somebody has read.

use std::collections::HashMap;
use std::fmt;
use std::path::{Path, PathBuf};

use secrecy::SecretString;
use transload_blobstore::S3Identity;

use crate::error::{Error, ErrorKind};

/// Profiles beyond this are something else.
const PROFILE_FILE_BYTES_MAX: u64 = 1 << 20;

/// What Amazon's tools take from the environment.
#[derive(Clone, Default)]
pub struct AwsEnvironment {
    /// `AWS_ACCESS_KEY_ID`.
    pub access_key_id: Option<String>,
    /// `AWS_SECRET_ACCESS_KEY`.
    pub secret_access_key: Option<SecretString>,
    /// `AWS_SESSION_TOKEN`.
    pub session_token: Option<SecretString>,
    /// `AWS_PROFILE`.
    pub profile: Option<String>,
    /// A file that may not exist: `AWS_SHARED_CREDENTIALS_FILE`.
    pub credentials_file: Option<PathBuf>,
    /// A file that may not exist: `AWS_CONFIG_FILE`.
    pub config_file: Option<PathBuf>,
    /// `AWS_REGION`.
    pub region: Option<String>,
    /// `AWS_ENDPOINT_URL_S3`.
    pub endpoint: Option<String>,
    /// `AWS_ROLE_ARN`.
    pub role_arn: Option<String>,
    /// `AWS_ROLE_SESSION_NAME`.
    pub role_session_name: Option<String>,
    /// `AWS_WEB_IDENTITY_TOKEN_FILE`.
    pub web_identity_token_file: Option<PathBuf>,
    /// `AWS_CONTAINER_CREDENTIALS_RELATIVE_URI`.
    pub container_relative_uri: Option<String>,
    /// `AWS_CONTAINER_CREDENTIALS_FULL_URI`.
    pub container_full_uri: Option<String>,
    /// `AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE`.
    pub container_token_file: Option<PathBuf>,
    /// `AWS_EC2_METADATA_SERVICE_ENDPOINT`.
    pub metadata_endpoint: Option<String>,
    /// Whether `AWS_EC2_METADATA_DISABLED` is set.
    pub metadata_disabled: bool,
}

impl fmt::Debug for AwsEnvironment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AwsEnvironment")
            .field("access_key_id", &self.access_key_id)
            .field("profile", &self.profile)
            .field("region", &self.region)
            .field("endpoint", &self.endpoint)
            .finish_non_exhaustive()
    }
}

impl AwsEnvironment {
    /// The environment with the profile that it names.
    ///
    /// # Errors
    /// `CredentialInvalid` for files that cannot be read and a profile that is not there.
    pub fn with_profile(&self) -> Result<Aws<'_>, Error> {
        Ok(Aws { environment: self, profile: Profile::read(self)? })
    }
}

/// An environment and a profile.
pub struct Aws<'a> {
    environment: &'a AwsEnvironment,
    profile: Profile,
}

impl fmt::Debug for Aws<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Aws").field("profile", &self.profile.name).finish_non_exhaustive()
    }
}

impl Aws<'_> {
    /// Another store than Amazon's.
    pub fn endpoint(&self) -> Option<String> {
        self.environment.endpoint.clone().or_else(|| self.profile.value("endpoint_url"))
    }

    /// The region.
    pub fn region(&self) -> Option<String> {
        self.environment.region.clone().or_else(|| self.profile.value("region"))
    }

    /// Who signs. In this order: the key in the environment, a workload's token, the profile, a task's or pod's role, the
    /// machine's role; nobody where the machine is not to be asked.
    ///
    /// # Errors
    /// `CredentialInvalid` for half a key, and for a profile that signs in in a way that only Amazon's tools can.
    pub fn identity(&self) -> Result<S3Identity, Error> {
        identity(self.environment, &self.profile)
    }
}

fn identity(aws: &AwsEnvironment, profile: &Profile) -> Result<S3Identity, Error> {
    match (&aws.access_key_id, &aws.secret_access_key) {
        (Some(id), Some(secret)) => {
            return Ok(S3Identity::Key {
                id: id.clone(),
                secret: secret.clone(),
                session: aws.session_token.clone(),
            });
        }
        (None, None) => {}
        (id, _) => {
            let (there, missing) = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY");
            let (there, missing) = if id.is_some() { (there, missing) } else { (missing, there) };
            let detail = format!("it is set and {missing} is not");
            return Err(Error::new(ErrorKind::CredentialInvalid, there, detail, "set both"));
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
            let next = "check the profile's name, and AWS_CONFIG_FILE and AWS_SHARED_CREDENTIALS_FILE if they are set";
            return Err(Error::new(
                ErrorKind::CredentialInvalid,
                format!("AWS_PROFILE {name}"),
                detail,
                next,
            ));
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
                let next = format!(
                    "run: eval \"$(aws configure export-credentials --profile {} --format env)\"",
                    self.name
                );
                let subject = format!("profile {}", self.name);
                Err(Error::new(ErrorKind::CredentialInvalid, subject, detail, next))
            }
            None => Ok(None),
        }
    }
}

/// The file's text; empty when there is no file.
fn text(path: Option<&Path>) -> Result<String, Error> {
    let Some(path) = path else { return Ok(String::new()) };
    let failed = |detail: String| {
        let next = "check the file, or name another one";
        Error::new(ErrorKind::CredentialInvalid, path.display().to_string(), detail, next)
    };
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
        aws.with_profile()?.identity().map(|identity| format!("{identity:?}"))
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
        (aws.access_key_id, aws.secret_access_key) = (Some("ENV".to_owned()), Some("SECRET".into()));
        let key = shown(&aws).unwrap();
        assert!(key.contains("ENV") && !key.contains("SECRET"), "{key}");
        assert!(!format!("{aws:?}").contains("SECRET"));
        let nothing = AwsEnvironment::default();
        assert_eq!(shown(&nothing).unwrap(), "Instance");
        let task = AwsEnvironment { container_relative_uri: Some("/x".to_owned()), ..nothing };
        assert_eq!(shown(&task).unwrap(), "Task");
    }

    #[test]
    fn profiles_give_region_and_endpoint_and_the_environment_goes_before_them() {
        let folder = files();
        let mut aws = environment(folder.path());
        assert_eq!(aws.with_profile().unwrap().region().as_deref(), Some("eu-west-1"));
        aws.profile = Some("other".to_owned());
        assert_eq!(aws.with_profile().unwrap().endpoint().as_deref(), Some("https://s"));
        aws.endpoint = Some("https://here".to_owned());
        assert_eq!(aws.with_profile().unwrap().endpoint().as_deref(), Some("https://here"));
    }

    #[test]
    fn what_cannot_be_used_is_named_with_the_way_out() {
        let folder = files();
        let mut aws = environment(folder.path());
        aws.profile = Some("single".to_owned());
        let error = shown(&aws).unwrap_err();
        assert!(format!("{error:?}").contains("sso_session"), "{error:?}");
        aws.profile = Some("nobody".to_owned());
        assert_eq!(shown(&aws).unwrap_err().kind(), ErrorKind::CredentialInvalid);
        let half = AwsEnvironment { access_key_id: Some("x".to_owned()), ..AwsEnvironment::default() };
        assert!(shown(&half).unwrap_err().to_string().contains("AWS_SECRET_ACCESS_KEY"));
    }
}
