//! Deployments and what they did, as the wire shows them.

use serde::de::DeserializeOwned;
use serde_json::Value as Json;
use time::{Duration, OffsetDateTime};
use transload_api as api;
use transload_api::deployment::{
    DeploymentNode, DeploymentOperation, DeploymentOperationProperties, DeploymentProperties,
};
use transload_control::deployment::{Deployment, DeploymentState, DeploymentStep};
use transload_control::resource::kind;
use transload_control::{Code, ResourceId};

use super::order::{node, references};
use super::words::status_word;
use crate::map::moment;

/// A deployment.
pub(crate) fn deployment(kept: &Deployment) -> api::Deployment {
    let record = &kept.record;
    let ended = kept.state.is_final();
    let until = kept.finished_at.unwrap_or_else(OffsetDateTime::now_utc);
    api::Deployment {
        id: kept.id.to_string(),
        name: kept.id.name().to_owned(),
        kind: kind::DEPLOYMENT.to_owned(),
        location: record.location.clone(),
        tags: Some(record.tags.clone()).filter(|tags| !tags.is_empty()),
        properties: DeploymentProperties {
            template_hash: Some(record.template_hash.clone()).filter(|hash| !hash.is_empty()),
            parameters: Some(record.parameters.clone()),
            mode: record.mode.name().to_owned(),
            provisioning_state: kept.state.name().to_owned(),
            timestamp: Some(moment(until)),
            duration: Some(span(until - kept.created_at)),
            correlation_id: Some(record.caller.correlation.clone()),
            providers: read(&record.providers),
            dependencies: read(&record.dependencies),
            outputs: record.outputs.clone(),
            output_resources: ended.then(|| references(&record.output_resources)),
            validated_resources: None,
            error: record.error.as_ref().and_then(read),
        },
        error: None,
    }
}

/// What stands in a record as the wire has it.
fn read<T: DeserializeOwned>(kept: &Json) -> Option<T> {
    serde_json::from_value(kept.clone()).ok()
}

/// One thing that a deployment did.
pub(crate) fn operation(of: &Deployment, step: &DeploymentStep) -> DeploymentOperation {
    let until = step.finished_at.unwrap_or_else(OffsetDateTime::now_utc);
    DeploymentOperation {
        id: format!("{}/operations/{}", of.id, step.id),
        operation_id: step.id.clone(),
        properties: DeploymentOperationProperties {
            provisioning_operation: step.action.clone(),
            provisioning_state: step.state.name().to_owned(),
            timestamp: Some(moment(until)),
            duration: Some(span(until - step.started_at)),
            tracking_id: Some(of.operation.to_string()),
            status_code: step.status.map(status_word),
            status_message: step
                .error
                .as_ref()
                .map(|error| serde_json::json!({"status": "Failed", "error": error})),
            target_resource: step
                .target
                .as_ref()
                .map(|id| DeploymentNode { symbolic_name: step.symbolic_name.clone(), ..node(id.as_str()) }),
        },
    }
}

/// How far a deployment is, for those who poll.
pub(crate) fn status(kept: &Deployment, path: String) -> api::OperationStatus {
    let error = kept.record.error.as_ref().and_then(read);
    let error = match kept.state {
        DeploymentState::Canceled => error.or_else(|| Some(canceled())),
        _ => error,
    };
    api::OperationStatus {
        id: path,
        name: kept.operation.to_string(),
        status: kept.state.name().to_owned(),
        start_time: Some(moment(kept.created_at)),
        end_time: kept.finished_at.map(moment),
        percent_complete: None,
        error,
    }
}

/// Of a deployment that was not begun.
pub(crate) fn not_begun(id: &ResourceId, operation: &str) -> api::OperationStatus {
    let message = format!(
        "Deployment '{}' was not begun: another one of that name, with another template, other parameters or another mode, was \
         under way. Wait for that one, cancel it (`az deployment group cancel`), or use another name.",
        id.name()
    );
    let code = Code::DeploymentActive.to_string();
    api::OperationStatus {
        id: format!("{id}/operationStatuses/{operation}"),
        name: operation.to_owned(),
        status: DeploymentState::Failed.name().to_owned(),
        start_time: None,
        end_time: None,
        percent_complete: None,
        error: Some(api::ErrorBody { code, message, ..api::ErrorBody::default() }),
    }
}

/// The words for a deployment that was stopped.
pub(crate) fn canceled() -> api::ErrorBody {
    api::ErrorBody {
        code: "DeploymentCanceled".to_owned(),
        message: "The deployment was canceled. What it had made until then stays; what was under way goes on by itself."
            .to_owned(),
        ..api::ErrorBody::default()
    }
}

/// A span as ISO 8601 has it: `PT1H2M3.5S`.
fn span(span: Duration) -> String {
    let millis = span.whole_milliseconds().max(0);
    let (seconds, millis) = (millis / 1000, millis % 1000);
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    let mut text = "PT".to_owned();
    for (number, letter) in [(hours, 'H'), (minutes, 'M')] {
        if number > 0 {
            text.push_str(&format!("{number}{letter}"));
        }
    }
    let fraction = if millis == 0 { String::new() } else { format!(".{millis:03}") };
    text.push_str(&format!("{seconds}{fraction}S"));
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_iso_8601() {
        assert_eq!(span(Duration::milliseconds(0)), "PT0S");
        assert_eq!(span(Duration::milliseconds(2500)), "PT2.500S");
        assert_eq!(span(Duration::seconds(3723)), "PT1H2M3S");
        assert_eq!(span(Duration::seconds(-1)), "PT0S");
    }
}
