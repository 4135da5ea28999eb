//! guid, uniqueString.

use uuid::{Uuid, uuid};

use super::call::{ANY, Call, Function, plain};
use crate::{Error, Value};

/// The namespace of Azure's `guid`.
const NAMESPACE: Uuid = uuid!("11fb06fb-712d-4ddd-98c7-e71bbd588830");

pub(super) fn find(name: &str) -> Option<Function> {
    Some(match name {
        "guid" => plain(1, ANY, |call| {
            Ok(Value::Text(Uuid::new_v5(&NAMESPACE, joined(call)?.as_bytes()).to_string()))
        }),
        "uniquestring" => plain(1, ANY, |call| Ok(Value::Text(base32(murmur(joined(call)?.as_bytes()))))),
        _ => return None,
    })
}

fn joined(call: &Call<'_>) -> Result<String, Error> {
    let texts = (0..call.values.len()).map(|place| call.text(place)).collect::<Result<Vec<_>, _>>()?;
    Ok(texts.join("-"))
}

const FIRST: u32 = 0x239b_961b;
const SECOND: u32 = 0xab0e_9789;

/// The hash behind `uniqueString`: of the family of MurmurHash3, with two lanes of 32 bits, eight bytes a round. Nobody
/// specified it; that it is Azure's is known by its results.
fn murmur(bytes: &[u8]) -> u64 {
    let (mut one, mut two) = (0_u32, 0_u32);
    let rounds = bytes.chunks_exact(8);
    let rest = rounds.remainder();
    for round in rounds {
        one = (one ^ mixed_one(word(&round[..4]))).rotate_left(19).wrapping_add(two);
        one = one.wrapping_mul(5).wrapping_add(0x561c_cd1b);
        two = (two ^ mixed_two(word(&round[4..]))).rotate_left(13).wrapping_add(one);
        two = two.wrapping_mul(5).wrapping_add(0x0bca_a747);
    }
    let (low, high) = rest.split_at(rest.len().min(4));
    one ^= mixed_one(word(low)) ^ bytes.len() as u32;
    two ^= mixed_two(word(high)) ^ bytes.len() as u32;
    one = one.wrapping_add(two);
    two = two.wrapping_add(one);
    (one, two) = (finished(one), finished(two));
    one = one.wrapping_add(two);
    two = two.wrapping_add(one);
    u64::from(two) << 32 | u64::from(one)
}

/// Up to four bytes, the lowest first. Of no bytes it is zero, which mixes to zero.
fn word(bytes: &[u8]) -> u32 {
    bytes.iter().rev().fold(0, |word, byte| word << 8 | u32::from(*byte))
}

fn mixed_one(word: u32) -> u32 {
    word.wrapping_mul(FIRST).rotate_left(15).wrapping_mul(SECOND)
}

fn mixed_two(word: u32) -> u32 {
    word.wrapping_mul(SECOND).rotate_left(17).wrapping_mul(FIRST)
}

fn finished(mut lane: u32) -> u32 {
    lane = (lane ^ lane >> 16).wrapping_mul(0x85eb_ca6b);
    lane = (lane ^ lane >> 13).wrapping_mul(0xc2b2_ae35);
    lane ^ lane >> 16
}

/// Thirteen characters, five bits each, the highest first.
fn base32(mut hash: u64) -> String {
    let mut text = String::with_capacity(13);
    for _ in 0..13 {
        text.push(char::from(b"abcdefghijklmnopqrstuvwxyz234567"[(hash >> 59) as usize]));
        hash <<= 5;
    }
    text
}
