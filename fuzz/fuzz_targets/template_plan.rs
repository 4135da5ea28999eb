//! Any template is planned or refused, and so are its bodies, whatever the world answers.
#![no_main]

use std::collections::BTreeMap;
use std::sync::Arc;

use libfuzzer_sys::fuzz_target;
use serde_json::json;
use time::OffsetDateTime;
use transload_templates::{Error, Limits, Node, ParameterGiven, Plan, Setting, Template, Value, World, plan};

/// How many answers of the world a template gets.
const ANSWERS_MAX: usize = 16;

fn setting() -> Setting {
    Setting {
        subscription: "00000000-0000-0000-0000-000000000001".into(),
        group: "group".into(),
        deployment: "deployment".into(),
        mode: "Incremental".into(),
        subscription_answer: json!({"id": "/subscriptions/00000000-0000-0000-0000-000000000001", "tenantId": "t"}),
        group_answer: json!({"id": "/subscriptions/0/resourceGroups/group", "location": "here"}),
        tenant_answer: json!({"tenantId": "t"}),
        environment_answer: json!({"name": "cloud", "suffixes": {}}),
        deployer_answer: json!({"objectId": "o", "tenantId": "t"}),
        now: OffsetDateTime::UNIX_EPOCH,
        seed: Default::default(),
        nested_in: 0,
    }
}

/// Asks until the world has all that is wanted, or enough.
fn settled<T>(world: &mut World, ask: impl Fn(&World) -> Result<T, Error>) -> Option<T> {
    for _ in 0..ANSWERS_MAX {
        match ask(world) {
            Ok(value) => return Some(value),
            Err(error) => {
                let lookup = error.lookup()?.clone();
                let properties = json!({"a": "b", "vaultUri": "https://v/"});
                let answer =
                    json!({"id": lookup.id(), "properties": properties, "identity": {"principalId": "p"}});
                world.insert(lookup, answer);
            }
        }
    }
    None
}

fn bodies(plan: &Plan) {
    let mut world = World::new();
    for (index, resource) in plan.resources().iter().enumerate() {
        assert!(resource.needs.iter().all(|need| *need < plan.resources().len() && *need != index));
        if resource.is_nested {
            settled(&mut world, |world| plan.nested(index, world));
        } else {
            settled(&mut world, |world| plan.body(index, world));
        }
    }
    settled(&mut world, |world| plan.outputs(world));
}

fuzz_target!(|text: &str| {
    let limits = Limits {
        document_bytes_max: 64 << 10,
        steps_max: 20_000,
        value_bytes_max: 64 << 10,
        work_bytes_max: 1 << 20,
        resources_max: 40,
        copy_max: 20,
        ..Limits::default()
    };
    let Ok(template) = Node::parse(text, &limits).and_then(|root| Template::read(&root, &limits)) else {
        return;
    };
    let given = BTreeMap::from([("p".to_owned(), ParameterGiven::Value(Value::from("x")))]);
    for given in [BTreeMap::new(), given] {
        if let Ok(plan) = plan(Arc::new(template.clone()), &given, &setting(), &limits) {
            bodies(&plan);
        }
    }
});
