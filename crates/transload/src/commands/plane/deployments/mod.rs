//! `transload deployment`.

mod ask;
mod file;
mod follow;
mod given;
mod page;
mod what_if;

use transload_client::api::ResourceId;
use transload_client::api::deployment::{Deployment, WhatIf};
use transload_client::{DEPLOYMENTS, DeploymentRequest, Error as Trouble, Kind};
use transload_transfer::{Code, Error};

use self::file::Template;
use super::{Plane, confirm, segment, trouble};
use crate::cli::plane::{
    ConnectArgs, DeploymentArgs, DeploymentCommand, DeploymentCreateArgs, DeploymentListArgs,
    DeploymentNameArgs, DeploymentTryArgs, ModeArg, TemplateArgs,
};
use crate::config::Environment;
use crate::exit::Exit;
use crate::output::{Output, Page};

/// A deployment's name is no longer than this.
const NAME_CHARS_MAX: usize = 64;

pub(crate) async fn run(
    args: DeploymentArgs,
    environment: &Environment,
    output: &Output,
) -> Result<Exit, Error> {
    match args.command {
        DeploymentCommand::Create(args) => create(*args, environment, output).await,
        DeploymentCommand::Validate(args) => validate(*args, environment, output).await,
        DeploymentCommand::WhatIf(args) => what_if(*args, environment, output).await,
        DeploymentCommand::Show(args) => show(&args, environment, output).await,
        DeploymentCommand::List(args) => list(&args, environment, output).await,
        DeploymentCommand::Operations(args) => operations(&args, environment, output).await,
        DeploymentCommand::Export(args) => export(&args, environment, output).await,
        DeploymentCommand::Cancel(args) => cancel(&args, environment, output).await,
        DeploymentCommand::Delete(args) => {
            let (plane, id) = named(&args, environment).await?;
            // the answer to a deletion is the same whether there was one or not
            match plane.client.get::<Deployment>(&id).await {
                Ok(_) => {
                    plane.client.delete(&id).await.map_err(trouble::error)?;
                    super::follow::fine(&format!("deployment {} is gone", args.name), output)
                }
                Err(error) if error.kind() == Kind::NotFound => super::follow::fine(
                    &format!("nothing to do: there is no deployment {}", args.name),
                    output,
                ),
                Err(error) => Err(trouble::error(error)),
            }
        }
    }
}

/// What is to be deployed, and where.
struct Meant {
    plane: Plane,
    id: ResourceId,
    template: Template,
    request: DeploymentRequest,
}

impl Meant {
    /// What is wrong with the files is found before the server is asked.
    async fn new(
        args: TemplateArgs,
        connect: &ConnectArgs,
        environment: &Environment,
    ) -> Result<Self, Error> {
        let template = Template::read(&args.template_file)?;
        let mut parameters = given::parameters(&template, &args.parameters, &args.parameter_env)?;
        ask::missing(&template, &mut parameters)?;
        let name = args.name.unwrap_or_else(|| template.name());
        let plane = Plane::open(connect, environment)?;
        let id = plane.group(&args.group).await?.resource(DEPLOYMENTS, &segment(&name)?);
        if name.chars().count() > NAME_CHARS_MAX {
            return Err(Error::new(Code::Usage, name, "a deployment's name has at most 64 characters"));
        }
        let is_complete = args.mode == ModeArg::Complete;
        let request = DeploymentRequest { template: template.text().to_owned(), parameters, is_complete };
        Ok(Self { plane, id, template, request })
    }

    async fn validate(&self) -> Result<Deployment, Error> {
        let tried = self.plane.client.validate_deployment(&self.id, &self.request).await;
        tried.map_err(|error| self.told(error))
    }

    async fn what_if(&self) -> Result<WhatIf, Error> {
        self.plane.client.what_if(&self.id, &self.request).await.map_err(|error| self.told(error))
    }

    /// What the server refuses, with the line of the file where it says one.
    fn told(&self, error: Trouble) -> Error {
        let place = error.place();
        let error = trouble::error(error);
        match place {
            Some(place) => self.template.at(error.code(), place.line, place.column, error.detail()),
            None => error,
        }
    }
}

async fn create(
    args: DeploymentCreateArgs,
    environment: &Environment,
    output: &Output,
) -> Result<Exit, Error> {
    let meant = Meant::new(args.template, &args.connect, environment).await?;
    meant.validate().await?;
    if meant.request.is_complete {
        let lost = what_if::lost(&meant.what_if().await?);
        if !lost.is_empty() {
            let text = format!("what is not in the template is deleted:\n{}", lost.join("\n"));
            output.warning(&text);
            confirm(&args.yes, "Delete that, and deploy?")?;
        }
    }
    let put = meant.plane.client.put_deployment(&meant.id, &meant.request).await;
    let put = put.map_err(|error| meant.told(error))?;
    if args.no_wait {
        output.show("deployment", &put.value, || page::one(&put.value))?;
        return Ok(Exit::Success);
    }
    let ended = follow::to_end(&meant.plane, &meant.id, output).await?;
    output.announce("deployment", &ended, || page::one(&ended))?;
    match page::failure(&ended) {
        None => Ok(Exit::Success),
        Some(error) => Err(error),
    }
}

async fn validate(
    args: DeploymentTryArgs,
    environment: &Environment,
    output: &Output,
) -> Result<Exit, Error> {
    let meant = Meant::new(args.template, &args.connect, environment).await?;
    let valid = meant.validate().await?;
    output.show("validation", &valid, || page::valid(&valid))?;
    Ok(Exit::Success)
}

async fn what_if(args: DeploymentTryArgs, environment: &Environment, output: &Output) -> Result<Exit, Error> {
    let meant = Meant::new(args.template, &args.connect, environment).await?;
    let answer = meant.what_if().await?;
    output.show("what_if", &answer, || what_if::page(&answer))?;
    Ok(Exit::Success)
}

async fn named(args: &DeploymentNameArgs, environment: &Environment) -> Result<(Plane, ResourceId), Error> {
    let plane = Plane::open(&args.connect, environment)?;
    let id = plane.resource(&args.group, DEPLOYMENTS, &args.name).await?;
    Ok((plane, id))
}

async fn show(args: &DeploymentNameArgs, environment: &Environment, output: &Output) -> Result<Exit, Error> {
    let (plane, id) = named(args, environment).await?;
    let deployment: Deployment = plane.client.get(&id).await.map_err(trouble::error)?;
    output.show("deployment", &deployment, || page::one(&deployment))?;
    Ok(Exit::Success)
}

async fn list(args: &DeploymentListArgs, environment: &Environment, output: &Output) -> Result<Exit, Error> {
    let plane = Plane::open(&args.connect, environment)?;
    let group = plane.group(&args.group).await?;
    let all: Vec<Deployment> = plane.client.list(&group, DEPLOYMENTS).await.map_err(trouble::error)?;
    output.list("deployments", &all, || page::table(&all))?;
    Ok(Exit::Success)
}

async fn operations(
    args: &DeploymentNameArgs,
    environment: &Environment,
    output: &Output,
) -> Result<Exit, Error> {
    let (plane, id) = named(args, environment).await?;
    let all = plane.client.deployment_operations(&id).await.map_err(trouble::error)?;
    output.list("deployment_operations", &all, || page::operations(&all))?;
    Ok(Exit::Success)
}

async fn export(
    args: &DeploymentNameArgs,
    environment: &Environment,
    output: &Output,
) -> Result<Exit, Error> {
    let (plane, id) = named(args, environment).await?;
    let exported = plane.client.export_deployment(&id).await.map_err(trouble::error)?;
    output.show("template", &exported.template, || {
        let text = serde_json::to_string_pretty(&exported.template).unwrap_or_default();
        Page::new().text(text + "\n")
    })?;
    Ok(Exit::Success)
}

async fn cancel(
    args: &DeploymentNameArgs,
    environment: &Environment,
    output: &Output,
) -> Result<Exit, Error> {
    let (plane, id) = named(args, environment).await?;
    plane.client.cancel_deployment(&id).await.map_err(trouble::error)?;
    super::follow::fine(&format!("deployment {} begins nothing more", args.name), output)
}
