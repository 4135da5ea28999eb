-- Deployments of templates, and what they did with each resource.

CREATE TABLE deployments (
    seq {serial},
    id_key {key} NOT NULL UNIQUE,
    id TEXT NOT NULL,
    group_key {key} NOT NULL,
    operation {key} NOT NULL UNIQUE,
    depth BIGINT NOT NULL,
    state {key} NOT NULL,
    record TEXT NOT NULL,
    -- template and parameters, sealed; base64
    sealed TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    finished_at BIGINT,
    -- to be stopped
    stopping BIGINT NOT NULL,
    attempts BIGINT NOT NULL,
    -- who has it: a number that grows with every claim, and until when
    fence BIGINT NOT NULL,
    worker TEXT,
    lease_until BIGINT
);
CREATE INDEX deployments_of_group ON deployments (group_key, seq);
CREATE INDEX deployments_open ON deployments (seq) WHERE finished_at IS NULL;

CREATE TABLE deployment_steps (
    seq {serial},
    operation {key} NOT NULL,
    name {key} NOT NULL,
    record TEXT NOT NULL,
    UNIQUE (operation, name)
);
