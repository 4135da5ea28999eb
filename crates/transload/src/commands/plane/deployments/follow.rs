//! Waiting for a deployment, and telling of its resources as they end.

use std::collections::BTreeMap;
use std::time::Duration;

use transload_client::api::ResourceId;
use transload_client::api::deployment::{Deployment, DeploymentOperation};
use transload_transfer::{Code, Error};

use super::super::{Plane, trouble};
use super::page;
use crate::commands::until_signal;
use crate::output::Output;

/// Between two looks.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// A server that restarts is waited for: so many looks may fail one after the other.
const FAILED_LOOKS_MAX: u32 = 30;

/// Watches a deployment until it has ended. A signal ends the watching and not the deployment.
pub(super) async fn to_end(plane: &Plane, id: &ResourceId, output: &Output) -> Result<Deployment, Error> {
    let stop = until_signal();
    let mut told = BTreeMap::new();
    let mut failed = 0;
    loop {
        match look(plane, id).await {
            Ok((deployment, operations)) => {
                failed = 0;
                for operation in &operations {
                    tell(operation, &mut told, output);
                }
                if page::has_ended(&deployment) {
                    return Ok(deployment);
                }
            }
            Err(error) if error.is_transient() && failed < FAILED_LOOKS_MAX => failed += 1,
            Err(error) => return Err(trouble::error(error)),
        }
        tokio::select! {
            () = tokio::time::sleep(LOOK_EVERY) => {}
            () = stop.cancelled() => return Err(left(id.name())),
        }
    }
}

/// The record first: of one that has ended, all operations are told then.
async fn look(
    plane: &Plane,
    id: &ResourceId,
) -> Result<(Deployment, Vec<DeploymentOperation>), transload_client::Error> {
    let deployment = plane.client.get(id).await?;
    Ok((deployment, plane.client.deployment_operations(id).await?))
}

/// Each resource once for every state it is in.
fn tell(operation: &DeploymentOperation, told: &mut BTreeMap<String, String>, output: &Output) {
    let properties = &operation.properties;
    let Some(target) = &properties.target_resource else { return };
    let state = properties.provisioning_state.clone();
    if told.insert(operation.operation_id.clone(), state.clone()).as_ref() == Some(&state) {
        return;
    }
    let text = format!("{} {}: {}", target.resource_type, target.resource_name, state.to_ascii_lowercase());
    output.told("deployment_operation", operation, &text);
}

fn left(name: &str) -> Error {
    let text = "stopped waiting; the deployment itself goes on";
    Error::new(Code::Interrupted, format!("deployment {name}"), text).with_next(format!(
        "look at it with `transload deployment show {name}`, or stop it with `transload deployment cancel {name}`"
    ))
}
