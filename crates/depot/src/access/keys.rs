//! Keys: the one that signs tokens, and those whose tokens are taken.

use std::fmt;

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::encoding::AsDer as _;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED, ED25519, EcdsaKeyPair,
    Ed25519KeyPair, KeyPair as _, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_SHA256, RsaKeyPair,
    VerificationAlgorithm,
};
use jsonwebtoken::jwk::{
    AlgorithmParameters, EllipticCurve, Jwk, JwkSet, KeyAlgorithm, PublicKeyUse, ThumbprintHash,
};
use jsonwebtoken::{Algorithm, AlgorithmFamily, DecodingKey};
use rustls::pki_types::pem::{PemObject, SectionKind};
use x509_parser::parse_x509_certificate;

use super::watched::Flaw;

/// A private key that signs tokens.
pub(super) struct SigningKey {
    pair: Pair,
    /// The public half (X.509 SubjectPublicKeyInfo, DER).
    public: Vec<u8>,
}

enum Pair {
    Es256(EcdsaKeyPair),
    EdDsa(Ed25519KeyPair),
    Rs256(RsaKeyPair),
}

/// A public key, and the only algorithms that it may be used with: what a token says of itself chooses among these.
pub(super) struct PublicKey {
    /// Names that a token may have for it (`kid`).
    ids: Vec<String>,
    pub(super) key: DecodingKey,
    pub(super) algorithms: Vec<Algorithm>,
}

impl SigningKey {
    /// The first private key of a PEM file: EC on P-256, Ed25519 or RSA, in PKCS#8 or its own format.
    pub(super) fn from_pem(text: &str) -> Result<Self, Flaw> {
        let next = "make one: openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out token.key";
        if text.contains("-----BEGIN ENCRYPTED PRIVATE KEY-----") || text.contains("Proc-Type: 4,ENCRYPTED") {
            let next = "take the password off: openssl pkey -in token.key -out plain.key";
            return Err(Flaw::new(None, "the private key is encrypted", next));
        }
        let section = sections(text)?.into_iter().find(|(kind, _)| is_private(*kind));
        let (kind, der) =
            section.ok_or_else(|| Flaw::new(None, "there is no private key (PEM) in it", next))?;
        let pair = match kind {
            SectionKind::RsaPrivateKey => RsaKeyPair::from_der(&der).ok().map(Pair::Rs256),
            SectionKind::EcPrivateKey => ec(&der),
            _ => ec(&der)
                .or_else(|| Ed25519KeyPair::from_pkcs8_maybe_unchecked(&der).ok().map(Pair::EdDsa))
                .or_else(|| RsaKeyPair::from_pkcs8(&der).ok().map(Pair::Rs256)),
        };
        let what = "the private key is none of EC on P-256, Ed25519 and RSA of 2048 bits or more";
        pair.and_then(Self::new).ok_or_else(|| Flaw::new(None, what, next))
    }

    /// A new one that ends with the process.
    pub(super) fn ephemeral() -> Result<Self, Flaw> {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).ok().map(Pair::Es256);
        let fail = || Flaw::new(None, "no key could be made", "name a key with --token-key");
        pair.and_then(Self::new).ok_or_else(fail)
    }

    fn new(pair: Pair) -> Option<Self> {
        let public = match &pair {
            Pair::Es256(pair) => pair.public_key().as_der(),
            Pair::EdDsa(pair) => pair.public_key().as_der(),
            Pair::Rs256(pair) => pair.public_key().as_der(),
        };
        Some(Self { public: public.ok()?.as_ref().to_vec(), pair })
    }

    /// Its algorithm's name in a token's header.
    pub(super) fn algorithm(&self) -> &'static str {
        match self.pair {
            Pair::Es256(_) => "ES256",
            Pair::EdDsa(_) => "EdDSA",
            Pair::Rs256(_) => "RS256",
        }
    }

    /// Its name in a token's header, by which the distribution project's registry finds the certificate.
    pub(super) fn id(&self) -> String {
        key_id(&self.public)
    }

    /// Signs; fails only when the system has no random numbers.
    pub(super) fn sign(&self, message: &[u8]) -> Option<Vec<u8>> {
        let random = SystemRandom::new();
        match &self.pair {
            Pair::Es256(pair) => {
                pair.sign(&random, message).ok().map(|signature| signature.as_ref().to_vec())
            }
            Pair::EdDsa(pair) => Some(pair.sign(message).as_ref().to_vec()),
            Pair::Rs256(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature).ok().map(|()| signature)
            }
        }
    }

    /// Its public half. A token of our own is signed in one way only.
    pub(super) fn public(&self) -> PublicKey {
        let (key, algorithm) = match self.pair {
            Pair::Es256(_) => (DecodingKey::from_ec_der(&self.public), Algorithm::ES256),
            Pair::EdDsa(_) => (DecodingKey::from_ed_der(&self.public), Algorithm::EdDSA),
            Pair::Rs256(_) => (DecodingKey::from_rsa_der(&self.public), Algorithm::RS256),
        };
        PublicKey { ids: vec![self.id()], key, algorithms: vec![algorithm] }
    }
}

fn ec(der: &[u8]) -> Option<Pair> {
    EcdsaKeyPair::from_private_key_der(&ECDSA_P256_SHA256_FIXED_SIGNING, der).ok().map(Pair::Es256)
}

impl PublicKey {
    /// Whether a token that calls its key so means this one.
    pub(super) fn is_called(&self, id: &str) -> bool {
        self.ids.iter().any(|name| name == id)
    }

    /// From a SubjectPublicKeyInfo.
    fn from_der(der: &[u8]) -> Option<Self> {
        let is = |algorithm: &'static dyn VerificationAlgorithm| ParsedPublicKey::new(algorithm, der).is_ok();
        let (key, algorithms) = if is(&ECDSA_P256_SHA256_FIXED) {
            (DecodingKey::from_ec_der(der), vec![Algorithm::ES256])
        } else if is(&ECDSA_P384_SHA384_FIXED) {
            (DecodingKey::from_ec_der(der), vec![Algorithm::ES384])
        } else if is(&ED25519) {
            (DecodingKey::from_ed_der(der), vec![Algorithm::EdDSA])
        } else if is(&RSA_PKCS1_2048_8192_SHA256) {
            (DecodingKey::from_rsa_der(der), rsa())
        } else {
            return None;
        };
        Some(Self { ids: vec![key_id(der)], key, algorithms })
    }

    /// From a JWK (RFC 7517); `None` for a key that is not for signatures, or of a kind that is not known.
    fn from_jwk(jwk: &Jwk) -> Result<Option<Self>, String> {
        if jwk.common.public_key_use.as_ref().is_some_and(|usage| *usage != PublicKeyUse::Signature) {
            return Ok(None);
        }
        let mut algorithms = match &jwk.algorithm {
            AlgorithmParameters::OctetKey(_) => {
                return Err(
                    "there is a shared secret among the keys, and whoever checks with it can sign too".into(),
                );
            }
            AlgorithmParameters::RSA(_) => rsa(),
            AlgorithmParameters::EllipticCurve(ec) if ec.curve == EllipticCurve::P256 => {
                vec![Algorithm::ES256]
            }
            AlgorithmParameters::EllipticCurve(ec) if ec.curve == EllipticCurve::P384 => {
                vec![Algorithm::ES384]
            }
            AlgorithmParameters::OctetKeyPair(pair) if pair.curve == EllipticCurve::Ed25519 => {
                vec![Algorithm::EdDSA]
            }
            _ => return Ok(None),
        };
        if let Some(named) = jwk.common.key_algorithm {
            algorithms.retain(|algorithm| KeyAlgorithm::from(*algorithm) == named);
        }
        let key = DecodingKey::from_jwk(jwk).map_err(|error| error.to_string())?;
        let ids = jwk.common.key_id.clone().into_iter().chain(jwk.thumbprint(ThumbprintHash::SHA256).ok());
        Ok((!algorithms.is_empty()).then(|| Self { ids: ids.collect(), key, algorithms }))
    }
}

fn rsa() -> Vec<Algorithm> {
    AlgorithmFamily::Rsa.algorithms().to_vec()
}

/// The public keys of a file: PEM (certificates and public keys) or a JWK set.
pub(super) fn public_keys(text: &str) -> Result<Vec<PublicKey>, Flaw> {
    let keys = if text.trim_start().starts_with('{') { from_jwks(text)? } else { from_pem(text)? };
    if keys.is_empty() {
        let next = "give it the issuer's certificate or public key (PEM), or its keys as JWKS";
        return Err(Flaw::new(None, "there is no public key in it that could check a token", next));
    }
    Ok(keys)
}

fn from_jwks(text: &str) -> Result<Vec<PublicKey>, Flaw> {
    let set: JwkSet = serde_json::from_str(text).map_err(|error| {
        // not the error's own text: it may quote what is in the file
        Flaw::new(Some(error.line()), "this is no JWK set", "fetch the keys again from the issuer's jwks_uri")
    })?;
    let mut keys = Vec::new();
    for (index, jwk) in set.keys.iter().enumerate() {
        let key = PublicKey::from_jwk(jwk);
        let next = "take that key out, or fetch the keys again from the issuer's jwks_uri";
        keys.extend(key.map_err(|what| Flaw::new(None, format!("key {}: {what}", index + 1), next))?);
    }
    Ok(keys)
}

fn from_pem(text: &str) -> Result<Vec<PublicKey>, Flaw> {
    let mut keys = Vec::new();
    for (index, (kind, der)) in sections(text)?.into_iter().enumerate() {
        let public = match kind {
            SectionKind::PublicKey => Some(der),
            SectionKind::Certificate => parse_x509_certificate(&der)
                .ok()
                .map(|(_, certificate)| certificate.public_key().raw.to_vec()),
            kind if is_private(kind) => {
                let next = "keep private keys for --token-key; here belongs the certificate or public key";
                return Err(Flaw::new(None, "there is a private key in it", next));
            }
            _ => continue,
        };
        let key = public.as_deref().and_then(PublicKey::from_der).ok_or_else(|| {
            let what = format!("part {} has no key that could check a token", index + 1);
            Flaw::new(None, what, "EC on P-256 or P-384, Ed25519, and RSA of 2048 bits or more are taken")
        })?;
        keys.push(key);
    }
    Ok(keys)
}

fn sections(text: &str) -> Result<Vec<(SectionKind, Vec<u8>)>, Flaw> {
    let broken = |_| Flaw::new(None, "its PEM is broken", "make the file anew");
    <(SectionKind, Vec<u8>)>::pem_slice_iter(text.as_bytes()).collect::<Result<_, _>>().map_err(broken)
}

fn is_private(kind: SectionKind) -> bool {
    matches!(kind, SectionKind::PrivateKey | SectionKind::RsaPrivateKey | SectionKind::EcPrivateKey)
}

/// What Docker's registries call a key: the first 240 bits of its SHA-256, in base32 and groups of four
/// (distribution, "Token Authentication Implementation").
fn key_id(public: &[u8]) -> String {
    const ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let hash = digest(&SHA256, public);
    let mut id = String::new();
    // 240 bits are six times five bytes of eight characters each
    for (index, five) in hash.as_ref()[..30].chunks_exact(5).enumerate() {
        let bits = five.iter().fold(0_u64, |bits, byte| bits << 8 | u64::from(*byte));
        for place in 0..8 {
            if place % 4 == 0 && index + place > 0 {
                id.push(':');
            }
            // five bits are less than 32
            id.push(char::from(ALPHABET[(bits >> (35 - 5 * place) & 31) as usize]));
        }
    }
    id
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey").field("id", &self.id()).finish_non_exhaustive()
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PublicKey").field("ids", &self.ids).finish_non_exhaustive()
    }
}
