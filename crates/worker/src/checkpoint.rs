//! Before an import writes: is it the bundle that was meant, and does no other run write the same tags?

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;
use transload_control::ledger::{Claim, Held, Ledger};
use transload_control::run::RunError;
use transload_transfer::{Checkpoint, Code, Error, Intent};

use crate::fault::Fault;

/// The code of a run whose names another has.
const CONFLICT: &str = "Conflict";

/// Holds names for a run in the ledger.
pub(crate) struct Holds {
    pub(crate) ledger: Ledger,
    pub(crate) claim: Claim,
    /// Ends the attempt when the run turns out to be another worker's.
    pub(crate) cancel: CancellationToken,
    /// Whether the run waits for another that has one of its names, rather than fail.
    ///
    /// Whoever asks for a run hears of the conflict at once, and decides. A run of the trigger is nobody's: it would use up its
    /// tries while the other, which may take hours, does nothing wrong, and the bundle would be given up. And with a schedule
    /// runs that were asked for hours apart begin at the same moment, when nobody looks.
    pub(crate) patient: bool,
}

impl Holds {
    /// Holds all of these names, or says who has one of them.
    pub(crate) async fn take(&self, names: &[String]) -> Result<(), Fault> {
        match self.ledger.hold(&self.claim, names).await? {
            Held::Ok => Ok(()),
            Held::By(other) if self.patient => {
                let message = format!("{}; this one waits until that has ended", conflict(&other, names));
                Err(Fault::Deferred { error: RunError { code: CONFLICT.to_owned(), message } })
            }
            Held::By(other) => Err(Fault::lasting(
                CONFLICT,
                format!(
                    "{}; next: wait until it has ended, then put this run again with another forceUpdateTag",
                    conflict(&other, names)
                ),
            )),
            Held::Lost => {
                self.cancel.cancel();
                Err(Fault::Interrupted)
            }
        }
    }
}

fn conflict(other: &str, names: &[String]) -> String {
    let blob = names.first().and_then(|name| name.strip_prefix("blob:"));
    let what = match blob {
        Some(blob) => format!("the blob {blob}"),
        None => "a tag that this run would write".to_owned(),
    };
    format!("the run '{other}' is writing {what}, and only one can")
}

/// The checkpoint of an import.
pub(crate) struct Guard {
    holds: Holds,
    /// What the digest of the bundle's transfer manifest has to be.
    catalog_digest: Option<String>,
    refused: Arc<Mutex<Option<Fault>>>,
}

impl Guard {
    /// A checkpoint, and where it leaves why it refused: the engine's error cannot say that.
    pub(crate) fn new(
        holds: Holds,
        catalog_digest: Option<String>,
    ) -> (Arc<Self>, Arc<Mutex<Option<Fault>>>) {
        let refused = Arc::new(Mutex::new(None));
        (Arc::new(Self { holds, catalog_digest, refused: Arc::clone(&refused) }), refused)
    }

    async fn look(&self, intent: &Intent) -> Result<(), Fault> {
        if let Some(wanted) = self.catalog_digest.as_deref() {
            let there = intent.catalog_digest.map(|digest| digest.to_string());
            if there.as_deref() != Some(wanted) {
                let is = there.unwrap_or_else(|| "no catalog, since another tool wrote it".to_owned());
                let message = format!(
                    "the bundle is not the one that was asked for: its catalogDigest should be {wanted}, and it has {is}; next: \
                     copy the right bundle across, or leave out catalogDigest"
                );
                return Err(Fault::lasting("CatalogDigestMismatch", message));
            }
        }
        let names: Vec<String> = intent.tags.iter().map(|tag| format!("tag:{tag}")).collect();
        self.holds.take(&names).await
    }
}

#[async_trait]
impl Checkpoint for Guard {
    async fn pass(&self, intent: &Intent) -> Result<(), Error> {
        let Err(fault) = self.look(intent).await else { return Ok(()) };
        let code = if fault == Fault::Interrupted { Code::Interrupted } else { Code::BundleBusy };
        *self.refused.lock() = Some(fault);
        Err(Error::new(code, "", "refused before anything was written"))
    }
}

impl fmt::Debug for Guard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Guard").field("run", &self.holds.claim.run.id).finish_non_exhaustive()
    }
}
