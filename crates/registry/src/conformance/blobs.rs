//! Blobs.

use transload_oci::{Algorithm, Descriptor, Digest, media_type};

use super::sample::{Sample, nowhere, read, repository};
use super::{done, failed};
use crate::error::ErrorKind;
use crate::seam::{Pushed, Target};

/// What was pushed comes back.
///
/// # Panics
/// Where it does not.
pub async fn blob_push_and_pull(target: &dyn Target) {
    let name = repository("push");
    for len in [1, 64, 10_007, 300_000] {
        let sample = Sample::random(len);
        let pushed = done(target.push_blob(&name, &sample.descriptor, &[], &sample).await, "pushing");
        assert_eq!(pushed, Pushed::Uploaded { sent: len as u64 });
        let size = done(target.blob_size(&name, &sample.descriptor.digest).await, "asking for the size");
        assert_eq!(size, Some(len as u64));
        assert_eq!(read(target, &name, &sample.descriptor, 0).await, sample.bytes);
    }
}

/// A blob can be read from any byte on.
///
/// # Panics
/// Where it cannot.
pub async fn blob_ranges(target: &dyn Target) {
    let name = repository("ranges");
    let sample = Sample::random(100_000);
    sample.push(target, &name).await;
    for offset in [1, 64, 50_001, 99_999, 100_000] {
        let rest = read(target, &name, &sample.descriptor, offset).await;
        assert!(rest == sample.bytes[offset as usize..], "from byte {offset}: {} bytes", rest.len());
    }
    let beyond = target.blob(&name, &sample.descriptor, 100_001).await;
    failed(beyond, "reading from behind the end");
}

/// A blob of no bytes is a blob.
///
/// # Panics
/// Where it is not.
pub async fn blob_of_no_bytes(target: &dyn Target) {
    let name = repository("empty");
    let sample = Sample::of("");
    sample.push(target, &name).await;
    assert_eq!(done(target.blob_size(&name, &sample.descriptor.digest).await, "asking"), Some(0));
    assert!(read(target, &name, &sample.descriptor, 0).await.is_empty());
    let wrong = Descriptor { digest: nowhere(), ..sample.descriptor.clone() };
    let error = failed(target.push_blob(&name, &wrong, &[], &sample).await, "pushing nothing as something");
    assert_eq!(error.kind(), ErrorKind::DigestMismatch, "{error:?}");
}

/// What is there is not sent again.
///
/// # Panics
/// Where it is.
pub async fn blob_existing_is_not_sent(target: &dyn Target) {
    let name = repository("existing");
    let sample = Sample::random(5000);
    sample.push(target, &name).await;
    let again = done(target.push_blob(&name, &sample.descriptor, &[], &sample).await, "pushing again");
    assert_eq!(again, Pushed::Existed);
}

/// A blob of another repository is mounted, and one that is not there is uploaded instead.
///
/// # Panics
/// Where it is not.
pub async fn blob_mount(target: &dyn Target) {
    let (from, to, third) = (repository("from"), repository("to"), repository("third"));
    let sample = Sample::random(5000);
    sample.push(target, &from).await;
    let digest = &sample.descriptor.digest;
    let candidates = [repository("nothing"), from.clone()];
    let pushed = done(target.push_blob(&to, &sample.descriptor, &candidates, &sample).await, "mounting");
    assert_eq!(pushed, Pushed::Mounted);
    assert_eq!(read(target, &to, &sample.descriptor, 0).await, sample.bytes);
    assert!(!done(target.mount_blob(&third, digest, &candidates[0]).await, "mounting nothing"));
    assert!(done(target.mount_blob(&third, digest, &from).await, "mounting alone"));
    assert_eq!(done(target.blob_size(&third, digest).await, "asking"), Some(5000));
    let other = Sample::random(7000);
    let pushed = done(target.push_blob(&to, &other.descriptor, &candidates, &other).await, "declined mount");
    assert_eq!(pushed, Pushed::Uploaded { sent: 7000 });
    assert_eq!(read(target, &to, &other.descriptor, 0).await, other.bytes);
}

/// What is not there is `None`, and `BlobNotFound` when it is read.
///
/// # Panics
/// Where it is not.
pub async fn blob_missing(target: &dyn Target) {
    let name = repository("missing");
    assert_eq!(done(target.blob_size(&name, &nowhere()).await, "asking in a missing repository"), None);
    Sample::random(10).push(target, &name).await;
    assert_eq!(done(target.blob_size(&name, &nowhere()).await, "asking"), None);
    let missing = Descriptor::new(media_type::OCI_LAYER, nowhere(), 10);
    let error = failed(target.blob(&name, &missing, 0).await, "reading a missing blob");
    assert_eq!(error.kind(), ErrorKind::BlobNotFound, "{error:?}");
}

/// Bytes that are not the blob's are an error, and no blob stays behind.
///
/// # Panics
/// Where one does.
pub async fn blob_wrong_bytes_leave_nothing(target: &dyn Target) {
    let name = repository("wrong");
    let good = Sample::random(50_000);
    let mut bytes = good.bytes.to_vec();
    bytes[49_999] ^= 1;
    let longer = [&good.bytes[..], b"x"].concat();
    for (what, bytes) in
        [("another byte", bytes), ("a byte less", good.bytes[..49_999].to_vec()), ("a byte more", longer)]
    {
        let wrong = Sample { bytes: bytes.into(), descriptor: good.descriptor.clone() };
        let error = failed(target.push_blob(&name, &good.descriptor, &[], &wrong).await, what);
        assert_eq!(error.kind(), ErrorKind::DigestMismatch, "{what}: {error:?}");
        assert_eq!(done(target.blob_size(&name, &good.descriptor.digest).await, what), None, "{what}");
    }
    good.push(target, &name).await;
}

/// Blobs may be named by SHA-512.
///
/// # Panics
/// Where they may not.
pub async fn blob_sha512(target: &dyn Target) {
    let name = repository("sha512");
    let mut sample = Sample::random(20_000);
    sample.descriptor.digest = Digest::of(Algorithm::Sha512, &sample.bytes);
    sample.push(target, &name).await;
    assert_eq!(read(target, &name, &sample.descriptor, 0).await, sample.bytes);
}
