-- An operator may ask on the console, too, that a projection goes which no code folds any more.
ALTER TABLE projection.orders DROP CONSTRAINT orders_kind_check, ADD CONSTRAINT orders_kind_check CHECK (kind IN (
    'rebuild', 'rebuild_all', 'cancel', 'rollback', 'drop', 'retire', 'verify', 'heal', 'show', 'redrive', 'redrive_all',
    'discard'));
