use serde_json::json;

use super::{are, fail};

#[test]
fn integers_are_reckoned_with_within_64_bits() {
    are(&[
        ("add(5, 3)", json!(8)),
        ("sub(7, 3)", json!(4)),
        ("mul(5, 3)", json!(15)),
        ("div(8, 3)", json!(2)),
        ("div(-8, 3)", json!(-2)),
        ("mod(7, 3)", json!(1)),
        ("mod(-7, 3)", json!(-1)),
        ("int('4')", json!(4)),
        ("int(' -4 ')", json!(-4)),
        ("int(4)", json!(4)),
        ("float('3.0')", json!(3.0)),
        ("float(3)", json!(3.0)),
        ("min(createArray(0, 3, 2, 5, 4))", json!(0)),
        ("max(0, 3, 2, 5, 4)", json!(5)),
        ("max(-7)", json!(-7)),
        ("-9223372036854775808", json!(i64::MIN)),
    ]);
    fail(&[
        ("add(9223372036854775807, 1)", "the result is no integer of 64 bits"),
        ("sub(-9223372036854775808, 1)", "no integer of 64 bits"),
        ("mul(9223372036854775807, 2)", "no integer of 64 bits"),
        ("div(-9223372036854775808, -1)", "no integer of 64 bits"),
        ("mod(-9223372036854775808, -1)", "no integer of 64 bits"),
        ("div(1, 0)", "divided by zero"),
        ("mod(1, 0)", "divided by zero"),
        ("add('1', 2)", "argument 1 has to be of type 'Integer', and it is of type 'String'"),
        (
            "int('four')",
            "The template language function 'int' cannot convert provided value to integer value.",
        ),
        ("int('9223372036854775808')", "cannot convert provided value"),
        ("int(createArray())", "String or Integer"),
        ("float('x')", "no number"),
        ("float('1e999')", "out of range"),
        ("float('nan')", "out of range"),
        ("min(createArray())", "the array is empty"),
        ("max('a', 1)", "of type 'Integer'"),
    ]);
}

#[test]
fn values_are_compared() {
    are(&[
        ("equals(1, 1)", json!(true)),
        ("equals('a', 'A')", json!(false)),
        ("equals('1', 1)", json!(false)),
        ("equals(createArray('a', 'b'), createArray('a', 'b'))", json!(true)),
        ("equals(createObject('a', 1, 'b', 2), createObject('b', 2, 'a', 1))", json!(true)),
        ("not(equals(1, 2))", json!(true)),
        ("greater(1, 2)", json!(false)),
        ("greater('A', 'a')", json!(true)),
        ("greaterOrEquals(1, 1)", json!(true)),
        ("greaterOrEquals('A', 'a')", json!(true)),
        ("less(1, 2)", json!(true)),
        ("less('A', 'a')", json!(false)),
        ("less('a', 'B')", json!(true)),
        ("lessOrEquals(2, 2)", json!(true)),
        ("less(1, float('1.5'))", json!(true)),
        ("coalesce(null(), 'default', 'other')", json!("default")),
        ("coalesce(null(), null())", json!(null)),
        ("coalesce('')", json!("")),
    ]);
    fail(&[
        ("less(1, 'a')", "argument 2 has to be of type 'Integer'"),
        ("greater('a', 1)", "argument 1"),
        ("less(1, true)", "argument 2"),
    ]);
}

#[test]
fn logic_evaluates_no_more_than_it_needs() {
    are(&[
        ("and(true(), false(), div(1, 0))", json!(false)),
        ("and(true(), true())", json!(true)),
        ("or(false(), true(), div(1, 0))", json!(true)),
        ("or(false(), false())", json!(false)),
        ("not(true())", json!(false)),
        ("xor(true(), false())", json!(true)),
        ("if(true(), 'yes', div(1, 0))", json!("yes")),
        ("if(false(), div(1, 0), 'no')", json!("no")),
        ("IF(TRUE(), 1, 2)", json!(1)),
        ("coalesce(1, div(1, 0))", json!(1)),
        ("bool('true')", json!(true)),
        ("bool('FALSE')", json!(false)),
        ("bool(1)", json!(true)),
        ("bool(0)", json!(false)),
        ("true", json!(true)),
        ("null", json!(null)),
    ]);
    fail(&[
        ("if('true', 1, 2)", "argument 1 has to be of type 'Boolean', and it is of type 'String'"),
        ("if(true(), 1)", "requires 3 argument(s) while 2"),
        ("and(true(), 1)", "argument 2 has to be of type 'Boolean'"),
        ("and(true())", "at least 2"),
        ("not('true')", "of type 'Boolean'"),
        ("bool('yes')", "The value cannot be converted to the target type."),
        ("or(div(1, 0), true())", "divided by zero"),
    ]);
}

#[test]
fn ranges_of_addresses_are_cut() {
    are(&[
        (
            "parseCidr('10.144.0.0/20')",
            json!({"network": "10.144.0.0", "netmask": "255.255.240.0", "broadcast": "10.144.15.255", "firstUsable": "10.144.0.1", "lastUsable": "10.144.15.254", "cidr": 20}),
        ),
        (
            "parseCidr('fdad:3236:5555::/48')",
            json!({"network": "fdad:3236:5555::", "netmask": "ffff:ffff:ffff::", "firstUsable": "fdad:3236:5555::", "lastUsable": "fdad:3236:5555:ffff:ffff:ffff:ffff:ffff", "cidr": 48}),
        ),
        ("parseCidr('0.0.0.0/0').broadcast", json!("255.255.255.255")),
        ("parseCidr('::/0').netmask", json!("::")),
        ("parseCidr('1.2.3.4/32').firstUsable", json!("1.2.3.4")),
        ("cidrSubnet('10.144.0.0/20', 24, 4)", json!("10.144.4.0/24")),
        ("cidrSubnet('fdad:3236:5555::/48', 52, 4)", json!("fdad:3236:5555:4000::/52")),
        ("cidrSubnet('10.0.0.0/8', 8, 0)", json!("10.0.0.0/8")),
        ("cidrSubnet('::/0', 0, 0)", json!("::/0")),
        ("cidrSubnet('::/0', 128, 9223372036854775807)", json!("::7fff:ffff:ffff:ffff/128")),
        ("cidrHost('10.144.3.0/24', 0)", json!("10.144.3.1")),
        ("cidrHost('10.144.3.0/24', 4)", json!("10.144.3.5")),
        ("cidrHost('fdad:3236:5555:3000::/52', 0)", json!("fdad:3236:5555:3000::1")),
        ("cidrHost('1.2.3.4/32', 0)", json!("1.2.3.4")),
    ]);
    fail(&[
        ("parseCidr('10.0.0.0')", "CIDR notation"),
        ("parseCidr('10.0.0.0/33')", "CIDR notation"),
        ("parseCidr('x/1')", "CIDR notation"),
        ("cidrSubnet('10.0.0.0/8', 7, 0)", "between 8 and 32"),
        ("cidrSubnet('10.0.0.0/8', 9, 2)", "no subnet of this index"),
        ("cidrSubnet('10.0.0.0/8', 9, -1)", "no subnet of this index"),
        ("cidrSubnet('::/0', 0, 1)", "no subnet of this index"),
        ("cidrHost('10.144.3.0/24', 254)", "no host of this index"),
        ("cidrHost('::/0', -1)", "no host of this index"),
    ]);
}
