use super::*;

#[test]
fn ids_are_made_of_types_and_names() {
    let other = "00000000-0000-4000-8000-000000000002";
    let rows = [
        ("resourceId('A.B/c', 'n')".to_owned(), format!("{GROUP}/providers/A.B/c/n")),
        ("resourceId('A.B/c/', 'n')".to_owned(), format!("{GROUP}/providers/A.B/c/n")),
        ("resourceId('A.B/c/d', 'n', 'm')".to_owned(), format!("{GROUP}/providers/A.B/c/n/d/m")),
        (
            "resourceId('Other', 'A.B/c', 'n')".to_owned(),
            format!("/subscriptions/{SUBSCRIPTION}/resourceGroups/Other/providers/A.B/c/n"),
        ),
        (
            format!("resourceId('{other}', 'Other', 'A.B/c', 'n')"),
            format!("/subscriptions/{other}/resourceGroups/Other/providers/A.B/c/n"),
        ),
        (
            "subscriptionResourceId('A.B/c', 'n')".to_owned(),
            format!("/subscriptions/{SUBSCRIPTION}/providers/A.B/c/n"),
        ),
        (
            format!("subscriptionResourceId('{other}', 'A.B/c', 'n')"),
            format!("/subscriptions/{other}/providers/A.B/c/n"),
        ),
        ("tenantResourceId('A.B/c', 'n')".to_owned(), "/providers/A.B/c/n".to_owned()),
        (
            "managementGroupResourceId('mg', 'A.B/c', 'n')".to_owned(),
            "/providers/Microsoft.Management/managementGroups/mg/providers/A.B/c/n".to_owned(),
        ),
        (
            "extensionResourceId(resourceId('A.B/c', 'n'), 'E.F/g', 'm')".to_owned(),
            format!("{GROUP}/providers/A.B/c/n/providers/E.F/g/m"),
        ),
    ];
    for (expression, wanted) in rows {
        assert_eq!(output("string", &format!("[{expression}]"), "").unwrap(), json!(wanted), "{expression}");
    }
}

#[test]
fn ids_that_cannot_be_are_refused() {
    let rows = [
        (
            "resourceId('A.B/c')",
            "Unable to evaluate template language function 'resourceId': the type 'A.B/c' requires '1' resource name argument(s)",
        ),
        ("resourceId('A.B/c', 'n', 'm')", "the type 'A.B/c' requires '1' resource name argument(s)"),
        ("resourceId('A.B/c/d', 'n')", "the type 'A.B/c/d' requires '2' resource name argument(s)"),
        ("resourceId('no', 'type')", "no argument is a resource type"),
        (
            "resourceId('no-guid', 'g', 'A.B/c', 'n')",
            "The provided value 'no-guid' is not valid subscription identifier",
        ),
        ("resourceId('A.B/c', '')", "argument 2 is empty"),
        ("resourceId('A.B/c', 5)", "argument 2 has to be of type 'String', and it is of type 'Integer'"),
        ("resourceId()", "no argument is a resource type"),
        ("extensionResourceId('x', 'A.B/c', 'n')", "the first argument is a resource's whole id"),
        ("managementGroupResourceId('A.B/c', 'n')", "name the management group first"),
        ("managementGroup()", "is not expected at this location"),
        ("subscription(1)", "it takes no arguments"),
    ];
    for (expression, words) in rows {
        let fault = fault(output("string", &format!("[{expression}]"), ""));
        assert!(fault.contains(words), "{expression}: {fault}");
        assert!(fault.starts_with("The template output 'x' is not valid: "), "{fault}");
    }
}

#[test]
fn the_place_answers() {
    let rows = [
        ("resourceGroup().location", json!("here")),
        ("resourceGroup().id", json!(GROUP)),
        ("subscription().tenantId", json!("11111111-1111-4111-8111-111111111111")),
        ("tenant().tenantId", json!("11111111-1111-4111-8111-111111111111")),
        ("environment().suffixes.storage", json!("storage.test")),
        ("deployer().objectId", json!("o")),
        ("deployment().name", json!("first")),
        ("deployment().properties.template.contentVersion", json!("1.0.0.0")),
        ("deployment().properties.mode", json!("Incremental")),
    ];
    for (expression, wanted) in rows {
        assert_eq!(output("string", &format!("[{expression}]"), "").unwrap(), wanted, "{expression}");
    }
    assert_eq!(output("array", "[pickZones('A.B', 'c', 'here')]", "").unwrap(), json!([]));
}
