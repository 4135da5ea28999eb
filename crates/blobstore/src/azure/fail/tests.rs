use azure_core::http::StatusCode;

use super::*;

const SIGNATURE: &str = "SECRETsecret";

fn sas(facts: &str) -> Credential {
    Credential::Sas(Sas::parse(&format!("sv=2024-11-04&sr=c&{facts}&sig={SIGNATURE}")).unwrap())
}

/// The failure of a refused write.
fn refuse(credential: &Credential, status: u16, headers: &[(&'static str, &str)], body: &str) -> Failure {
    let mut all = Headers::new();
    for (name, value) in headers {
        all.insert(*name, (*value).to_owned());
    }
    let status = StatusCode::from(status);
    let raw = RawResponse::from_bytes(status, all, body.to_owned());
    let kind = CoreKind::HttpResponse { status, error_code: None, raw_response: Some(Box::new(raw)) };
    let asked = Asked { subject: "https://a.example/c/b", action: Action::Write, https: true, credential };
    let failure = failure(&asked, &azure_core::Error::with_message(kind, format!("sig={SIGNATURE}")));
    let shown = format!("{} {:?} {:?}", failure.error, failure.error, failure.error.hint());
    assert!(!shown.contains(SIGNATURE), "{shown}");
    failure
}

fn coded(credential: &Credential, status: u16, code: &str) -> Failure {
    refuse(credential, status, &[("x-ms-error-code", code), ("x-ms-request-id", "1")], "")
}

#[test]
fn codes_have_their_kinds() {
    let sas = sas("sp=rwl");
    for (status, code, kind, again) in [
        (404, "ContainerNotFound", ErrorKind::ContainerNotFound, false),
        (409, "ContainerBeingDeleted", ErrorKind::ContainerNotFound, false),
        (404, "BlobNotFound", ErrorKind::NotFound, false),
        (409, "BlobAlreadyExists", ErrorKind::AlreadyExists, false),
        (412, "ConditionNotMet", ErrorKind::Changed, false),
        (412, "LeaseIdMissing", ErrorKind::Busy, false),
        (400, "InvalidBlockList", ErrorKind::BlocksMissing, false),
        (400, "InvalidBlobOrBlock", ErrorKind::Busy, false),
        (416, "InvalidRange", ErrorKind::Truncated, false),
        (403, "AuthorizationProtocolMismatch", ErrorKind::SasHttpsOnly, false),
        (403, "AuthorizationResourceTypeMismatch", ErrorKind::SasResource, false),
        (403, "AuthorizationSourceIPMismatch", ErrorKind::SasAddress, false),
        (403, "AuthorizationPermissionMismatch", ErrorKind::SasPermission, false),
        (403, "AuthenticationFailed", ErrorKind::Unauthenticated, false),
        (403, "AccountIsDisabled", ErrorKind::Denied, false),
        (503, "ServerBusy", ErrorKind::Throttled, true),
        (500, "InternalError", ErrorKind::Failed, true),
        (500, "OperationTimedOut", ErrorKind::Failed, true),
        (409, "SomethingNew", ErrorKind::Busy, false),
    ] {
        let failure = coded(&sas, status, code);
        assert_eq!((failure.error.kind(), failure.again), (kind, again), "{code}: {}", failure.error);
    }
}

#[test]
fn without_a_credential_every_refusal_asks_for_one() {
    for (status, code) in [
        (404, "ResourceNotFound"),
        (401, "NoAuthenticationInformation"),
        (409, "PublicAccessNotPermitted"),
        (403, "AuthorizationFailure"),
    ] {
        assert_eq!(
            coded(&Credential::None, status, code).error.kind(),
            ErrorKind::CredentialMissing,
            "{code}"
        );
    }
}

#[test]
fn a_refused_signature_is_told_in_the_stores_words_and_without_the_signature() {
    let body = format!(
        "<Error><Code>AuthenticationFailed</Code><Message>Server failed to authenticate the request.\nRequestId:1\nTime:2</Message>\
         <AuthenticationErrorDetail>Signature did not match. String to sign used was rwl sig={SIGNATURE}</AuthenticationErrorDetail></Error>"
    );
    let error = refuse(&sas("sp=rwl"), 403, &[], &body).error;
    assert_eq!(error.kind(), ErrorKind::Unauthenticated);
    assert!(error.detail().ends_with("signature: Signature did not match"), "{error}");
}

#[test]
fn dates_are_judged_by_the_stores_clock() {
    let stamp = |t: OffsetDateTime| azure_core::time::to_rfc7231(&t);
    let now = OffsetDateTime::now_utc();
    let hour = time::Duration::HOUR;
    let at = |t: OffsetDateTime| t.format(&time::format_description::well_known::Rfc3339).unwrap();
    let refused = |facts: &str, date: OffsetDateTime| {
        let headers = [("x-ms-error-code", "AuthenticationFailed"), ("date", &*stamp(date))];
        refuse(&sas(facts), 403, &headers, "").error
    };
    assert_eq!(refused("sp=w&se=2020-01-01", now).kind(), ErrorKind::SasExpired);
    assert_eq!(refused("sp=w&se=2020-01-01", now + hour).kind(), ErrorKind::SasExpired);
    // good by our clock, not yet by the store's
    let error = refused(&format!("sp=w&st={}", at(now - hour / 2)), now - hour);
    assert_eq!(error.kind(), ErrorKind::ClockSkew);
    assert!(error.detail().contains("not valid before") && error.detail().contains("apart"), "{error}");
    // nothing in the token explains it, but the clocks do
    assert_eq!(refused("sp=w", now - hour).kind(), ErrorKind::ClockSkew);
    assert_eq!(refused("sp=w", now).kind(), ErrorKind::Unauthenticated);
}

#[test]
fn missing_permissions_are_named() {
    let error = coded(&sas("sp=rl"), 403, "AuthorizationPermissionMismatch").error;
    assert_eq!(error.detail(), "the SAS token allows 'rl', and this needs 'w' (write)");
    assert!(error.hint().unwrap().contains("sp=rwl"));
    let error = coded(&sas("si=policy"), 403, "AuthorizationPermissionMismatch").error;
    assert_eq!(error.kind(), ErrorKind::SasPermission);
    assert!(error.detail().contains("stored access policy"), "{error}");
}

#[test]
fn a_firewall_is_not_taken_for_a_bad_token() {
    let body = "<Error><Code>AuthorizationFailure</Code><Message>This request is not authorized to perform this operation.\nRequestId:1</Message></Error>";
    let error = refuse(&sas("sp=rwl"), 403, &[], body).error;
    assert_eq!(error.kind(), ErrorKind::Denied);
    assert!(error.hint().unwrap().contains("firewall"));
}

#[test]
fn the_stores_pause_is_read_in_every_form() {
    let after = |name: &'static str, value: &str| refuse(&Credential::None, 503, &[(name, value)], "").after;
    assert_eq!(after("retry-after", "7"), Some(Duration::from_secs(7)));
    assert_eq!(after("x-ms-retry-after-ms", "1500"), Some(Duration::from_millis(1500)));
    let date = azure_core::time::to_rfc7231(&(OffsetDateTime::now_utc() + time::Duration::MINUTE));
    assert!(after("retry-after", &date).unwrap() > Duration::from_secs(20));
}

#[test]
fn an_answer_that_is_not_from_storage_is_said_so() {
    let failure = refuse(&sas("sp=rwl"), 502, &[], "<html>Bad Gateway</html>");
    assert!(failure.again);
    assert!(failure.error.detail().contains("not as Azure storage does"), "{}", failure.error);
    let failure = refuse(&sas("sp=rwl"), 404, &[], "<html>Not Found</html>");
    assert_eq!((failure.error.kind(), failure.again), (ErrorKind::Failed, false));
}
