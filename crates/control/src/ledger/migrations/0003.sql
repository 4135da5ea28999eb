-- Which deployment one is nested in, and which is the outermost of those: it is stopped with the one, and kept as long as the
-- other is under way.

ALTER TABLE deployments ADD COLUMN parent {key};
ALTER TABLE deployments ADD COLUMN root {key};
CREATE INDEX deployments_nested ON deployments (parent) WHERE finished_at IS NULL;
CREATE INDEX deployments_of_root ON deployments (root);
