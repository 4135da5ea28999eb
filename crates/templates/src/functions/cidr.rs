//! cidrHost, cidrSubnet, parseCidr.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::call::{Call, Function, plain};
use crate::{Error, Object, Value};

pub(super) fn find(name: &str) -> Option<Function> {
    Some(match name {
        "parsecidr" => plain(1, 1, parse),
        "cidrsubnet" => plain(3, 3, subnet),
        "cidrhost" => plain(2, 2, host),
        _ => return None,
    })
}

/// A range of addresses: the first one as a number, how many bits of it are the network's, and of how many.
struct Range {
    first: u128,
    prefix: u32,
    bits: u32,
}

impl Range {
    fn read(call: &Call<'_>) -> Result<Self, Error> {
        let no_range =
            || call.fault("the first argument is no range of addresses in CIDR notation, as '10.0.0.0/16'");
        let (address, prefix) = call.text(0)?.split_once('/').ok_or_else(no_range)?;
        let (address, bits) = match address.parse().map_err(|_| no_range())? {
            IpAddr::V4(address) => (u128::from(u32::from(address)), 32),
            IpAddr::V6(address) => (u128::from(address), 128),
        };
        let prefix = prefix.parse().ok().filter(|prefix| *prefix <= bits).ok_or_else(no_range)?;
        let range = Self { first: 0, prefix, bits };
        Ok(Self { first: address & range.mask(), ..range })
    }

    /// The bits of the network, set.
    fn mask(&self) -> u128 {
        self.all() & !self.hosts()
    }

    /// The bits of the hosts, set.
    fn hosts(&self) -> u128 {
        1_u128.checked_shl(self.bits - self.prefix).map_or(u128::MAX, |size| size - 1)
    }

    fn all(&self) -> u128 {
        u128::MAX >> (128 - self.bits)
    }

    fn show(&self, address: u128) -> String {
        if self.bits == 32 {
            Ipv4Addr::from(address as u32).to_string()
        } else {
            Ipv6Addr::from(address).to_string()
        }
    }

    /// The first and the last address that a host may have. Of IPv4, network and broadcast are not among them, if there
    /// is room for others.
    fn usable(&self) -> (u128, u128) {
        let last = self.first | self.hosts();
        if self.bits == 32 && self.prefix <= 30 { (self.first + 1, last - 1) } else { (self.first, last) }
    }
}

fn parse(call: &mut Call<'_>) -> Result<Value, Error> {
    let range = Range::read(call)?;
    let (first, last) = range.usable();
    let mut object = Object::new();
    object.insert("network", range.show(range.first).into());
    object.insert("netmask", range.show(range.mask()).into());
    if range.bits == 32 {
        object.insert("broadcast", range.show(range.first | range.hosts()).into());
    }
    object.insert("firstUsable", range.show(first).into());
    object.insert("lastUsable", range.show(last).into());
    object.insert("cidr", i64::from(range.prefix).into());
    Ok(Value::Object(object))
}

/// One of the ranges that a range is cut into.
fn subnet(call: &mut Call<'_>) -> Result<Value, Error> {
    let range = Range::read(call)?;
    let fits = |prefix: &u32| (range.prefix..=range.bits).contains(prefix);
    let Some(prefix) = u32::try_from(call.int(1)?).ok().filter(fits) else {
        let (least, most) = (range.prefix, range.bits);
        return Err(call.fault(&format!("the new CIDR has to be between {least} and {most}")));
    };
    let smaller = Range { prefix, ..range };
    let offset = u128::try_from(call.int(2)?)
        .ok()
        .and_then(|index| index.checked_mul(smaller.hosts().checked_add(1)?));
    match offset.filter(|offset| *offset <= range.hosts()) {
        Some(offset) => Ok(Value::Text(format!("{}/{prefix}", range.show(range.first + offset)))),
        // the one range of all addresses is as large as itself
        None if prefix == range.prefix && call.int(2)? == 0 => {
            Ok(Value::Text(format!("{}/{prefix}", range.show(range.first))))
        }
        None => Err(call.fault("there is no subnet of this index in the range")),
    }
}

/// An address of a host: index 0 is the one behind the network's own.
fn host(call: &mut Call<'_>) -> Result<Value, Error> {
    let range = Range::read(call)?;
    let (_, last) = range.usable();
    let skipped = u128::from(range.hosts() > 1);
    let address =
        u128::try_from(call.int(1)?).ok().and_then(|index| range.first.checked_add(index + skipped));
    match address.filter(|address| *address <= last) {
        Some(address) => Ok(range.show(address).into()),
        None => Err(call.fault("there is no host of this index in the range")),
    }
}
