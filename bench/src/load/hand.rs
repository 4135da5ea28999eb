//! Doing the operations over one connection.

use anyhow::{Context, Result};

use super::content::{Blob, Content, Image, MANIFEST};
use super::wire::{Body, Expect, Wire};
use super::work::{By, MANY, Operation, REPOSITORY};

const OCTETS: &str = "Content-Type: application/octet-stream\r\n";

/// A connection that knows what lies in the registry.
pub(super) struct Hand<'a> {
    wire: Wire,
    content: &'a Content,
    /// Whether every byte of every answer is looked at, or only their number.
    exactly: bool,
}

impl<'a> Hand<'a> {
    pub(super) async fn new(host: &str, content: &'a Content, exactly: bool) -> Result<Self> {
        Ok(Self { wire: Wire::connect(host).await?, content, exactly })
    }

    /// Does it, and gives the bytes of bodies that it moved.
    pub(super) async fn perform(&mut self, operation: &Operation) -> Result<u64> {
        let content = self.content;
        match operation {
            Operation::PullLarge(n) => self.get_blob(&content.large[*n]).await,
            Operation::PullSmall(n) => self.get_blob(&content.images[*n].layer).await,
            Operation::HeadSmall(n) => self.head_blob(&content.images[*n].layer).await,
            Operation::Push { blob, chunked } => self.push(blob, *chunked).await,
            Operation::PushImage { image, tag } => self.push_image(image, &format!("n{tag}")).await,
            Operation::Manifest { image, by, head } => {
                let manifest = &content.images[*image].manifest;
                let reference = match by {
                    By::Tag => format!("t{image}"),
                    By::Digest => manifest.digest.to_string(),
                };
                self.manifest(&reference, manifest, *head).await
            }
            Operation::Tags => {
                let path = format!("/v2/{MANY}/tags/list");
                Ok(self.wire.ask(("GET", &path), "", Body::None, 200, Expect::Any).await?.len)
            }
        }
    }

    /// That what an operation pushed is there: byte for byte, or at least of the right length.
    pub(super) async fn confirm(&mut self, operation: &Operation) -> Result<()> {
        match operation {
            Operation::Push { blob, .. } if self.exactly => self.get_blob(blob).await.map(drop),
            Operation::Push { blob, .. } => self.head_blob(blob).await.map(drop),
            Operation::PushImage { image, tag } => {
                self.manifest(&format!("n{tag}"), &image.manifest, false).await?;
                self.get_blob(&image.layer).await.map(drop)
            }
            _ => Ok(()),
        }
    }

    pub(super) async fn push(&mut self, blob: &Blob, chunked: bool) -> Result<u64> {
        let path = format!("/v2/{REPOSITORY}/blobs/uploads/");
        let opened = self.wire.ask(("POST", &path), "", Body::None, 202, Expect::Any).await?;
        let mut place = opened.location.context("no place to upload to")?;
        let mut body = Body::Whole(blob);
        if chunked {
            let taken =
                self.wire.ask(("PATCH", &place), OCTETS, Body::Chunked(blob), 202, Expect::Any).await?;
            place = taken.location.context("no place to finish the upload at")?;
            body = Body::None;
        }
        let joint = if place.contains('?') { '&' } else { '?' };
        let path = format!("{place}{joint}digest={}", blob.digest);
        self.wire.ask(("PUT", &path), OCTETS, body, 201, Expect::Any).await?;
        Ok(blob.len())
    }

    pub(super) async fn push_image(&mut self, image: &Image, tag: &str) -> Result<u64> {
        let blobs = self.push(&image.layer, false).await? + self.push(&image.config, false).await?;
        Ok(blobs + self.put_manifest(REPOSITORY, tag, &image.manifest).await?)
    }

    /// Lets the repository with many tags have them, all of one image.
    pub(super) async fn push_many(&mut self, image: &Image, tags: std::ops::Range<usize>) -> Result<()> {
        for blob in [&image.layer, &image.config] {
            let path = format!("/v2/{MANY}/blobs/uploads/?mount={}&from={REPOSITORY}", blob.digest);
            self.wire.ask(("POST", &path), "", Body::None, 201, Expect::Any).await?;
        }
        for n in tags {
            self.put_manifest(MANY, &format!("v{n}"), &image.manifest).await?;
        }
        Ok(())
    }

    async fn put_manifest(&mut self, repository: &str, tag: &str, manifest: &Blob) -> Result<u64> {
        let (path, kind) =
            (format!("/v2/{repository}/manifests/{tag}"), format!("Content-Type: {MANIFEST}\r\n"));
        self.wire.ask(("PUT", &path), &kind, Body::Whole(manifest), 201, Expect::Any).await?;
        Ok(manifest.len())
    }

    pub(super) async fn manifest(&mut self, reference: &str, manifest: &Blob, head: bool) -> Result<u64> {
        let path = format!("/v2/{REPOSITORY}/manifests/{reference}");
        let accept = format!("Accept: {MANIFEST}\r\n");
        self.fetch(&path, &accept, manifest, head).await
    }

    pub(super) async fn get_blob(&mut self, blob: &Blob) -> Result<u64> {
        self.fetch(&format!("/v2/{REPOSITORY}/blobs/{}", blob.digest), "", blob, false).await
    }

    async fn head_blob(&mut self, blob: &Blob) -> Result<u64> {
        self.fetch(&format!("/v2/{REPOSITORY}/blobs/{}", blob.digest), "", blob, true).await
    }

    async fn fetch(&mut self, path: &str, headers: &str, blob: &Blob, head: bool) -> Result<u64> {
        let (method, expect) = match (head, self.exactly) {
            (true, _) => ("HEAD", Expect::Head(blob)),
            (false, true) => ("GET", Expect::Exactly(blob)),
            (false, false) => ("GET", Expect::Length(blob)),
        };
        let answer = self.wire.ask((method, path), headers, Body::None, 200, expect).await?;
        Ok(if head { 0 } else { answer.len })
    }
}
