//! Copies from registry to registry, as `az acr import` asks for them.

use secrecy::SecretString;
use transload_oci::Pattern;
use transload_resource_id::ResourceId;

use super::{Control, action};
use crate::access::{Caller, Role};
use crate::error::{Code, Error};
use crate::resource::{Body, kind};
use crate::run::{Run, Work};

/// What the password of a request is sealed for.
pub const PASSWORD_CONTEXT: &str = "importImage/password";

/// A copy as it is asked for.
#[derive(Debug)]
pub struct ImportImage {
    /// Where from.
    pub source: ImageSource,
    /// `repository[:tag|@digest]` there.
    pub source_image: String,
    /// User there.
    pub user: Option<String>,
    /// Password there.
    pub password: Option<SecretString>,
    /// `repository[:tag]` here; nothing for the same name.
    pub target_tags: Vec<String>,
    /// Repositories to fill without a tag.
    pub untagged_target_repositories: Vec<String>,
    /// Whether tags are moved.
    pub force: bool,
}

/// A source of images.
#[derive(Debug, Clone)]
pub enum ImageSource {
    /// A registry of this server.
    Registry(ResourceId),
    /// `host[:port]`.
    Host(String),
}

impl Control {
    /// Asks for a copy into a registry. Whoever asks has to be able to read a source that is a registry of this server.
    ///
    /// # Errors
    /// [`Code::AuthorizationFailed`], `…NotFound`, [`Code::InvalidRequest`].
    pub async fn import_image(
        &self,
        caller: &Caller,
        registry: &ResourceId,
        import: ImportImage,
    ) -> Result<Run, Error> {
        self.allow(caller, registry, Role::Operator, "importImage/action").await?;
        if let ImageSource::Registry(source) = &import.source {
            self.allow(caller, source, Role::Reader, "pull/read").await?;
        }
        let work = async {
            let stored = self.stored(registry).await?;
            let (source_registry, source_host) = self.image_source(import.source).await?;
            let password_sealed = match &import.password {
                Some(password) => Some(self.seal(PASSWORD_CONTEXT, password)?),
                None => None,
            };
            check_images(&import.source_image, &import.target_tags, &import.untagged_target_repositories)?;
            let work = Work::ImportImage {
                registry: stored.id.clone(),
                source_registry,
                source_host,
                source_image: import.source_image,
                user: import.user,
                password_sealed,
                target_tags: import.target_tags,
                untagged_target_repositories: import.untagged_target_repositories,
                force: import.force,
            };
            self.unlisted(caller, &stored.id, "imports", work).await
        };
        self.audited(caller, &action(kind::REGISTRY, "importImage/action"), registry.as_str(), work).await
    }

    async fn image_source(&self, source: ImageSource) -> Result<(Option<ResourceId>, Option<String>), Error> {
        match source {
            ImageSource::Host(host) => Ok((None, Some(host))),
            ImageSource::Registry(id) => match self.stored(&id).await? {
                stored if matches!(stored.body, Body::Registry(_)) => Ok((Some(stored.id), None)),
                _ => Err(Error::new(Code::InvalidRequest, format!("'{id}' is no registry"))
                    .about("source.resourceId")),
            },
        }
    }
}

fn check_images(source: &str, tags: &[String], repositories: &[String]) -> Result<(), Error> {
    let refuse = |text: String, member: &str| Err(Error::new(Code::InvalidRequest, text).about(member));
    let plain =
        |text: &str| text.parse::<Pattern>().ok().and_then(|pattern| pattern.as_reference()).is_some();
    if !plain(source) {
        return refuse(
            "The source image is written as repository:tag or repository@digest.".to_owned(),
            "source.sourceImage",
        );
    }
    if let Some(bad) = tags.iter().find(|tag| !plain(tag)) {
        return refuse(format!("'{bad}' is no repository:tag."), "targetTags");
    }
    if let Some(bad) = repositories.iter().find(|name| !transload_oci::is_repository(name)) {
        return refuse(format!("'{bad}' is no repository."), "untaggedTargetRepositories");
    }
    Ok(())
}
