//! Which database a connection belongs to, as part of its type.

use std::future::Future;

use tokio_postgres::Row;
use tokio_postgres::types::{FromSql, ToSql, Type};

use self::driver::Driver;
use super::error::StoreError;
use crate::models::page::{Cursor, Page, PageLimit, items_within};

/// Marks what belongs to `user_psql`.
#[derive(Clone, Copy, Debug)]
pub enum UserSide {}

/// Marks what belongs to `shared_psql`.
#[derive(Clone, Copy, Debug)]
pub enum SharedSide {}

/// What a statement is run with.
pub(super) type Parameters<'a> = &'a [&'a (dyn ToSql + Sync)];

/// The way to the driver. Unnameable outside the store: nobody else can run a statement that is not in `sql/`, begin
/// a transaction by hand or change a session's settings.
pub(super) mod driver {
    use super::{Future, Parameters, Row, StoreError};
    use tokio_postgres::Statement;

    /// Something that a statement can be run on.
    pub trait Driver: Sync {
        /// The prepared form of a statement, out of the connection's cache after the first time.
        fn prepare(
            &self,
            statement: &'static str,
        ) -> impl Future<Output = Result<Statement, StoreError>> + Send;

        /// Runs it for its rows.
        fn query(
            &self,
            statement: &Statement,
            parameters: Parameters<'_>,
        ) -> impl Future<Output = Result<Vec<Row>, StoreError>> + Send;

        /// Runs it for the number of rows it changed.
        fn execute(
            &self,
            statement: &Statement,
            parameters: Parameters<'_>,
        ) -> impl Future<Output = Result<u64, StoreError>> + Send;
    }
}

/// Something that statements of one database run on: a pooled connection, a connection of one's own, a transaction.
pub trait Session<Side>: Driver {}

/// The rows of a statement.
pub(super) async fn rows(
    session: &impl Driver,
    statement: &'static str,
    parameters: Parameters<'_>,
) -> Result<Vec<Row>, StoreError> {
    let prepared = session.prepare(statement).await?;
    session.query(&prepared, parameters).await
}

/// The row of a statement that gives one or none.
pub(super) async fn optional(
    session: &impl Driver,
    statement: &'static str,
    parameters: Parameters<'_>,
) -> Result<Option<Row>, StoreError> {
    Ok(rows(session, statement, parameters).await?.into_iter().next())
}

/// The row of a statement that always gives one.
pub(super) async fn one(
    session: &impl Driver,
    statement: &'static str,
    parameters: Parameters<'_>,
) -> Result<Row, StoreError> {
    let row = optional(session, statement, parameters).await?;
    row.ok_or_else(|| StoreError::Shape("a statement that gives one row gave none".to_owned()))
}

/// How many rows a statement changed.
pub(super) async fn run(
    session: &impl Driver,
    statement: &'static str,
    parameters: Parameters<'_>,
) -> Result<u64, StoreError> {
    let prepared = session.prepare(statement).await?;
    session.execute(&prepared, parameters).await
}

/// Turns the rows of a list into a page of it. `documents` are its columns that may be large: what does not fit into the page
/// is not even read, for a document takes many times its size in memory.
pub(super) fn decode_page<T>(
    rows: &[Row],
    limit: PageLimit,
    documents: &[&str],
    key: impl Fn(&T) -> Cursor,
) -> Result<Page<T>, StoreError>
where
    T: for<'row> TryFrom<&'row Row, Error = StoreError>,
{
    let mut sizes = Vec::with_capacity(rows.len());
    for row in rows {
        let mut bytes = 0;
        for document in documents {
            bytes += row.try_get::<_, Option<Size>>(*document)?.map_or(0, |Size(bytes)| bytes);
        }
        sizes.push(bytes);
    }
    let length = items_within(sizes, limit);
    let items = rows.iter().take(length).map(T::try_from).collect::<Result<Vec<T>, _>>()?;
    Ok(Page::ending(items, rows.len() > length, key))
}

/// How large a column is, whatever is in it.
struct Size(usize);

impl<'row> FromSql<'row> for Size {
    fn from_sql(_: &Type, raw: &'row [u8]) -> Result<Self, Box<dyn std::error::Error + Sync + Send>> {
        Ok(Self(raw.len()))
    }

    fn accepts(_: &Type) -> bool {
        true
    }
}

/// Turns every row into what it stands for.
pub(super) fn decode_all<T>(rows: &[Row]) -> Result<Vec<T>, StoreError>
where
    T: for<'row> TryFrom<&'row Row, Error = StoreError>,
{
    rows.iter().map(T::try_from).collect()
}
