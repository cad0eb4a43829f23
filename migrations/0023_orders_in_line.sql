-- Orders of the console that stand in line: whoever could take one and is at work on others holds it, again and again, so
-- that it lapses a minute after the last of them was heard of and no sooner (lapses_at).

-- The orders that whoever holds it is at work on; its turn comes after one of them.
ALTER TABLE projection.orders ADD COLUMN waits_for uuid[] NOT NULL DEFAULT '{}';
