use std::time::Duration;

use aws_lc_rs::encoding::AsDer as _;
use aws_lc_rs::hmac;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RsaKeyPair,
};
use base64::prelude::BASE64_STANDARD;
use proptest::prelude::*;
use serde_json::Value;

use super::*;

const SERVICE: &str = "registry.test";

fn pem(label: &str, der: &[u8]) -> String {
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", BASE64_STANDARD.encode(der))
}

/// A private and a public key of each kind that signs.
fn keys() -> Vec<(String, String)> {
    let ec = EcdsaKeyPair::generate(&aws_lc_rs::signature::ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
    let ed = Ed25519KeyPair::generate().unwrap();
    let rsa = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
    vec![
        (
            pem("PRIVATE KEY", ec.to_pkcs8v1().unwrap().as_ref()),
            pem("PUBLIC KEY", ec.public_key().as_der().unwrap().as_ref()),
        ),
        (
            pem("PRIVATE KEY", ed.to_pkcs8().unwrap().as_ref()),
            pem("PUBLIC KEY", ed.public_key().as_der().unwrap().as_ref()),
        ),
        (
            pem("PRIVATE KEY", rsa.as_der().unwrap().as_ref()),
            pem("PUBLIC KEY", rsa.public_key().as_der().unwrap().as_ref()),
        ),
    ]
}

fn issuer_with(key: &str, name: &str, service: &str, limits: &AccessLimits) -> Issuer {
    Issuer::new(SigningKey::from_pem(key).unwrap(), name, service, limits)
}

fn issuer() -> Issuer {
    Issuer::new(SigningKey::ephemeral().unwrap(), "us", SERVICE, &AccessLimits::default())
}

fn own(issuer: &Issuer) -> Verifier {
    Verifier::new(Some(issuer), None, None, SERVICE, &AccessLimits::default()).unwrap()
}

fn trusting(text: &str, issuer: Option<&str>) -> (tempfile::TempDir, Verifier) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("keys");
    std::fs::write(&path, text).unwrap();
    let verifier = Verifier::new(None, Some(&path), issuer, SERVICE, &AccessLimits::default()).unwrap();
    (folder, verifier)
}

fn pull(name: &str) -> Vec<Resource> {
    Scope::parse_all(&format!("repository:{name}:pull")).filter_map(|s| Resource::of(s, |_| true)).collect()
}

async fn refusal(verifier: &Verifier, token: &str) -> TokenFault {
    verifier.access(token).await.unwrap_err()
}

/// The claims of a token, changed and signed anew with the same key.
fn changed(issuer: &Issuer, kind: &str, change: impl FnOnce(&mut Value)) -> String {
    let token = issuer.access("alice", &pull("a")).unwrap();
    let claims = BASE64_URL_SAFE_NO_PAD.decode(token.split('.').nth(1).unwrap()).unwrap();
    let mut claims: Value = serde_json::from_slice(&claims).unwrap();
    change(&mut claims);
    issuer.sign(kind, &claims).unwrap()
}

#[tokio::test]
async fn a_token_allows_what_it_says_whatever_key_signed_it() {
    for (private, public) in keys() {
        let issuer = issuer_with(&private, "us", SERVICE, &AccessLimits::default());
        let token = issuer.access("alice", &pull("a/b")).unwrap();
        let (_folder, others) = trusting(&public, Some("us"));
        for (verifier, is_own) in [(&own(&issuer), true), (&others, false)] {
            let verified = verifier.access(&token).await.unwrap();
            assert_eq!((verified.subject.as_str(), verified.is_own), ("alice", is_own));
            assert!(verified.allows(&Grant::Base) && verified.allows(&Grant::to(Action::Pull, "a/b")));
            for other in [Grant::Catalog, Grant::to(Action::Push, "a/b"), Grant::to(Action::Pull, "a")] {
                assert!(!verified.allows(&other), "{other}");
            }
        }
        assert!(!format!("{issuer:?}").contains("PRIVATE"));
    }
}

#[tokio::test]
async fn only_what_is_allowed_gets_into_a_token() {
    let wish = "repository:a:pull,push,delete repository:b:push registry:catalog:*";
    let may = |grant: &Grant| matches!(grant, Grant::Catalog) || *grant == Grant::to(Action::Pull, "a");
    let access: Vec<Resource> = Scope::parse_all(wish).filter_map(|scope| Resource::of(scope, may)).collect();
    let texts: Vec<String> = access.iter().map(ToString::to_string).collect();
    assert_eq!(texts, ["repository:a:pull", "registry:catalog:*"]);
    let issuer = issuer();
    let verified = own(&issuer).access(&issuer.access("", &access).unwrap()).await.unwrap();
    assert!(verified.allows(&Grant::Catalog) && !verified.allows(&Grant::to(Action::Push, "b")));
}

#[tokio::test]
async fn times_audience_issuer_and_kind_have_to_fit() {
    let issuer = issuer();
    let verifier = own(&issuer);
    let skew = AccessLimits::default().clock_skew.as_secs();
    let make = |change: fn(&mut Value)| changed(&issuer, ACCESS, change);
    for (change, fault) in [
        ((|c| c["exp"] = 1.into()) as fn(&mut Value), TokenFault::OutOfTime),
        (|c| c["nbf"] = 9_999_999_999_u64.into(), TokenFault::OutOfTime),
        (|c| c["aud"] = "other".into(), TokenFault::OtherService),
        (|c| c["aud"] = json!(["other", "refresh:registry.test"]), TokenFault::OtherService),
        (|c| c["iss"] = "them".into(), TokenFault::OtherIssuer),
        (|c| c["exp"] = Value::Null, TokenFault::OtherKind),
        (|c| drop(c.as_object_mut().unwrap().remove("exp")), TokenFault::OtherKind),
        (|c| drop(c.as_object_mut().unwrap().remove("aud")), TokenFault::OtherKind),
        (|c| drop(c.as_object_mut().unwrap().remove("iss")), TokenFault::OtherKind),
    ] {
        let token = make(change);
        assert_eq!(refusal(&verifier, &token).await, fault, "{token}");
    }
    verifier.access(&make(|c| c["aud"] = json!(["other", SERVICE]))).await.unwrap();
    // within the clocks' difference
    let late = changed(&issuer, ACCESS, |c| c["exp"] = (now() - skew + 20).into());
    verifier.access(&late).await.unwrap();
    let early = changed(&issuer, ACCESS, |c| c["nbf"] = (now() + skew - 20).into());
    verifier.access(&early).await.unwrap();
    let late = changed(&issuer, ACCESS, |c| c["exp"] = (now() - skew - 20).into());
    assert_eq!(refusal(&verifier, &late).await, TokenFault::OutOfTime);
}

#[tokio::test]
async fn neither_kind_of_token_passes_for_the_other() {
    let issuer = issuer();
    let verifier = own(&issuer);
    let refresh = issuer.refresh("alice", "mark").unwrap();
    assert_eq!(verifier.refresh(&refresh).unwrap(), ("alice".to_owned(), "mark".to_owned()));
    assert_eq!(refusal(&verifier, &refresh).await, TokenFault::OtherService);
    let access = issuer.access("alice", &pull("a")).unwrap();
    assert_eq!(verifier.refresh(&access).unwrap_err(), TokenFault::OtherService);
    // not even with the other's audience
    let dressed = changed(&issuer, REFRESH, |_| ());
    assert_eq!(refusal(&verifier, &dressed).await, TokenFault::OtherKind);
    let dressed = changed(&issuer, ACCESS, |c| c["aud"] = "refresh:registry.test".into());
    assert_eq!(verifier.refresh(&dressed).unwrap_err(), TokenFault::OtherKind);
    // nor do those who trust the key take it for an access token
    let (_folder, others) = trusting(&keys()[0].1, None);
    assert_eq!(refusal(&others, &refresh).await, TokenFault::NotSigned);
    assert!(others.refresh(&refresh).is_err());
}

#[tokio::test]
async fn another_key_no_key_and_the_public_key_as_a_secret_are_refused() {
    let (private, public) = keys().swap_remove(2);
    let issuer = issuer_with(&private, "us", SERVICE, &AccessLimits::default());
    let (_folder, others) = trusting(&public, None);
    let claims = issuer.access("alice", &pull("a")).unwrap().split('.').nth(1).unwrap().to_owned();
    let kid = issuer.key.id();
    let token = |header: Value, sign: &dyn Fn(&str) -> Vec<u8>| {
        let message = format!("{}.{claims}", BASE64_URL_SAFE_NO_PAD.encode(header.to_string()));
        format!("{message}.{}", BASE64_URL_SAFE_NO_PAD.encode(sign(&message)))
    };
    let secret = |key: Vec<u8>| {
        move |message: &str| {
            let key = hmac::Key::new(hmac::HMAC_SHA256, &key);
            hmac::sign(&key, message.as_bytes()).as_ref().to_vec()
        }
    };
    let der = BASE64_STANDARD.decode(public.lines().nth(1).unwrap()).unwrap();
    let stranger = SigningKey::ephemeral().unwrap();
    let jwk = json!({"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA"});
    let forged = [
        token(json!({"alg": "none", "typ": "JWT", "kid": kid}), &|_| Vec::new()),
        token(json!({"alg": "None", "typ": "JWT"}), &|_| Vec::new()),
        token(json!({"alg": "HS256", "typ": "JWT", "kid": kid}), &secret(public.clone().into_bytes())),
        token(json!({"alg": "HS256", "typ": "JWT", "kid": kid}), &secret(der)),
        token(json!({"alg": "ES256", "typ": "JWT", "kid": kid}), &|m| stranger.sign(m.as_bytes()).unwrap()),
        // a key or a place for one in the token itself is never looked at
        token(json!({"alg": "ES256", "typ": "JWT", "jwk": jwk, "jku": "http://127.0.0.1/"}), &|m| {
            stranger.sign(m.as_bytes()).unwrap()
        }),
        token(json!({"alg": "RS256", "typ": "JWT", "kid": kid}), &|_| vec![0; 256]),
        token(json!({"alg": "RS256", "typ": "JWT", "kid": kid}), &|_| Vec::new()),
    ];
    for forged in &forged {
        for verifier in [&own(&issuer), &others] {
            assert_eq!(refusal(verifier, forged).await, TokenFault::NotSigned, "{forged}");
        }
    }
    let right = |header: Value| token(header, &|m| issuer.key.sign(m.as_bytes()).unwrap());
    let critical = right(json!({"alg": "RS256", "typ": "JWT", "crit": ["x"], "x": 1}));
    for verifier in [&own(&issuer), &others] {
        verifier.access(&right(json!({"alg": "RS256", "typ": "JWT"}))).await.unwrap();
        assert!(verifier.access(&critical).await.is_err());
        // signed so, but said to be another way of the same key: ours signs in one way only
        assert!(verifier.access(&right(json!({"alg": "PS256", "typ": "JWT"}))).await.is_err());
    }
    // the claims of one with the signature of another
    let (one, two) = (issuer.access("alice", &[]).unwrap(), issuer.access("bob", &pull("a")).unwrap());
    let mixed = format!("{}.{}", two.rsplit_once('.').unwrap().0, one.rsplit_once('.').unwrap().1);
    assert_eq!(refusal(&own(&issuer), &mixed).await, TokenFault::NotSigned);
}

#[tokio::test]
async fn keys_of_others_come_as_jwks_too_and_change_while_it_runs() {
    let pair = EcdsaKeyPair::generate(&aws_lc_rs::signature::ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
    let issuer = issuer_with(&pem("EC PRIVATE KEY", &sec1(&pair)), "them", SERVICE, &AccessLimits::default());
    let point = pair.public_key().as_ref();
    let part = |range| BASE64_URL_SAFE_NO_PAD.encode(&point[range]);
    let jwk = json!({"kty": "EC", "crv": "P-256", "kid": "theirs", "x": part(1..33), "y": part(33..65)});
    let encryption = json!({"kty": "RSA", "use": "enc", "n": "AQAB", "e": "AQAB"});
    let strange = json!({"kty": "XYZ", "n": "AQAB"});
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("jwks");
    let write = |keys: Value| std::fs::write(&path, json!({ "keys": keys }).to_string()).unwrap();
    write(json!([strange, encryption, jwk]));
    let limits = AccessLimits { file_look: Duration::ZERO, ..AccessLimits::default() };
    let verifier = Verifier::new(None, Some(&path), Some("them"), SERVICE, &limits).unwrap();
    let token = issuer.access("alice", &pull("a")).unwrap();
    assert!(!verifier.access(&token).await.unwrap().is_own);
    let theirs = Verifier::new(None, Some(&path), Some("others"), SERVICE, &limits).unwrap();
    assert_eq!(refusal(&theirs, &token).await, TokenFault::OtherIssuer);
    // broken: the last good one holds; replaced: it does not
    write(json!([{"kty": "oct", "k": "AAAA"}]));
    verifier.access(&token).await.unwrap();
    std::fs::write(&path, &keys()[0].1).unwrap();
    assert_eq!(refusal(&verifier, &token).await, TokenFault::NotSigned);
}

fn sec1(pair: &EcdsaKeyPair) -> Vec<u8> {
    use aws_lc_rs::encoding::{AsDer, EcPrivateKeyRfc5915Der};
    AsDer::<EcPrivateKeyRfc5915Der<'_>>::as_der(&pair.private_key()).unwrap().as_ref().to_vec()
}

#[test]
fn files_of_keys_that_are_no_good_say_why() {
    let (private, public) = keys().swap_remove(0);
    let p384 = EcdsaKeyPair::generate(&ECDSA_P384_SHA384_FIXED_SIGNING).unwrap();
    let p384_private = pem("PRIVATE KEY", p384.to_pkcs8v1().unwrap().as_ref());
    let p384_public = pem("PUBLIC KEY", p384.public_key().as_der().unwrap().as_ref());
    for (text, what) in [
        ("", "no private key"),
        (&*public, "no private key"),
        (&p384_private, "none of EC on P-256"),
        ("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "none of EC on P-256"),
        ("-----BEGIN PRIVATE KEY-----\nAAAA\n", "PEM is broken"),
        ("-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n", "encrypted"),
    ] {
        let flaw = SigningKey::from_pem(text).unwrap_err();
        assert!(flaw.what.contains(what) && !flaw.next.is_empty(), "{flaw:?}");
    }
    assert_eq!(public_keys(&p384_public).unwrap()[0].algorithms, [jsonwebtoken::Algorithm::ES384]);
    assert_eq!(public_keys(&format!("{public}{p384_public}")).unwrap().len(), 2);
    for (text, what) in [
        ("", "no public key"),
        (&*private, "private key in it"),
        ("{\"keys\": []}", "no public key"),
        ("{\"keys\": [\n{\"kty\": \"oct\", \"k\": \"c2VjcmV0\"}]}", "shared secret"),
        ("{\"keys\": 7", "no JWK set"),
        ("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "part 1"),
    ] {
        let flaw = public_keys(text).unwrap_err();
        assert!(flaw.what.contains(what) && !format!("{flaw:?}").contains("c2VjcmV0"), "{flaw:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn a_token_with_any_byte_changed_is_none(at in any::<prop::sample::Index>(), to in "[A-Za-z0-9_.-]") {
        let issuer = issuer();
        let token = issuer.access("alice", &pull("a")).unwrap();
        let at = at.index(token.len());
        let mut changed = token.clone();
        changed.replace_range(at..=at, &to);
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let result = runtime.block_on(own(&issuer).access(&changed));
        // what a last character says beyond the last byte is refused too
        prop_assert_eq!(result.is_ok(), changed == token);
    }

    #[test]
    fn no_text_is_taken_for_a_token(text in "\\PC{0,60}", dots in "[A-Za-z0-9_-]{0,20}\\.[A-Za-z0-9_-]{0,20}\\.[A-Za-z0-9_-]{0,20}") {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let verifier = own(&issuer());
        for text in [&text, &dots] {
            prop_assert!(runtime.block_on(verifier.access(text)).is_err());
            prop_assert!(verifier.refresh(text).is_err());
        }
    }
}
