//! Parts of one length: for sticks whose file system takes no longer files.

use std::ops::Range;

use bytes::{Bytes, BytesMut};
use futures_util::TryStreamExt;
use transload_blobstore::{Block, BlockId, BlockOrder, StageOptions};
use transload_bundle as bundle;
use transload_registry::ByteStream;

use super::{Part, Split, SplitReport};
use crate::check::Check;
use crate::code::Code;
use crate::engine::Engine;
use crate::error::Error;
use crate::event::Event;
use crate::open::{self, Glance, PARTS_MAX, Pieces};
use crate::report::{Operation, Totals};

pub(super) async fn split(
    engine: &Engine,
    split: &Split,
    part_bytes: u64,
    report: &mut SplitReport,
) -> Result<(), Error> {
    let pieces = open::find(engine, &split.store, &split.name).await?;
    let len = pieces.len();
    refuse(split, &pieces, part_bytes, &report.source)?;
    // what is no bundle is not worth a stick; the contents of one are checked as they pass
    let (pieces, check) = match open::glance(engine, pieces, report.source.clone()).await? {
        Glance::Open(opened) => (opened.clone().into_pieces(), Some(Check::new(engine, &opened.index))),
        Glance::Packed(_, pieces) => (pieces, None),
    };
    let totals = Totals { bytes: len, bytes_moved: len, ..Totals::default() };
    engine.events.send(&Event::Planned { operation: Operation::Relay, totals });
    let mut passing = Passing { check, location: report.source.clone() };
    let base = split.name.rsplit('/').next().unwrap_or(&split.name);
    let base = open::whole_name(base);
    let starts = (0..len).step_by(usize::try_from(part_bytes).unwrap_or(usize::MAX));
    for (number, start) in (1..).zip(starts) {
        let name = format!("{base}.{number:03}");
        let range = start..len.min(start.saturating_add(part_bytes));
        let (location, bytes) = (split.target.describe(&name), range.end - range.start);
        let unchanged = !split.dry_run && !write(engine, split, &pieces, &mut passing, &name, range).await?;
        report.parts.push(Part { location, bytes, unchanged });
    }
    Ok(())
}

/// Refuses what cannot be cut like this.
fn refuse(split: &Split, pieces: &Pieces, part_bytes: u64, location: &str) -> Result<(), Error> {
    let len = pieces.len();
    let usage = |detail: String, next: &str| Err(Error::new(Code::Usage, location, detail).with_next(next));
    if pieces.is_folder() {
        return usage("it is a folder, not a file".to_owned(), "pack it first: tar -cf FILE -C FOLDER .");
    }
    if split.target.limits().order == BlockOrder::InOrder {
        return usage("parts cannot go into a pipe".to_owned(), "name a folder or a container");
    }
    if len <= part_bytes {
        let detail = format!("it has {len} bytes, which is one part of {part_bytes} already");
        return usage(detail, "take it as it is");
    }
    let count = len.div_ceil(part_bytes.max(1));
    if count > PARTS_MAX as u64 {
        let detail = format!("it would be {count} parts; the bound is {PARTS_MAX}");
        return usage(detail, "choose a larger --size");
    }
    Ok(())
}

/// Writes one part. `false` when the same is there already.
async fn write(
    engine: &Engine,
    split: &Split,
    pieces: &Pieces,
    passing: &mut Passing,
    name: &str,
    range: Range<u64>,
) -> Result<bool, Error> {
    let len = range.end - range.start;
    let there = split.target.stat(name).await?.filter(|_| !split.overwrite_blobs);
    if let Some(stat) = there {
        let theirs = split.target.read(name, 0..stat.size, stat.etag.as_deref()).await?;
        let theirs: ByteStream = Box::pin(theirs.map_err(|error| Error::from(error).into_reader()));
        if stat.size == len && same(theirs, pieces.read(range).await?, passing).await? {
            return Ok(false);
        }
        let detail = format!("something else is already there ({} bytes)", stat.size);
        return Err(Error::new(Code::BundleExists, split.target.describe(name), detail));
    }
    let options = StageOptions { overwrite: split.overwrite_blobs, len, ..StageOptions::default() };
    let stage = split.target.stage(name, options).await?;
    let staged = stage.staged();
    let limits = split.target.limits();
    let least = len.div_ceil(u64::try_from(limits.blocks_max).unwrap_or(u64::MAX).max(1));
    let step = engine.limits.block_bytes.max(limits.block_bytes_min).max(least).min(limits.block_bytes_max);
    let mut blocks = Vec::new();
    engine.until_open().await;
    let mut stream = engine.paced(pieces.read(range).await?);
    let (mut rest, mut offset, mut index) = (Bytes::new(), 0, 0);
    while let Some(bytes) = fill(&mut stream, &mut rest, step).await? {
        passing.pass(&bytes)?;
        // the place is part of the id: two equal stretches are two blocks
        let mut named = u64::to_be_bytes(offset).to_vec();
        named.extend_from_slice(&bytes);
        let id = BlockId(bundle::block_id(&bundle::bytes_key(&named), None));
        let block = Block { id, offset, len: bytes.len() as u64, index };
        let is_there = staged.iter().any(|there| {
            there.id == id
                && there.len == block.len
                && there.offset.is_none_or(|at| at == offset)
                && there.index.is_none_or(|at| at == index)
        });
        if !is_there {
            stage.put(&block, bytes).await?;
        }
        offset += block.len;
        index += 1;
        blocks.push(block);
    }
    stage.commit(&blocks).await?;
    Ok(true)
}

/// The next `step` bytes of a stream, fewer at its end; `None` behind it. `rest` is what was read too much.
async fn fill(stream: &mut ByteStream, rest: &mut Bytes, step: u64) -> Result<Option<Bytes>, Error> {
    let step = usize::try_from(step).unwrap_or(usize::MAX).max(1);
    let mut filled = BytesMut::new();
    while filled.len() < step {
        if rest.is_empty() {
            match stream.try_next().await? {
                Some(chunk) => *rest = chunk,
                None => break,
            }
        }
        let len = rest.len().min(step - filled.len());
        filled.extend_from_slice(&rest.split_to(len));
    }
    Ok((!filled.is_empty()).then(|| filled.freeze()))
}

/// Whether what is there is the same as what passes.
async fn same(mut one: ByteStream, mut other: ByteStream, passing: &mut Passing) -> Result<bool, Error> {
    const COMPARED_BYTES: u64 = 1 << 20;
    let (mut rest, mut other_rest) = (Bytes::new(), Bytes::new());
    loop {
        let bytes = fill(&mut one, &mut rest, COMPARED_BYTES).await?;
        let others = fill(&mut other, &mut other_rest, COMPARED_BYTES).await?;
        if bytes != others {
            return Ok(false);
        }
        match others {
            Some(others) => passing.pass(&others)?,
            None => return Ok(true),
        }
    }
}

/// The bundle's contents as they pass, part by part.
struct Passing {
    check: Option<Check>,
    location: String,
}

impl Passing {
    fn pass(&mut self, bytes: &[u8]) -> Result<(), Error> {
        let Some(check) = &mut self.check else { return Ok(()) };
        check.pass(bytes).map_err(|bad| {
            let subject = format!("{}@{}", self.location, bad.digest);
            let detail = format!("at byte {}: {}", bad.at.offset, bad.reason);
            Error::new(Code::BundleDamaged, subject, detail)
        })
    }
}
