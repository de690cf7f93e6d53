//! The keys that sign access tokens, as others see them.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ed25519_dalek::{Signature, VerifyingKey};
use serde_json::Value;

use super::service::{PASSWORD, Service};

fn part(token: &str, number: usize) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode(token.split('.').nth(number).unwrap()).unwrap()
}

#[actix::test]
async fn anybody_can_check_a_token_with_the_published_key_of_its_name() {
    let service = Service::start().await;
    service.sign_up("ada").await;
    let nobody = service.nobody();
    let signed_in = nobody.try_sign_in("ada", PASSWORD).await.expect(200);
    let token = signed_in["access_token"].as_str().unwrap();

    let answer = nobody.get("/.well-known/jwks.json").await;
    assert_eq!(answer.header("cache-control"), "public, max-age=300");
    let set = answer.expect(200);
    let header: Value = serde_json::from_slice(&part(token, 0)).unwrap();
    let keys = set["keys"].as_array().unwrap();
    let key = keys.iter().find(|key| key["kid"] == header["kid"]).unwrap();
    assert_eq!((&key["kty"], &key["crv"], &key["alg"]), (&"OKP".into(), &"Ed25519".into(), &"EdDSA".into()));
    let x: [u8; 32] = URL_SAFE_NO_PAD.decode(key["x"].as_str().unwrap()).unwrap().try_into().unwrap();
    let signature = Signature::from_slice(&part(token, 2)).unwrap();
    let (message, _) = token.rsplit_once('.').unwrap();
    VerifyingKey::from_bytes(&x).unwrap().verify_strict(message.as_bytes(), &signature).unwrap();
    service.stop().await;
}
