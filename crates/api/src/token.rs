//! Tokens and what clients have to know to get one.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A token, as the token endpoint gives it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenAnswer {
    /// `Bearer`.
    pub token_type: String,
    /// Seconds.
    pub expires_in: u64,
    /// The same.
    #[serde(default)]
    pub ext_expires_in: u64,
    /// Of managed identities: when it ends, in seconds since 1970, as a text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_on: Option<String>,
    /// Of managed identities and the first version of the endpoint: what it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource: Option<String>,
    /// The token.
    pub access_token: String,
}

impl fmt::Debug for TokenAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenAnswer").field("expires_in", &self.expires_in).finish_non_exhaustive()
    }
}

/// Why there is no token (RFC 6749, 5.2, with Entra's members).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenError {
    /// `invalid_client`, `invalid_scope`, …
    pub error: String,
    /// For people.
    pub error_description: String,
    /// Numbers that clients look for.
    #[serde(default)]
    pub error_codes: Vec<u32>,
    /// When.
    #[serde(default)]
    pub timestamp: String,
    /// What the log of the server has it under.
    #[serde(default)]
    pub correlation_id: String,
}

/// OpenID discovery.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenIdConfiguration {
    /// What tokens say they are from.
    pub issuer: String,
    /// Where tokens are.
    pub token_endpoint: String,
    /// There is nothing behind it: clients that are not programs do not sign in here. They want it to be named.
    pub authorization_endpoint: String,
    /// Where the keys are.
    pub jwks_uri: String,
    /// `client_secret_post`, `client_secret_basic`.
    pub token_endpoint_auth_methods_supported: Vec<String>,
    /// `client_credentials`.
    pub grant_types_supported: Vec<String>,
    /// `token`.
    pub response_types_supported: Vec<String>,
    /// `pairwise`.
    pub subject_types_supported: Vec<String>,
    /// `ES256`.
    pub id_token_signing_alg_values_supported: Vec<String>,
    /// `openid`.
    pub scopes_supported: Vec<String>,
}
