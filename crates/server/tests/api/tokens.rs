//! Signing in, and what tokens are good for.

use http::{Method, Request, header};
use secrecy::ExposeSecret as _;
use transload_control::Role;

use crate::lab::{Answer, HOST, Lab, SUBSCRIPTION, TENANT, registry, versioned};

#[tokio::test]
async fn discovery_leads_to_tokens_and_keys() {
    let lab = Lab::bare(|_| {}).await;
    let path = format!("/{TENANT}/v2.0/.well-known/openid-configuration");
    let found = lab.as_whom(None, Method::GET, &path, None).await.is(200).json();
    assert_eq!(found["token_endpoint"], format!("https://{HOST}/{TENANT}/oauth2/v2.0/token"));
    assert_eq!(found["issuer"], format!("https://{HOST}/{TENANT}/v2.0"));
    let keys = found["jwks_uri"].as_str().unwrap().strip_prefix(&format!("https://{HOST}")).unwrap();
    let keys = lab.as_whom(None, Method::GET, keys, None).await.is(200).json();
    assert_eq!(keys["keys"][0]["alg"], "ES256");
    let adfs =
        lab.as_whom(None, Method::GET, "/adfs/.well-known/openid-configuration", None).await.is(200).json();
    assert_eq!(adfs["token_endpoint"], format!("https://{HOST}/adfs/oauth2/v2.0/token"));
    lab.as_whom(
        None,
        Method::GET,
        "/22222222-2222-2222-2222-222222222222/v2.0/.well-known/openid-configuration",
        None,
    )
    .await
    .is(404);
}

#[tokio::test]
async fn a_client_signs_in_with_a_form_or_with_basic() {
    let lab = Lab::bare(|_| {}).await;
    let (id, secret) = (lab.client_id.clone(), lab.secret.expose_secret().to_owned());
    let answer = lab.ask_token(&id, &secret, &format!("https://{HOST}/.default")).await.is(200);
    assert_eq!(answer.json()["token_type"], "Bearer");
    assert_eq!(answer.header("cache-control"), "no-store");
    use base64::Engine as _;
    let basic = base64::prelude::BASE64_STANDARD.encode(format!("{id}:{secret}"));
    let request = Request::post(format!("/{TENANT}/oauth2/v2.0/token"))
        .header(header::AUTHORIZATION, format!("Basic {basic}"))
        .body("grant_type=client_credentials".into())
        .unwrap();
    let token = lab.send(request).await.is(200).json()["access_token"].as_str().unwrap().to_owned();
    let path = format!("/subscriptions/{SUBSCRIPTION}?api-version=2022-12-01");
    lab.as_whom(Some(&token), Method::GET, &path, None).await.is(200);
}

#[tokio::test]
async fn refusals_of_the_token_endpoint_are_in_its_own_form_and_repeat_no_secret() {
    let lab = Lab::bare(|_| {}).await;
    let planted = "planted-secret-value";
    let scope = format!("https://{HOST}/.default");
    for id in [lab.client_id.as_str(), "99999999-9999-9999-9999-999999999999", "no-guid"] {
        let answer = lab.ask_token(id, planted, &scope).await.is(401);
        assert_eq!(answer.json()["error"], "invalid_client");
        assert_eq!(answer.json()["error_codes"][0], 7_000_215);
        assert!(!answer.text.contains(planted));
    }
    let secret = lab.secret.expose_secret().to_owned();
    let answer = lab.ask_token(&lab.client_id, &secret, "https://storage.azure.com/.default").await.is(400);
    assert_eq!(answer.json()["error"], "invalid_scope");
    for word in ["account's key", "SAS token", "--auth-mode login", "changes nothing"] {
        assert!(answer.text.contains(word), "{word}: {}", answer.text);
    }
    let answer = lab.ask_token(&lab.client_id, &secret, "https://graph.example/.default").await.is(400);
    assert!(answer.text.contains("names no resource") && !answer.text.contains("SAS"), "{}", answer.text);
    let form =
        Request::post(format!("/{TENANT}/oauth2/v2.0/token")).body("grant_type=password".into()).unwrap();
    assert_eq!(lab.send(form).await.is(400).json()["error"], "unsupported_grant_type");
}

#[tokio::test]
async fn who_guesses_has_to_wait() {
    let lab = Lab::bare(|_| {}).await;
    let scope = format!("https://{HOST}/.default");
    let mut last = 401;
    for _ in 0..40 {
        last = lab.ask_token(&lab.client_id, "guess", &scope).await.status.as_u16();
        if last == 429 {
            break;
        }
    }
    assert_eq!(last, 429);
    let (other, _, secret) = lab.principal("other", Some(Role::Reader)).await;
    lab.ask_token(&other, secret.expose_secret(), &scope).await.is(200);
}

#[tokio::test]
async fn a_token_for_registries_opens_nothing_else() {
    let lab = Lab::new().await;
    let secret = lab.secret.expose_secret().to_owned();
    let registries =
        lab.sign_in(&lab.client_id, &secret, "https://containerregistry.azure.net/.default").await;
    let answer = lab.as_whom(Some(&registries), Method::GET, &versioned(&registry()), None).await.is(401);
    assert!(answer.text.contains("another audience"), "{}", answer.text);
    let vaults = lab.sign_in(&lab.client_id, &secret, "https://vault.transfer.test/.default").await;
    lab.as_whom(Some(&vaults), Method::GET, &versioned(&registry()), None).await.is(401);
    for audience in [transload_server::Audience::Registries, transload_server::Audience::Manager] {
        let origin = transload_server::Origin { correlation: "c".into(), address: None };
        let found = lab.server.authenticator().caller_of_bearer(&registries, &[audience], &origin).await;
        assert_eq!(found.is_ok(), audience == transload_server::Audience::Registries);
    }
}

#[tokio::test]
async fn whoever_was_deleted_is_out_at_once() {
    let lab = Lab::new().await;
    let (id, _, secret) = lab.principal("leaving", Some(Role::Reader)).await;
    let token = lab.sign_in(&id, secret.expose_secret(), &format!("https://{HOST}/.default")).await;
    lab.as_whom(Some(&token), Method::GET, &versioned(&registry()), None).await.is(200);
    lab.delete(&format!("/api/principals/{id}")).await.is(200);
    lab.as_whom(Some(&token), Method::GET, &versioned(&registry()), None).await.is(401);
    lab.ask_token(&id, secret.expose_secret(), &format!("https://{HOST}/.default")).await.is(401);
}

#[tokio::test]
async fn a_managed_identity_signs_in_with_its_header() {
    let lab = Lab::bare(|_| {}).await;
    let said = format!("{}:{}", lab.client_id, lab.secret.expose_secret());
    let path = format!("/msi/token?api-version=2019-08-01&resource=https%3A%2F%2F{HOST}");
    let request = Request::get(&path).header("X-IDENTITY-HEADER", said).header("host", HOST);
    let answer = lab.send(request.body(axum::body::Body::empty()).unwrap()).await.is(200).json();
    assert!(answer["expires_on"].as_str().unwrap().parse::<i64>().is_ok());
    assert_eq!(answer["resource"], format!("https://{HOST}"));
    let request = Request::get(&path).body(axum::body::Body::empty()).unwrap();
    lab.send(request).await.is(401);
    // a token of this server's manager is not given for a store, which would be sent it
    let refused = ask_identity(&lab, "https://storage.azure.com").await.is(400);
    assert!(refused.json()["message"].as_str().unwrap().contains("SAS token"), "{}", refused.text);
    assert!(!refused.text.contains("access_token"), "{}", refused.text);
}

/// Asks for a token as `az login --identity` does.
async fn ask_identity(lab: &Lab, resource: &str) -> Answer {
    let said = format!("{}:{}", lab.client_id, lab.secret.expose_secret());
    let query =
        url::form_urlencoded::Serializer::new(String::new()).append_pair("resource", resource).finish();
    let request = Request::get(format!("/msi/token?api-version=2019-08-01&{query}"))
        .header("X-IDENTITY-HEADER", said)
        .header("host", HOST);
    lab.send(request.body(axum::body::Body::empty()).unwrap()).await
}

#[tokio::test]
async fn a_managed_identity_is_known_by_every_name_of_the_server() {
    let lab = Lab::new().await;
    let token = async |resource: &str| {
        let answer = ask_identity(&lab, resource).await.is(200).json();
        answer["access_token"].as_str().unwrap().to_owned()
    };
    let manager = token("https://second.example:8443/").await;
    lab.as_whom(Some(&manager), Method::GET, &versioned(&registry()), None).await.is(200);
    // one for vaults opens vaults alone
    for vaults in ["https://vault.transfer.test", "https://vault.azure.net"] {
        let vaults = token(vaults).await;
        lab.as_whom(Some(&vaults), Method::GET, &versioned(&registry()), None).await.is(401);
    }
    for other in [
        "https://labvault.vault.transfer.test",
        "https://acct.blob.storage.transfer.test",
        "https://labreg.azurecr.transfer.test",
        "https://graph.microsoft.com",
        "second.example",
    ] {
        let refused = ask_identity(&lab, other).await.is(400);
        assert_eq!(refused.json()["error"], "invalid_scope", "{other}");
    }
}
