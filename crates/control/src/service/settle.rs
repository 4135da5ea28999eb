//! Changing what is there by what was read of it.

use transload_resource_id::ResourceId;

use super::Control;
use crate::access::Caller;
use crate::error::{Code, Error};
use crate::ledger::{Expect, Put};
use crate::resource::{Body, Stored};

impl Control {
    /// Does it again where somebody else made or changed the resource after it was read. What a resource is given once and
    /// keeps (the ids of an identity, where a hosted registry's content is) would otherwise be given anew by whoever is second.
    pub(super) async fn settled<F, A>(&self, id: &ResourceId, act: F) -> Result<Put, Error>
    where
        F: Fn() -> A,
        A: Future<Output = Result<Put, Error>>,
    {
        loop {
            match act().await {
                Err(error)
                    if error.code == Code::Conflict && error.target.as_deref() == Some(id.as_str()) => {}
                done => return done,
            }
        }
    }

    /// Writes a resource that was read before; refused, with the resource as the target, if it is another by now.
    pub(super) async fn replace(
        &self,
        caller: &Caller,
        id: &ResourceId,
        read: Option<i64>,
        body: &Body,
        names: &[String],
    ) -> Result<Put, Error> {
        let expect = read.map_or(Expect::Absent, Expect::Revision);
        self.ledger().put_named(id, body, &caller.name, expect, names).await
    }

    /// What is there, and its revision.
    pub(super) async fn read(&self, id: &ResourceId) -> Result<(Option<i64>, Option<Body>), Error> {
        let found = self.ledger().get(id).await?;
        Ok(found.map(|Stored { revision, body, .. }| (revision, body)).unzip())
    }
}
