-- Which deployment one is nested in: it is kept as long as that one is under way, and stopped with it.

ALTER TABLE deployments ADD COLUMN parent {key};
CREATE INDEX deployments_nested ON deployments (parent) WHERE finished_at IS NULL;
