//! Entity tags: what a client has seen is named by its `ETag`; `If-None-Match` saves the answer that it already has, and
//! `If-Match` the change that was made without a look at the newest state (RFC 9110, section 13).

use std::fmt::{self, Display, Write};
use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use actix_web::{FromRequest, HttpRequest, HttpResponse};
use serde_json::json;
use sha2::{Digest, Sha256};
use utoipa::IntoParams;
use utoipa::openapi::Required;
use utoipa::openapi::path::{Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::schema::{ObjectBuilder, Type};

use super::problem::Problem;
use crate::models::ErrorCode;

/// The header of a request that is spared what it has, as the OpenAPI documents name it.
pub const IF_NONE_MATCH: &str = "If-None-Match";

/// The header of a change that is made only to what was seen.
pub const IF_MATCH: &str = "If-Match";

/// A revision that no row ever has. To expect it is to be told that the view is out of date, if the thing is there at all.
const NO_REVISION: i64 = i64::MIN;

/// Bytes of a digest that make a tag: enough that two pages of one list never share one by chance.
const DIGEST_BYTES: usize = 12;

/// The strong tag of one state of one resource, without its quotes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EntityTag(String);

impl EntityTag {
    /// The tag of a row: its id, and a number that is another one in each of its states.
    #[must_use]
    pub fn of_revision(id: impl Display, revision: i64) -> Self {
        Self(format!("{id}-{revision}"))
    }

    /// The tag of a list: of all that decides how it is shown.
    #[must_use]
    pub fn of_parts(parts: impl IntoIterator<Item = impl AsRef<[u8]>>) -> Self {
        let mut digest = Sha256::new();
        for part in parts {
            digest.update(part);
        }
        let mut text = String::with_capacity(2 * DIGEST_BYTES);
        for byte in digest.finalize().iter().take(DIGEST_BYTES) {
            // A text takes whatever is written to it.
            let _always_written = write!(text, "{byte:02x}");
        }
        Self(text)
    }

    /// The header that tells it.
    #[must_use]
    pub fn header(&self) -> (HeaderName, HeaderValue) {
        // Ids, digits and hyphens are always a header's value.
        let value = HeaderValue::try_from(format!("\"{}\"", self.0));
        (header::ETAG, value.unwrap_or(HeaderValue::from_static("\"\"")))
    }
}

impl Display for EntityTag {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(&self.0)
    }
}

fn parameter(name: &str, about: &str) -> Parameter {
    let text = ObjectBuilder::new().schema_type(Type::String).examples([json!("\"7-4\"")]).build();
    ParameterBuilder::new()
        .name(name)
        .parameter_in(ParameterIn::Header)
        .required(Required::False)
        .description(Some(about))
        .schema(Some(text))
        .build()
}

/// A tag as a client wrote it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Given {
    is_weak: bool,
    text: String,
}

/// What a condition names.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Named {
    /// `*`: any state at all.
    Any,
    /// These.
    Tags(Vec<Given>),
}

/// The `If-None-Match` of a request for reading. One that cannot be read is as good as none: the answer is whole then.
#[derive(Clone, Debug)]
pub struct IfNoneMatch(Option<Named>);

impl IfNoneMatch {
    /// The whole answer; or 304, if the client has this state. Either names the tag.
    pub fn answer(&self, tag: &EntityTag, whole: impl FnOnce() -> HttpResponse) -> HttpResponse {
        let mut response = if self.names(tag) { HttpResponse::NotModified().finish() } else { whole() };
        let (name, value) = tag.header();
        response.headers_mut().insert(name, value);
        response
    }

    /// By weak comparison, as reading may.
    fn names(&self, tag: &EntityTag) -> bool {
        match &self.0 {
            None => false,
            Some(Named::Any) => true,
            Some(Named::Tags(tags)) => tags.iter().any(|given| given.text == tag.0),
        }
    }
}

impl IntoParams for IfNoneMatch {
    fn into_params(_place: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let about = "Entity tags that you have, or `*`: 304 without a body if one of them still holds.";
        vec![parameter(IF_NONE_MATCH, about)]
    }
}

impl FromRequest for IfNoneMatch {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _payload: &mut Payload) -> Self::Future {
        ready(Ok(Self(read(request.headers(), &header::IF_NONE_MATCH).unwrap_or_default())))
    }
}

/// The `If-Match` of a change. One that cannot be read refuses the request: without it, the change would be made blindly.
#[derive(Clone, Debug)]
pub struct IfMatch(Option<Named>);

impl IfMatch {
    /// Whether the change may be made to something in the state of this tag, which is only made up where somebody asks for it.
    ///
    /// # Errors
    /// Those of `tag`.
    pub async fn allows<E>(&self, tag: impl AsyncFnOnce() -> Result<EntityTag, E>) -> Result<bool, E> {
        let Some(Named::Tags(tags)) = &self.0 else { return Ok(true) };
        let EntityTag(present) = tag().await?;
        Ok(tags.iter().any(|given| !given.is_weak && given.text == present))
    }

    /// The revision that the row `id` must have for the change to be made; `None` if any will do, as with `*`, for what
    /// is not there is answered with 404 anyway.
    ///
    /// A row is changed by comparing one revision. Where the client names several, `current` is asked which of them it is
    /// now; a change in between is then found out by the comparison.
    ///
    /// # Errors
    /// Those of `current`.
    pub async fn revision<E>(
        &self,
        id: impl Display,
        current: impl AsyncFnOnce() -> Result<i64, E>,
    ) -> Result<Option<i64>, E> {
        let Some(Named::Tags(tags)) = &self.0 else { return Ok(None) };
        let prefix = format!("{id}-");
        // A weak tag matches nothing here: it does not promise that two states are the same.
        let strong = tags.iter().filter(|given| !given.is_weak);
        let revisions: Vec<i64> =
            strong.filter_map(|given| given.text.strip_prefix(&prefix)?.parse().ok()).collect();
        match revisions.as_slice() {
            [] => Ok(Some(NO_REVISION)),
            [only] => Ok(Some(*only)),
            several => {
                let current = current().await?;
                Ok(Some(if several.contains(&current) { current } else { NO_REVISION }))
            }
        }
    }
}

impl IntoParams for IfMatch {
    fn into_params(_place: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let about = "Entity tags of what you have seen, any of which has to hold still, or `*`; else 412.";
        vec![parameter(IF_MATCH, about)]
    }
}

impl FromRequest for IfMatch {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _payload: &mut Payload) -> Self::Future {
        let named = read(request.headers(), &header::IF_MATCH).map_err(|NotTags| {
            Problem::new(ErrorCode::BadRequest)
                .detail("the header If-Match must be `*` or a list of entity tags, each in double quotes")
        });
        ready(named.map(Self))
    }
}

/// A header that should hold tags and does not.
#[derive(Debug)]
struct NotTags;

/// Reads a condition; several headers of one name are one list.
fn read(headers: &HeaderMap, name: &HeaderName) -> Result<Option<Named>, NotTags> {
    let mut tags = Vec::new();
    let mut is_any = false;
    let mut is_there = false;
    for value in headers.get_all(name) {
        is_there = true;
        let text = value.to_str().map_err(|_not_ascii| NotTags)?.trim();
        if text == "*" {
            is_any = true;
        } else {
            read_list(text, &mut tags)?;
        }
    }
    match (is_there, is_any, tags.is_empty()) {
        (false, ..) => Ok(None),
        (true, true, true) => Ok(Some(Named::Any)),
        (true, false, false) => Ok(Some(Named::Tags(tags))),
        (true, ..) => Err(NotTags),
    }
}

fn read_list(list: &str, tags: &mut Vec<Given>) -> Result<(), NotTags> {
    let mut rest = list;
    loop {
        // A list may have empty places.
        rest = rest.trim_start_matches([' ', '\t', ',']);
        if rest.is_empty() {
            return Ok(());
        }
        let unweakened = rest.strip_prefix("W/");
        let opened = unweakened.unwrap_or(rest).strip_prefix('"').ok_or(NotTags)?;
        let (text, after) = opened.split_once('"').ok_or(NotTags)?;
        if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(NotTags);
        }
        tags.push(Given { is_weak: unweakened.is_some(), text: text.to_owned() });
        rest = after.trim_start();
        if !rest.is_empty() && !rest.starts_with(',') {
            return Err(NotTags);
        }
    }
}

#[cfg(test)]
mod tests {
    use actix_web::http::StatusCode;
    use actix_web::test::TestRequest;
    use proptest::prelude::*;

    use super::*;

    fn if_match(value: &str) -> Result<IfMatch, Problem> {
        let request = TestRequest::patch().insert_header((header::IF_MATCH, value)).to_http_request();
        IfMatch::from_request(&request, &mut Payload::None).into_inner()
    }

    fn if_none_match(value: &str) -> IfNoneMatch {
        let request = TestRequest::get().insert_header((header::IF_NONE_MATCH, value)).to_http_request();
        IfNoneMatch::from_request(&request, &mut Payload::None).into_inner().unwrap()
    }

    async fn expected(value: &str, current: i64) -> Option<i64> {
        if_match(value).unwrap().revision("a", async || Ok::<_, ()>(current)).await.unwrap()
    }

    fn status(condition: &IfNoneMatch) -> StatusCode {
        let response = condition.answer(&EntityTag::of_revision("a", 7), || HttpResponse::Ok().finish());
        assert_eq!(response.headers().get(header::ETAG).unwrap(), "\"a-7\"");
        response.status()
    }

    #[test]
    fn what_the_client_has_is_not_sent_again() {
        for known in ["\"a-7\"", "W/\"a-7\"", "\"x\", \"a-7\"", "*", " ,, \"a-7\" , "] {
            assert_eq!(status(&if_none_match(known)), StatusCode::NOT_MODIFIED, "{known}");
        }
        for unknown in ["\"a-6\"", "\"b-7\"", "W/\"a\"", "a-7", "\"a-7", "", "w/\"a-7\"", "*, \"a-7\" x"] {
            assert_eq!(status(&if_none_match(unknown)), StatusCode::OK, "{unknown}");
        }
    }

    #[actix_web::test]
    async fn a_change_is_bound_to_the_revision_that_was_seen() {
        assert_eq!(expected("*", 7).await, None);
        assert_eq!(expected("\"a-7\"", 9).await, Some(7));
        assert_eq!(expected("\"a-6\",\"a-7\"", 7).await, Some(7));
        assert_eq!(expected("\"a-6\",\"a-7\"", 8).await, Some(NO_REVISION));
        for foreign in ["W/\"a-7\"", "\"b-7\"", "\"a-\"", "\"7\""] {
            assert_eq!(expected(foreign, 7).await, Some(NO_REVISION), "{foreign}");
        }
    }

    #[test]
    fn a_condition_that_cannot_be_read_is_no_permission() {
        for malformed in
            ["", ",", "7", "a-7", "\"a-7", "\"a-7\" \"b\"", "*, \"a-7\"x", "**", "\"a b\"", "W\"a\""]
        {
            let problem = if_match(malformed).unwrap_err();
            assert_eq!(problem.code(), ErrorCode::BadRequest, "{malformed}");
            assert!(problem.to_string().contains("If-Match"), "{problem}");
        }
    }

    #[test]
    fn several_headers_are_one_list() {
        let request = TestRequest::get()
            .append_header((header::IF_NONE_MATCH, "\"x\""))
            .append_header((header::IF_NONE_MATCH, "\"a-7\""))
            .to_http_request();
        let condition = IfNoneMatch::from_request(&request, &mut Payload::None).into_inner().unwrap();
        assert_eq!(status(&condition), StatusCode::NOT_MODIFIED);
    }

    proptest! {
        #[test]
        fn every_tag_that_is_given_out_is_read_back(id in "[a-z0-9-]{1,36}", revision in 0..i64::MAX) {
            let tag = EntityTag::of_revision(&id, revision);
            let (_, value) = tag.header();
            prop_assert!(if_none_match(value.to_str().unwrap()).names(&tag));
        }

        #[test]
        fn a_list_of_tags_is_read_as_it_was_written_however_it_is_parted(
            tags in prop::collection::vec((any::<bool>(), "[!#-~]{0,20}"), 1..6), parting in "[ \t]{0,2},[ \t,]{0,3}"
        ) {
            let tags: Vec<Given> = tags.into_iter().map(|(is_weak, text)| Given { is_weak, text }).collect();
            let written: Vec<String> =
                tags.iter().map(|tag| format!("{}\"{}\"", if tag.is_weak { "W/" } else { "" }, tag.text)).collect();
            let IfMatch(named) = if_match(&written.join(&parting)).unwrap();
            prop_assert_eq!(named, Some(Named::Tags(tags)));
        }

        #[test]
        fn any_bytes_are_a_condition_or_a_bad_request(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
            let Ok(value) = HeaderValue::from_bytes(&bytes) else { return Ok(()) };
            let request = TestRequest::patch().insert_header((header::IF_MATCH, value.clone())).to_http_request();
            if let Err(problem) = IfMatch::from_request(&request, &mut Payload::None).into_inner() {
                prop_assert_eq!(problem.code(), ErrorCode::BadRequest);
            }
            let request = TestRequest::get().insert_header((header::IF_NONE_MATCH, value)).to_http_request();
            prop_assert!(IfNoneMatch::from_request(&request, &mut Payload::None).into_inner().is_ok());
        }

        #[test]
        fn any_text_is_a_condition_or_an_error(text in "[ -~\t]{0,60}") {
            let _condition_or_error = if_match(&text);
        }
    }
}
