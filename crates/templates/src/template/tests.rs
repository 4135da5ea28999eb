use crate::{Error, ErrorKind, Limits, Node, Template, ValueKind};

fn read(text: &str) -> Result<Template, Error> {
    let limits = Limits::default();
    Template::read(&Node::parse(text, &limits)?, &limits)
}

#[test]
fn a_template_has_its_sections() {
    let template = read(
        r#"{"$schema": "http://schema.management.azure.com/schemas/2015-01-01/deploymentTemplate.json#", "contentVersion": "1.2.3.4",
            "parameters": {"a": {"type": "string"}, "B": {"type": "INT", "defaultValue": 1}}, "resources": []}"#,
    )
    .unwrap();
    assert_eq!(template.content_version(), "1.2.3.4");
    let parameters: Vec<_> = template.parameters().collect();
    assert_eq!(parameters, [("a", Some(ValueKind::String), true), ("B", Some(ValueKind::Int), false)]);
    assert_eq!(template.to_json()["parameters"]["a"]["type"], "string");
}

#[test]
fn what_a_template_must_not_be_is_told_with_its_place() {
    let rows = [
        ("[]", "The template is of type 'Array', but has to be of type 'Object'.", "properties.template"),
        ("{}", "Required property 'resources' not found in the template.", "properties.template"),
        (
            r#"{"resources": 1}"#,
            "The member 'resources' is of type 'Integer'",
            "properties.template.resources",
        ),
        (
            r#"{"resources": [], "resourses": []}"#,
            "Could not find member 'resourses' on object of type 'Template'.",
            "properties.template.resourses",
        ),
        (
            r#"{"resources": [{"type": "A.B/c", "apiVersion": "2023-01-01", "name": "n", "Location": "l", "proprties": {}}]}"#,
            "Could not find member 'proprties' on object of type 'TemplateResource'.",
            "properties.template.resources[0].proprties",
        ),
        (
            r#"{"resources": [], "parameters": []}"#,
            "The member 'parameters' is of type 'Array'",
            "properties.template.parameters",
        ),
        (
            r#"{"resources": [], "parameters": {"p": {}}}"#,
            "The template parameter 'p' has no 'type'.",
            "properties.template.parameters.p",
        ),
        (
            r#"{"resources": [], "parameters": {"p": {"type": "text"}}}"#,
            "The template parameter 'p' has the type 'text', which there is not.",
            "properties.template.parameters.p.type",
        ),
        (
            r#"{"resources": [], "parameters": {"p": {"type": "int"}, "P": {"type": "int"}}}"#,
            "The template parameter 'P' is there twice",
            "properties.template.parameters.P",
        ),
        (
            r#"{"resources": [], "parameters": {"p": {"type": "string", "minLength": "5"}}}"#,
            "The member 'minLength' is of type 'String'",
            "properties.template.parameters.p.minLength",
        ),
        (
            r#"{"resources": [], "parameters": {"p": {"type": "object", "discriminator": {}}}}"#,
            "has a 'discriminator', which this server does not support",
            "properties.template.parameters.p.discriminator",
        ),
        (
            r#"{"resources": [], "variables": {"v": 1, "V": 1}}"#,
            "The template variable 'V' is there twice",
            "properties.template.variables.V",
        ),
        (
            r#"{"resources": [], "variables": {"copy": [{"name": "a", "count": 1}]}}"#,
            "Required property 'input' not found in the copy loop.",
            "properties.template.variables.copy[0]",
        ),
        (
            r#"{"resources": [], "functions": [{"members": {}}]}"#,
            "Required property 'namespace' not found",
            "properties.template.functions[0]",
        ),
        (
            r#"{"resources": [], "outputs": {"x": {"type": "int"}}}"#,
            "Required property 'value' not found in the template output.",
            "properties.template.outputs.x",
        ),
        (
            r#"{"resources": [], "languageVersion": "3.0"}"#,
            "The template language version '3.0' is not supported",
            "properties.template.languageVersion",
        ),
        (
            r#"{"resources": {}, "languageVersion": "1.0"}"#,
            "The member 'resources' is of type 'Object'",
            "properties.template.resources",
        ),
        (
            r#"{"resources": [], "$schema": "https://schema.management.azure.com/schemas/2018-05-01/subscriptionDeploymentTemplate.json#"}"#,
            "this server deploys to resource groups",
            "properties.template.$schema",
        ),
        (
            r#"{"resources": [1]}"#,
            "The template resource is of type 'Integer'",
            "properties.template.resources[0]",
        ),
    ];
    for (text, words, path) in rows {
        let error = read(text).unwrap_err();
        assert!(error.message.starts_with("Deployment template validation failed: '"), "{error}");
        assert!(error.message.contains(words), "{text}: {error}");
        assert_eq!(error.path.as_deref(), Some(path), "{text}");
        assert!(error.at.is_some(), "{text}");
    }
}

#[test]
fn there_is_not_more_than_the_bounds_allow() {
    let many =
        |count: usize, one: &dyn Fn(usize) -> String| (0..count).map(one).collect::<Vec<_>>().join(",");
    let parameters = |count| {
        format!(
            r#"{{"resources": [], "parameters": {{{}}}}}"#,
            many(count, &|n| format!(r#""p{n}": {{"type": "int", "defaultValue": 1}}"#))
        )
    };
    let outputs = |count| {
        format!(
            r#"{{"resources": [], "outputs": {{{}}}}}"#,
            many(count, &|n| format!(r#""o{n}": {{"type": "int", "value": 1}}"#))
        )
    };
    let resources = |count| {
        format!(
            r#"{{"resources": [{}]}}"#,
            many(count, &|n| format!(r#"{{"type": "A.B/c", "apiVersion": "2023-01-01", "name": "n{n}"}}"#))
        )
    };
    let variables = |count| {
        format!(r#"{{"resources": [], "variables": {{{}}}}}"#, many(count, &|n| format!(r#""v{n}": 1"#)))
    };
    let rows: [(&dyn Fn(usize) -> String, usize); 4] =
        [(&parameters, 256), (&outputs, 64), (&resources, 800), (&variables, 512)];
    for (text, max) in rows {
        assert!(read(&text(max)).is_ok());
        let error = read(&text(max + 1)).unwrap_err();
        assert_eq!(error.kind, ErrorKind::Limit);
        assert!(error.message.contains(&format!("Limit: {max} and actual: {}", max + 1)), "{error}");
    }
}
