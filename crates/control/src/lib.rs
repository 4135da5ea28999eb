//! Pipelines, runs and their state machine, identities, access, triggers, the queue and the ledger.
