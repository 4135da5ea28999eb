//! Principals, roles and the audit log: routes of this project's own.

use reqwest::Method;
use transload_api::access::{AuditEntry, Grant, NewPrincipal, Principal, PrincipalSecret};

use crate::connect::Client;
use crate::error::Error;
use crate::ids::OWN_VERSION;
use crate::send::encoded;

/// Which entries of the audit log are wanted. What is not given does not count.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AuditQuery {
    /// Object id or name of who asked.
    pub who: Option<String>,
    /// The beginning of the action.
    pub action: Option<String>,
    /// A part of the target.
    pub target: Option<String>,
    /// `Done`, `Denied` or `Failed`.
    pub outcome: Option<String>,
    /// The correlation id.
    pub correlation: Option<String>,
    /// Not before: RFC 3339.
    pub since: Option<String>,
    /// Before: RFC 3339.
    pub until: Option<String>,
    /// Behind the entry of this number.
    pub after: Option<i64>,
}

impl Client {
    /// Every principal.
    ///
    /// # Errors
    /// `Denied`, and those of a request.
    pub async fn principals(&self) -> Result<Vec<Principal>, Error> {
        self.list_path(&own("principals", &[])).await
    }

    /// Makes a principal, whose secret is told this once.
    ///
    /// # Errors
    /// `Denied`, `Refused`, and those of a request.
    pub async fn create_principal(&self, new: &NewPrincipal) -> Result<PrincipalSecret, Error> {
        self.send(&Method::POST, &own("principals", &[]), Some(new)).await
    }

    /// Gives a principal another secret; the one before ends.
    ///
    /// # Errors
    /// `NotFound`, `Denied`, and those of a request.
    pub async fn rotate_principal(
        &self,
        client_id: &str,
        expires_in_seconds: Option<u64>,
    ) -> Result<PrincipalSecret, Error> {
        let path = own(&format!("principals/{}/rotate", encoded(client_id)), &[]);
        let what = NewPrincipal { expires_in_seconds, ..NewPrincipal::default() };
        self.send(&Method::POST, &path, Some(&what)).await
    }

    /// Deletes a principal with its roles; whether it was there.
    ///
    /// # Errors
    /// `Denied`, and those of a request.
    pub async fn delete_principal(&self, client_id: &str) -> Result<bool, Error> {
        self.remove(&own(&format!("principals/{}", encoded(client_id)), &[])).await
    }

    /// Every role that a principal has somewhere.
    ///
    /// # Errors
    /// `Denied`, and those of a request.
    pub async fn grants(&self) -> Result<Vec<Grant>, Error> {
        self.list_path(&own("grants", &[])).await
    }

    /// Gives a role.
    ///
    /// # Errors
    /// `Denied`, `Refused`, and those of a request.
    pub async fn put_grant(&self, grant: &Grant) -> Result<Grant, Error> {
        self.send(&Method::PUT, &own("grants", &[]), Some(grant)).await
    }

    /// Takes a role away; whether it was there.
    ///
    /// # Errors
    /// `Denied`, `Refused`, and those of a request.
    pub async fn delete_grant(&self, grant: &Grant) -> Result<bool, Error> {
        let Grant { principal_id, role, scope } = grant;
        let query = [("principalId", principal_id.as_str()), ("role", role), ("scope", scope)];
        self.remove(&own("grants", &query)).await
    }

    /// Entries of the audit log, oldest first; `top` of them at most.
    ///
    /// # Errors
    /// `Denied`, `Refused`, and those of a request.
    pub async fn audit(&self, wanted: &AuditQuery, top: usize) -> Result<Vec<AuditEntry>, Error> {
        let after = wanted.after.map(|after| after.to_string());
        let top_text = top.to_string();
        let given = [
            ("who", wanted.who.as_deref()),
            ("action", wanted.action.as_deref()),
            ("target", wanted.target.as_deref()),
            ("outcome", wanted.outcome.as_deref()),
            ("correlation", wanted.correlation.as_deref()),
            ("since", wanted.since.as_deref()),
            ("until", wanted.until.as_deref()),
            ("after", after.as_deref()),
            ("top", Some(top_text.as_str())),
        ];
        let query: Vec<(&str, &str)> =
            given.iter().filter_map(|(name, value)| Some((*name, (*value)?))).collect();
        self.list_most(&own("audit", &query), top).await
    }

    async fn remove(&self, path: &str) -> Result<bool, Error> {
        let answer = self.ask(&Method::DELETE, path, None::<&()>).await?;
        if answer.status == 204 || answer.status == 404 {
            return Ok(false);
        }
        answer.accepted().map(|_| true)
    }
}

fn own(what: &str, query: &[(&str, &str)]) -> String {
    let mut path = format!("/api/{what}?api-version={OWN_VERSION}");
    for (name, value) in query.iter().filter(|(_, value)| !value.is_empty()) {
        path.push_str(&format!("&{name}={}", encoded(value)));
    }
    path
}
