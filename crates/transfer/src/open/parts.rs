//! Bundles in parts, as `split` makes them: `NAME.001`, `NAME.002`, … or `NAME.part-aa`, `NAME.part-ab`, …

use std::collections::BTreeMap;
use std::sync::Arc;

use futures_util::TryStreamExt;
use transload_blobstore::{BlobStat, BlobStore};

use crate::code::Code;
use crate::engine::Engine;
use crate::error::Error;

/// Parts that are read as one at most.
pub(crate) const PARTS_MAX: usize = 10_000;
/// So many digits in a name make a part of it; fewer may be a version.
const DIGITS_MIN: usize = 3;

/// The name of a part, taken apart: `stem` `mark` `number`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct PartName<'a> {
    /// The name of the whole.
    stem: &'a str,
    /// `.`, `.part`, `.part-` or `.part_`.
    mark: &'a str,
    /// Digits, or small letters.
    number: &'a str,
}

impl<'a> PartName<'a> {
    fn of(name: &'a str) -> Option<Self> {
        let dot = name.rfind('.').filter(|dot| *dot > 0)?;
        let behind = &name[dot + 1..];
        let marked = behind.strip_prefix("part");
        let apart = marked.and_then(|rest| rest.strip_prefix(['-', '_']));
        let number = apart.or(marked).unwrap_or(behind);
        let digits = !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit());
        // unmarked letters are file extensions, unless they are what split begins with
        let letters = number.len() >= 2 && number.bytes().all(|b| b.is_ascii_lowercase());
        let counts = match (apart, marked) {
            (Some(_), _) => digits || letters,
            (None, Some(_)) => digits || (letters && number.len() == 2),
            (None, None) => (digits && number.len() >= DIGITS_MIN) || (letters && number.len() == 2),
        };
        let mark = &name[dot..name.len() - number.len()];
        counts.then_some(Self { stem: &name[..dot], mark, number })
    }

    fn is_letters(&self) -> bool {
        self.number.starts_with(|c: char| c.is_ascii_lowercase())
    }

    /// Whether a row of parts begins with it.
    fn is_first(&self) -> bool {
        if self.is_letters() {
            return self.number.bytes().all(|b| b == b'a');
        }
        matches!(self.number.parse(), Ok(0_u64 | 1))
    }

    fn same_row(&self, other: &PartName<'_>) -> bool {
        self.stem == other.stem && self.mark == other.mark && self.is_letters() == other.is_letters()
    }

    /// The numbers that may follow: one more, or what `split` goes on with when it runs out of its width.
    fn next(&self) -> Vec<String> {
        let (first, last) = if self.is_letters() { (b'a', b'z') } else { (b'0', b'9') };
        let mut plain = self.number.as_bytes().to_vec();
        let mut at = plain.len();
        while at > 0 && plain[at - 1] == last {
            plain[at - 1] = first;
            at -= 1;
        }
        match at.checked_sub(1) {
            Some(at) => plain[at] += 1,
            None => plain.insert(0, if self.is_letters() { first } else { b'1' }),
        }
        // 89 → 9000, yz → zaaa: names stay in order as texts
        let wide = plain.iter().take_while(|b| **b == last).count();
        let mut wider = plain.clone();
        wider.extend([first, first]);
        let widens = wide > 0 && plain[wide..].iter().all(|b| *b == first);
        [Some(plain), widens.then_some(wider)]
            .into_iter()
            .flatten()
            .filter_map(|number| String::from_utf8(number).ok())
            .collect()
    }
}

/// Whether a name is that of a part.
pub(super) fn is_part_name(name: &str) -> bool {
    PartName::of(name).is_some()
}

/// Whether these are names of parts of one bundle.
pub fn are_parts(one: &str, other: &str) -> bool {
    let apart = PartName::of(one).zip(PartName::of(other));
    apart.is_some_and(|(one, other)| one.same_row(&other))
}

/// The name of the whole, for the name of a part; any other name is the whole's already.
pub(crate) fn whole_name(name: &str) -> &str {
    PartName::of(name).map_or(name, |part| part.stem)
}

/// The parts of a bundle that was named by its first part, by another of them, or by what their names have in common.
/// `None` when the name stands for something else.
///
/// # Errors
/// [`Code::PartMissing`] when the row has a hole, or a part in it has another length than the first.
pub(super) async fn find(
    engine: &Engine,
    store: &Arc<dyn BlobStore>,
    name: &str,
    stat: Option<&BlobStat>,
) -> Result<Option<Vec<BlobStat>>, Error> {
    let asked = PartName::of(name);
    let stem = match (stat, asked) {
        _ if name.is_empty() => return Ok(None),
        (_, Some(asked)) => asked.stem,
        (Some(_), None) => return Ok(None),
        (None, None) => name,
    };
    let listed = match engine.request(store.list(&format!("{stem}."))).await {
        Ok(listed) => listed,
        // whoever reads the named blob itself says what is wrong with the place
        Err(_) => return Ok(None),
    };
    let Ok(all) = listed.try_collect::<Vec<BlobStat>>().await else { return Ok(None) };
    let parts = all.iter().filter_map(|stat| Some((PartName::of(&stat.name)?, stat)));
    let mut row: Vec<_> = parts
        .filter(|(part, _)| part.stem == stem && asked.is_none_or(|asked| asked.same_row(part)))
        .collect();
    row.sort_by_key(|(part, _)| (part.mark.len(), part.number.len(), part.number));
    let Some((first, _)) = row.first().copied() else { return Ok(None) };
    row.retain(|(part, _)| part.same_row(&first));
    let alone = row.len() == 1;
    match asked {
        // a file that is there and only looks like a part
        Some(_) if stat.is_some() && (alone || !first.is_first()) => return Ok(None),
        None if alone && !first.is_first() => return Ok(None),
        _ => {}
    }
    check(store, &row)?;
    Ok(Some(row.into_iter().map(|(_, stat)| stat.clone()).collect()))
}

/// Puts blobs that are parts of one another together, each row under the name of its first part. A row that is not
/// whole is left as the blobs it consists of.
pub(super) fn rows(all: Vec<BlobStat>) -> Vec<(String, Vec<BlobStat>)> {
    let mut rows: BTreeMap<(String, String, bool), Vec<BlobStat>> = BTreeMap::new();
    let mut found = Vec::new();
    for stat in all {
        match PartName::of(&stat.name) {
            Some(part) => {
                let key = (part.stem.to_owned(), part.mark.to_owned(), part.is_letters());
                rows.entry(key).or_default().push(stat);
            }
            None => found.push((stat.name.clone(), vec![stat])),
        }
    }
    for mut row in rows.into_values() {
        row.sort_by(|one, other| (one.name.len(), &one.name).cmp(&(other.name.len(), &other.name)));
        let parts: Vec<_> = row.iter().filter_map(|stat| Some((PartName::of(&stat.name)?, stat))).collect();
        if fault(&parts).is_none() {
            found.push((row[0].name.clone(), row));
        } else {
            found.extend(row.into_iter().map(|stat| (stat.name.clone(), vec![stat])));
        }
    }
    found
}

/// Refuses a row of parts with a hole in it, or with a part that is not as long as the others.
fn check(store: &Arc<dyn BlobStore>, row: &[(PartName<'_>, &BlobStat)]) -> Result<(), Error> {
    match fault(row) {
        Some((name, detail)) => Err(Error::new(Code::PartMissing, store.describe(&name), detail)),
        None => Ok(()),
    }
}

/// What is wrong with a row of parts: with which of them, and what.
fn fault(row: &[(PartName<'_>, &BlobStat)]) -> Option<(String, String)> {
    let [(first, first_stat), ..] = row else { return None };
    let fail = |stat: &BlobStat, detail: String| Some((stat.name.clone(), detail));
    if row.len() > PARTS_MAX {
        return fail(first_stat, format!("there are {} parts; the bound is {PARTS_MAX}", row.len()));
    }
    if !first.is_first() {
        let detail =
            format!("the first part is missing: the parts that are there begin with {}", first.number);
        return fail(first_stat, detail);
    }
    for pair in row.windows(2) {
        let [(part, stat), (next, _)] = pair else { continue };
        let expected = part.next();
        if !expected.iter().any(|number| number == next.number) {
            let missing = format!("{}{}{}", part.stem, part.mark, expected.join(" or "));
            return Some((
                missing,
                format!("this part is missing: there is {}, then {}", part.number, next.number),
            ));
        }
        // all but the last are cut alike
        if stat.size != first_stat.size {
            let detail = format!("this part has {} bytes, the first has {}", stat.size, first_stat.size);
            return fail(stat, detail);
        }
    }
    // split -n leaves what does not divide to the last part
    let (_, last) = row.last()?;
    if last.size >= first_stat.size.saturating_add(row.len() as u64) {
        let detail =
            format!("this last part has {} bytes, more than the first with {}", last.size, first_stat.size);
        return fail(last, detail);
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn apart(name: &str) -> Option<(&str, &str, &str)> {
        PartName::of(name).map(|part| (part.stem, part.mark, part.number))
    }

    #[test]
    fn names_of_parts_are_told_from_others() {
        for (name, expected) in [
            ("a.tar.001", Some(("a.tar", ".", "001"))),
            ("a.tar.1000", Some(("a.tar", ".", "1000"))),
            ("a.tar.part-aa", Some(("a.tar", ".part-", "aa"))),
            ("a.part1", Some(("a", ".part", "1"))),
            ("a.tar.aa", Some(("a.tar", ".", "aa"))),
            ("folder/a.part_07", Some(("folder/a", ".part_", "07"))),
            ("release-1.10", None),
            ("a.tar", None),
            (".001", None),
            ("a.tar.zst", None),
            ("a.partial", None),
        ] {
            assert_eq!(apart(name), expected, "{name}");
        }
    }

    #[test]
    fn parts_of_one_bundle_belong_together() {
        for (one, other, expected) in [
            ("a.tar.001", "a.tar.002", true),
            ("/x/a.part-aa", "/x/a.part-zz", true),
            ("a.tar.001", "b.tar.002", false),
            ("a.tar.001", "a.tar.aa", false),
            ("a.tar.001", "a.tar", false),
            ("a.tar", "a.tar", false),
        ] {
            assert_eq!(are_parts(one, other), expected, "{one} {other}");
        }
    }

    #[test]
    fn rows_go_on_as_split_makes_them() {
        for (number, next) in [
            ("001", "002"),
            ("009", "010"),
            ("999", "1000"),
            ("aa", "ab"),
            ("az", "ba"),
            ("89", "9000"),
            ("9899", "990000"),
            ("yz", "zaaa"),
            ("zyzz", "zzaaaa"),
        ] {
            let part = PartName { stem: "a", mark: ".", number };
            assert!(part.next().iter().any(|n| n == next), "{number}: {:?}", part.next());
            assert!(!part.next().iter().any(|n| n == number));
        }
    }
}
