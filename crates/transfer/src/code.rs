//! The table of error codes: one row each, with what a person can do next.

use std::fmt;

use serde::{Serialize, Serializer};

/// Declares the codes, their names and their next steps as one table.
macro_rules! codes {
    ($( $(#[doc = $doc:literal])+ $name:ident => $next:literal, )+) => {
        /// What kind of failure it is. The name is stable: scripts and the API depend on it.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[non_exhaustive]
        pub enum Code { $( $(#[doc = $doc])+ $name, )+ }

        impl Code {
            /// Every code, in the table's order.
            pub const ALL: &'static [Self] = &[ $( Self::$name, )+ ];

            /// The stable name.
            pub fn as_str(self) -> &'static str {
                match self { $( Self::$name => stringify!($name), )+ }
            }

            /// What it means, in a sentence.
            pub fn meaning(self) -> &'static str {
                match self { $( Self::$name => concat!($( $doc ),+), )+ }
            }

            /// What to do next when nothing more particular is known. Empty where there is nothing to say.
            pub fn next_step(self) -> &'static str {
                match self { $( Self::$name => $next, )+ }
            }
        }
    };
}

codes! {
    /// The text is no reference to an artifact.
    ReferenceInvalid => "write it as registry/repository:tag, registry/repository@sha256:… or registry/repository",
    /// The repository has no such tag.
    TagNotFound => "check the tag; `registry/repository` without a tag exports every tag",
    /// The registry has no such repository, or hides it from this credential.
    RepositoryNotFound => "check the spelling; some registries hide what a credential may not read",
    /// A pattern stands for nothing that is there.
    NothingMatched => "correct the pattern; docs/selection.md says what patterns mean",
    /// The image is for other platforms than those that were asked for.
    PlatformNotFound => "ask for one of its platforms, or leave it out with --exclude",
    /// The target registry does not take an index of which not every platform travels.
    SparseIndexRefused => "import with --platform-rewrite, or export with it (the index gets a new digest, and signatures of the old one do not fit it), or export every platform",
    /// The repository has no manifest of that digest.
    ManifestNotFound => "the manifest was deleted or never pushed: push it again, or leave this artifact out",
    /// A blob that a manifest names is not in the source.
    BlobNotFound => "push the artifact again to repair it in the source, or leave it out with --continue-on-errors",
    /// A foreign layer is neither in the source registry nor at its URLs.
    ForeignLayerUnavailable => "leave such layers behind with --foreign-layers omit, or push the image with them to the source registry first",
    /// The manifest is of a kind that cannot travel (Docker schema 1, or no manifest at all).
    ManifestUnsupported => "rebuild or convert the image to Docker schema 2 or OCI, and push it again",
    /// Two artifacts would have the same name in the target.
    NameConflict => "give one of them another name with --map or a prefix, or transfer them one after the other",
    /// The registry wants a credential, or does not accept the one it got.
    Unauthorized => "log in to the registry (transload login, docker login, podman login) or point DOCKER_CONFIG at the right file",
    /// The credential is accepted and does not allow this.
    Denied => "ask the registry's owner for the right to pull (source) or push (target)",
    /// A credential file or helper cannot be used.
    CredentialInvalid => "repair the file or install the helper that it names",
    /// The registry cannot be reached.
    RegistryUnreachable => "check name, port, network and proxy; then run the same command again",
    /// The registry's certificate is not trusted, or ours is not accepted.
    RegistryTls => "give the registry's CA with --ca-file",
    /// The registry speaks HTTP where HTTPS was expected, or the reverse.
    RegistryProtocol => "use --plain-http only for registries that have no TLS",
    /// The registry failed or answered what it should not.
    RegistryFailed => "run the same command again; it goes on where it stopped",
    /// The registry asks to slow down for longer than is bearable.
    RegistryThrottled => "run the same command again later; it goes on where it stopped",
    /// The registry has no room left.
    RegistryFull => "free space in the registry, then run the same command again",
    /// The registry lacks an API that this needs.
    RegistryUnsupported => "name the tags or digests one by one",
    /// The target registry does not take a manifest.
    ManifestRefused => "read the registry's own words above: it may not allow this media type, or an image policy forbids it",
    /// The target registry does not take a blob.
    BlobRefused => "read the registry's own words above: a size limit or a policy may forbid it",
    /// Bytes do not match their digest.
    DigestMismatch => "the bytes were damaged on the way or at rest: run again; if it stays, push or export the artifact anew",
    /// A tag exists in the target with another digest.
    TagConflict => "give --overwrite-tags to move the tags, or import under another prefix (--to registry/prefix)",
    /// The location cannot be understood.
    LocationInvalid => "a location is a file, a folder, s3://bucket/name, gs://bucket/name, or the URL of an Azure container or blob",
    /// There is no such container, bucket or folder.
    ContainerNotFound => "create the container, bucket or folder, or correct its name",
    /// There is no bundle at the location.
    BundleNotFound => "check the name; wait until the copy across the gap has finished",
    /// A bundle of that name is there, with other content.
    BundleExists => "give --overwrite-blobs to replace it, or another name",
    /// The bundle was replaced while it was being read.
    BundleChanged => "run the same command again when nobody is writing it",
    /// Another process is writing this bundle.
    BundleBusy => "wait until it has finished, or choose another name",
    /// The SAS token has expired.
    SasExpired => "ask for a new token",
    /// The SAS token is not valid yet.
    SasNotYetValid => "wait, or ask for a token that starts earlier; check this machine's clock",
    /// The SAS token lacks a permission.
    SasPermission => "ask for a token with the missing permission (export: rcwl; import: rl, with d to delete)",
    /// The SAS token is for another resource.
    SasResource => "ask for a token of this container (sr=c), or an account token with ss=b and srt=sco",
    /// The SAS token is for HTTPS only.
    SasHttpsOnly => "use the https:// URL of the container",
    /// The SAS token is for other addresses.
    SasAddress => "ask for a token whose sip covers this machine's outward address",
    /// The text given as a SAS token is none.
    SasMalformed => "copy the token again, whole, from sv= to the end of sig=",
    /// The store does not accept the credential.
    StoreUnauthenticated => "check that the key or token belongs to this store and was copied whole",
    /// The store or the file system does not allow this.
    StoreDenied => "ask for the right to read and write here",
    /// The store wants a credential and none was given.
    StoreCredentialMissing => "Azure: give a SAS token with --sas-token-env or --sas-token-file; S3: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY; Google: set GOOGLE_APPLICATION_CREDENTIALS",
    /// This machine's clock and the store's are too far apart.
    ClockSkew => "set this machine's clock",
    /// No room left at the location.
    StoreFull => "free space, then run the same command again; it goes on where it stopped",
    /// The store cannot be reached.
    StoreUnreachable => "check name, network and proxy; then run the same command again, it goes on where it stopped",
    /// The store asks to slow down for longer than is bearable.
    StoreThrottled => "run the same command again later; it goes on where it stopped",
    /// The store failed or answered what it should not.
    StoreFailed => "run the same command again; it goes on where it stopped",
    /// The store cannot do what is asked of it.
    StoreUnsupported => "use a file, a folder or a container",
    /// What came out of the pipe cannot be had again.
    PipePassed => "run the whole pipe again; what was pushed before is not pushed again",
    /// The exporting side could not read this, and said so in the bundle.
    ExportFailed => "mend it where it was exported, then export and import again; --continue-on-errors imports the rest",
    /// The operating system failed a file operation.
    StoreIo => "check the disk and the file system",
    /// What is at the location is no bundle.
    NotABundle => "a bundle is an uncompressed tar that holds an OCI image layout",
    /// The bundle is damaged.
    BundleDamaged => "copy it across again, and check the copy with `transload verify` before importing it",
    /// A part of a bundle that was split is missing, or is not as long as it should be.
    PartMissing => "copy all parts again, and name the first one",
    /// The bundle is built to do harm, or by a broken tool.
    BundleHostile => "do not use it; ask where it came from",
    /// The bundle was written by a newer version.
    BundleTooNew => "update transload on this side",
    /// What was given as a plan is none.
    PlanInvalid => "make it with `transload plan ARTIFACT… > plan.json`",
    /// What would move is not what was planned.
    PlanDiffers => "make a new plan, see with `transload diff` what is different, and have it approved",
    /// The folder of a registry cannot be used.
    RegistryFolder => "name a folder that can be written to; of a registry that is there, with --data",
    /// Another process has the folder of a registry.
    RegistryFolderBusy => "end the other process, or name another folder",
    /// The address cannot be listened on.
    ListenFailed => "name another address with --listen, or end what listens there",
    /// A certificate, its private key, or the authority that is to issue it cannot be used.
    CertificateInvalid => "look at what the message names; a chain and its key are PEM files, the server's certificate first",
    /// Something in a registry's folder is damaged or missing.
    RegistryDamaged => "put damaged blobs aside with `transload registry check --repair`, then push what is affected again",
    /// The ledger of the control plane cannot be used.
    LedgerUnavailable => "see that the database runs and the disk has room; nothing that was acknowledged is lost",
    /// The key of the vault cannot be used, or is not the one that its secrets were sealed with.
    VaultKeyUnusable => "restore the key file from a backup: without its key the vault's secrets cannot be read",
    /// The control plane cannot be reached.
    ServerUnreachable => "check --server or the context, the network and the proxy, and whether `transload serve` runs there",
    /// The control plane's certificate is not trusted.
    ServerTls => "give its authority with --ca-file (`transload serve` says where it is), or in the context",
    /// The control plane failed, or asks to come back later.
    ServerFailed => "run the same command again later; the server's log has the correlation id",
    /// What answered is no control plane of this kind.
    ServerProtocol => "check --server; it is the address that `transload serve` says when it starts",
    /// The control plane does not accept who asks.
    SignInFailed => "check client id and secret; `transload principal rotate --offline` on the server's machine makes a new secret",
    /// Who asks may not do this.
    AccessDenied => "ask an owner for a role: `transload role grant --principal ID --role ROLE`",
    /// The control plane has no such resource.
    ResourceNotFound => "check the name, the group and the registry; `list` shows what is there",
    /// A resource cannot be changed as things are.
    ResourceConflict => "read the server's words above; wait for what runs, or remove what is in the way",
    /// The control plane does not take what it was asked.
    RequestRefused => "correct what the server's words above name",
    /// A run failed for a reason that this program has no word for.
    RunFailed => "read the reason above; `transload run logs` shows what happened",
    /// A run was cancelled.
    RunCanceled => "create it again with --force; it goes on where it stopped",
    /// A bound was passed.
    LimitExceeded => "the bound protects this machine; split the transfer into smaller ones",
    /// The command line, an option or a file that it names cannot be used.
    Usage => "see --help",
    /// It was stopped by a signal.
    Interrupted => "run the same command again; it goes on where it stopped",
    /// Several artifacts failed.
    ArtifactsFailed => "mend what each artifact's message says, or give --continue-on-errors to move the others",
    /// A defect of this program.
    Internal => "report it with the command and the version",
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for Code {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}
