//! Ids as they are to be stored: beneath what is stored already. Clients write the names of groups and registries in
//! whatever case (contract, § 0.8), and what was written first is shown.

use transload_control::ResourceId;

use crate::face::Face;
use crate::fault::Fault;

impl Face {
    /// The id with its parent's part as that is stored. Where the parent is not stored it is left as it is: what is missing
    /// is said by whoever writes.
    pub(crate) async fn canonical(&self, id: ResourceId) -> Result<ResourceId, Fault> {
        let Some(parent) = id.parent() else { return Ok(id) };
        let Some(stored) = self.control.ledger().get(&parent).await? else { return Ok(id) };
        let text = format!("{}{}", stored.id, &id.as_str()[parent.as_str().len()..]);
        Ok(ResourceId::parse(&text).unwrap_or(id))
    }
}
