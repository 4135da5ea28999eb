//! Resource groups.

use transload_resource_id::ResourceId;

use super::{Control, action};
use crate::access::{Caller, Role};
use crate::error::{Code, Error};
use crate::ledger::Put;
use crate::names;
use crate::resource::{Body, Group, kind};

impl Control {
    /// Makes a resource group, or changes its tags.
    ///
    /// # Errors
    /// [`Code::AuthorizationFailed`], [`Code::InvalidResourceName`], [`Code::InvalidRequest`].
    pub async fn put_group(&self, caller: &Caller, id: &ResourceId, group: Group) -> Result<Put, Error> {
        self.allow(caller, id, Role::Contributor, "write").await?;
        let work = async {
            self.in_subscription(id)?;
            names::check(id, kind::GROUP)?;
            self.check_tags(&group.tags)?;
            if group.location.trim().is_empty() {
                let text = "A resource group needs a location; any word will do, such as 'local'.";
                return Err(Error::new(Code::InvalidRequest, text).about("location"));
            }
            self.write(caller, id, &Body::Group(group)).await
        };
        self.audited(caller, &action(kind::GROUP, "write"), id.as_str(), work).await
    }

    /// Whether tags are within bounds.
    pub(super) fn check_tags(&self, tags: &std::collections::BTreeMap<String, String>) -> Result<(), Error> {
        let limits = self.limits();
        let most = limits.tags_per_resource_max;
        let long = tags.iter().any(|(key, value)| key.len() > 512 || value.len() > limits.text_chars_max);
        if tags.len() > most || long {
            let text = format!(
                "At most {most} tags of at most 512 characters (values: {}) are taken.",
                limits.text_chars_max
            );
            return Err(Error::new(Code::InvalidRequest, text).about("tags"));
        }
        Ok(())
    }
}
