-- What the control plane keeps. One text for SQLite and PostgreSQL; the program replaces
--   {serial}  a number that the database gives, the row's own
--   {key}     text that is compared byte by byte, whatever the database's language
-- Times are milliseconds since 1970, JSON is text, keys are in lower case.

CREATE TABLE meta (
    key {key} PRIMARY KEY,
    value TEXT NOT NULL
);

CREATE TABLE resources (
    seq {serial},
    id_key {key} NOT NULL UNIQUE,
    id TEXT NOT NULL,
    kind {key} NOT NULL,
    subscription_key {key} NOT NULL,
    group_key {key},
    parent_key {key},
    revision BIGINT NOT NULL,
    created_by TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    changed_by TEXT NOT NULL,
    changed_at BIGINT NOT NULL,
    body TEXT NOT NULL
);
CREATE INDEX resources_of_subscription ON resources (kind, subscription_key, seq);
CREATE INDEX resources_of_group ON resources (kind, group_key, seq);
CREATE INDEX resources_of_parent ON resources (kind, parent_key, seq);

-- what only one resource may have: a host name, a place in a store
CREATE TABLE names (
    name {key} PRIMARY KEY,
    id_key {key} NOT NULL
);
CREATE INDEX names_of_resource ON names (id_key);

CREATE TABLE runs (
    seq {serial},
    id_key {key} NOT NULL UNIQUE,
    id TEXT NOT NULL,
    kind {key} NOT NULL,
    subscription_key {key} NOT NULL,
    group_key {key},
    parent_key {key},
    generation BIGINT NOT NULL,
    operation {key} NOT NULL UNIQUE,
    created_by TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    changed_by TEXT NOT NULL,
    changed_at BIGINT NOT NULL,
    location TEXT,
    work TEXT NOT NULL,
    force_update_tag TEXT,
    correlation TEXT NOT NULL,
    state {key} NOT NULL,
    record TEXT NOT NULL,
    attempts BIGINT NOT NULL,
    started_at BIGINT,
    finished_at BIGINT,
    -- the queue: see queue_order.rs
    lane {key} NOT NULL,
    turn BIGINT NOT NULL,
    due_at BIGINT NOT NULL,
    -- who has it: a number that grows with every claim, and until when
    fence BIGINT NOT NULL,
    worker TEXT,
    lease_until BIGINT,
    -- to be removed as soon as it ends
    doomed BIGINT NOT NULL,
    log_lines BIGINT NOT NULL
);
CREATE INDEX runs_of_subscription ON runs (kind, subscription_key, seq);
CREATE INDEX runs_of_group ON runs (kind, group_key, seq);
CREATE INDEX runs_of_parent ON runs (kind, parent_key, seq);
CREATE INDEX runs_queued ON runs (turn, seq) WHERE state = 'Queued';
CREATE INDEX runs_due ON runs (due_at) WHERE state = 'Queued';
CREATE INDEX runs_in_lane ON runs (lane, turn) WHERE finished_at IS NULL;
CREATE INDEX runs_unfinished ON runs (id_key) WHERE finished_at IS NULL;
CREATE INDEX runs_leased ON runs (lease_until) WHERE lease_until IS NOT NULL;
CREATE INDEX runs_finished ON runs (finished_at) WHERE finished_at IS NOT NULL;

CREATE TABLE operations (
    id {key} PRIMARY KEY,
    resource TEXT NOT NULL,
    generation BIGINT NOT NULL,
    state {key} NOT NULL,
    created_at BIGINT NOT NULL,
    started_at BIGINT,
    finished_at BIGINT,
    percentage BIGINT NOT NULL,
    error TEXT
);
CREATE INDEX operations_finished ON operations (finished_at) WHERE finished_at IS NOT NULL;

CREATE TABLE holds (
    name {key} PRIMARY KEY,
    operation {key} NOT NULL,
    holder TEXT NOT NULL
);
CREATE INDEX holds_of_operation ON holds (operation);

CREATE TABLE run_logs (
    seq {serial},
    run_key {key} NOT NULL,
    generation BIGINT NOT NULL,
    at BIGINT NOT NULL,
    line TEXT NOT NULL
);
CREATE INDEX run_logs_of_run ON run_logs (run_key, seq);

CREATE TABLE watches (
    pipeline_key {key} PRIMARY KEY,
    worker TEXT,
    lease_until BIGINT NOT NULL,
    fence BIGINT NOT NULL
);
CREATE INDEX watches_by_lease ON watches (lease_until);
CREATE INDEX watches_of_worker ON watches (worker);

CREATE TABLE watchers (
    worker {key} PRIMARY KEY,
    lease_until BIGINT NOT NULL
);

CREATE TABLE pokes (
    seq {serial},
    pipeline_key {key} NOT NULL,
    name {key} NOT NULL,
    UNIQUE (pipeline_key, name)
);

CREATE TABLE seen (
    pipeline_key {key} NOT NULL,
    name {key} NOT NULL,
    etag TEXT NOT NULL,
    size BIGINT NOT NULL,
    bundle_id TEXT,
    verdict TEXT NOT NULL,
    run TEXT,
    attempts BIGINT NOT NULL,
    next_at BIGINT,
    reported BIGINT NOT NULL,
    PRIMARY KEY (pipeline_key, name)
);

CREATE TABLE principals (
    seq {serial},
    client_id {key} NOT NULL UNIQUE,
    object_id {key} NOT NULL UNIQUE,
    name TEXT NOT NULL,
    secret_hash TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT
);

CREATE TABLE grants (
    seq {serial},
    principal {key} NOT NULL,
    role {key} NOT NULL,
    scope_key {key} NOT NULL,
    scope TEXT NOT NULL,
    UNIQUE (principal, role, scope_key)
);

CREATE TABLE audit (
    seq {serial},
    at BIGINT NOT NULL,
    who {key} NOT NULL,
    who_name TEXT NOT NULL,
    action {key} NOT NULL,
    target TEXT NOT NULL,
    outcome {key} NOT NULL,
    code TEXT,
    correlation {key} NOT NULL,
    address TEXT,
    detail TEXT
);
CREATE INDEX audit_at ON audit (at);
CREATE INDEX audit_correlation ON audit (correlation);

-- while it has a row, entries before that time may be removed; it has one only inside of the transaction that prunes
CREATE TABLE audit_pruning (
    before BIGINT NOT NULL
);

-- secrets of vaults, sealed; base64
CREATE TABLE secrets (
    seq {serial},
    vault_key {key} NOT NULL,
    name_key {key} NOT NULL,
    version_key {key} NOT NULL,
    info TEXT NOT NULL,
    sealed TEXT NOT NULL,
    UNIQUE (vault_key, name_key, version_key)
);
CREATE INDEX secrets_of_name ON secrets (vault_key, name_key, seq);
