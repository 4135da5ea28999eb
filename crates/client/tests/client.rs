//! The client against a small server that answers as it is told.
#![expect(clippy::unwrap_used, reason = "the helpers of a test may panic as the test may")]

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::Response;
use secrecy::SecretString;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::Mutex;
use transload_api::access::NewPrincipal;
use transload_api::{Group, ResourceId};
use transload_client::{AuditQuery, Client, Credential, Deleted, Kind, Limits, Options, Proxies};

const SECRET: &str = "A-SECRET-THAT-IS-NOWHERE";

/// An answer: status, headers, body.
#[derive(Clone)]
struct Said(u16, Vec<(&'static str, String)>, Value);

/// What it answers to `METHOD /path`, one after the other, the last one for ever; and what it was asked.
#[derive(Clone, Default)]
struct Script {
    answers: Arc<Mutex<HashMap<String, Vec<Said>>>>,
    asked: Arc<Mutex<Vec<String>>>,
    tokens: Arc<AtomicUsize>,
}

impl Script {
    async fn say(&self, what: &str, answers: Vec<Said>) {
        self.answers.lock().await.insert(what.to_owned(), answers);
    }

    async fn asked(&self, what: &str) -> usize {
        self.asked.lock().await.iter().filter(|asked| asked.as_str() == what).count()
    }

    async fn start(&self) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let server = format!("http://{}", listener.local_addr().unwrap());
        let metadata = metadata(&server);
        self.say("GET /metadata/endpoints", vec![Said(200, vec![], metadata)]).await;
        let router = Router::new().fallback(answer).with_state(self.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        server
    }

    async fn client(&self) -> Client {
        let server = self.start().await;
        client(&server, Credential::Secret { client_id: "id".to_owned(), secret: SecretString::from(SECRET) })
    }
}

fn client(server: &str, credential: Credential) -> Client {
    let limits = Limits {
        pause_first: Duration::from_millis(1),
        poll_interval: Duration::from_millis(1),
        ..Limits::default()
    };
    Client::new(Options {
        server: server.parse().unwrap(),
        ca_pem: Vec::new(),
        proxies: Proxies::default(),
        tenant: None,
        credential,
        user_agent: "test".to_owned(),
        limits,
    })
    .unwrap()
}

fn metadata(server: &str) -> Value {
    let suffixes = json!({"storage": "s", "keyVaultDns": ".v", "acrLoginServer": ".r", "sqlServerHostname": "",
        "azureDataLakeStoreFileSystem": "", "azureDataLakeAnalyticsCatalogAndJob": ""});
    let mut all = json!({"name": "t", "authentication": {"loginEndpoint": server, "audiences": [server],
        "tenant": "the-tenant", "identityProvider": "AAD"}, "suffixes": suffixes, "activeDirectoryDataLake": null});
    for name in [
        "portal",
        "resourceManager",
        "graph",
        "graphAudience",
        "gallery",
        "batch",
        "media",
        "sqlManagement",
        "vmImageAliasDoc",
        "microsoftGraphResourceId",
    ] {
        all[name] = server.into();
    }
    all
}

async fn answer(State(script): State<Script>, request: Request) -> Response<Body> {
    let what = format!("{} {}", request.method(), request.uri().path());
    let bearer = request.headers().get("authorization").map(|value| value.to_str().unwrap().to_owned());
    script.asked.lock().await.push(what.clone());
    if what == "POST /the-tenant/oauth2/v2.0/token" && !script.answers.lock().await.contains_key(&what) {
        let body = axum::body::to_bytes(request.into_body(), 10_000).await.unwrap();
        let form = String::from_utf8(body.to_vec()).unwrap();
        assert!(form.contains(&format!("client_secret={SECRET}")) && form.contains("default"), "{form}");
        let token = format!("token-{}", script.tokens.fetch_add(1, Ordering::SeqCst) + 1);
        return told(&Said(
            200,
            vec![],
            json!({"token_type": "Bearer", "expires_in": 3600, "access_token": token}),
        ));
    }
    let mut answers = script.answers.lock().await;
    if let Some(said) = answers.get_mut(&what) {
        let said = if said.len() > 1 { said.remove(0) } else { said[0].clone() };
        if said.2 == json!("who asks?") {
            return told(&Said(200, vec![], json!({"location": bearer})));
        }
        return told(&said);
    }
    told(&Said(404, vec![], json!({"error": {"code": "ResourceNotFound", "message": what}})))
}

fn told(said: &Said) -> Response<Body> {
    let mut answer = Response::builder().status(said.0).header("x-ms-correlation-request-id", "c-1");
    for (name, value) in &said.1 {
        answer = answer.header(*name, value);
    }
    answer.body(Body::from(if said.2.is_null() { String::new() } else { said.2.to_string() })).unwrap()
}

fn group(name: &str) -> ResourceId {
    ResourceId::group_of("s", name)
}

fn refused(status: u16, code: &str) -> Said {
    Said(
        status,
        vec![],
        json!({"error": {"code": code, "message": "in its words", "details": [{"code": "X", "message": "a part"}]}}),
    )
}

const G: &str = "GET /subscriptions/s/resourceGroups/g";

#[tokio::test]
async fn one_token_serves_until_it_is_refused_and_then_once_more() {
    let script = Script::default();
    let client = script.client().await;
    script.say(G, vec![Said(200, vec![], json!("who asks?"))]).await;
    for _ in 0..3 {
        let group: Group = client.get(&group("g")).await.unwrap();
        assert_eq!(group.location, "Bearer token-1");
    }
    script.say(G, vec![refused(401, "AuthenticationFailed"), Said(200, vec![], json!("who asks?"))]).await;
    let answered: Group = client.get(&group("g")).await.unwrap();
    assert_eq!(answered.location, "Bearer token-2");
    script.say("GET /vaults/v/secrets/n", vec![Said(200, vec![], json!({"id": "i", "value": "x"}))]).await;
    client.secrets("v").get("n", None).await.unwrap();
    assert_eq!(script.tokens.load(Ordering::SeqCst), 3, "secrets have a token of their own");
    script.say(G, vec![refused(401, "AuthenticationFailed")]).await;
    let error = client.get::<Group>(&group("g")).await.unwrap_err();
    assert_eq!((error.kind(), error.code()), (Kind::Unauthenticated, Some("AuthenticationFailed")));
    assert_eq!(
        script.tokens.load(Ordering::SeqCst),
        4,
        "a token that is refused twice is not asked for for ever"
    );
}

#[tokio::test]
async fn a_refused_sign_in_says_why_and_never_the_secret() {
    let script = Script::default();
    let client = script.client().await;
    let said = json!({"error": "invalid_client", "error_description": "the secret has ended"});
    script.say("POST /the-tenant/oauth2/v2.0/token", vec![Said(401, vec![], said)]).await;
    let error = client.get::<Group>(&group("g")).await.unwrap_err();
    assert_eq!((error.kind(), error.message()), (Kind::Unauthenticated, "the secret has ended"));
    assert!(!format!("{error:?} {error} {client:?}").contains(SECRET));
}

#[tokio::test]
async fn what_is_put_off_is_asked_again_and_what_is_refused_is_not() {
    let script = Script::default();
    let client = script.client().await;
    let busy = Said(503, vec![("retry-after", "0".to_owned())], Value::Null);
    script
        .say(
            G,
            vec![busy.clone(), refused(500, "InternalServerError"), Said(200, vec![], json!({"name": "g"}))],
        )
        .await;
    assert_eq!(client.get::<Group>(&group("g")).await.unwrap().name.as_deref(), Some("g"));
    assert_eq!(script.asked(G).await, 3);

    // a POST that failed may have done its work; one that was put off did not
    let post = "POST /api/principals";
    script.say(post, vec![busy, refused(500, "InternalServerError")]).await;
    let error = client.create_principal(&NewPrincipal::default()).await.unwrap_err();
    assert_eq!((error.kind(), error.is_transient(), script.asked(post).await), (Kind::Failed, true, 2));

    let far = Said(
        429,
        vec![("retry-after", "86400".to_owned())],
        json!({"error": {"code": "TooManyRequests", "message": "m"}}),
    );
    script.say("GET /subscriptions/s/resourceGroups/far", vec![far]).await;
    let error = client.get::<Group>(&group("far")).await.unwrap_err();
    assert_eq!(
        (error.kind(), script.asked("GET /subscriptions/s/resourceGroups/far").await),
        (Kind::Throttled, 1)
    );
}

#[tokio::test]
async fn errors_carry_the_servers_code_words_and_correlation() {
    let script = Script::default();
    let client = script.client().await;
    script.say("PUT /subscriptions/s/resourceGroups/g", vec![refused(409, "Conflict")]).await;
    let error = client.put::<Group>(&group("g"), &Group::default()).await.unwrap_err();
    assert_eq!((error.kind(), error.code(), error.status()), (Kind::Conflict, Some("Conflict"), Some(409)));
    assert_eq!(error.correlation(), Some("c-1"));
    assert_eq!(error.message(), "in its words\n  a part");
    script.say(G, vec![Said(200, vec![], json!("<html>"))]).await;
    assert_eq!(client.get::<Group>(&group("g")).await.unwrap_err().kind(), Kind::Protocol);
    script
        .say(G, vec![Said(302, vec![("location", "https://elsewhere.test/".to_owned())], Value::Null)])
        .await;
    assert_eq!(client.get::<Group>(&group("g")).await.unwrap_err().kind(), Kind::Protocol);
}

#[tokio::test]
async fn lists_are_read_to_their_end_and_tokens_stay_at_the_server() {
    let script = Script::default();
    let client = script.client().await;
    let page = |name: &str, next: Option<&str>| {
        Said(200, vec![], json!({"value": [{"name": name}], "nextLink": next}))
    };
    let list = "GET /subscriptions/s/resourcegroups";
    script.say(list, vec![page("a", Some("https://elsewhere.test/more?x=1"))]).await;
    script.say("GET /more", vec![page("b", Some("/last")), page("b", Some("/last"))]).await;
    script.say("GET /last", vec![page("c", None)]).await;
    let all: Vec<Group> = client.list(&ResourceId::subscription_of("s"), "resourcegroups").await.unwrap();
    let names: Vec<_> = all.iter().filter_map(|group| group.name.as_deref()).collect();
    assert_eq!(names, ["a", "b", "c"]);
    script
        .say(
            "GET /api/audit",
            vec![Said(
                200,
                vec![],
                json!({"value": [{"sequence": 1}, {"sequence": 2}], "nextLink": "/api/audit?again"}),
            )],
        )
        .await;
    let few = client.audit(&AuditQuery::default(), 3).await.unwrap();
    assert_eq!((few.len(), script.asked("GET /api/audit").await), (3, 2));
}

#[tokio::test]
async fn operations_are_followed_to_their_end() {
    let script = Script::default();
    let client = script.client().await;
    let accepted = |path: &str| {
        Said(
            202,
            vec![
                ("azure-asyncoperation", format!("https://elsewhere.test{path}")),
                ("retry-after", "0".to_owned()),
            ],
            Value::Null,
        )
    };
    let status = |status: &str| {
        Said(200, vec![("retry-after", "0".to_owned())], json!({"status": status, "percentComplete": 50}))
    };
    let registry = group("g").resource("Microsoft.ContainerRegistry/registries", "r");
    let check = format!("POST {registry}/check");
    script.say(&check, vec![accepted("/op/1"), accepted("/op/2")]).await;
    script.say("GET /op/1", vec![status("Running"), status("Running"), status("Succeeded")]).await;
    let operation = client.check(&registry).await.unwrap();
    let mut seen = Vec::new();
    client.wait(&operation, |status| seen.push(status.status.clone())).await.unwrap();
    assert_eq!(seen, ["Running", "Running", "Succeeded"]);

    let failed = json!({"status": "Failed", "error": {"code": "SasExpired", "message": "ended yesterday"}});
    script.say("GET /op/2", vec![Said(200, vec![], failed)]).await;
    let operation = client.check(&registry).await.unwrap();
    let error = client.wait(&operation, |_| {}).await.unwrap_err();
    assert_eq!(
        (error.kind(), error.code(), error.message()),
        (Kind::OperationFailed, Some("SasExpired"), "ended yesterday")
    );

    // a deletion that takes its time is followed by where its result will be
    let run = registry.child("pipelineRuns", "r1");
    let delete = format!("DELETE {run}");
    let later = |path: &str| {
        Said(202, vec![("location", path.to_owned()), ("retry-after", "0".to_owned())], Value::Null)
    };
    script.say(&delete, vec![later("/res/1"), Said(204, vec![], Value::Null)]).await;
    script.say("GET /res/1", vec![later("/res/2")]).await;
    script.say("GET /res/2", vec![Said(200, vec![], Value::Null)]).await;
    let Deleted::Pending(operation) = client.delete(&run).await.unwrap() else { panic!("it takes its time") };
    client.wait(&operation, |_| {}).await.unwrap();
    assert!(matches!(client.delete(&run).await.unwrap(), Deleted::Absent));
}

#[tokio::test]
async fn a_deployment_that_was_taken_and_not_begun_is_a_conflict() {
    let script = Script::default();
    let client = script.client().await;
    let id = group("g").resource(transload_client::DEPLOYMENTS, "d");
    let taken = json!({"id": id, "name": "d", "properties": {"mode": "Incremental", "provisioningState": "Accepted"}});
    let mut refused = taken.clone();
    refused["error"] = json!({"code": "DeploymentActive", "message": "another one"});
    script.say(&format!("PUT {id}"), vec![Said(201, vec![], refused), Said(201, vec![], taken)]).await;
    let request = transload_client::DeploymentRequest {
        template: "{}".to_owned(),
        parameters: serde_json::Map::new(),
        is_complete: false,
    };
    let error = client.put_deployment(&id, &request).await.unwrap_err();
    assert_eq!(
        (error.kind(), error.code(), error.message()),
        (Kind::Conflict, Some("DeploymentActive"), "another one")
    );
    assert!(client.put_deployment(&id, &request).await.unwrap().is_new);
}

#[tokio::test]
async fn a_server_that_is_not_there_is_said_to_be_unreachable() {
    let client = client("http://127.0.0.1:1", Credential::Token(SecretString::from(SECRET)));
    let error = client.get::<Group>(&group("g")).await.unwrap_err();
    assert_eq!((error.kind(), error.subject()), (Kind::Unreachable, "http://127.0.0.1:1"));
    let server = "ftp://x".parse().unwrap();
    let options = Options {
        server,
        ca_pem: vec![],
        proxies: Proxies::default(),
        tenant: None,
        credential: Credential::Token(SecretString::from(SECRET)),
        user_agent: String::new(),
        limits: Limits::default(),
    };
    assert_eq!(Client::new(options.clone()).unwrap_err().kind(), Kind::Invalid);
    let odd = Options { server: "https://x".parse().unwrap(), ca_pem: vec![b"no pem".to_vec()], ..options };
    assert_eq!(Client::new(odd).unwrap_err().kind(), Kind::Tls);
}
