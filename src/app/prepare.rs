//! What a first start needs: an administrator, and something in the catalog.

use super::AppError;
use super::operator::operator;
use crate::actors::accounts::{self, ensure_admin, hash_password};
use crate::actors::catalog_editor::definition::{Definition, DefinitionFormat, Reading, parse};
use crate::actors::catalog_editor::draft;
use crate::models::store::{SharedDb, StoreError, UserDb, agents};
use crate::secret::Secret;
use crate::settings::Settings;

const SAMPLE_CATALOG: &str = include_str!("../../config/catalog/sample.json");

/// What is there after [`prepare`].
#[derive(Debug, Clone, Copy)]
pub struct Prepared {
    /// The administrator was made just now, with the given password.
    pub admin_is_new: bool,
    /// How many agents users can choose from.
    pub agents: usize,
}

/// Sees to it that there is an administrator and, in an empty catalog, the sample one. Both may be there already.
///
/// # Errors
/// When a database is away or not up to date.
pub fn prepare(settings: &Settings, admin: &str, password: &str) -> Result<Prepared, AppError> {
    let shared = |source| AppError::Store { database: "shared_psql", source };
    let user_db = UserDb::open(&settings.postgres.user)
        .map_err(|source| AppError::Store { database: "user_psql", source })?;
    let shared_db = SharedDb::open(&settings.postgres.shared).map_err(shared)?;
    let hash = hash_password(&settings.auth, &Secret::new(password))
        .map_err(|error| AppError::Settings(format!("auth.password_hash: {error}")))?;
    actix::System::new().block_on(async {
        let admin_is_new = ensure_admin(&user_db, admin, hash, &operator()).await.map_err(
            |error: accounts::AccountError| {
                AppError::Settings(format!("cannot make the administrator: {error}"))
            },
        )?;
        let agents = seed_catalog(&shared_db).await.map_err(shared)?;
        Ok(Prepared { admin_is_new, agents })
    })
}

async fn seed_catalog(shared_db: &SharedDb) -> Result<usize, StoreError> {
    let (connection, origin) = (shared_db.connection().await?, operator());
    for definition in sample_catalog()? {
        // One that an administrator has retired or edited since stays as it is.
        if let Some(agent) = agents::insert_if_missing(&connection, &draft(&definition), &origin).await? {
            let _published = agents::publish(&connection, agent.id, None, &origin).await?;
        }
    }
    Ok(agents::load_published(&connection).await?.len())
}

fn sample_catalog() -> Result<Vec<Definition>, StoreError> {
    let document = parse(DefinitionFormat::Json, SAMPLE_CATALOG.as_bytes());
    let mut reading = Reading::default();
    reading.add("config/catalog/sample.json", document.map_err(|why| StoreError::Shape(why.to_string()))?);
    let first = |faults: Vec<_>| faults.first().map(ToString::to_string).unwrap_or_default();
    reading.finish().map_err(|faults| StoreError::Shape(first(faults)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sample_catalog_keeps_the_rules_of_definitions() {
        assert_eq!(sample_catalog().unwrap().len(), 3);
    }
}
