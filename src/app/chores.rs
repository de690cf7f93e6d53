//! What commands do in the databases without playing a role.

use super::AppError;
use super::operator::operator;
use crate::actors::accounts::{AccountError, create_admin, find_account, hash_password, promote_to_admin};
use crate::actors::audit_trail::Verification;
use crate::actors::catalog_editor::definition::Definition;
use crate::actors::catalog_editor::{ImportedAgent, import};
use crate::models::audit::{AuditAnchor, ChainReport};
use crate::models::store::{SharedDb, StoreError, UserDb, outbox};
use crate::models::{User, UserId};
use crate::secret::Secret;
use crate::settings::Settings;

/// Brings definitions into the catalog, all or none; `publish` offers those that are drafts.
///
/// # Errors
/// When the database is away or refuses; then nothing was changed.
pub fn import_agents(
    settings: &Settings,
    definitions: &[Definition],
    publish: bool,
) -> Result<Vec<ImportedAgent>, AppError> {
    let failed = |source| AppError::Store { database: "shared_psql", source };
    actix::System::new().block_on(async {
        let shared_db = SharedDb::open(&settings.postgres.shared).map_err(failed)?;
        let imported = import(&shared_db, definitions, publish, &operator()).await.map_err(failed)?;
        // A bell that fails delays the events by a second, and nothing else.
        let _rung_or_late = ring(&shared_db).await;
        Ok(imported)
    })
}

async fn ring(shared_db: &SharedDb) -> Result<(), StoreError> {
    outbox::ring(&shared_db.connection().await?).await
}

/// The account of that name, in whatever case; disabled ones included, but none that its owner has closed.
///
/// # Errors
/// When the database is away.
pub fn find_user(settings: &Settings, username: &str) -> Result<Option<User>, AppError> {
    with_accounts(settings, async |user_db| find_account(&user_db, username).await)
}

/// Makes an administrator with a new account.
///
/// # Errors
/// When the name is taken or the database is away.
pub fn create_administrator(
    settings: &Settings,
    username: &str,
    password: &Secret,
) -> Result<User, AppError> {
    let hash = hash_password(&settings.auth, password)
        .map_err(|error| AppError::Settings(format!("auth.password_hash: {error}")))?;
    with_accounts(settings, async move |user_db| create_admin(&user_db, username, hash, &operator()).await)
}

/// Makes somebody an administrator who has an account already.
///
/// # Errors
/// When the account is gone, closed or disabled, or the database is away.
pub fn promote_user(settings: &Settings, id: UserId) -> Result<User, AppError> {
    with_accounts(settings, async |user_db| promote_to_admin(&user_db, id, &operator()).await)
}

/// A look at both chains of the audit log, behind the anchors `after`, which has to meet the anchors `kept`.
///
/// # Errors
/// When a database is away.
pub fn verify_audit(
    settings: &Settings,
    kept: &[AuditAnchor],
    after: &[AuditAnchor],
) -> Result<[ChainReport; 2], AppError> {
    let failed = |database| move |source| AppError::Store { database, source };
    actix::System::new().block_on(async {
        let user_db = UserDb::open(&settings.postgres.user).map_err(failed("user_psql"))?;
        let shared_db = SharedDb::open(&settings.postgres.shared).map_err(failed("shared_psql"))?;
        let mut verification = Verification::behind(kept.to_vec(), after);
        while !verification.is_done() {
            verification.go_on(&user_db, &shared_db).await.map_err(failed("the audit log"))?;
        }
        Ok(verification.reports())
    })
}

fn with_accounts<T>(
    settings: &Settings,
    work: impl AsyncFnOnce(UserDb) -> Result<T, AccountError>,
) -> Result<T, AppError> {
    let failed = |source| AppError::Store { database: "user_psql", source };
    actix::System::new().block_on(async {
        let user_db = UserDb::open(&settings.postgres.user).map_err(failed)?;
        work(user_db).await.map_err(|error| match error {
            AccountError::Store(source) => failed(source),
            other => AppError::Settings(other.to_string()),
        })
    })
}
