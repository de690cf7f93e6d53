//! `Idempotency-Key`: a POST that may be sent again.

use std::pin::Pin;

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest};

use super::extract::json_body;
use super::fields::{Fields, ReadFields};
use super::problem::Problem;
use crate::models::ErrorCode;
use crate::models::idempotency::IdempotencyKey;

const HEADER: &str = "idempotency-key";

/// The header of an answer that was given before.
pub const REPLAYED: (&str, &str) = ("idempotency-replayed", "true");

/// A JSON body, and the key that the client may send it again with.
pub struct Keyed<T>(pub T, pub Option<IdempotencyKey>);

impl<T: ReadFields> FromRequest for Keyed<T> {
    type Error = Problem;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Problem>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let key = header(request);
        let path = request.path().to_owned();
        let body = json_body(request, payload);
        Box::pin(async move {
            let key = key?;
            let body = body.await?;
            let key = match key {
                Some(text) => Some(IdempotencyKey::new(&text, &path, &body).ok_or_else(no_key)?),
                None => None,
            };
            let read = Fields::read_body(body).map_err(Problem::invalid)?;
            Ok(Self(read, key))
        })
    }
}

/// Two of them are none: it is open which one the client goes by.
pub(super) fn header(request: &HttpRequest) -> Result<Option<String>, Problem> {
    let mut values = request.headers().get_all(HEADER);
    let Some(only) = values.next() else { return Ok(None) };
    match (only.to_str(), values.next()) {
        (Ok(text), None) => Ok(Some(text.to_owned())),
        _ => Err(no_key()),
    }
}

pub(super) fn no_key() -> Problem {
    let detail = "`Idempotency-Key` must be one header of 1 to 255 printable ASCII characters";
    Problem::new(ErrorCode::BadRequest).detail(detail)
}
