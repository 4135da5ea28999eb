//! The journal of a file being written: which blocks are in it. Its lock keeps a second writer out.
//!
//! A header of 16 bytes, then one record of 88 bytes for every block, appended once the block's bytes are written:
//! id (64), offset (8), length (8), CRC-32 of the block's bytes (4), CRC-32 of the 84 bytes before (4); numbers are
//! little-endian. A crash can tear the last record and, with the machine's power, any block: both show by their CRC.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use parking_lot::Mutex;

use super::os;
use crate::store::{Block, BlockId};

const HEADER: &[u8; 16] = b"transload blocks";
const RECORD_BYTES: usize = 88;

/// How often, and how far apart, the lock is tried: a writer that was just dropped may still be ending a write.
const LOCK_TRIES: u32 = 10;
const LOCK_PAUSE: Duration = Duration::from_millis(30);

/// A block as the journal has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Record {
    pub(super) block: Block,
    /// CRC-32 of the block's bytes.
    pub(super) crc: u32,
}

/// An open journal; whoever has it may write the blob. Dropping it gives that up and leaves the file.
#[derive(Debug)]
pub(super) struct Journal {
    path: PathBuf,
    file: Mutex<File>,
}

impl Journal {
    /// Opens the journal, making it if need be, and takes its lock: `WouldBlock` when another has it.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        loop {
            let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)?;
            lock(&file)?;
            // the one who had the lock may have removed the file meanwhile: then this one is no journal any more
            match fs::metadata(path) {
                Ok(there) if os::is_same(&there, &file.metadata()?) => {
                    return Ok(Self { path: path.to_owned(), file: Mutex::new(file) });
                }
                Ok(_) => {}
                Err(e) if os::is_absent(&e) => {}
                Err(e) => return Err(e),
            }
        }
    }

    /// The records that are whole, oldest first. A torn end is cut off, so that the next record is aligned.
    pub(super) fn records(&self) -> io::Result<Vec<Record>> {
        let mut file = self.file.lock();
        let mut bytes = Vec::new();
        file.seek(SeekFrom::Start(0))?;
        file.read_to_end(&mut bytes)?;
        let Some(body) = bytes.strip_prefix(HEADER.as_slice()) else {
            drop(file);
            self.clear()?;
            return Ok(Vec::new());
        };
        let whole = body.len() / RECORD_BYTES * RECORD_BYTES;
        file.set_len((HEADER.len() + whole) as u64)?;
        file.seek(SeekFrom::End(0))?;
        Ok(body[..whole].chunks_exact(RECORD_BYTES).filter_map(decode).collect())
    }

    /// Forgets every record.
    pub(super) fn clear(&self) -> io::Result<()> {
        let mut file = self.file.lock();
        file.set_len(0)?;
        file.seek(SeekFrom::Start(0))?;
        file.write_all(HEADER)
    }

    /// Adds a record, in one write.
    pub(super) fn append(&self, record: &Record) -> io::Result<()> {
        self.file.lock().write_all(&encode(record))
    }

    /// Removes the file.
    pub(super) fn remove(&self) -> io::Result<()> {
        match fs::remove_file(&self.path) {
            Err(e) if !os::is_absent(&e) => Err(e),
            _ => Ok(()),
        }
    }
}

fn lock(file: &File) -> io::Result<()> {
    for _ in 1..LOCK_TRIES {
        match file.try_lock() {
            Ok(()) => return Ok(()),
            Err(TryLockError::WouldBlock) => std::thread::sleep(LOCK_PAUSE),
            // a file system without locks: better written than refused
            Err(TryLockError::Error(e)) if e.kind() == io::ErrorKind::Unsupported => return Ok(()),
            Err(TryLockError::Error(e)) => return Err(e),
        }
    }
    file.try_lock().map_err(io::Error::from)
}

fn encode(record: &Record) -> [u8; RECORD_BYTES] {
    let mut bytes = [0; RECORD_BYTES];
    bytes[..64].copy_from_slice(&record.block.id.0);
    bytes[64..72].copy_from_slice(&record.block.offset.to_le_bytes());
    bytes[72..80].copy_from_slice(&record.block.len.to_le_bytes());
    bytes[80..84].copy_from_slice(&record.crc.to_le_bytes());
    let crc = crc32fast::hash(&bytes[..84]);
    bytes[84..].copy_from_slice(&crc.to_le_bytes());
    bytes
}

/// A record whose own checksum holds and whose numbers can be.
fn decode(bytes: &[u8]) -> Option<Record> {
    let (body, crc) = bytes.split_at_checked(84)?;
    if crc32fast::hash(body) != u32::from_le_bytes(crc.try_into().ok()?) {
        return None;
    }
    let offset = u64::from_le_bytes(body[64..72].try_into().ok()?);
    let len = u64::from_le_bytes(body[72..80].try_into().ok()?);
    offset.checked_add(len)?;
    Some(Record {
        block: Block { id: BlockId(body[..64].try_into().ok()?), offset, len, index: 0 },
        crc: u32::from_le_bytes(body[80..84].try_into().ok()?),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(offset: u64) -> Record {
        Record { block: Block { id: BlockId([offset as u8; 64]), offset, len: 7, index: 0 }, crc: 3 }
    }

    fn at() -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("b.partial.blocks");
        (folder, path)
    }

    #[test]
    fn records_are_found_again_and_a_torn_end_is_cut() {
        let (_folder, path) = at();
        let journal = Journal::open(&path).unwrap();
        assert!(journal.records().unwrap().is_empty());
        journal.append(&record(1)).unwrap();
        journal.append(&record(2)).unwrap();
        drop(journal);
        let mut bytes = fs::read(&path).unwrap();
        assert_eq!(bytes.len(), 16 + 2 * RECORD_BYTES);
        bytes.extend_from_slice(&encode(&record(3))[..40]);
        fs::write(&path, &bytes).unwrap();

        let journal = Journal::open(&path).unwrap();
        assert_eq!(journal.records().unwrap(), [record(1), record(2)]);
        journal.append(&record(4)).unwrap();
        assert_eq!(journal.records().unwrap(), [record(1), record(2), record(4)]);
    }

    #[test]
    fn a_damaged_record_is_passed_over_and_a_foreign_file_is_started_anew() {
        let (_folder, path) = at();
        let journal = Journal::open(&path).unwrap();
        journal.records().unwrap();
        journal.append(&record(1)).unwrap();
        journal.append(&record(2)).unwrap();
        drop(journal);
        let mut bytes = fs::read(&path).unwrap();
        bytes[20] ^= 1;
        fs::write(&path, &bytes).unwrap();
        assert_eq!(Journal::open(&path).unwrap().records().unwrap(), [record(2)]);
        fs::write(&path, b"something else altogether").unwrap();
        assert!(Journal::open(&path).unwrap().records().unwrap().is_empty());
        assert_eq!(fs::read(&path).unwrap(), HEADER);
    }

    #[test]
    fn one_writer_at_a_time() {
        let (_folder, path) = at();
        let first = Journal::open(&path).unwrap();
        assert_eq!(Journal::open(&path).unwrap_err().kind(), io::ErrorKind::WouldBlock);
        first.remove().unwrap();
        Journal::open(&path).unwrap();
        drop(first);
        Journal::open(&path).unwrap();
    }

    #[test]
    fn numbers_that_cannot_be_are_refused() {
        let mut bad = record(1);
        bad.block.offset = u64::MAX;
        assert_eq!(decode(&encode(&bad)), None);
    }
}
