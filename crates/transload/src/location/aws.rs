//! Whose requests to S3 are, and where they go: what is typed, then what Amazon's own tools find.

use transload_blobstore::{Credential, S3Identity, S3Options, StoreOptions};
use transload_endpoints::aws::AwsEnvironment;
use transload_transfer::Error;

use super::told;
use crate::cli::StoreArgs;

/// Completes the options for S3 and says who signs; nobody if that was asked for.
pub(super) fn set_up(
    args: &StoreArgs,
    aws: &AwsEnvironment,
    options: &mut StoreOptions,
) -> Result<Credential, Error> {
    let aws = aws.with_profile().map_err(|error| told(&error))?;
    options.s3 = S3Options {
        endpoint: args.endpoint.clone().or_else(|| aws.endpoint()),
        region: args.region.clone().or_else(|| aws.region()),
        virtual_host: args.virtual_host.then_some(true),
        // what is typed is meant; what is inherited may not be
        plain_http: args.endpoint.is_some(),
    };
    let identity =
        if args.anonymous { S3Identity::Anonymous } else { aws.identity().map_err(|error| told(&error))? };
    Ok(Credential::S3(identity))
}

#[cfg(test)]
mod tests {
    use transload_transfer::Code;

    use super::*;

    #[test]
    fn the_command_line_goes_before_the_environment() {
        let aws = AwsEnvironment {
            region: Some("eu-west-1".to_owned()),
            endpoint: Some("https://s".to_owned()),
            ..AwsEnvironment::default()
        };
        let mut args = StoreArgs::default();
        let mut options = StoreOptions::default();
        set_up(&args, &aws, &mut options).unwrap();
        assert_eq!(options.s3.region.as_deref(), Some("eu-west-1"));
        assert_eq!(options.s3.endpoint.as_deref(), Some("https://s"));
        assert!(!options.s3.plain_http);
        (args.endpoint, args.region) = (Some("http://here".to_owned()), Some("x".to_owned()));
        set_up(&args, &aws, &mut options).unwrap();
        assert_eq!(
            (options.s3.endpoint.as_deref(), options.s3.region.as_deref()),
            (Some("http://here"), Some("x"))
        );
        assert!(options.s3.plain_http);
    }

    #[test]
    fn what_cannot_be_used_keeps_its_code_and_the_way_out() {
        let half = AwsEnvironment { access_key_id: Some("x".to_owned()), ..AwsEnvironment::default() };
        let error = set_up(&StoreArgs::default(), &half, &mut StoreOptions::default()).unwrap_err();
        assert_eq!((error.code(), error.next_step()), (Code::CredentialInvalid, "set both"));
        assert!(error.to_string().contains("AWS_SECRET_ACCESS_KEY"), "{error}");
        let nobody = StoreArgs { anonymous: true, ..StoreArgs::default() };
        set_up(&nobody, &half, &mut StoreOptions::default()).unwrap();
    }
}
