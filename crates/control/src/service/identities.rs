//! User-assigned identities.

use std::collections::BTreeMap;

use transload_resource_id::ResourceId;
use uuid::Uuid;

use super::{Control, action};
use crate::access::{Caller, Role};
use crate::error::{Code, Error};
use crate::ledger::Put;
use crate::names;
use crate::resource::{Body, UserIdentity, kind};

impl Control {
    /// Makes an identity, or changes its tags. Its ids never change.
    ///
    /// # Errors
    /// [`Code::AuthorizationFailed`], [`Code::InvalidResourceName`], [`Code::ResourceGroupNotFound`].
    pub async fn put_identity(
        &self,
        caller: &Caller,
        id: &ResourceId,
        location: String,
        tags: BTreeMap<String, String>,
    ) -> Result<Put, Error> {
        self.allow(caller, id, Role::Contributor, "write").await?;
        let act = async || {
            self.parent_exists(id).await?;
            names::check(id, kind::USER_IDENTITY)?;
            self.check_tags(&tags)?;
            let (revision, old) = self.read(id).await?;
            let (principal_id, client_id) = match old {
                Some(Body::UserIdentity(old)) => (old.principal_id, old.client_id),
                _ => (Uuid::new_v4(), Uuid::new_v4()),
            };
            let (location, tags) = (location.clone(), tags.clone());
            let body = Body::UserIdentity(UserIdentity { location, tags, principal_id, client_id });
            self.replace(caller, id, revision, &body, &[]).await
        };
        let work = self.settled(id, act);
        self.audited(caller, &action(kind::USER_IDENTITY, "write"), id.as_str(), work).await
    }

    /// A user-assigned identity by the id that a client sent.
    pub(super) async fn user_identity(&self, id: &str) -> Result<UserIdentity, Error> {
        let refuse = |text: String| Err(Error::new(Code::InvalidRequest, text).about("identity"));
        let Ok(parsed) = ResourceId::parse(id) else {
            return refuse("A user-assigned identity is named by its resource id.".to_owned());
        };
        match self.ledger().get(&parsed).await?.map(|stored| stored.body) {
            Some(Body::UserIdentity(identity)) => Ok(identity),
            _ => refuse(format!(
                "The user-assigned identity '{parsed}' does not exist. Create it with `transload identity create` or `az \
                 identity create`, or use a system-assigned one."
            )),
        }
    }
}
