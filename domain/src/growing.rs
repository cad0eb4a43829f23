//! Collections that grow with the use of an aggregate: members of a community, items of an inbox.
//!
//! Clones share what they have in common, so that the writer can remember an aggregate as it was before each window,
//! however large it has become.

/// An ordered map whose clone costs nothing.
pub(crate) type Map<K, V> = rpds::RedBlackTreeMapSync<K, V>;

/// An ordered set whose clone costs nothing.
pub(crate) type Set<T> = rpds::RedBlackTreeSetSync<T>;
