-- Registries have names that no other has. Those that were made before get theirs, the oldest first: what has the name of an
-- older one, or of one that has claimed it since, goes on without.

INSERT INTO names (name, id_key)
SELECT 'registry:' || substr(id_key, length(group_key) + length('/providers/microsoft.containerregistry/registries/') + 1), id_key
FROM resources
WHERE kind = 'microsoft.containerregistry/registries'
ORDER BY seq
ON CONFLICT (name) DO NOTHING;
