//! The keys that access tokens are signed with, for whoever checks tokens without asking us.

use actix_web::HttpResponse;
use actix_web::http::header::{CACHE_CONTROL, HeaderValue};
use actix_web::web::Data;

use crate::http::identity::Identities;

/// How long they may be kept. A key that is about to sign is in the set for longer before it does.
const CACHED: HeaderValue = HeaderValue::from_static("public, max-age=300");

/// Show the keys of access tokens
///
/// A JWK set (RFC 7517): the key that signs now comes first, then those whose tokens are taken, too, while keys are rotated. Tokens
/// name theirs in `kid`; their algorithm is always `EdDSA`, issuer and audience `botberi`. A token that was revoked looks as good as any
/// other: whoever has to know asks the API with it.
#[utoipa::path(
    get, path = "/.well-known/jwks.json", tag = "Accounts", operation_id = "getKeySet", security(()),
    responses((status = 200, description = "The set.", body = Object, example = json!({"keys": [{
        "kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "use": "sig",
        "kid": "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"
    }]})))
)]
pub(super) async fn show(identities: Data<Identities>) -> HttpResponse {
    HttpResponse::Ok().insert_header((CACHE_CONTROL, CACHED)).json(identities.tokens.key_set())
}
