//! `transload pipeline`.

use transload_client::Direction;
use transload_client::api::pipeline::{ContainerProperties, PipelineProperties, SourceTrigger, Trigger};
use transload_client::api::{Pipeline, ResourceId};
use transload_transfer::{Code, Error};

use super::follow::{fine, operation};
use super::lookup::SecretRef;
use super::{Plane, segment, trouble};
use crate::cli::plane::{
    ConnectArgs, ContainerArgs, InRegistryArgs, PipelineArgs, PipelineCommand, PipelineCreateCommand,
    PipelineNameArgs, TriggerArg,
};
use crate::config::Environment;
use crate::exit::Exit;
use crate::output::{Output, Page, Table};

pub(crate) async fn run(
    args: PipelineArgs,
    environment: &Environment,
    output: &Output,
) -> Result<Exit, Error> {
    match args.command {
        PipelineCommand::Create(args) => return create(args.command, environment, output).await,
        PipelineCommand::List(args) => {
            let (plane, registry) = open(&args.connect, &args.within, environment).await?;
            let mut pipelines: Vec<Pipeline> = Vec::new();
            for direction in Direction::ALL {
                let some = plane.client.list(&registry, direction.segment()).await.map_err(trouble::error)?;
                pipelines.extend(some);
            }
            output.list("pipelines", &pipelines, || page(&pipelines))?;
        }
        PipelineCommand::Show(args) => {
            let (_, _, pipeline) = find(&args, environment).await?;
            output.show("pipeline", &pipeline, || page(std::slice::from_ref(&pipeline)))?;
        }
        PipelineCommand::Delete(args) => {
            let (plane, registry) = open(&args.connect, &args.within, environment).await?;
            let (id, ..) = plane.pipeline(&registry, &args.name).await?;
            return plane.remove(&id, "pipeline", output).await;
        }
        PipelineCommand::Check(args) => {
            let (plane, id, _) = find(&args, environment).await?;
            let started = plane.client.check(&id).await.map_err(trouble::error)?;
            operation(&plane, &started, &format!("pipeline {}", args.name), output).await?;
            return fine(&format!("pipeline {}: registry and container can be reached", args.name), output);
        }
    }
    Ok(Exit::Success)
}

async fn open(
    connect: &ConnectArgs,
    within: &InRegistryArgs,
    environment: &Environment,
) -> Result<(Plane, ResourceId), Error> {
    let plane = Plane::open(connect, environment)?;
    let registry = plane.registry(within).await?;
    Ok((plane, registry))
}

async fn find(
    args: &PipelineNameArgs,
    environment: &Environment,
) -> Result<(Plane, ResourceId, Pipeline), Error> {
    let (plane, registry) = open(&args.connect, &args.within, environment).await?;
    let (id, _, pipeline) = plane.pipeline(&registry, &args.name).await?;
    Ok((plane, id, pipeline))
}

async fn create(
    command: PipelineCreateCommand,
    environment: &Environment,
    output: &Output,
) -> Result<Exit, Error> {
    let (name, direction, container, within, connect, options, trigger) = match command {
        PipelineCreateCommand::Export(args) => {
            let options =
                [(args.overwrite_blobs, "OverwriteBlobs"), (args.continue_on_errors, "ContinueOnErrors")];
            let options = chosen(&options);
            (args.name, Direction::Export, args.container, args.within, args.connect, options, None)
        }
        PipelineCreateCommand::Import(args) => {
            let options = chosen(&[
                (args.overwrite_tags, "OverwriteTags"),
                (args.delete_source_blob_on_success, "DeleteSourceBlobOnSuccess"),
                (args.continue_on_errors, "ContinueOnErrors"),
            ]);
            let trigger = Some(args.trigger);
            (args.name, Direction::Import, args.container, args.within, args.connect, options, trigger)
        }
    };
    let (plane, registry) = open(&connect, &within, environment).await?;
    let id = registry.child(direction.segment(), &segment(&name)?);
    let group = registry
        .group_id()
        .ok_or_else(|| Error::new(Code::Internal, registry.as_str(), "a registry is in a group"))?;
    let secret = match &container.secret_uri {
        Some(text) => Some(plane.secret_ref(&group, text).await?),
        None => None,
    };
    let (identity, principals) = plane.identities(&group, &container.identity).await?;
    let readers = secret.as_ref().filter(|_| !container.no_grant);
    // an identity that is there may read before the trigger looks for the first time
    if let Some(secret) = readers {
        plane.let_read(secret, &principals, output).await?;
    }
    let place = Some(place(&container, secret.as_ref()));
    let is_export = direction == Direction::Export;
    let pipeline = Pipeline {
        identity: Some(identity),
        properties: PipelineProperties {
            source: place.clone().filter(|_| !is_export),
            target: place.filter(|_| is_export),
            trigger: trigger.map(status),
            options,
            provisioning_state: None,
        },
        ..Pipeline::default()
    };
    let put = plane.client.put::<Pipeline>(&id, &pipeline).await.map_err(trouble::error)?;
    if let Some(secret) = readers {
        let own = put.value.identity.as_ref().and_then(|identity| identity.principal_id.clone());
        let own: Vec<String> = own.into_iter().filter(|_| principals.is_empty()).collect();
        plane.let_read(secret, &own, output).await?;
    }
    output.show("pipeline", &put.value, || page(std::slice::from_ref(&put.value)))?;
    Ok(Exit::Success)
}

fn chosen(options: &[(bool, &str)]) -> Vec<String> {
    options.iter().filter(|(on, _)| *on).map(|(_, name)| (*name).to_owned()).collect()
}

fn place(args: &ContainerArgs, secret: Option<&SecretRef>) -> ContainerProperties {
    let mode = if secret.is_some() { "SasToken" } else { "ManagedIdentity" };
    ContainerProperties {
        kind: Some("AzureStorageBlobContainer".to_owned()),
        uri: Some(args.container.clone()),
        key_vault_uri: secret.map(|secret| secret.uri.clone()),
        storage_access_mode: Some(mode.to_owned()),
    }
}

fn status(trigger: TriggerArg) -> Trigger {
    let word = match trigger {
        TriggerArg::Enabled => "Enabled",
        TriggerArg::Disabled => "Disabled",
    };
    Trigger { source_trigger: Some(SourceTrigger { status: Some(word.to_owned()) }) }
}

fn page(pipelines: &[Pipeline]) -> Page {
    let mut table =
        Table::new(["PIPELINE", "DIRECTION", "CONTAINER", "SECRET", "OPTIONS", "TRIGGER"]).wraps(&[2, 3, 4]);
    for pipeline in pipelines {
        let properties = &pipeline.properties;
        let place = properties.target.as_ref().or(properties.source.as_ref());
        let text = |text: Option<&String>| text.cloned().unwrap_or_default().into();
        let trigger = properties.trigger.as_ref().and_then(|t| t.source_trigger.as_ref()?.status.clone());
        table.row([
            text(pipeline.name.as_ref()),
            if properties.target.is_some() { "export" } else { "import" }.into(),
            text(place.and_then(|place| place.uri.as_ref())),
            text(place.and_then(|place| place.key_vault_uri.as_ref())),
            properties.options.join(" ").into(),
            trigger.unwrap_or_default().to_ascii_lowercase().into(),
        ]);
    }
    if pipelines.is_empty() {
        Page::new().text("no pipeline yet\n").rows(table)
    } else {
        Page::new().table(table)
    }
}
