//! `transload relay`.

use transload_blobstore::Location;
use transload_transfer::{Error, Relay};

use super::{engine, finish, pipe};
use crate::cli::{DestinationArgs, RelayArgs, StoreArgs};
use crate::config::Environment;
use crate::exit::Exit;
use crate::location;
use crate::output::Output;

pub(crate) async fn run(
    args: Box<RelayArgs>,
    environment: &Environment,
    output: &Output,
) -> Result<Exit, Error> {
    let (near, far) = store_args(&args)?;
    let (from, name) = location::open_bundle(&args.bundle, &near, &args.trust, environment).await?;
    let (to, to_name) = if args.to == pipe::DASH {
        pipe::stdout(args.dry_run)?
    } else {
        location::open(&args.to, &far, &args.trust, environment)?
    };
    let relay =
        Relay { from, name, to, to_name, overwrite_blobs: args.overwrite_blobs, dry_run: args.dry_run };
    let report = relay.run(&engine(Some(&args.resources), output)).await;
    Ok(finish(&report, args.report.as_deref(), output))
}

/// Where a location is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Here,
    Azure,
    Bucket,
}

fn place(text: &str) -> Result<Place, Error> {
    if text == pipe::DASH {
        return Ok(Place::Here);
    }
    let location = Location::parse(text)?;
    Ok(match (location.container(), location.bucket()) {
        (Some(_), _) => Place::Azure,
        (_, Some(_)) => Place::Bucket,
        _ => Place::Here,
    })
}

/// The options for each end. The plain ones are for the end that is on the network; when both are, for the bundle's, and
/// for the other one too if it is of the same kind and has none of its own.
fn store_args(args: &RelayArgs) -> Result<(StoreArgs, StoreArgs), Error> {
    let own = &args.destination;
    let far = StoreArgs {
        sas_token_env: own.to_sas_token_env.clone(),
        sas_token_file: own.to_sas_token_file.clone(),
        account_key_env: own.to_account_key_env.clone(),
        account_key_file: own.to_account_key_file.clone(),
        endpoint: own.to_endpoint.clone(),
        region: own.to_region.clone(),
        ..StoreArgs::default()
    };
    Ok(match (place(&args.bundle)?, place(&args.to)?) {
        _ if own.is_given() => (args.store.clone(), far),
        (Place::Here, _) => (StoreArgs::default(), args.store.clone()),
        (near, to) if near == to => (args.store.clone(), args.store.clone()),
        _ => (args.store.clone(), far),
    })
}

impl DestinationArgs {
    fn is_given(&self) -> bool {
        [&self.to_sas_token_env, &self.to_account_key_env, &self.to_endpoint, &self.to_region]
            .iter()
            .any(|text| text.is_some())
            || self.to_sas_token_file.is_some()
            || self.to_account_key_file.is_some()
    }
}
