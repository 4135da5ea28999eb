//! `transload storage`: storage accounts that are somewhere else and known to the control plane by name.

use transload_client::api::storage::{ExternalStorage, StorageAccount, StorageProperties};
use transload_transfer::Error;

use super::{LOCATION, Plane, confirm, segment, trouble};
use crate::cli::plane::{
    StorageArgs, StorageCommand, StorageCreateArgs, StorageDeleteArgs, StorageListArgs, StorageNameArgs,
};
use crate::config::Environment;
use crate::exit::Exit;
use crate::output::{Output, Page, Table};

const ACCOUNTS: &str = "Microsoft.Storage/storageAccounts";

pub(crate) async fn run(
    args: StorageArgs,
    environment: &Environment,
    output: &Output,
) -> Result<Exit, Error> {
    match args.command {
        StorageCommand::Create(args) => create(*args, environment, output).await,
        StorageCommand::List(args) => list(&args, environment, output).await,
        StorageCommand::Show(args) => show(&args, environment, output).await,
        StorageCommand::Delete(args) => delete(&args, environment, output).await,
    }
}

async fn create(args: StorageCreateArgs, environment: &Environment, output: &Output) -> Result<Exit, Error> {
    let plane = Plane::open(&args.connect, environment)?;
    let group = plane.group(&args.group).await?;
    let id = group.resource(ACCOUNTS, &segment(&args.name)?);
    let secret = match &args.key_secret {
        Some(text) => Some(plane.secret_ref(&group, text).await?),
        None => None,
    };
    let names: Vec<String> = args.identity.iter().cloned().collect();
    let (identity, principals) = plane.identities(&group, &names).await?;
    let reader = identity.user_assigned_identities.keys().next().cloned();
    let place = ExternalStorage {
        endpoint: Some(args.endpoint.clone()),
        key_secret_uri: secret.as_ref().map(|secret| secret.uri.clone()),
        identity: reader,
    };
    let account = StorageAccount {
        location: Some(LOCATION.to_owned()),
        identity: secret.is_some().then_some(identity),
        properties: StorageProperties { transload: Some(place), ..StorageProperties::default() },
        ..StorageAccount::default()
    };
    let put = plane.client.put::<StorageAccount>(&id, &account).await.map_err(trouble::error)?;
    if let Some(secret) = secret.filter(|_| !args.no_grant) {
        let own = put.value.identity.as_ref().and_then(|identity| identity.principal_id.clone());
        let readers = if principals.is_empty() { own.into_iter().collect() } else { principals };
        plane.let_read(&secret, &readers, output).await?;
    }
    output.show("storage_account", &put.value, || page(std::slice::from_ref(&put.value)))?;
    Ok(Exit::Success)
}

async fn list(args: &StorageListArgs, environment: &Environment, output: &Output) -> Result<Exit, Error> {
    let plane = Plane::open(&args.connect, environment)?;
    let named = args.group.group.is_some() || plane.group.is_some();
    let scope = if named { plane.group(&args.group).await? } else { plane.subscription().await? };
    let accounts: Vec<StorageAccount> = plane.client.list(&scope, ACCOUNTS).await.map_err(trouble::error)?;
    output.list("storage_accounts", &accounts, || page(&accounts))?;
    Ok(Exit::Success)
}

async fn show(args: &StorageNameArgs, environment: &Environment, output: &Output) -> Result<Exit, Error> {
    let plane = Plane::open(&args.connect, environment)?;
    let id = plane.resource(&args.group, ACCOUNTS, &args.name).await?;
    let account: StorageAccount = plane.client.get(&id).await.map_err(trouble::error)?;
    output.show("storage_account", &account, || page(std::slice::from_ref(&account)))?;
    Ok(Exit::Success)
}

async fn delete(args: &StorageDeleteArgs, environment: &Environment, output: &Output) -> Result<Exit, Error> {
    let plane = Plane::open(&args.connect, environment)?;
    let id = plane.resource(&args.group, ACCOUNTS, &args.name).await?;
    confirm(&args.yes, &format!("Forget the storage account {}? Its blobs stay.", args.name))?;
    plane.remove(&id, "storage account", output).await
}

fn page(accounts: &[StorageAccount]) -> Page {
    let mut table = Table::new(["ACCOUNT", "KNOWN AS", "ENDPOINT", "KEY"]).wraps(&[1, 2, 3]);
    for account in accounts {
        let properties = &account.properties;
        let known_as = properties.primary_endpoints.as_ref().and_then(|all| all.blob.clone());
        let place = properties.transload.clone().unwrap_or_default();
        table.row([
            account.name.clone().unwrap_or_default().into(),
            known_as.unwrap_or_default().into(),
            place.endpoint.unwrap_or_default().into(),
            place.key_secret_uri.unwrap_or_default().into(),
        ]);
    }
    if accounts.is_empty() {
        Page::new().text("no storage account yet\n").rows(table)
    } else {
        Page::new().table(table)
    }
}
