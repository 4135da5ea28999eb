//! Resources: made, read, listed, deleted.

use reqwest::Method;
use serde::Serialize;
use serde::de::DeserializeOwned;
use transload_api::group::Subscription;
use transload_api::{Listed, ResourceId};

use crate::connect::Client;
use crate::error::{Error, Kind};
use crate::ids::{SUBSCRIPTIONS_VERSION, Versioned};
use crate::operation::Operation;

/// A resource that was put.
#[derive(Debug, Clone)]
pub struct Put<T> {
    /// As the server has it now.
    pub value: T,
    /// Whether it was not there before, or runs anew (status 201).
    pub is_new: bool,
    /// What still goes on.
    pub operation: Option<Operation>,
}

/// What became of a deletion.
#[derive(Debug, Clone)]
pub enum Deleted {
    /// It was not there.
    Absent,
    /// It is gone.
    Gone,
    /// It goes when what runs has stopped.
    Pending(Operation),
}

impl Client {
    /// The subscription: the one that the server has, or the first that may be seen.
    ///
    /// # Errors
    /// Those of a request; `Denied` where none may be seen.
    pub async fn subscription(&self) -> Result<ResourceId, Error> {
        if let Some(known) = self.0.subscription.lock().clone() {
            return Ok(known);
        }
        let path = format!("/subscriptions?api-version={SUBSCRIPTIONS_VERSION}");
        let all: Listed<Subscription> = self.get_path(&path).await?;
        let first = all.value.first().ok_or_else(|| {
            Error::new(
                Kind::Denied,
                self.server(),
                "this principal may see no subscription: it has no role yet",
            )
        })?;
        let id = ResourceId::subscription_of(&first.subscription_id);
        *self.0.subscription.lock() = Some(id.clone());
        Ok(id)
    }

    /// Reads a resource.
    ///
    /// # Errors
    /// `NotFound`, `Denied` and those of a request.
    pub async fn get<T: DeserializeOwned>(&self, id: &ResourceId) -> Result<T, Error> {
        self.get_path(&id.path()).await
    }

    /// Makes or changes a resource.
    ///
    /// # Errors
    /// `Refused`, `Conflict`, `Denied` and those of a request.
    pub async fn put<T: DeserializeOwned>(
        &self,
        id: &ResourceId,
        body: &(impl Serialize + Sync),
    ) -> Result<Put<T>, Error> {
        let answer = self.ask(&Method::PUT, &id.path(), Some(body)).await?.accepted()?;
        Ok(Put { value: answer.json()?, is_new: answer.status == 201, operation: Operation::of(&answer) })
    }

    /// Deletes a resource and what is beneath it.
    ///
    /// # Errors
    /// `Conflict`, `Denied` and those of a request. That it is not there is none.
    pub async fn delete(&self, id: &ResourceId) -> Result<Deleted, Error> {
        let answer = self.ask(&Method::DELETE, &id.path(), None::<&()>).await?;
        if answer.status == 204 || answer.status == 404 {
            return Ok(Deleted::Absent);
        }
        let answer = answer.accepted()?;
        Ok(match (answer.status, Operation::of(&answer)) {
            (202, Some(operation)) => Deleted::Pending(operation),
            _ => Deleted::Gone,
        })
    }

    /// All of a kind beneath a scope, oldest first: `kind` is `Namespace/type` behind a group or subscription, and the
    /// last segment of a type behind a resource.
    ///
    /// # Errors
    /// Those of a request.
    pub async fn list<T: DeserializeOwned>(&self, scope: &ResourceId, kind: &str) -> Result<Vec<T>, Error> {
        let id = if kind.contains('/') {
            format!("{}/providers/{kind}", scope.as_str())
        } else {
            format!("{}/{kind}", scope.as_str())
        };
        let version = scope.resource(kind, "x").api_version();
        let version = if kind.contains('/') { version } else { scope.api_version() };
        self.list_path(&format!("{id}?api-version={version}")).await
    }

    pub(crate) async fn get_path<T: DeserializeOwned>(&self, path: &str) -> Result<T, Error> {
        self.ask(&Method::GET, path, None::<&()>).await?.accepted()?.json()
    }

    /// Every page.
    pub(crate) async fn list_path<T: DeserializeOwned>(&self, path: &str) -> Result<Vec<T>, Error> {
        self.list_most(path, usize::MAX).await
    }

    /// As many pages as it takes to have so many items.
    pub(crate) async fn list_most<T: DeserializeOwned>(
        &self,
        path: &str,
        most: usize,
    ) -> Result<Vec<T>, Error> {
        let mut all = Vec::new();
        let mut next = Some(path.to_owned());
        while let Some(path) = next.filter(|_| all.len() < most) {
            let page: Listed<T> = self.get_path(&path).await?;
            all.extend(page.value);
            // a server that goes round in a circle is left in the end
            if all.len() > self.0.options.limits.items_max {
                return Err(Error::new(Kind::Protocol, path, "the list has no end"));
            }
            next = page.next_link.filter(|link| !link.is_empty() && *link != path);
        }
        all.truncate(most);
        Ok(all)
    }
}
