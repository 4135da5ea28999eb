//! The REST API, token endpoints and the secret data plane over HTTP.
