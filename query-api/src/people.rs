//! Names: of whoever the caller meets in something that the caller sees.

use std::collections::HashMap;

use serde::Serialize;
use sqlx::postgres::PgConnection;
use uuid::Uuid;

/// A person as others see them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, sqlx::FromRow)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Person {
    /// The person.
    pub(crate) id: Uuid,
    /// Their name; null when the caller does not meet them.
    pub(crate) name: Option<String>,
    /// Their picture.
    pub(crate) avatar_url: Option<String>,
}

/// The people found, by id.
#[derive(Clone, Debug, Default)]
pub(crate) struct People(HashMap<Uuid, Person>);

impl People {
    /// Looks these ids up in one query.
    pub(crate) async fn find(
        db: &mut PgConnection,
        ids: impl IntoIterator<Item = Uuid>,
    ) -> sqlx::Result<Self> {
        let mut ids: Vec<_> = ids.into_iter().collect();
        ids.sort_unstable();
        ids.dedup();
        if ids.is_empty() {
            return Ok(Self::default());
        }
        let people: Vec<Person> = sqlx::query_as("SELECT id, name, avatar_url FROM auth.people($1)")
            .bind(ids)
            .fetch_all(db)
            .await?;
        Ok(Self(people.into_iter().map(|it| (it.id, it)).collect()))
    }

    /// The name; none when the caller does not meet them.
    pub(crate) fn name(&self, id: Uuid) -> Option<String> {
        self.0.get(&id).and_then(|it| it.name.clone())
    }

    /// The person; without name when the caller does not meet them.
    pub(crate) fn person(&self, id: Uuid) -> Person {
        self.0.get(&id).cloned().unwrap_or(Person { id, name: None, avatar_url: None })
    }
}
