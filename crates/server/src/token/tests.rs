use std::collections::BTreeMap;

use parking_lot::Mutex;
use time::OffsetDateTime;
use transload_vault::MasterKey;

use super::*;

#[derive(Debug, Default)]
struct Memory(Mutex<BTreeMap<String, String>>);

#[async_trait]
impl Shelf for Memory {
    async fn get(&self, name: &str) -> Result<Option<String>, Error> {
        Ok(self.0.lock().get(name).cloned())
    }

    async fn keep(&self, name: &str, value: &str) -> Result<String, Error> {
        Ok(self.0.lock().entry(name.to_owned()).or_insert_with(|| value.to_owned()).clone())
    }
}

const DAY: i64 = 86_400;
/// In the middle of a period of 30 days.
const NOW: i64 = 30 * DAY * 700 + 15 * DAY;

struct House {
    shelf: Arc<Memory>,
    sealer: Arc<Sealer>,
}

impl House {
    fn new() -> Self {
        let sealer = Arc::new(Sealer::new(&MasterKey::random().unwrap()));
        Self { shelf: Arc::new(Memory::default()), sealer }
    }

    /// A process of its own over the same ledger.
    fn process(&self) -> Tokens {
        let audiences = Audiences::new("https://127.0.0.1:8443", ".vault.test");
        Tokens::new(self.shelf.clone(), self.sealer.clone(), audiences, Uuid::nil(), &Limits::default())
    }
}

fn principal() -> Principal {
    Principal {
        client_id: Uuid::new_v4(),
        object_id: Uuid::new_v4(),
        name: "ci".into(),
        secret_hash: "planted-hash".into(),
        created_at: OffsetDateTime::UNIX_EPOCH,
        expires_at: None,
    }
}

async fn refusal(tokens: &Tokens, token: &str, now: i64) -> String {
    tokens.check(token, &[Audience::Manager], now).await.unwrap_err().message
}

#[tokio::test]
async fn a_token_is_taken_by_every_process_over_the_same_ledger() {
    let house = House::new();
    let (one, two) = (house.process(), house.process());
    let who = principal();
    let issued = one.issue(&who, Audience::Manager, NOW).await.unwrap();
    let claims = two.check(&issued.token, &[Audience::Manager], NOW).await.unwrap().unwrap();
    assert_eq!(
        (claims.oid, claims.appid, claims.app_displayname.as_str()),
        (who.object_id, who.client_id, "ci")
    );
    assert_eq!(claims.iss, "https://127.0.0.1:8443/00000000-0000-0000-0000-000000000000/v2.0");
}

#[tokio::test]
async fn a_token_is_taken_for_its_audience_alone() {
    let tokens = House::new().process();
    let issued = tokens.issue(&principal(), Audience::Registries, NOW).await.unwrap();
    assert!(refusal(&tokens, &issued.token, NOW).await.contains("another audience"));
    assert!(tokens.check(&issued.token, &[Audience::Registries], NOW).await.unwrap().is_some());
}

#[tokio::test]
async fn a_token_ends_with_its_time_and_clocks_may_differ_a_little() {
    let tokens = House::new().process();
    let issued = tokens.issue(&principal(), Audience::Manager, NOW).await.unwrap();
    let limits = Limits::default();
    let skew = i64::try_from(limits.clock_skew_seconds).unwrap();
    let ahead = tokens.check(&issued.token, &[Audience::Manager], NOW - skew).await;
    assert!(ahead.unwrap().is_some());
    assert!(refusal(&tokens, &issued.token, NOW - skew - 1).await.contains("not valid yet"));
    let late = tokens.check(&issued.token, &[Audience::Manager], issued.expires_at + skew - 1).await;
    assert!(late.unwrap().is_some());
    assert!(refusal(&tokens, &issued.token, issued.expires_at + skew).await.contains("expired"));
}

#[tokio::test]
async fn a_token_that_was_changed_is_refused() {
    let tokens = House::new().process();
    let issued = tokens.issue(&principal(), Audience::Manager, NOW).await.unwrap();
    let parts: Vec<&str> = issued.token.split('.').collect();
    let other = tokens.issue(&principal(), Audience::Manager, NOW).await.unwrap();
    let others: Vec<&str> = other.token.split('.').collect();
    let mixed = format!("{}.{}.{}", parts[0], others[1], parts[2]);
    assert!(refusal(&tokens, &mixed, NOW).await.contains("signature"));
    assert!(refusal(&tokens, "nonsense", NOW).await.contains("no token"));
}

#[tokio::test]
async fn a_token_of_somebody_else_is_not_ours() {
    let (ours, other) = (House::new().process(), House::new().process());
    ours.issue(&principal(), Audience::Manager, NOW).await.unwrap();
    let issued = other.issue(&principal(), Audience::Manager, NOW).await.unwrap();
    assert_eq!(ours.check(&issued.token, &[Audience::Manager], NOW).await.unwrap(), None);
}

#[tokio::test]
async fn keys_change_and_no_token_becomes_invalid_by_it() {
    let house = House::new();
    let tokens = house.process();
    let end_of_period = 30 * DAY * 701;
    let before = end_of_period - 10;
    let issued = tokens.issue(&principal(), Audience::Manager, before).await.unwrap();
    let after = end_of_period + 10;
    let next = tokens.issue(&principal(), Audience::Manager, after).await.unwrap();
    assert_ne!(decode_header(&issued.token).unwrap().kid, decode_header(&next.token).unwrap().kid);
    assert!(house.process().check(&issued.token, &[Audience::Manager], after).await.unwrap().is_some());
}

#[tokio::test]
async fn the_next_key_is_published_before_it_signs() {
    let house = House::new();
    let tokens = house.process();
    tokens.issue(&principal(), Audience::Manager, NOW).await.unwrap();
    assert_eq!(tokens.published(NOW).await.unwrap().keys.len(), 1);
    let eve = 30 * DAY * 701 - DAY / 2;
    let published = tokens.published(eve).await.unwrap();
    let issued = tokens.issue(&principal(), Audience::Manager, 30 * DAY * 701).await.unwrap();
    let id = decode_header(&issued.token).unwrap().kid.unwrap();
    assert!(published.find(&id).is_some());
}

#[tokio::test]
async fn what_is_published_has_no_private_half_and_checks_tokens() {
    let tokens = House::new().process();
    let issued = tokens.issue(&principal(), Audience::Manager, NOW).await.unwrap();
    let published = serde_json::to_value(tokens.published(NOW).await.unwrap()).unwrap();
    let key = &published["keys"][0];
    assert!(key.get("d").is_none(), "{key}");
    assert_eq!(
        (key["kty"].as_str(), key["crv"].as_str(), key["use"].as_str()),
        (Some("EC"), Some("P-256"), Some("sig"))
    );
    let key: jsonwebtoken::jwk::Jwk = serde_json::from_value(key.clone()).unwrap();
    let mut validation = Validation::new(Algorithm::ES256);
    validation.validate_aud = false;
    validation.validate_exp = false;
    let checking = jsonwebtoken::DecodingKey::from_jwk(&key).unwrap();
    decode::<Claims>(&issued.token, &checking, &validation).unwrap();
}

#[tokio::test]
async fn kept_keys_are_sealed() {
    let house = House::new();
    house.process().issue(&principal(), Audience::Manager, NOW).await.unwrap();
    let stranger = House { shelf: house.shelf.clone(), sealer: House::new().sealer };
    let error = stranger.process().issue(&principal(), Audience::Manager, NOW).await.err().unwrap();
    assert_eq!(error.code, Code::LedgerUnavailable);
}
