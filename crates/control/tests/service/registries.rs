//! Registries of the same name, which were made before names were unique.

use transload_control::resource::kind;
use transload_control::{Code, CredentialSpec, Error, PlaceSpec, RegistrySpec, ResourceId};

use crate::lab::{Lab, group};

fn registry(of: &str) -> ResourceId {
    group(of).resource(kind::REGISTRY, "upstream")
}

fn elsewhere() -> PlaceSpec {
    PlaceSpec::External {
        login_server: "registry.example".to_owned(),
        plain_http: false,
        credential: CredentialSpec::Anonymous,
    }
}

fn hosted(host: &str) -> PlaceSpec {
    PlaceSpec::Hosted { login_server: Some(host.to_owned()) }
}

impl Lab {
    async fn put(&self, of: &str, place: Option<PlaceSpec>) -> Result<(), Error> {
        let spec = RegistrySpec { place, ..RegistrySpec::default() };
        self.control.put_registry(&self.owner, &registry(of), spec).await.map(drop)
    }

    async fn holder(&self, name: &str) -> Option<ResourceId> {
        self.control.ledger().named(name).await.unwrap().map(|stored| stored.id)
    }
}

/// Two of the same name, neither of which has it.
async fn two(test: PlaceSpec, prod: PlaceSpec) -> Lab {
    let lab = Lab::new().await;
    for (of, place) in [("test", test), ("prod", prod)] {
        lab.put(of, Some(place)).await.unwrap();
        lab.tamper("DELETE FROM names WHERE name LIKE 'registry:%'").await;
    }
    lab
}

#[tokio::test]
async fn what_is_there_is_changed_though_another_has_its_name() {
    let lab = two(elsewhere(), elsewhere()).await;
    for of in ["test", "prod", "test", "prod"] {
        lab.put(of, Some(elsewhere())).await.unwrap();
        lab.put(of, None).await.unwrap();
        assert_eq!(lab.holder("registry:upstream").await, Some(registry("test")), "{of}");
    }
    lab.control.delete(&lab.owner, &registry("test")).await.unwrap();
    lab.put("prod", None).await.unwrap();
    assert_eq!(lab.holder("registry:upstream").await, Some(registry("prod")), "it is free now");
}

#[tokio::test]
async fn a_new_one_of_a_name_that_is_taken_is_refused() {
    let lab = Lab::new().await;
    lab.put("test", Some(elsewhere())).await.unwrap();
    let refused = lab.put("prod", Some(elsewhere())).await.unwrap_err();
    assert_eq!(refused.code, Code::Conflict);
    assert!(refused.message.contains("registry name 'upstream' is already in use"), "{refused}");
}

#[tokio::test]
async fn hosts_stay_with_those_that_have_them() {
    let lab = two(hosted("a.lab.test"), hosted("b.lab.test")).await;
    for of in ["test", "prod"] {
        lab.put(of, None).await.unwrap();
    }
    assert_eq!(lab.holder("host:a.lab.test").await, Some(registry("test")));
    assert_eq!(lab.holder("host:b.lab.test").await, Some(registry("prod")));
    let refused = lab.put("prod", Some(hosted("a.lab.test"))).await.unwrap_err();
    assert!(refused.message.contains("The login server of this registry is that of"), "{refused}");
    assert_eq!(lab.holder("host:b.lab.test").await, Some(registry("prod")));
}

#[tokio::test]
async fn a_host_that_is_lost_is_told_and_not_looked_for_without_end() {
    let lab = two(hosted("a.lab.test"), hosted("b.lab.test")).await;
    lab.tamper("UPDATE names SET id_key = (SELECT id_key FROM names WHERE name = 'host:b.lab.test')").await;
    let refused = lab.put("test", None).await.unwrap_err();
    assert!(refused.message.contains("The login server of this registry is that of"), "{refused}");
}
