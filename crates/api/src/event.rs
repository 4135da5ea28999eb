//! Events that stores send: Event Grid's schema and CloudEvents 1.0.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The type with which Event Grid asks whether an address wants its events.
pub const SUBSCRIPTION_VALIDATION: &str = "Microsoft.EventGrid.SubscriptionValidationEvent";
/// The type of a blob that was written, of both schemas.
pub const BLOB_CREATED: &str = "Microsoft.Storage.BlobCreated";

/// An event of Event Grid's own schema.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct GridEvent {
    /// Its id.
    pub id: String,
    /// What it is from.
    pub topic: String,
    /// What it is about: `/blobServices/default/containers/{c}/blobs/{b}`.
    pub subject: String,
    /// Its type.
    pub event_type: String,
    /// When.
    pub event_time: String,
    /// More, depending on the type.
    pub data: Value,
}

/// An event of CloudEvents 1.0, structured.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct CloudEvent {
    /// `1.0`.
    pub specversion: String,
    /// Its id.
    pub id: String,
    /// What it is from.
    pub source: String,
    /// What it is about.
    pub subject: String,
    /// Its type.
    #[serde(rename = "type")]
    pub kind: String,
    /// When.
    pub time: String,
    /// More, depending on the type.
    pub data: Value,
}

/// What is read of the data of a blob that was written.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct BlobData {
    /// The blob's URL.
    pub url: String,
}

/// The answer to Event Grid's question.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ValidationAnswer {
    /// The code of the question.
    pub validation_response: String,
}

/// What became of events.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct EventsTaken {
    /// Events that said something of a blob that a pipeline watches.
    pub taken: usize,
    /// Others.
    pub ignored: usize,
}
