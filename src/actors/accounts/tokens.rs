//! Access tokens: JWTs signed with Ed25519, checked without a database.
//!
//! The compact form is written and read here instead of by `jsonwebtoken`: without its RSA and C code that crate wants a
//! provider of cryptography installed once for the whole process, and builds the key anew for every token. This service
//! knows one issuer, one audience, one algorithm and a few keys, so the first part of every good token is one of a few
//! texts, and comparing texts leaves nothing to negotiate: `alg: none`, other algorithms, embedded keys and critical
//! extensions are all just another text.
//!
//! Keys are rotated without a pause: the next one is made known to every replica before any signs with it, and the last
//! one is known until its tokens have expired.

use std::fmt::{self, Display};
use std::str::FromStr;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ed25519_dalek::{SIGNATURE_LENGTH, Signature, Signer, SigningKey, VerifyingKey};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use thiserror::Error;

use super::verified::Verified;
use crate::models::{Credential, Principal, Role, SessionId, TokenId, UserId};

const ISSUER: &str = "botberi";
const AUDIENCE: &str = "botberi";

/// How far the clocks of two replicas may be apart. Longer keeps tokens alive past their end; shorter refuses fresh ones.
const LEEWAY_SECONDS: i64 = 5;

/// A longer text is no token of ours and is not worth hashing.
const LENGTH_MAX: usize = 1_024;

/// A token that proves nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum TokenError {
    /// It is not one that this service made.
    #[error("the access token is not valid")]
    Invalid,
    /// It was one.
    #[error("the access token has expired")]
    Expired,
}

#[derive(Serialize, Deserialize)]
struct Claims {
    iss: String,
    aud: String,
    sub: UserId,
    /// The sign-in: the family of its refresh tokens.
    sid: SessionId,
    role: Role,
    iat: i64,
    exp: i64,
    jti: TokenId,
}

/// The public half of a signing key; written as its `x` in a JWK: 32 bytes in base64url.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PublicKey(VerifyingKey);

impl PublicKey {
    /// That of the key of this seed.
    #[must_use]
    pub fn of_seed(seed: &[u8; 32]) -> Self {
        Self(SigningKey::from_bytes(seed).verifying_key())
    }
}

impl FromStr for PublicKey {
    type Err = NoPublicKey;

    fn from_str(x: &str) -> Result<Self, NoPublicKey> {
        let bytes = URL_SAFE_NO_PAD.decode(x.trim_end_matches('=')).map_err(|_error| NoPublicKey)?;
        let bytes: [u8; 32] = bytes.try_into().map_err(|_error| NoPublicKey)?;
        let key = VerifyingKey::from_bytes(&bytes).map_err(|_error| NoPublicKey)?;
        // Under such a key a signature would be good for many messages.
        if key.is_weak() { Err(NoPublicKey) } else { Ok(Self(key)) }
    }
}

impl Display for PublicKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&URL_SAFE_NO_PAD.encode(self.0.as_bytes()))
    }
}

/// A text that is no public key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("must be an Ed25519 public key, 32 bytes in base64url, as `x` in the JWK set")]
pub struct NoPublicKey;

/// A fresh access token.
#[derive(Debug)]
pub struct AccessToken {
    /// The JWT.
    pub token: String,
    /// How long it is good for.
    pub expires_in_seconds: u64,
}

/// Signs and verifies. Cheap to clone: clones share the key and what was verified before.
#[derive(Clone)]
pub struct Tokens {
    shared: Arc<Shared>,
}

struct Shared {
    signing: SigningKey,
    /// The one that signs comes first.
    known: Vec<Known>,
    life_seconds: u64,
    verified: Verified,
}

/// A key whose tokens are taken.
struct Known {
    key: VerifyingKey,
    /// The first part of its tokens.
    header: String,
}

impl Known {
    fn new(key: VerifyingKey) -> Self {
        Self { key, header: header(&key) }
    }
}

impl Tokens {
    /// Signs with the Ed25519 key of this seed, and takes the tokens of `others`, too; `life_seconds` is how long a token is
    /// good for.
    #[must_use]
    pub fn new(seed: &[u8; 32], others: &[PublicKey], life_seconds: u64) -> Self {
        let signing = SigningKey::from_bytes(seed);
        let own = signing.verifying_key();
        let others = others.iter().map(|other| other.0).filter(|other| *other != own);
        let known = std::iter::once(own).chain(others).map(Known::new).collect();
        let verified = Verified::default();
        Self { shared: Arc::new(Shared { signing, known, life_seconds, verified }) }
    }

    /// The keys whose tokens are taken, the one that signs first: a JWK set (RFC 7517, RFC 8037).
    #[must_use]
    pub fn key_set(&self) -> Value {
        let keys = self.shared.known.iter().map(|known| {
            let (x, kid) = (PublicKey(known.key).to_string(), thumbprint(&known.key));
            json!({"kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "use": "sig", "kid": kid, "x": x})
        });
        json!({"keys": keys.collect::<Vec<_>>()})
    }

    /// A token for `user_id`, signed in as `session_id`.
    #[must_use]
    pub fn issue(&self, user_id: UserId, role: Role, session_id: SessionId) -> AccessToken {
        let now = now_seconds();
        let life = self.shared.life_seconds;
        let claims = Claims {
            iss: ISSUER.to_owned(),
            aud: AUDIENCE.to_owned(),
            sub: user_id,
            sid: session_id,
            role,
            iat: now,
            exp: now.saturating_add_unsigned(life),
            jti: TokenId::new(),
        };
        AccessToken { token: self.sign(&claims), expires_in_seconds: life }
    }

    /// Whose token it is.
    ///
    /// # Errors
    /// Why it proves nothing.
    pub fn verify(&self, token: &str) -> Result<Principal, TokenError> {
        if token.len() > LENGTH_MAX {
            return Err(TokenError::Invalid);
        }
        let digest: [u8; 32] = Sha256::digest(token).into();
        let now = now_seconds();
        let principal = match self.shared.verified.find(&digest) {
            Some(known) => known,
            None => {
                let principal = self.check(token, now)?;
                self.shared.verified.keep(digest, principal.clone(), now);
                principal
            }
        };
        if principal.expires_at.as_second().saturating_add(LEEWAY_SECONDS) <= now {
            return Err(TokenError::Expired);
        }
        Ok(principal)
    }

    fn sign(&self, claims: &Claims) -> String {
        // Claims are texts and numbers: writing them cannot fail.
        let claims = serde_json::to_vec(claims).unwrap_or_default();
        let header = self.shared.known.first().map_or("", |own| own.header.as_str());
        let message = format!("{header}.{}", URL_SAFE_NO_PAD.encode(claims));
        let signature = self.shared.signing.sign(message.as_bytes());
        format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature.to_bytes()))
    }

    /// Everything but the expiry of a good token, which [`Tokens::verify`] looks at each time.
    fn check(&self, token: &str, now: i64) -> Result<Principal, TokenError> {
        let claims = self.read(token).ok_or(TokenError::Invalid)?;
        let is_ours = claims.iss == ISSUER && claims.aud == AUDIENCE;
        let is_from_the_future = claims.iat > now.saturating_add(LEEWAY_SECONDS);
        let expires_at = Timestamp::from_second(claims.exp).map_err(|_out_of_range| TokenError::Invalid)?;
        if !is_ours || is_from_the_future {
            return Err(TokenError::Invalid);
        }
        Ok(Principal {
            user_id: claims.sub,
            role: claims.role,
            credential: Credential::Session { session_id: claims.sid, token_id: claims.jti },
            expires_at,
        })
    }

    fn read(&self, token: &str) -> Option<Claims> {
        let (message, signature) = token.rsplit_once('.')?;
        let (header, claims) = message.split_once('.')?;
        let known = self.shared.known.iter().find(|known| known.header == header)?;
        let signature: [u8; SIGNATURE_LENGTH] = URL_SAFE_NO_PAD.decode(signature).ok()?.try_into().ok()?;
        let signature = Signature::from_bytes(&signature);
        known.key.verify_strict(message.as_bytes(), &signature).ok()?;
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).ok()?).ok()
    }
}

/// The first part of every token of a key: the algorithm, and the key's name.
fn header(key: &VerifyingKey) -> String {
    let kid = thumbprint(key);
    URL_SAFE_NO_PAD.encode(format!(r#"{{"alg":"EdDSA","typ":"JWT","kid":"{kid}"}}"#))
}

/// What a key is called: its thumbprint (RFC 7638).
fn thumbprint(key: &VerifyingKey) -> String {
    let x = PublicKey(*key);
    URL_SAFE_NO_PAD.encode(Sha256::digest(format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{x}"}}"#)))
}

fn now_seconds() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SEED: [u8; 32] = [7; 32];

    fn tokens() -> Tokens {
        Tokens::new(&SEED, &[], 900)
    }

    fn token() -> String {
        tokens().issue(UserId::new(), Role::Developer, SessionId::new()).token
    }

    fn claims() -> Claims {
        let now = now_seconds();
        Claims {
            iss: ISSUER.to_owned(),
            aud: AUDIENCE.to_owned(),
            sub: UserId::new(),
            sid: SessionId::new(),
            role: Role::Developer,
            iat: now,
            exp: now + 900,
            jti: TokenId::new(),
        }
    }

    #[test]
    fn a_token_names_who_it_was_made_for() {
        let (tokens, user, session) = (tokens(), UserId::new(), SessionId::new());
        let issued = tokens.issue(user, Role::Viewer, session);

        for _known_or_not in 0..2 {
            let principal = tokens.verify(&issued.token).unwrap();
            assert_eq!(principal.user_id, user);
            assert_eq!(principal.credential_id(), session.into());
            assert_eq!(principal.role, Role::Viewer);
            let left = principal.expires_at.as_second() - now_seconds();
            assert!((895..=900).contains(&left), "{left}");
        }
        assert_eq!(issued.expires_in_seconds, 900);
    }

    #[test]
    fn a_token_of_another_key_is_not_valid() {
        let foreign = Tokens::new(&[8; 32], &[], 900).issue(UserId::new(), Role::Admin, SessionId::new());
        assert_eq!(tokens().verify(&foreign.token), Err(TokenError::Invalid));
    }

    #[test]
    fn keys_are_rotated_without_a_token_refused() {
        let (old, new) = ([7; 32], [8; 32]);
        let public = PublicKey::of_seed;
        let before = Tokens::new(&old, &[public(&new)], 900);
        let after = Tokens::new(&new, &[public(&old), public(&new)], 900);
        let issue = |tokens: &Tokens| tokens.issue(UserId::new(), Role::Viewer, SessionId::new()).token;
        for (signer, verifier) in [(&before, &after), (&after, &before), (&before, &before), (&after, &after)]
        {
            assert!(verifier.verify(&issue(signer)).is_ok());
        }
        let over = Tokens::new(&new, &[], 900);
        assert_eq!(over.verify(&issue(&before)), Err(TokenError::Invalid));
        let listed = |tokens: &Tokens| tokens.key_set()["keys"].as_array().unwrap().clone();
        assert_eq!((listed(&before).len(), listed(&after).len(), listed(&over).len()), (2, 2, 1));
        assert_eq!(listed(&after)[0], listed(&over)[0]);
        assert_eq!(listed(&before)[0]["x"].as_str().unwrap().parse(), Ok(public(&old)));
    }

    #[test]
    fn a_key_under_which_anything_is_signed_is_no_key() {
        // The neutral element, and texts that are nothing.
        let neutral = URL_SAFE_NO_PAD.encode([&[1_u8][..], &[0; 31]].concat());
        for text in [neutral.as_str(), "", "x", &URL_SAFE_NO_PAD.encode([2; 31])] {
            assert_eq!(text.parse::<PublicKey>(), Err(NoPublicKey), "{text}");
        }
    }

    #[test]
    fn another_header_is_not_valid_even_with_a_good_signature() {
        let tokens = tokens();
        let good = token();
        let claims = good.split('.').nth(1).unwrap();
        for header in
            [r#"{"alg":"none"}"#, r#"{"alg":"HS256","typ":"JWT"}"#, r#"{"alg":"EdDSA","typ":"JWT"}"#]
        {
            let message = format!("{}.{claims}", URL_SAFE_NO_PAD.encode(header));
            let signature = tokens.shared.signing.sign(message.as_bytes()).to_bytes();
            let forged = format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature));
            assert_eq!(tokens.verify(&forged), Err(TokenError::Invalid));
            assert_eq!(tokens.verify(&format!("{message}.")), Err(TokenError::Invalid));
        }
    }

    #[test]
    fn another_issuer_another_audience_and_the_future_are_not_valid() {
        let tokens = tokens();
        let forge = |change: fn(&mut Claims)| {
            let mut claims = claims();
            change(&mut claims);
            tokens.verify(&tokens.sign(&claims))
        };
        assert!(forge(|_| {}).is_ok());
        assert_eq!(forge(|claims| claims.iss = "other".into()), Err(TokenError::Invalid));
        assert_eq!(forge(|claims| claims.aud = "other".into()), Err(TokenError::Invalid));
        assert_eq!(forge(|claims| claims.iat += 60), Err(TokenError::Invalid));
        assert_eq!(forge(|claims| claims.exp = i64::MAX), Err(TokenError::Invalid));
    }

    #[test]
    fn an_expired_token_is_told_from_an_invalid_one_also_when_it_is_remembered() {
        let tokens = tokens();
        let mut old = claims();
        old.exp = now_seconds() - LEEWAY_SECONDS;
        let token = tokens.sign(&old);
        assert_eq!(tokens.verify(&token), Err(TokenError::Expired));
        assert_eq!(tokens.verify(&token), Err(TokenError::Expired));
    }

    #[test]
    fn the_header_is_plain_json_that_every_jwt_library_reads() {
        let header = URL_SAFE_NO_PAD.decode(tokens().shared.known[0].header.as_bytes()).unwrap();
        let header: serde_json::Value = serde_json::from_slice(&header).unwrap();
        assert_eq!(header["alg"], "EdDSA");
        assert_eq!(header["typ"], json!("JWT"));
    }

    proptest! {
        #[test]
        fn a_token_with_any_byte_changed_is_not_valid(place in 0..400_usize, with in "[A-Za-z0-9_.-]") {
            let good = token();
            let place = place % good.len();
            let mut changed = good.clone();
            changed.replace_range(place..=place, &with);
            prop_assume!(changed != good);
            prop_assert_eq!(tokens().verify(&changed), Err(TokenError::Invalid));
        }

        #[test]
        fn any_text_is_a_token_or_an_error(text in ".{0,2000}") {
            prop_assert!(tokens().verify(&text).is_err());
        }
    }

    proptest! {
        // Signing takes milliseconds without optimisation.
        #![proptest_config(ProptestConfig::with_cases(32))]

        #[test]
        fn whatever_is_signed_it_is_whole_claims_of_ours_or_no_token(
            left_out in 0..9_usize, with in "[0-9]{1,25}|-1|null|true|\"\"|\"botberi\"|\\[\\]|1e400", junk in prop::collection::vec(any::<u8>(), 0..300)
        ) {
            let tokens = tokens();
            let sign = |claims: &[u8]| {
                let message = format!("{}.{}", tokens.shared.known[0].header, URL_SAFE_NO_PAD.encode(claims));
                let signature = tokens.shared.signing.sign(message.as_bytes()).to_bytes();
                format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))
            };
            prop_assert_eq!(tokens.verify(&sign(&junk)), Err(TokenError::Invalid));

            let mut fields: Vec<(String, String)> = serde_json::to_value(claims()).unwrap().as_object().unwrap().iter()
                .map(|(name, value)| (name.clone(), value.to_string())).collect();
            if let Some((_, value)) = fields.get_mut(left_out) {
                *value = with;
            }
            let written: Vec<String> = fields.iter().map(|(name, value)| format!("\"{name}\":{value}")).collect();
            let token = sign(format!("{{{}}}", written.join(",")).as_bytes());
            if let Ok(principal) = tokens.verify(&token) {
                // Only times may differ from those of a token of ours, and a text that was one before.
                prop_assert!(principal.expires_at.as_second() > now_seconds() - LEEWAY_SECONDS);
                prop_assert_eq!(tokens.verify(&token).unwrap(), principal);
            }
        }
    }
}
