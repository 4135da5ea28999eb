//! Registries: names, passwords, and addresses that nobody else knows.

use transload_endpoints::{Endpoints, Options, RegistryAt, RegistryCredential};
use transload_testkit::peers::{DockerRegistry, DockerRegistryOptions, PASSWORD, Pki, USER};

fn basic(password: &str) -> RegistryCredential {
    RegistryCredential::of_secret(Some(USER), &password.into(), "https://v1.vault.example/secrets/push")
        .unwrap()
}

#[tokio::test]
async fn a_registry_is_opened_with_the_password_of_a_secret() {
    let options = DockerRegistryOptions { auth: true, ..DockerRegistryOptions::default() };
    let registry = DockerRegistry::start_with(options);
    let endpoints = Endpoints::new(Options::default());
    let at =
        |credential| RegistryAt { credential, ..RegistryAt::anonymous(format!("{}/team", registry.host())) };
    let opened = endpoints.open_registry(&at(basic(PASSWORD))).unwrap();
    assert_eq!((&opened.host, opened.prefix.as_str()), (&registry.host(), "team"));
    assert!(opened.source().repositories(10).await.unwrap().is_empty());
    let wrong = endpoints.open_registry(&at(basic("PLANTED"))).unwrap();
    let error = wrong.target().repositories(10).await.unwrap_err();
    assert!(error.to_string().contains("secret https://v1.vault.example/secrets/push"), "{error}");
    assert!(!format!("{error:?}{wrong:?}{:?}", at(basic("PLANTED"))).contains("PLANTED"));
    let nobody = endpoints.open_registry(&at(RegistryCredential::Anonymous)).unwrap();
    nobody.source().repositories(10).await.unwrap_err();
}

#[tokio::test]
async fn a_name_that_nobody_resolves_is_reached_at_its_address_and_without_a_proxy() {
    let pki = Pki::new();
    let tls = Some((pki.server(&["hosted.azurecr.transload.test", "127.0.0.1"]), pki.ca_pem()));
    let registry =
        DockerRegistry::start_with(DockerRegistryOptions { tls, ..DockerRegistryOptions::default() });
    let mut options = Options::default();
    // a proxy at which nothing listens: it would be asked for the name
    options.registries.proxy.https = Some("http://127.0.0.1:9".to_owned());
    let at = RegistryAt {
        resolve: vec![("hosted.azurecr.transload.test".to_owned(), registry.addr())],
        ca_pem: vec![pki.ca_pem().into_bytes()],
        ..RegistryAt::anonymous(format!("hosted.azurecr.transload.test:{}", registry.addr().port()))
    };
    let opened = Endpoints::new(options).open_registry(&at).unwrap();
    assert!(opened.source().repositories(10).await.unwrap().is_empty());
}
